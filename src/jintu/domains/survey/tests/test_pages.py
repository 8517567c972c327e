"""Tables and changes of a loaded county: on screen, as files, from the command line, and for whom."""

from __future__ import annotations

import json
from datetime import date

import django
import pytest

django.setup()

from click.testing import CliRunner  # noqa: E402
from django.urls import reverse  # noqa: E402

from jintu.config.commands.layer import layer as command  # noqa: E402
from jintu.domains.survey.reports import change, summary, tables  # noqa: E402
from jintu.foundation.layers import importing  # noqa: E402
from jintu.foundation.layers.tests import grid  # noqa: E402
from jintu.foundation.layers.tests.conftest import _person  # noqa: E402
from jintu.kernel.errors import Refused  # noqa: E402

ONE, TWO = "990121001001", "990121001002"
HALF = {k: f"{ONE if k % 6 < 3 else TWO}0000000" for k in range(30)}


def rows(**changes):
    """The grid county's DLTB with every patch in the village it lies in; village areas close to the cent."""
    return {"ZLDWDM": HALF, "QSDWDM": HALF, **changes}


@pytest.fixture
def county(db, tmp_path):
    """Two villages, 30 patches of 4 ha, basic farmland; a year later, row 2 (203) is bigger by its neighbour row 1 and
    row 7 has become 104."""
    _, shapes = grid.patches()
    control = {ONE: 0.0, TWO: 0.0}
    for k, shape in enumerate(shapes):
        control[ONE if k % 6 < 3 else TWO] += grid.official(shape)
    villages = grid.villages(tmp_path / "xzq.gpkg")
    import pyogrio

    _meta, table = pyogrio.read_arrow(villages)
    made = {n: table.column(n).to_pylist() for n in table.column_names if n not in ("geom", "geometry", "fid")}
    made["KZMJ"] = [round(control[c], 2) for c in made["XZQDM"]]
    villages = grid.write(tmp_path / "xzq2.gpkg", made, [grid.cell(0, 0, 3, 5), grid.cell(3, 0, 3, 5)])
    importing.import_layer("XZQ", villages, "990121", date(2024, 12, 31))
    old = importing.import_layer("DLTB", grid.dltb(tmp_path / "a.gpkg", **rows()), "990121", date(2024, 12, 31))
    data, shapes = grid.patches(**rows())
    _become(data, 7, "104", "农村道路")
    shapes[2] = grid.cell(1, 0, 2, 1)
    data["TBMJ"][2] = data["TBDLMJ"][2] = round(data["TBMJ"][1] + data["TBMJ"][2], 2)
    keep = [k for k in range(30) if k != 1]
    data = {name: [values[k] for k in keep] for name, values in data.items()}
    path = grid.write(tmp_path / "b.gpkg", data, [shapes[k] for k in keep])
    new = importing.import_layer("DLTB", path, "990121", date(2025, 12, 31))
    importing.import_layer(
        "JBNTTB", grid.zones(tmp_path / "j.gpkg", "JBNTTB", [("013", grid.cell(1, 0))]), "990121", date(2024, 12, 31)
    )
    return old.version, new.version


def _become(data, k, code, name):
    data["DLBM"][k], data["DLMC"][k] = code, name
    for column in ("GDPDJ", "GDLX"):
        data[column][k] = None
    data["TKXS"][k] = data["TKMJ"][k] = 0.0
    data["TBDLMJ"][k] = data["TBMJ"][k]
    data["BGRQ"][k], data["PZWH"][k] = "20250601", "甲政土〔2025〕1号"


@pytest.fixture
def viewer(db):
    return _person("viewer", "990121", "viewer")


def test_a_loaded_county_balances(county):
    made = summary.summary_of(county[0])
    wrong = [i for i in made.identities() if not i.ok]
    assert wrong == []
    first = made.table(tables.get("1"), "990121", "m2")
    cells = {c.key: v for c, v in zip(first.columns, first.lines[0].cells, strict=True)}
    patch = round(grid.official(grid.cell(0, 0)) * 100)
    assert cells["total"] == made.control("990121") == pytest.approx(30 * patch, rel=1e-5)
    assert cells["01"] == pytest.approx(12 * patch * 0.9, rel=1e-5), "12 cultivated patches less a tenth of ridges"
    assert cells["12"] == pytest.approx(12 * patch * 0.1, rel=1e-5)
    farmland = made.table(tables.get("6"), "990121", "m2")
    assert farmland.lines[0].cells[0] == pytest.approx(patch, abs=5)


