"""What of a row an error is about, in words; and marks that set errors of outlines aside."""

from __future__ import annotations

from datetime import date

import polars as pl
from django.utils import translation

from jintu.foundation.checks.inspection import fields
from jintu.foundation.checks.inspection.rules import PLANE, QualityRule
from jintu.foundation.checks.inspection.running import inspect
from jintu.foundation.checks.inspection.tables import Dataset, Table
from jintu.foundation.layers import schemas
from jintu.kernel.topology import Kind

DLTB = schemas.get("survey.DLTB")


def test_a_column_an_outline_and_what_is_wrong_with_it() -> None:
    with translation.override("zh-hans"):
        assert fields.said(DLTB, "land_use_code") == ("地类编码", "DLBM")
        assert fields.said(DLTB, "") == ("图形", "")
        assert fields.said(DLTB, "#pseudo_node") == ("伪结点", "")
    with translation.override("en"):
        assert fields.said(DLTB, "#dangle") == ("end just beside a line", "")


def test_every_word_is_of_a_kind_of_defect() -> None:
    assert set(fields.WRONG) <= {kind.name.lower() for kind in Kind}


def layer(table: str = "DLTB") -> Table:
    schema = next(s for s in schemas.catalogue() if s.table == table)
    return Table(schema, pl.DataFrame({schema.key: ["7", "8"]}))


def rule(field: str, **facts: object) -> QualityRule:
    def function(t, data, p):
        yield t.errors_at([0, 1], column=field, values=["a", "b"])

    return QualityRule("T1", "C", ("", ""), function, **facts)


def outcome(rule: QualityRule, *marks: tuple[str, str, str, str], table: str = "DLTB"):
    data = Dataset({table: layer(table)}, date(2025, 12, 31))
    names = ("rule", "key", "field", "value")
    aside = pl.DataFrame(list(marks), schema=dict.fromkeys(names, pl.String), orient="row") if marks else None
    return inspect(data, {}, rules=[rule], aside=aside).outcomes


def test_a_mark_of_an_outline_holds_whatever_is_wrong_with_it() -> None:
    (found,) = outcome(rule("#dangle"), ("T1", "7", "", "a"))
    assert (found.count, found.aside) == (1, 1)
    (found,) = outcome(rule("#dangle"), ("T1", "7", "#dangle", "a"))
    assert (found.count, found.aside) == (1, 1)
    (found,) = outcome(rule("#dangle"), ("T1", "7", "#line_crossing", "a"), ("T1", "8", "", "a"))
    assert (found.count, found.aside) == (2, 0)


def test_rules_keep_to_the_outlines_they_look_at() -> None:
    assert outcome(rule("", geometries=("line",))) == []
    assert outcome(rule("", partition=True), table="XZDW") == []
    (found,) = outcome(rule("", plane=True))
    assert found.needs == (PLANE,)
