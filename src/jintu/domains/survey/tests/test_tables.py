"""Summary tables: a survey worked out by hand, every identity by hypothesis, and a loaded county on screen and file."""

from __future__ import annotations

import json
from types import SimpleNamespace

import django
import polars as pl
import pytest

django.setup()

from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from jintu.domains.survey.reports import classes, cube, summary, tables, words  # noqa: E402
from jintu.domains.survey.reports.tables import Where  # noqa: E402
from jintu.foundation.layers import schemas  # noqa: E402
from jintu.kernel.errors import Missing, Unsupported  # noqa: E402

from . import made  # noqa: E402


class Paper(summary.Summary):
    """A summary whose other layers are handed in: layer → versions."""

    def __init__(self, pieces, others=None, control=None):
        super().__init__(pieces)
        self._others = others or {}
        self.__dict__["villages"] = control or {}

    def others(self, layer):
        return self._others.get(layer, [])


@pytest.fixture
def survey(tmp_path):
    return Paper([made.version(tmp_path / "v", made.ROWS)])


def cells(result, prefix, own=""):
    line = next(n for n in result.lines if (n.prefix, n.own) == (prefix, own))
    return {c.key: words.figure(v) for c, v in zip(result.columns, line.cells, strict=True)}


def test_first_level_of_a_county_in_hectares(survey):
    result = survey.table(tables.get("1"), made.COUNTY, "ha", depth=2)
    assert [line.code for line in result.lines] == ["990121", "990121001", made.ONE, made.TWO, "990121002", made.THREE]
    assert cells(result, made.COUNTY) == {
        "total": "6.22",
        "01": "3.53",
        "02": "0.10",
        "03": "1.23",
        "04": "0.00",
        "20": "0.59",
        "10": "0.50",
        "11": "0.00",
        "12": "0.27",
    }
    assert "?" not in {c.key for c in result.columns}


def test_a_village_is_exact_in_square_metres(survey):
    one = cells(survey.table(tables.get("3"), made.ONE, "m2"), made.ONE)
    assert (one["011"], one["013"], one["123"], one["203"], one["total"]) == (
        "10000.00",
        "17800.00",
        "2200.00",
        "5000.50",
        "35000.50",
    )
    three = cells(survey.table(tables.get("1"), made.THREE, "m2"), made.THREE)
    assert (three["20"], three["10"], three["total"]) == ("900.00", "5000.00", "5900.00")


def test_ownership_slope_three_classes_and_adjustable_land(survey):
    owners = survey.table(tables.get("2"), made.COUNTY, "m2")
    assert cells(owners, made.COUNTY, "state")["total"] == "8333.83"
    assert cells(owners, made.COUNTY, "collective")["total"] == "53912.35"
    assert cells(owners, made.COUNTY, "state")["20"] == "5000.50"
    slope = cells(survey.table(tables.get("5"), made.COUNTY, "m2"), made.COUNTY)
    assert slope == {
        "total": "35320.01",
        "1": "10000.00",
        "2": "7520.01",
        "2T": "0.00",
        "2P": "7520.01",
        "3": "17800.00",
        "3T": "17800.00",
        "3P": "0.00",
        **{f"{c}{k}": "0.00" for c in "45" for k in ("", "T", "P")},
    }
    three = cells(survey.table(tables.get("0"), made.COUNTY, "m2"), made.COUNTY)
    assert (three["AGRI"], three["CONSTRUCTION"], three["UNUSED"]) == ("53012.35", "9233.83", "0.00")
    adjustable = cells(survey.table(tables.get("9"), made.COUNTY, "m2"), made.COUNTY)
    assert adjustable["total"] == adjustable["021K"] == "1000.00"


def test_ridge_coefficients_beside_those_approved(survey):
    lines = survey.table(tables.get("12"), made.COUNTY, "m2").ridges
    assert [(r.slope, r.kind, str(r.ratio), r.patches, r.under, r.ridge, r.ok) for r in lines] == [
        ("2", "P", "0.06", 1, 800_001, 48_000, True),
        ("3", "T", "0.11", 1, 2_000_000, 220_000, True),
    ]


def test_mu_and_hectares_sum_in_every_table(survey):
    for unit in ("ha", "mu", "m2"):
        wrong = [i for i in survey.identities(unit=unit) if not i.ok]
        assert wrong == [], unit


