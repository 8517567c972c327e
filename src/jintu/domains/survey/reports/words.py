"""Names and figures of the tables for people and machines."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from jintu.ui import naming

from . import classes, grid, tables

if TYPE_CHECKING:
    from .change import Changes, Matrix
    from .equations import Identity
    from .summary import Result, Summary

__all__ = ["as_json", "chinese", "division", "head", "identity", "needed", "owner", "title", "unit_name"]


def chinese() -> bool:
    return (get_language() or "zh").startswith("zh")


def pick(pair: tuple[str, str]) -> str:
    return pair[0] if chinese() else pair[1]


def title(table: tables.Table) -> str:
    return table.zh if chinese() else table.en


def head(column: tables.Column) -> list[str]:
    return [pick(pair) for pair in column.head]


def division(summary: Summary, prefix: str) -> str:
    """Name of a division: of the node, or as XZQ names the village."""
    code = grid.code_of(prefix)
    name = naming.division_name(code)
    return name if name != code else summary.villages.get(prefix, (code, 0))[0]


def owner(own: str) -> str:
    return {"": _("in all"), "state": _("state-owned"), "collective": _("collective")}[own]


def unit_name(unit: str) -> str:
    return {"ha": _("ha"), "mu": _("mu"), "m2": "m²"}[unit]


def figure(hundredths: int) -> str:
    """Two decimals, for machines."""
    return f"{Decimal(hundredths).scaleb(-2):.2f}"


def identity(what: str) -> str:
    """What an identity says."""
    return {
        "ridge": _("deducted area of each patch is (TBMJ − XZDWMJ − LXDWMJ) × TKXS"),
        "net": _("net area of each patch is TBMJ − XZDWMJ − LXDWMJ − TKMJ"),
        "control": _("whole area is the control area"),
        "columns": _("the columns sum to the total"),
        "children": _("the divisions below sum to the division"),
        "owner": _("state-owned and collective land are the whole"),
        "slope": _("slope classes are the cultivated land"),
        "second": _("second-level classes are the whole"),
        "balance": _("opening + in − out is the closing"),
        "opening": _("openings are the table of the older version"),
        "closing": _("closings are the table of the newer version"),
        "kept": _("the region kept its area"),
    }[what]


def needed(needs: Iterable[str]) -> str:
    """Why a table is not computed."""
    return _("not computed: needs {what}").format(what=", ".join(needs))


def as_json(summary: Summary, prefix: str, unit: str, depth: int) -> dict[str, Any]:
    """Every table of a division, and the identities."""
    checked = summary.identities(prefix, unit)
    return {
        "layer": summary.pieces[0].layer,
        "versions": [{"division": v.division, "name": v.name, "hash": v.hash} for v in summary.pieces],
        "division": grid.code_of(prefix),
        "unit": unit,
        "tables": [table_json(summary, summary.table(t, prefix, unit, depth=depth)) for t in tables.all_tables()],
        "identities": identities_json(checked),
        "rounding": {"largest_deviation": round(summary.deviation(unit) / 100, 4), "unit": unit},
    }


def table_json(summary: Summary, result: Result) -> dict[str, Any]:
    table = result.table
    facts: dict[str, Any] = {"id": table.id, "number": table.number, "title": table.zh, "unit": result.unit}
    if result.needs:
        return facts | {"computed": False, "needs": list(result.needs)}
    facts |= {"computed": True, "source": result.source}
    if table.layout == "ridge":
        return facts | {
            "lines": [
                {
                    "county": r.county,
                    "slope": r.slope,
                    "kind": r.kind,
                    "coefficient": str(r.ratio),
                    "approved": None if r.approved is None else str(r.approved),
                    "patches": r.patches,
                    "area_m2": figure(r.under),
                    "ridge_m2": figure(r.ridge),
                }
                for r in result.ridges
            ]
        }
    return facts | {
        "columns": [{"key": c.key, "head": [zh for zh, _en in c.head]} for c in result.columns],
        "lines": [
            {
                "division": line.code,
                "name": division(summary, line.prefix),
                "owner": line.own,
                "cells": [figure(v) for v in line.cells],
            }
            for line in result.lines
        ],
    }


def class_name(name: str, level: str) -> str:
    """Name of a class of a matrix."""
    from . import change

    special = {
        change.NARROW: _("linear and scattered features"),
        change.OUTSIDE: _("outside the versions"),
        change.ELSEWHERE: _("other divisions"),
        "AGRI": _("agricultural land"),
        "CONSTRUCTION": _("construction land"),
        "UNUSED": _("unused land"),
    }
    return special[name] if name in special else classes.name(name, chinese())


def matrix_json(matrix: Matrix) -> dict[str, Any]:
    return {
        "division": grid.code_of(matrix.prefix) if matrix.prefix else "",
        "unit": matrix.unit,
        "classes": [
            {
                "class": n,
                "opening": figure(matrix.opening[n]),
                "in": figure(matrix.into(n)),
                "out": figure(matrix.out(n)),
                "closing": figure(matrix.closing[n]),
            }
            for n in matrix.names
        ],
        "flows": [
            {"from": a, "to": b, "area": figure(v)} for (a, b), v in sorted(matrix.flows.items()) if a != b and v
        ],
    }


def changes_json(changes: Changes) -> dict[str, Any]:
    """The matrices of the whole division, the checks, and how many change patches and doubts there are."""
    doubts = changes.doubts()
    return {
        "layer": changes.old.layer,
        "division": changes.old.division,
        "old": {"name": changes.old.name, "hash": changes.old.hash},
        "new": {"name": changes.new.name, "hash": changes.new.hash},
        "matrices": {
            level: matrix_json(changes.matrix("", level, unit))
            for level, unit in (("three", "ha"), ("first", "ha"), ("second", "m2"))
        },
        "change_patches": len(changes.pieces),
        "put_where_nothing_was_measured_m2": figure(changes.forced),
        "doubts": {
            "Q6106": {"count": len(doubts["undeclared"]), "patches": doubts["undeclared"]["new_bsm"].to_list()[:50]},
            "Q6107": {"count": len(doubts["unapproved"]), "patches": doubts["unapproved"]["new_bsm"].to_list()[:50]},
        },
        "identities": identities_json(changes.identities()),
    }


def identities_json(found: list[Identity]) -> dict[str, Any]:
    """How many were asked and how many hold, by rule, and those that do not."""
    rules: dict[str, dict[str, int]] = {}
    for one in found:
        entry = rules.setdefault(one.rule, {"asked": 0, "failed": 0})
        entry["asked"] += 1
        entry["failed"] += not one.ok
    wrong = [one for one in found if not one.ok]
    return {
        "ok": not wrong,
        "rules": rules,
        "failed": [
            {
                "rule": one.rule,
                "what": one.what,
                "table": one.table,
                "division": grid.code_of(one.prefix) if one.prefix else "",
                "left": figure(one.left) if one.unit != "rows" else one.left,
                "right": figure(one.right) if one.unit != "rows" else one.right,
                "unit": one.unit,
            }
            for one in wrong[:200]
        ],
    }
