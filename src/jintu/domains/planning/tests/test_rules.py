"""Targets of the plan: reached, missed by little, and not stated for the division."""

from __future__ import annotations

from datetime import date
from typing import Any

import django
import pytest

django.setup()

from jintu.domains.planning import rules  # noqa: E402
from jintu.foundation.checks import parameters  # noqa: E402
from jintu.foundation.checks.inspection.running import inspect  # noqa: E402
from jintu.foundation.checks.inspection.tables import Dataset  # noqa: E402
from jintu.foundation.checks.tests.tables import table  # noqa: E402
from jintu.foundation.layers.tests import grid  # noqa: E402

AS_OF = date(2015, 12, 31)


def plan(*targets: tuple[str, str, str, float, str | None]):
    """GHZB of (indicator, division, target year, target, unit)."""
    columns = dict(zip(("ZBDM", "XZQDM", "MBN", "GHZ", "DW"), map(list, zip(*targets, strict=True)), strict=True))
    return table("GHZB", {"BSM": list(range(1, len(targets) + 1)), **columns}, None)


def judged(rule: Any, layer: Any, targets: Any, **given: Any) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
    data = Dataset({layer.schema.table: layer, "GHZB": targets}, AS_OF, "990121", given=given)
    report = inspect(data, dict(parameters.in_force(AS_OF, ())), rules=[rule], tables=[layer.schema.table])
    return report.errors.select("value", "expected").rows(), report.outcomes[0].needs


@pytest.fixture
def farmland():
    shapes = [grid.cell(0, 0), grid.cell(1, 0)]
    return table("JBNTTB", {"BSM": [1, 2], "JBNTMJ": [round(grid.official(s), 2) for s in shapes]}, shapes)


def test_basic_farmland_reaches_the_target(farmland):
    total = float(farmland.frame["protected_area_m2"].sum())
    rule = rules.farmland_reaches_target
    assert judged(rule, farmland, plan(("02", "990121", "2020", round(total / 1e4, 2), "公顷"))) == ([], ())
    assert judged(rule, farmland, plan(("02", "990121", "2020", total * 3 / 2000, "亩"))) == ([], ())
    errors, _ = judged(rule, farmland, plan(("02", "990121", "2020", 8.5, None)))
    assert errors == [(f"{(total + 50) / 1e4:.2f} ha", "≥ 8.50 ha")]


def test_the_target_of_the_next_year_that_is_not_past_counts(farmland):
    years = [("02", "990121", "2010", 99.0, "公顷"), ("02", "990121", "2020", 7.0, "公顷")]
    assert judged(rules.farmland_reaches_target, farmland, plan(*years)) == ([], ())
    assert len(judged(rules.farmland_reaches_target, farmland, plan(years[0]))[0]) == 1, "the last, where all are past"


def test_a_plan_that_says_nothing_of_the_division_or_has_an_unknown_unit(farmland):
    rule = rules.farmland_reaches_target
    assert judged(rule, farmland, plan(("02", "990122", "2020", 99.0, "公顷"))) == ([], ("GHZB 02 990121",))
    assert judged(rule, farmland, plan(("02", "990121001", "2020", 99.0, "公顷")))[1] == ("GHZB 02 990121",)
    assert judged(rule, farmland, plan(("02", "990121", "2020", 99.0, "筐")))[1] == ("GHZB 02 DW",)


def test_too_little_cultivated_land_is_a_warning():
    rule, have = rules.cultivated_reaches_target, 5.5
    patches = table("DLTB", {"BSM": [1, 2, 3], "DLBM": ["011", "013", "203"], "TBDLMJ": [3e4, 2.5e4, 9e4]}, None)
    assert rule.severity == "C"
    assert judged(rule, patches, plan(("01", "990121", "2020", have, "公顷"))) == ([], ())
    more = plan(("01", "990121", "2020", have + 0.02, "公顷"))
    assert len(judged(rule, patches, more)[0]) == 1
    known = {"areas of classes": {"011": 3e4, "013": 2.5e4, "203": 9e4}}
    assert judged(rule, patches, more, **known) == judged(rule, patches, more)
