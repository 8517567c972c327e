"""Summary tables and changes (Q61xx): equations between figures, told of no feature, and doubtful change patches.

The figures are those of `domains.survey.reports`: given as "summary", "delivered tables" and "changes".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from jintu.foundation.checks.inspection.rules import Needs, quality
from jintu.foundation.checks.inspection.tables import no_errors
from jintu.foundation.checks.lazy import pl
from jintu.foundation.checks.rules import Parameters

if TYPE_CHECKING:
    import polars

    from jintu.domains.survey.reports.equations import Identity
    from jintu.foundation.checks.inspection.tables import Dataset, Table

__all__ = ["RULES"]

Errors = Iterator["polars.DataFrame"]


def _broken(t: Table, identities: Iterable[Identity], rule: str, tolerance: float = 0.0) -> polars.DataFrame:
    """Equations of a rule that do not hold within a tolerance in their unit."""
    wrong = [i for i in identities if i.rule == rule and abs(i.difference) / 100 > tolerance + 1e-9]
    values = [" ".join(filter(None, (i.table, i.what, i.prefix, f"{i.left / 100:.2f} {i.unit}"))) for i in wrong]
    found = t.errors_at([-1] * len(wrong), values=values)
    return found.with_columns(expected=pl.Series([f"{i.right / 100:.2f}" for i in wrong], dtype=pl.String))


def _summary(data: Dataset) -> list[Identity]:
    """The equations of the summary tables that do not hold; they need what the tables need."""
    checked = data.given["summary"]
    if checked.needs:
        raise Needs(*checked.needs)
    return checked.wrong  # type: ignore[no-any-return]


@quality(
    "Q6101", "A", ("汇总表与数据库不一致", "Summary table is not what the database gives"), tables=("DLTB",),
    given=("delivered tables",), remedy=("用数据库重新汇总。", "Make the tables again from the database."),
)  # fmt: skip
def tables_recomputed(t: Table, data: Dataset, p: Parameters) -> Errors:
    """Every area of the summary tables that were delivered is what the database gives, within ``tolerance_ha`` (and its
    like in mu and m²)."""
    wrong = [d for d in data.given["delivered tables"] if d.off_ha > float(p.tolerance_ha) + 1e-9]
    found = t.errors_at([-1] * len(wrong), values=[d.said for d in wrong])
    yield found.with_columns(expected=pl.Series([d.wanted for d in wrong], dtype=pl.String))


@quality("Q6102", "A", ("下级合计不等于上级", "Divisions below do not add up"), tables=("DLTB",), given=("summary",))
def children_sum(t: Table, data: Dataset, p: Parameters) -> Errors:
    """In every summary table the divisions below a division add up to it, column by column, in the printed figures."""
    yield _broken(t, _summary(data), "Q6102")


@quality("Q6103", "A", ("权属合计不等于地类合计", "Ownership does not add up to the classes"),
         tables=("DLTB",), given=("summary",))  # fmt: skip
def owners_sum(t: Table, data: Dataset, p: Parameters) -> Errors:
    """The totals of the tables by ownership and by second-level classes are those of the table of first-level
    classes."""
    yield _broken(t, _summary(data), "Q6103")


@quality("Q6104", "A", ("坡度分级合计不等于耕地面积", "Slope classes do not add up to cultivated land"),
         tables=("DLTB",), given=("summary",))  # fmt: skip
def slopes_sum(t: Table, data: Dataset, p: Parameters) -> Errors:
    """The table of slope classes adds up to the cultivated land."""
    yield _broken(t, _summary(data), "Q6104")


@quality("Q6105", "A", ("年度变化不平衡", "Change of the year does not balance"), tables=("DLTB",), given=("changes",))
def changes_balance(t: Table, data: Dataset, p: Parameters) -> Errors:
    """Between the version before and this one, opening + in − out = closing for each class and division, each division
    keeps its area within ``tolerance_m2``, and openings and closings are the tables of their years."""
    wrong = data.given["changes"].wrong
    kept = [i for i in wrong if i.what == "kept"]
    yield _broken(t, (i for i in wrong if i.what != "kept"), "Q6105")
    yield _broken(t, kept, "Q6105", float(p.tolerance_m2))


def _pieces(t: Table, pieces: polars.DataFrame, column: str) -> polars.DataFrame:
    """Change patches as errors of the new patches, with the class before and after and the area."""
    if pieces.is_empty():
        return no_errors()
    rows = pl.DataFrame({"new_bsm": t.keys, "row": pl.int_range(len(t), eager=True)})
    found = pieces.join(rows, on="new_bsm", how="inner").sort("row")
    said = [f"{o} → {n}, {a / 100:.2f} m²" for o, n, a in found.select("old_code", "new_code", "area").iter_rows()]
    return t.errors_at(found["row"], column=column, values=said)


@quality("Q6106", "B", ("变更图斑未声明变更", "Change of class not declared"), tables=("DLTB",), given=("changes",))
def change_declared(t: Table, data: Dataset, p: Parameters) -> Errors:
    """A patch whose class is not that of the version before at the same place says when it changed: between the two."""
    yield _pieces(t, data.given["changes"].undeclared, "changed_on")


@quality("Q6107", "B", ("新增建设用地无批准文号", "New construction land without approval"), tables=("DLTB",),
         given=("changes",))  # fmt: skip
def construction_approved(t: Table, data: Dataset, p: Parameters) -> Errors:
    """Land that became construction land has an approval number or is marked W (built without one)."""
    yield _pieces(t, data.given["changes"].unapproved, "approval_no")


RULES = (
    tables_recomputed,
    children_sum,
    owners_sum,
    slopes_sum,
    changes_balance,
    change_declared,
    construction_approved,
)