def test_the_page_shows_the_table_and_leads_to_the_patches(county, director, django_assert_max_num_queries):
    address = reverse("survey:tables", args=[county[0].pk])
    director.get(address)
    with django_assert_max_num_queries(15):
        answer = director.get(address)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "First-level classes" in page and "all hold" in page and "Declared and computed areas agree." in page
    links = [line["cells"][1]["url"] for line in answer.context["lines"]]
    behind = director.get(links[0])
    assert behind.status_code == 200
    assert behind.context["found"].count == 12
    exact = answer.context["lines"][0]["cells"][1]["exact"]
    assert behind.context["figure"] == behind.context["given"] == exact
    assert len(behind.context["map"]["overlays"]["features"]) == 12


def test_every_table_and_unit_opens(county, director):
    address = reverse("survey:tables", args=[county[0].pk])
    for table in tables.all_tables():
        for unit in ("ha", "mu", "m2"):
            answer = director.get(address, {"table": table.id, "unit": unit, "division": "990121001"})
            assert answer.status_code == 200, table.id
    missing = director.get(address, {"table": "island"}).content.decode()
    assert "not computed: needs survey.XZQJX" in missing
    assert director.get(address, {"table": "77"}).status_code == 422
    assert director.get(address, {"division": "990121999"}).status_code == 404


def test_every_figure_of_every_table_is_its_patches(county, director):
    """Each number clicks through to rows that sum to it exactly."""
    address = reverse("survey:tables", args=[county[0].pk])
    asked = 0
    for table in ("three", "second-owner", "slope", "farmland", "urban-first"):
        answer = director.get(address, {"table": table, "division": ONE})
        for line in answer.context.get("lines", ()):
            for cell in line["cells"]:
                if cell["url"]:
                    found = director.get(cell["url"]).context
                    assert found["given"] == found["figure"] == cell["exact"], (table, cell)
                    asked += 1
    assert asked > 15


def test_the_workbook_is_the_official_layout(county, director, tmp_path):
    from python_calamine import CalamineWorkbook

    answer = director.get(reverse("survey:tables_workbook", args=[county[0].pk]))
    assert answer.status_code == 200 and "990121-2024-12-31-tables.xlsx" in answer["Content-Disposition"]
    path = tmp_path / "t.xlsx"
    path.write_bytes(answer.content)
    book = CalamineWorkbook.from_path(path)
    assert {"表1", "表4", "表12", "表1村级", "校核"} <= set(book.sheet_names) and "表8" not in book.sheet_names
    sheet = book.get_sheet_by_name("表1").to_python()
    assert sheet[0][0] == "土地利用现状一级分类面积汇总表" and "公顷" in str(sheet[1])
    assert sheet[2][:4] == ["行政区名称", "行政区代码", "行政辖区总面积", "耕地 (01)"]
    total = sheet[4][2:]
    assert total[0] == pytest.approx(sum(total[1:]), abs=1e-9)
    checks = str(book.get_sheet_by_name("校核").to_python())
    assert "不符" not in checks and "未计算" in checks


def test_the_commands_write_and_say(county, tmp_path, monkeypatch):
    out = tmp_path / "t.xlsx"
    monkeypatch.setattr("jintu.config.commands.layer.setup", lambda: None)  # the test's node is set up
    answer = CliRunner().invoke(command, ["tables", "DLTB@2024-12-31", "--out", str(out), "--json"])
    assert answer.exit_code == 0, answer.output
    facts = json.loads(answer.output)
    assert facts["identities"]["ok"] and out.stat().st_size > 10_000
    assert {t["number"] for t in facts["tables"] if not t["computed"]} == {"8", "10-1", "10-2", "11"}
    assert CliRunner().invoke(command, ["tables", "XZQ"]).exit_code != 0
    answer = CliRunner().invoke(command, ["changes", "DLTB@2024-12-31", "DLTB@2025-12-31", "--json"])
    assert answer.exit_code == 0, answer.output
    facts = json.loads(answer.output)
    assert facts["change_patches"] == 2 and facts["doubts"]["Q6107"]["patches"] == ["3"]


