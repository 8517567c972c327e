"""Rules about summary tables and changes over loaded versions: sound, and with one figure or patch changed."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import pytest

from jintu.domains.survey.reports import checked, summary
from jintu.domains.survey.reports.equations import Identity
from jintu.domains.survey.rules import summaries
from jintu.foundation.checks import parameters
from jintu.foundation.checks.inspection import loading
from jintu.foundation.checks.inspection.rules import QualityRule
from jintu.foundation.checks.inspection.running import inspect
from jintu.foundation.layers import importing
from jintu.foundation.layers.models import LayerVersion
from jintu.foundation.layers.tests import grid
from jintu.foundation.operations import files

from .county import found, patches
from .test_pages import county, rows  # noqa: F401

pytestmark = pytest.mark.django_db


def judged(rule: QualityRule, version: LayerVersion) -> tuple[list[tuple[str, str, str]], tuple[str, ...]]:
    """((key, value, expected) of each error, what the rule needs)."""
    data = loading.dataset(version, [])
    report = inspect(data, dict(parameters.in_force(version.valid_from, ())), rules=[rule])
    (outcome,) = report.outcomes
    return report.errors.select("key", "value", "expected").rows(), outcome.needs


def test_a_loaded_county_adds_up(county):  # noqa: F811
    for rule in (summaries.children_sum, summaries.owners_sum, summaries.slopes_sum):
        assert judged(rule, county[0]) == ([], ())


def test_the_first_version_has_nothing_to_compare_with(county):  # noqa: F811
    for rule in (summaries.changes_balance, summaries.change_declared, summaries.construction_approved):
        assert judged(rule, county[0]) == ([], ("changes",))
    assert judged(summaries.changes_balance, county[1]) == ([], ())


def test_a_change_without_date_and_approval(county):  # noqa: F811
    """Patch 3, a village, grew over its neighbour and says neither when nor by which approval; 8 says both."""
    for rule in (summaries.change_declared, summaries.construction_approved):
        ((key, value, _),), lacking = judged(rule, county[1])
        assert key == "3" and value.startswith("013 → 203, ") and not lacking


def broken(rule: str, what: str) -> SimpleNamespace:
    """Figures that miss by a hundredth: no table that we round can."""
    return SimpleNamespace(wrong=[Identity(rule, what, 1001, 1000, "ha", "first", "990121")], needs=())


@pytest.mark.parametrize(
    ("rule", "what"),
    [(summaries.children_sum, "children"), (summaries.owners_sum, "owner"), (summaries.slopes_sum, "slope")],
)
def test_figures_that_do_not_add_up(rule, what):
    ((row, _field, value, expected),) = found(rule, patches(), summary=broken(rule.id, what))
    assert (row, value, expected) == (-1, f"first {what} 990121 10.01 ha", "10.00")


def test_a_year_that_does_not_balance():
    assert len(found(summaries.changes_balance, patches(), changes=broken("Q6105", "balance"))) == 1
    kept = broken("Q6105", "kept")
    assert len(found(summaries.changes_balance, patches(), changes=kept)) == 1


def test_tables_that_need_a_layer_do_not_add_up_to_nothing(db, tmp_path):
    """Areas of linear features are deducted and there is no XZDW: the tables are not computed, and nothing is judged."""
    data, shapes = grid.patches(**rows())
    data["XZDWMJ"][4], data["TBDLMJ"][4] = 100.0, round(data["TBMJ"][4] - 100, 2)
    path = grid.write(tmp_path / "a.gpkg", data, shapes)
    version = importing.import_layer("DLTB", path, "990121", date(2024, 12, 31)).version
    assert judged(summaries.children_sum, version) == ([], ("survey.XZDW",))


# --- tables that were delivered ----------


def delivered(version: LayerVersion, path) -> None:
    """As if the workbook had come with the version."""
    with path.open("rb") as stream:
        kept = files.store(stream, path.name)
    version.quality["delivery"] = {"workbooks": [{"file": path.name, "sha256": kept.sha256}], "metadata": []}
    version.save()


def changed(path, row: int, column: int, by: float) -> None:
    """The workbook with the first table alone, one figure changed."""
    import python_calamine
    import xlsxwriter

    cells = python_calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_name("表1").to_python()
    cells[row][column] = round(cells[row][column] + by, 2)
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("表1")
        for number, each in enumerate(cells):
            sheet.write_row(number, 0, each)


def test_delivered_tables_are_what_the_database_gives(county, tmp_path):  # noqa: F811
    assert judged(summaries.tables_recomputed, county[0])[1] == ("delivered tables",)
    path = tmp_path / "汇总表.xlsx"
    summary.summary_of(county[0]).workbook(path)
    delivered(county[0], path)
    assert checked.delivered_tables(county[0]) == []
    assert judged(summaries.tables_recomputed, county[0]) == ([], ())
    changed(path, 4, 3, 0.01)  # the county's cultivated land: a rounding
    delivered(county[0], path)
    assert judged(summaries.tables_recomputed, county[0]) == ([], ())
    changed(path, 4, 3, 0.01)
    delivered(county[0], path)
    ((_, value, expected),), _ = judged(summaries.tables_recomputed, county[0])
    assert value.startswith("表1 990121 ")
    assert float(value.split()[-1]) == pytest.approx(float(expected) + 0.02)


def test_a_workbook_that_holds_no_summary_table(county, tmp_path):  # noqa: F811
    import xlsxwriter

    path = tmp_path / "other.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet().write(0, 0, "a")
    delivered(county[0], path)
    assert judged(summaries.tables_recomputed, county[0])[1] == ("delivered tables",)