def test_control_areas_are_compared_in_square_metres(tmp_path):
    control = {made.ONE: ("甲村", 3_500_050), made.TWO: ("乙村", 2_134_569)}
    found = Paper([made.version(tmp_path / "v", made.ROWS)], control=control).identities()
    wrong = [i for i in found if not i.ok]
    assert {(i.rule, i.what, i.prefix, i.difference) for i in wrong} >= {("Q6101", "control", made.TWO, -1)}
    assert any(i.prefix == made.ONE and i.what == "control" and i.ok for i in found)


def test_broken_patch_identities_are_counted(tmp_path):
    rows = [*made.ROWS, made.patch(made.ONE, "013", 1000.0, slope="2", kind="P", ratio=0.06, ridge=61.0)]
    rows.append(made.patch(made.ONE, "031", 1000.0, net=999.0))
    found = {i.rule: i for i in Paper([made.version(tmp_path / "v", rows)]).identities()}
    assert found["Q5104"].left == 1 and not found["Q5104"].ok
    assert found["Q5105"].left == 1


def test_percent_coefficients_are_coefficients(tmp_path):
    rows = [made.patch(made.ONE, "013", 1000.0, slope="2", kind="P", ratio=0.06) | {"ridge_ratio": 6.0}]
    found = {i.rule: i for i in Paper([made.version(tmp_path / "v", rows)]).identities()}
    assert found["Q5104"].ok


def test_linear_features_need_their_layer(tmp_path):
    rows = [made.patch(made.ONE, "011", 10_000.0, slope="1", linear=120.5)]
    paper = Paper([made.version(tmp_path / "v", rows)])
    result = paper.table(tables.get("1"), made.COUNTY, "ha")
    assert result.needs == ("survey.XZDW",) and not result.lines
    assert "survey.XZDW" in words.needed(result.needs)
    facts = next(t for t in paper.as_json()["tables"] if t["number"] == "1")
    assert facts == {**facts, "computed": False, "needs": ["survey.XZDW"]}


def test_four_digit_classes_have_other_tables(tmp_path):
    paper = Paper([made.version(tmp_path / "v", [made.patch(made.ONE, "0101", 10.0)])])
    assert paper.table(tables.get("1"), made.COUNTY, "ha").needs == ("DLBM 2007 (0101)",)


def test_classes_of_no_list_get_a_column_of_their_own(tmp_path):
    paper = Paper([made.version(tmp_path / "v", [*made.ROWS, made.patch(made.ONE, "999", 500.0)])])
    assert cells(paper.table(tables.get("1"), made.COUNTY, "m2"), made.COUNTY)["?"] == "500.00"
    assert all(i.ok for i in paper.identities())


def test_what_other_layers_must_give_is_said(survey):
    assert survey.table(tables.get("6"), made.COUNTY, "ha").needs == ("survey.JBNTTB",)
    assert survey.table(tables.get("7-1"), made.COUNTY, "ha").needs == ("survey.XZQ",)
    assert survey.table(tables.get("8"), made.COUNTY, "ha").needs == ("survey.XZQJX",)


def test_a_city_is_the_sum_of_its_counties(tmp_path):
    other = [dict(r) for r in made.ROWS]
    for row in other:
        for key in ("location_code", "owner_code"):
            row[key] = row[key].replace("990121", "990122")
    pieces = [
        made.version(tmp_path / "a", made.ROWS),
        made.version(tmp_path / "b", other, division="990122"),
    ]
    pieces[1].pk = 2
    city = Paper(pieces)
    assert city.top() == "9901"
    result = city.table(tables.get("3"), "9901", "ha", depth=1)
    assert [n.code for n in result.lines] == ["990100", "990121", "990122"]
    county = Paper(pieces[:1]).table(tables.get("3"), made.COUNTY, "ha")
    assert result.lines[1].cells == county.lines[0].cells, "a county's printed figures do not change in the city"
    assert result.lines[0].cells == tuple(2 * v for v in county.lines[0].cells)


def test_unknown_divisions_and_layers(survey, tmp_path):
    with pytest.raises(Missing, match="990199"):
        survey.table(tables.get("1"), "990199", "ha")
    with pytest.raises(Unsupported):
        summary.summary_of(made.version(tmp_path / "v", made.ROWS, layer="survey.XZQ"))
    with pytest.raises(Missing):
        summary.Summary([])