def test_changes_balance(county):
    made = change.changes_of(*county)
    assert [i for i in made.identities() if not i.ok] == []
    patch = round(grid.official(grid.cell(0, 0)) * 100)
    matrix = made.matrix("", "second", "m2")
    moved = {k: v for k, v in matrix.flows.items() if k[0] != k[1]}
    assert set(moved) == {("013", "203"), ("123", "203"), ("203", "104")}
    assert moved["013", "203"] == pytest.approx(patch * 0.9, abs=5)
    assert moved["123", "203"] == pytest.approx(patch * 0.1, abs=5)
    for unit in ("ha", "mu"):
        rounded = made.matrix("", "first", unit)
        for name in rounded.names:
            assert rounded.opening[name] + rounded.into(name) - rounded.out(name) == rounded.closing[name]
    doubts = made.doubts()
    assert doubts["undeclared"]["new_bsm"].to_list() == ["3"], "row 2 grew without a change date"
    assert doubts["unapproved"]["new_bsm"].to_list() == ["3"], "and without an approval"
    assert len(made.pieces) == 2
    assert [round(g.area * 1e9) > 0 for g in made.geometry(made.pieces)] == [True, True]
    with pytest.raises(Refused):
        change.Changes(county[0], _other(county[1]))


def _other(version):
    version.division = "990122"
    return version


def test_the_page_of_changes(county, director, tmp_path):
    address = reverse("survey:changes", args=[county[1].pk, county[0].pk])
    answer = director.get(address)
    page = answer.content.decode()
    assert answer.status_code == 200 and "Balance of change" in page
    assert answer.context["chart"]["kind"] == "sankey" and answer.context["undeclared"] == 1
    assert director.get(reverse("survey:changes", args=[county[0].pk, county[1].pk])).context["old"] == county[0]
    one = director.get(address, {"from": "01", "to": "20"}).context
    assert [p["old"]["code"] for p in one["pieces"]] == ["013"]
    assert len(director.get(address, {"doubt": "unapproved"}).context["pieces"]) == 1
    for level in ("three", "second"):
        for unit in ("ha", "mu", "m2"):
            assert director.get(address, {"level": level, "unit": unit, "division": ONE}).status_code == 200
    book = director.get(reverse("survey:changes_workbook", args=[county[1].pk, county[0].pk]))
    assert book.status_code == 200
    path = tmp_path / "c.xlsx"
    path.write_bytes(book.content)
    from python_calamine import CalamineWorkbook

    listed = CalamineWorkbook.from_path(path).get_sheet_by_name("变更一览表").to_python()
    assert [row[0] for row in listed[3:5]] == ["1", "2"]
    assert director.get(reverse("survey:changes", args=[county[0].pk, county[0].pk])).status_code == 404


def test_the_version_and_the_comparison_lead_there(county, director):
    old, new = county
    page = director.get(reverse("layers:version", args=[old.pk])).content.decode()
    assert reverse("survey:tables", args=[old.pk]) in page
    page = director.get(reverse("layers:compare", args=[new.pk]), {"with": old.pk}).content.decode()
    assert reverse("survey:changes", args=[new.pk, old.pk]) in page
    assert director.get(reverse("survey:in_force")).url == reverse("survey:tables", args=[new.pk])


def test_others_see_their_own_division_or_nothing(county, townsman, neighbour, viewer, client):
    pages = [
        reverse("survey:tables", args=[county[0].pk]),
        reverse("survey:patches", args=[county[0].pk]),
        reverse("survey:tables_workbook", args=[county[0].pk]),
        reverse("survey:changes", args=[county[1].pk, county[0].pk]),
        reverse("survey:changes_workbook", args=[county[1].pk, county[0].pk]),
    ]
    for page in pages:
        assert neighbour.get(page).status_code == 404, page
        assert client.get(page).status_code == 302, "strangers sign in first"
        assert townsman.get(page, {"division": "990121"}).status_code == 403, page
        assert townsman.get(page).status_code == 200, page
    assert townsman.get(pages[0]).context["code"] == "990121001"
    for page in pages:
        wanted = 403 if page.endswith("xlsx") else 200
        assert viewer.get(page).status_code == wanted, page


