"""Rules about deliveries and columns: a real delivery with one thing wrong, loaded; and one that is almost wrong."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from jintu.domains.survey.rules import deliveries, structure, topology
from jintu.foundation.checks import parameters
from jintu.foundation.checks.inspection import loading
from jintu.foundation.checks.inspection.rules import QualityRule
from jintu.foundation.checks.inspection.running import inspect
from jintu.foundation.layers import delivery, importing, structures
from jintu.foundation.layers.models import LayerVersion
from jintu.foundation.layers.tests import grid
from jintu.foundation.layers.tests.conftest import DAY
from jintu.foundation.layers.tests.test_delivery import METADATA, SURVEY
from jintu.foundation.layers.tests.test_delivery import county as directory  # noqa: F401

from .county import found, patches

pytestmark = pytest.mark.django_db


def load(root: Path, good_only: bool = False) -> LayerVersion:
    """The DLTB of a delivery, in force or a draft."""
    found = delivery.examine(root, structures.get(SURVEY), root.name)
    delivery.load(found, found.division or "990121", DAY, good_only=good_only)
    return LayerVersion.objects.get(layer="survey.DLTB")


def judged(rule: QualityRule, version: LayerVersion) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
    """((value, expected) of each error, what the rule needs)."""
    data = loading.dataset(version, [])
    report = inspect(data, dict(parameters.in_force(DAY, ())), rules=[rule])
    (outcome,) = report.outcomes
    return report.errors.select("value", "expected").rows(), outcome.needs


def values(rule: QualityRule, version: LayerVersion) -> list[str]:
    errors, needs = judged(rule, version)
    assert not needs, needs
    return [value for value, _ in errors]


@pytest.fixture
def root(directory: Path) -> Path:  # noqa: F811
    """A delivery that breaks no rule of the first part."""
    (directory / "笔记.abc").unlink()
    lines = [
        f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(directory)}"
        for p in sorted((directory / "数据").glob("*.gpkg"))
    ]
    (directory / "sha256sums.txt").write_text("\n".join(lines), "utf-8")
    return directory


def test_a_sound_delivery_breaks_no_rule(root):
    version = load(root)
    for rule in deliveries.RULES[:-1]:
        assert values(rule, version) == [], rule.id
    assert judged(deliveries.metadata_agrees, version)[1] == ("metadata of DLTB",)


def test_a_single_file_came_in_no_delivery(tmp_path):
    version = importing.import_layer("DLTB", grid.dltb(tmp_path / "a.gpkg"), "990121", DAY).version
    for rule in deliveries.RULES:
        assert judged(rule, version) == ([], ("delivery",))


def test_a_file_of_the_checksum_list_is_missing(root):
    with (root / "sha256sums.txt").open("a") as stream:
        stream.write(f"\n{'0' * 64}  数据/DGX.shp\n")
    version = load(root)
    assert values(deliveries.directories, version) == ["数据/DGX.shp"]
    assert values(deliveries.readable, version) == []


def test_a_required_directory_is_missing(root, monkeypatch):
    from dataclasses import replace

    known = structures.get(SURVEY)
    monkeypatch.setitem(structures._catalogue, SURVEY, replace(known, directories=("数据", "栅格数据")))
    assert values(deliveries.directories, load(root)) == ["栅格数据"]


@pytest.mark.parametrize(("name", "told"), [("990121示例县", ["990121示例县"]), ("990121示例县2024", [])])
def test_the_name_of_the_directory(root, name, told):
    assert values(deliveries.names, load(root.rename(root.with_name(name)))) == told


def test_a_delivery_named_by_another_county(root):
    found = delivery.examine(root, structures.get(SURVEY), "(990122)邻县2024")
    delivery.load(found, "990121", DAY)
    version = LayerVersion.objects.get(layer="survey.DLTB")
    assert judged(deliveries.names, version)[0] == [("990122", "990121")]


def test_metadata_without_an_abstract_or_that_does_not_parse(root):
    text = METADATA.format(more="")
    (root / "元数据.xml").write_text(text.replace("gmd:abstract", "gmd:note"), "utf-8")
    (root / "二.xml").write_text("<a>", "utf-8")
    errors, _ = judged(deliveries.metadata_complete, load(root))
    assert errors[0][0].startswith("二.xml: no element found") and errors[1:] == [("—", "abstract")]


def test_metadata_is_missing(root):
    (root / "元数据.xml").unlink()
    assert judged(deliveries.metadata_complete, load(root))[0] == [("—", "*.xml")]


def test_metadata_with_entities_is_not_read(root):
    (root / "元数据.xml").write_text('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "utf-8")
    assert values(deliveries.metadata_complete, load(root))[0] == "元数据.xml: declares entities"


def test_a_file_that_does_not_open_and_one_that_was_changed(root):
    (root / "数据" / "PDT.gpkg").write_bytes(b"SQLite format 3\x00" + b"\x00" * 100)
    listed = (root / "sha256sums.txt").read_text()
    first = listed.split()[0]
    (root / "sha256sums.txt").write_text(listed.replace(first, "1" + first[1:] if first[0] != "1" else "2" + first[1:]))
    told = values(deliveries.readable, load(root))
    assert len(told) == 2
    assert told[0].startswith("数据/PDT.gpkg: ") and told[1].endswith(first)


def test_a_required_layer_is_missing(root):
    for part in (root / "数据").glob("DLJX.*"):
        part.unlink()
    assert values(deliveries.required_layers, load(root)) == ["DLJX"]
    assert values(deliveries.required_documents, LayerVersion.objects.get(layer="survey.DLTB")) == []


def test_an_unknown_file(root):
    (root / "笔记.abc").write_text("?")
    assert values(deliveries.unknown_layers, load(root)) == ["笔记.abc"]


def test_a_required_report_is_missing(root):
    (root / "汇总表.pdf").unlink()
    assert values(deliveries.required_documents, load(root)) == ["汇总表"]


def test_an_empty_layer_that_nobody_declared(root):
    import pyarrow as pa
    import pyogrio

    for part in (root / "数据").glob("DLJX.*"):
        part.unlink()
    schema = {"BSM": pa.int64(), "YSDM": pa.string(), "JXLX": pa.string(), "geometry": pa.binary()}
    nothing = pa.table({name: pa.array([], kind) for name, kind in schema.items()})
    for name in ("DLJX", "LXDW"):  # LXDW may be empty
        kind = "LineString" if name == "DLJX" else "Point"
        path = root / "数据" / f"{name}.gpkg"
        pyogrio.write_arrow(
            nothing, path, driver="GPKG", layer=name, geometry_name="geometry", geometry_type=kind, crs=grid.CRS
        )
    assert values(deliveries.empty_layers, load(root)) == ["DLJX"]


def test_metadata_that_counts_otherwise(root):
    area = sum(grid.patches()[0]["TBMJ"])
    group = "<layer><name>{}</name><count>{}</count><area>{:.2f}</area></layer>"
    (root / "元数据.xml").write_text(METADATA.format(more=group.format("DLTB", 31, area)), "utf-8")
    version = load(root)
    assert judged(deliveries.metadata_agrees, version)[0] == [("31", "30")]
    right = METADATA.format(more=group.format("DLTB", 30, area) + group.format("XZQ", 7, 1))
    (root / "元数据.xml").write_text(right, "utf-8")
    again = load(root)
    assert again.pk == version.pk, "taken up, with the record of the last delivery"
    assert judged(deliveries.metadata_agrees, again)[0] == []
    (root / "元数据.xml").write_text(METADATA.format(more=group.format("DLTB", 30, area + 1)), "utf-8")
    assert judged(deliveries.metadata_agrees, load(root))[0] == [(f"{area + 1:.2f}", f"{area:.2f}")]


# --- columns ----------


def rewritten(path: Path, **changes) -> Path:
    """DLTB as a shapefile with columns of other widths, or beyond the standard."""
    import pyogrio

    source = grid.dltb(path.with_suffix(".gpkg"))
    _meta, table = pyogrio.read_arrow(source)
    for name, values in changes.items():
        table = table.append_column(name, [values])
    pyogrio.write_arrow(table, path, geometry_type="Polygon", crs=grid.CRS, encoding="utf-8", geometry_name="geom")
    return path


def test_columns_beyond_the_standard_and_programs_own(tmp_path):
    path = rewritten(tmp_path / "DLTB.shp", OBJECTID=list(range(30)), MEMO=["?"] * 30)
    version = importing.import_layer("DLTB", path, "990121", DAY).version
    assert values(structure.further_columns, version) == ["MEMO"]
    assert values(structure.mandatory_columns, version) == []


def test_an_area_written_as_text(tmp_path):
    data, shapes = grid.patches()
    version = importing.import_layer("DLTB", grid.write(tmp_path / "a.gpkg", data, shapes), "990121", DAY).version
    assert values(structure.column_types, version) == []
    data["TBMJ"] = [str(v) for v in data["TBMJ"]]
    path = grid.write(tmp_path / "b.gpkg", data, shapes)
    other = importing.import_layer("DLTB", path, "990121", DAY.replace(day=1)).version
    assert judged(structure.column_types, other)[0] == [("TBMJ text", "Float(15,2)")]


@pytest.mark.parametrize(("width", "told"), [(18, ["ZLDWDM text(18)"]), (19, []), (57, [])])
def test_a_text_column_that_is_too_narrow(width, told):
    fields = [["ZLDWDM", "text", width, None, "location_code"], ["TBMJ", "number", 15, 2, "patch_area_m2"]]
    assert [e[2] for e in found(structure.column_types, patches(), reading={"format": "shp", "fields": fields})] == told
    assert found(structure.column_types, patches(), reading={"format": "csv", "fields": fields}) == []


def test_a_column_that_a_mapping_filled_is_not_missing(tmp_path):
    from jintu.foundation.layers.mapping import Mapping

    data, shapes = grid.patches()
    del data["QSXZ"]
    path = grid.write(tmp_path / "a.gpkg", data, shapes)
    mapping = Mapping(constants={"ownership": "30"})
    version = importing.import_layer("DLTB", path, "990121", DAY, mapping=mapping).version
    assert judged(structure.mandatory_columns, version)[0] == []
    version.quality["reading"]["mapped"] = []
    assert judged(structure.mandatory_columns, version)[0] == [("—", "QSXZ")]


def test_rows_with_arcs_are_told(tmp_path):
    import pyarrow as pa

    from jintu.kernel import formats

    path = grid.dltb(tmp_path / "a.gpkg")
    straight = importing.import_layer("DLTB", path, "990121", DAY.replace(day=1)).version
    assert values(topology.curves, straight) == []
    x, y, east, north = grid.cell(0, 0).bounds
    ring = [(x, y), (east, y), (east, north), ((x + east) / 2, north + 9), (x, north), (x, y)]
    arc = wkb_curve_polygon(ring)
    source = formats.read(path)
    table = source.table()
    column = [arc, *table.column("geometry").to_pylist()[1:]]
    table = table.drop_columns(["__row__", "geometry"]).append_column("geometry", pa.array(column, pa.binary()))
    curved = tmp_path / "c.parquet"
    formats.write(curved, table, crs=grid.CRS)
    version = importing.import_layer("DLTB", curved, "990121", DAY, good_only=True).version
    assert version.rows == 29
    assert judged(topology.curves, version)[0] == [("1: 1", "0")]


def wkb_curve_polygon(ring: list[tuple[float, float]]) -> bytes:
    """CURVEPOLYGON of a compound ring: straight to the third point, an arc over the fourth to the fifth, straight."""
    import struct

    def points(some: list[tuple[float, float]]) -> bytes:
        return struct.pack("<I", len(some)) + b"".join(struct.pack("<2d", *p) for p in some)

    head = struct.Struct("<BI").pack
    parts = [head(1, 2) + points(ring[:3]), head(1, 8) + points(ring[2:5]), head(1, 2) + points(ring[4:])]
    compound = head(1, 9) + struct.pack("<I", 3) + b"".join(parts)
    return head(1, 10) + struct.pack("<I", 1) + compound