CODES = ("011", "013", "021", "031K", "043", "051", "104", "113", "122", "203", "205")


@st.composite
def surveys(draw):
    rows = []
    for _ in range(draw(st.integers(1, 30))):
        village = draw(st.sampled_from([made.ONE, made.TWO, made.THREE]))
        code = draw(st.sampled_from(CODES))
        slope = draw(st.sampled_from("12345")) if code.startswith("01") else None
        steep = slope not in (None, "1")
        rows.append(
            made.patch(
                village,
                code,
                draw(st.integers(1, 10**7)) / 100,
                own=draw(st.sampled_from(["20", "30", "32"])),
                slope=slope,
                kind=draw(st.sampled_from("TP")) if steep else None,
                ratio=draw(st.sampled_from([0.06, 0.11, 0.2])) if steep else 0.0,
            )
        )
    return rows


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(surveys(), st.sampled_from(["ha", "mu", "m2"]))
def test_every_survey_balances_in_every_unit(tmp_path, rows, unit):
    paper = Paper([made.version(tmp_path / "v", rows)])
    assert [i for i in paper.identities(unit=unit) if i.rule.startswith("Q6") and not i.ok] == []
    assert paper.grid("patches").exact[0].sum() == sum(round(r["patch_area_m2"] * 100) for r in rows)
    for table in tables.all_tables():
        result = paper.table(table, paper.top(), unit, depth=9)
        assert all(v >= 0 for line in result.lines for v in line.cells)


@given(st.lists(st.tuples(st.integers(1, 10**8), st.integers(1, 100)), min_size=1, max_size=20))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_shares_of_lines_are_the_lines(tmp_path, features):
    import polars as pl

    names = {c: c.lower() for c in ("DLBM", "QSXZ", "XZDWMJ", "KCBL", "KCTBDWDM1", "KCTBDWDM2", "QSDWDM1")}
    rows = [
        (
            "102",
            "20",
            area / 100,
            share / 100,
            made.ONE + "0" * 7,
            made.THREE + "0" * 7 if share < 100 else None,
            made.ONE,
        )
        for area, share in features
    ]
    folder = tmp_path / "lines"
    folder.mkdir(exist_ok=True)
    pl.DataFrame(rows, schema=list(names.values()), orient="row", infer_schema_length=None).with_columns(
        pl.col("kctbdwdm2").cast(pl.String)
    ).write_parquet(folder / "data.parquet")

    class Schema:
        def attribute(self, code):
            return type("A", (), {"name": names[code]})

    found = cube.lines(type("V", (), {"directory": folder, "schema": Schema()}))
    assert found["area"].sum() == sum(area for area, _ in features)
    assert set(found["village"]) <= {made.ONE, made.THREE}


def test_where_survives_an_address():
    where = Where(first="01", own="state", slope="2", codes=("021K", "022K"))
    assert Where.of(where.query()) == where
    assert Where.of({}) == Where()


def test_every_rural_class_has_a_place():
    seconds = {s for f in classes.FIRSTS for s in classes.seconds(f)}
    assert {"201", "202", "203", "204", "205", "20x", "123", "104", "122"} <= seconds
    assert not {"103", "121", "051"} & seconds
    for code in classes.urban():
        assert classes.rural(code)[1] in seconds
    assert json.dumps([t.id for t in tables.all_tables()])
    assert len({t.id for t in tables.all_tables()}) == len(tables.all_tables()) == 17


def test_owners_parcels_are_no_part_of_the_urban_survey(tmp_path):
    """They have no use of their own, and the users' parcels lie on them."""
    frame = pl.DataFrame(
        {
            "parcel_no": ["990121001001JA00001", "990121001001JC00001", "990121001001JC00002"],
            "use_code": [None, "072", " "],
            "ownership": ["30", "30", "30"],
            "measured_area_m2": [90_000.0, 200.0, 300.0],
        }
    )
    frame.write_parquet(tmp_path / "data.parquet")
    version = SimpleNamespace(directory=tmp_path, schema=schemas.get("survey.ZD"))
    assert cube.parcels(version).frame.select("village", "code", "area").rows() == [("990121001001", "072", 20_000)]