@pytest.fixture
def with_a_road(db, tmp_path):
    """A farm road of 4 000 m² between two villages, 60 % from patch 1 and 40 % from patch 4."""
    from jintu.foundation.layers.tests.test_kinds import _file, _line, _road

    data, shapes = grid.patches(**rows())
    for k, part in ((0, 2400.0), (3, 1600.0)):
        data["XZDWMJ"][k] = part
        rest = data["TBMJ"][k] - part
        data["TKMJ"][k] = round(rest * data["TKXS"][k] + 1e-9, 2)
        data["TBDLMJ"][k] = round(rest - data["TKMJ"][k], 2)
    day = date(2025, 12, 31)
    dltb = importing.import_layer("DLTB", grid.write(tmp_path / "r.gpkg", data, shapes), "990121", day).version
    other = {"KCBL": 0.6, "KCTBDWDM1": ONE + "0" * 7, "KCTBBH2": "4", "KCTBDWDM2": TWO + "0" * 7}
    path = _file(tmp_path / "XZDW.gpkg", [_road(0, **other)], [_line(0)])
    return dltb, lambda: importing.import_layer("XZDW", path, "990121", day)


def test_a_road_is_shared_by_two_villages(with_a_road, director):
    dltb, load = with_a_road
    address = reverse("survey:tables", args=[dltb.pk])
    assert "needs survey.XZDW" in director.get(address).content.decode()
    load()
    made = summary.summary_of(dltb)
    assert [i for i in made.identities() if not i.ok] == []
    patch = sum(round(grid.official(grid.cell(i, j)) * 100) for k, (i, j) in enumerate(_cells()) if k % 5 == 3)
    roads = [
        made.grid("patches").exact[made.grid("patches").row[d]] @ made.grid("patches").mask(_ROADS) for d in (ONE, TWO)
    ]
    assert sum(roads) == pytest.approx(patch + 240_000, abs=30), (
        "and patch 4, a road itself, gives its part to the line"
    )
    answer = director.get(address, {"table": "second", "unit": "m2"})
    assert answer.status_code == 200
    behind = director.get(reverse("survey:patches", args=[dltb.pk]), {"table": "second", "second": "104"}).context
    assert behind["other"] == "4\u00a0000.00", "what the road gives is told, beside the patches"


def _cells():
    return [(k % 6, k // 6) for k in range(30)]


_ROADS = tables.Where(second="104")


def test_a_city_sees_its_counties_as_one(county, db, tmp_path, settings):
    there = {k: v.replace("990121", "990122") for k, v in HALF.items()}
    path = grid.dltb(tmp_path / "n.gpkg", **rows(ZLDWDM=there, QSDWDM=there))
    other = importing.import_layer("DLTB", path, "990122", date(2025, 12, 31)).version
    city = _person("city", "990100", "reviewer")
    address = city.get(reverse("survey:in_force")).url
    assert address == reverse("survey:tables", args=[f"{county[1].pk}-{other.pk}"])
    answer = city.get(address)
    lines = answer.context["lines"]
    assert [n["code"] for n in lines] == ["990100", "990121", "990122"]
    whole, one, two = (
        summary.of([county[1], other]).table(tables.get("1"), p, "ha").lines[0].cells
        for p in ("9901", "990121", "990122")
    )
    assert [a + b for a, b in zip(one, two, strict=True)] == list(whole)
    assert city.get(lines[0]["cells"][1]["url"]).context["found"].count == 23
    assert city.get(reverse("survey:tables_workbook", args=[f"{county[1].pk}-{other.pk}"])).status_code == 200
    clerk = _person("clerk", "990121", "clerk")
    assert clerk.get(address).status_code == 404, "one of the versions is another county's"
    for wrong in ("x", f"{county[1].pk}-{county[0].pk}", f"{county[1].pk}-999999"):
        assert city.get(reverse("survey:tables", args=[wrong])).status_code == 404
