"""Whole deliveries: what is in a directory, what is missing, and all tables in force together or none."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
import shapely

from jintu.foundation.layers import delivery, importing, structures
from jintu.foundation.layers.models import LayerVersion
from jintu.kernel import formats
from jintu.kernel.errors import InputError, Missing
from jintu.kernel.formats import vct

from . import grid
from .conftest import DAY
from .test_kinds import _line, _road

SURVEY = "survey-2009"
METADATA = """<?xml version="1.0" encoding="UTF-8"?>
<gmd:MD_Metadata xmlns:gmd="http://www.isotc211.org/2005/gmd">
  <gmd:contact><name>自然资源局</name></gmd:contact><gmd:dateStamp>2024-12-31</gmd:dateStamp>
  <gmd:title>示例县土地利用数据库</gmd:title><gmd:date>2024-12-31</gmd:date><gmd:language>zho</gmd:language>
  <gmd:topicCategory>planningCadastre</gmd:topicCategory><gmd:abstract>第二次土地调查</gmd:abstract>
  <gmd:datum>1985国家高程基准</gmd:datum>
  {more}
</gmd:MD_Metadata>"""


def _table(rows: list[dict], shapes: list | None) -> pa.Table:
    table = pa.Table.from_pylist(rows)
    return table if shapes is None else table.append_column("geometry", pa.array(shapely.to_wkb(shapes), pa.binary()))


def _others() -> dict[str, pa.Table]:
    """The required layers beside those that `grid` writes."""
    return {
        "XZDW": _table([_road(0), _road(1)], [_line(0), _line(1)]),
        "XZQJX": _table([{"BSM": 1, "YSDM": "1000600200", "JXLX": "650200", "JXXZ": "600001"}], [_line(4)]),
        "DLJX": _table([{"BSM": 1, "YSDM": "2001040000", "DLJXSM": "界"}], [_line(5)]),
    }


@pytest.fixture
def county(tmp_path: Path) -> Path:
    """A complete delivery in shapefiles and geopackages, with a report and a stray file."""
    root = tmp_path / "(990121)示例县2024"
    data = root / "数据"
    data.mkdir(parents=True)
    grid.dltb(data / "示例县DLTB2024.gpkg")
    grid.villages(data / "XZQ_990121.gpkg")
    grid.zones(data / "基本农田图斑.shp", "JBNTTB", [("011", grid.cell(4, 0))])
    for name, table in _others().items():
        formats.write(data / f"{name}.shp", table, crs=grid.CRS, encoding="gbk")
    (root / "元数据.xml").write_text(METADATA.format(more=""), "utf-8")
    (root / "汇总表.pdf").write_bytes(b"%PDF-1.4")
    (root / "文字报告.doc").write_bytes(b"\xd0\xcf\x11\xe0")
    (root / "笔记.abc").write_text("?", "utf-8")
    return root


def _load(root: Path, **options) -> delivery.Loaded:
    with delivery.opened(root) as inside:
        found = delivery.examine(inside, structures.get(SURVEY), root.stem if root.is_file() else root.name)
        return delivery.load(
            found, found.division or "990121", DAY, **({"inspect": False, "decision": "grid"} | options)
        )


def test_a_directory_is_matched_to_its_structure(county) -> None:
    found = delivery.examine(county, delivery.choose(county))
    assert (found.structure.name, found.division, found.year) == (SURVEY, "990121", 2024)
    assert {f.schema.table for f in found.found} == {"DLTB", "XZQ", "JBNTTB", "XZDW", "XZQJX", "DLJX"}
    assert found.missing == [] and found.spare == []
    assert set(found.documents) == {"元数据.xml", "汇总表.pdf", "文字报告.doc"} and found.unknown == ["笔记.abc"]


def test_all_tables_come_into_force_together(db, county) -> None:
    loaded = _load(county)
    assert [o.error for o in loaded.outcomes] == [None] * 6
    assert loaded.published and loaded.rows == 30 + 2 + 1 + 2 + 1 + 1
    assert LayerVersion.objects.published().count() == 6
    assert loaded.hash == _load(county).hash  # loaded before: taken up, not loaded again
    assert LayerVersion.objects.count() == 6


def test_a_refused_table_keeps_all_others_drafts_until_it_is_corrected(db, county) -> None:
    bad = county / "数据" / "示例县DLTB2024.gpkg"
    bad.unlink()
    grid.dltb(bad, DLBM={3: "019"})
    loaded = _load(county)
    refused = [o for o in loaded.outcomes if o.error]
    assert [(o.found.schema.table, o.problems[0].place.field) for o in refused] == [("DLTB", "DLBM")]
    assert not loaded.published and LayerVersion.objects.published().count() == 0
    bad.unlink()
    grid.dltb(bad)
    again = _load(county)
    assert again.published and sum(o.kept for o in again.outcomes) == 5
    assert LayerVersion.objects.published().count() == 6


def test_a_missing_required_layer_keeps_it_from_force(db, county) -> None:
    for part in (county / "数据").glob("DLJX.*"):
        part.unlink()
    loaded = _load(county)
    assert [s.table for s in loaded.delivery.missing] == ["DLJX"]
    assert not loaded.published
    assert _load(county, good_only=True).published


def test_a_draft_of_another_file_gives_way(db, county) -> None:
    for part in (county / "数据").glob("DLJX.*"):
        part.unlink()
    first = _load(county)
    bad = county / "数据" / "示例县DLTB2024.gpkg"
    bad.unlink()
    grid.dltb(bad, TBBH={0: "99"})
    second = _load(county)
    old, new = (next(o.version for o in l.outcomes if o.found.schema.table == "DLTB") for l in (first, second))
    old.refresh_from_db()
    assert old.hash != new.hash and old.state == "withdrawn" and new.state == "draft"


def test_a_zip_of_the_directory_and_one_vct_of_all_tables(db, tmp_path, county) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "out" / county.name), "zip", county.parent, county.name))
    with delivery.opened(archive) as root:
        assert len(delivery.examine(root, structures.get(SURVEY)).found) == 6
    data, shapes = grid.patches()
    columns = {k: pa.array(v, pa.string() if all(x is None for x in v) else None) for k, v in data.items()}
    patches = pa.table({**columns, "geometry": pa.array(shapely.to_wkb(shapes), pa.binary())})
    rest = _others()
    layers = [vct.Layer("DLTB", [patches], code="2001010100")]
    layers += [vct.Layer(n, [t], code=c) for (n, t), c in zip(rest.items(), ("1", "2", "3"), strict=True)]
    file = tmp_path / "(990121)示例县2024.vct"
    vct.write_layers(file, layers, crs=grid.CRS, by_lines=True)
    loaded = _load(file, good_only=True)
    assert {o.found.schema.table: o.rows for o in loaded.outcomes} == {"DLTB": 30, "XZDW": 2, "XZQJX": 1, "DLJX": 1}
    version = next(o.version for o in loaded.outcomes if o.found.schema.table == "DLTB")
    assert version.quality["area"]["differing"] == 0 and version.quality["gaps"]["count"] == 0


def test_a_table_in_two_formats_is_taken_once(county) -> None:
    shutil.copy(county / "数据" / "XZQ_990121.gpkg", county / "XZQ.gpkg")
    grid.villages(county / "XZQ.shp")
    found = delivery.examine(county, structures.get(SURVEY))
    assert [f.format for f in found.found if f.schema.table == "XZQ"] == ["gpkg"]
    assert [f.format for f in found.spare] == ["gpkg", "shp"]


def test_what_is_no_delivery_is_told(tmp_path) -> None:
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(InputError, match="survey-2009"):
        delivery.choose(tmp_path)
    with pytest.raises(Missing, match="survey-2009"):
        structures.get("survey-1900")


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("DLTB", "DLTB"),
        ("330105dltb2009", "DLTB"),
        ("(330105)县地类图斑", "DLTB"),
        ("XZQ", "XZQ"),
        ("XZQJX_2009", "XZQJX"),
        ("DLTBZJ", "ZJ"),
        ("其他", None),
    ],
)
def test_names_of_files_mean_layers(name, table) -> None:
    schema = structures.get(SURVEY).schema_of(name)
    assert (schema.table if schema else None) == table


def test_the_job_loads_a_stored_archive(db, tmp_path, county, actor) -> None:
    from jintu.foundation.layers import tasks
    from jintu.foundation.operations import files

    archive = Path(shutil.make_archive(str(tmp_path / county.name), "zip", county.parent, county.name))
    with archive.open("rb") as stream:
        kept = files.store(stream, archive.name)

    class Running:
        pk = None

        @staticmethod
        def progress(done: int, total: int, message: str) -> None:
            pass

    Running.actor = actor
    given = {"division": "990121", "file": kept.sha256, "valid_from": "2024-12-31"}
    answer = tasks.import_delivery(Running(), **given, inspect=False, decision="grid")
    assert answer["rows"] == 37 and answer["published"]
    assert importing.LayerVersion.objects.published().count() == 6
    assert date(2024, 12, 31) == DAY
