"""What comes in: good files become versions, bad ones are refused with the place and the remedy, and leave nothing."""

from __future__ import annotations

import struct
import zipfile
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from python_calamine import CalamineWorkbook

from jintu.foundation.journal.models import Entry
from jintu.foundation.layers import attributes, importing, lake, problems, publishing
from jintu.foundation.layers.mapping import Mapping
from jintu.foundation.layers.models import LayerVersion
from jintu.kernel import formats
from jintu.kernel.errors import Conflict, InputError, JintuError, Unsupported

from . import grid

pytestmark = pytest.mark.django_db
DAY = date(2024, 12, 31)


def load(path, **options):
    return importing.import_layer("survey.DLTB", path, "990121", DAY, **options)


def refused(path, **options) -> list[InputError]:
    before = set(lake.root().glob("*/*/*"))
    with pytest.raises(importing.LayerRefused) as caught:
        load(path, **options)
    assert not LayerVersion.objects.exists()
    assert set(lake.root().glob("*/*/*")) == before
    return caught.value.problems


# -- good files ----------


def test_a_geopackage_becomes_a_published_version(tmp_path, actor) -> None:
    result = load(grid.dltb(tmp_path / "a.gpkg"), actor=actor)
    version = result.version
    assert (version.state, version.rows, result.refused) == ("published", 30, 0)
    assert version.crs == "EPSG:4528" and version.hash.startswith("sha256:")
    table = version.table(["bsm", "land_use_code", "changed_on", "geometry", "geometry_delivered"])
    row = {r["bsm"]: r for r in table.to_pylist()}["7"]
    assert row["land_use_code"] == "013" and row["changed_on"] is None
    # what was delivered is kept to the last digit, and what we work with is the same place in degrees
    assert shapely.from_wkb(row["geometry_delivered"]).equals(grid.cell(0, 1))
    assert shapely.equals_exact(shapely.from_wkb(row["geometry"]), grid.lonlat(grid.cell(0, 1)), 1e-12, normalize=True)
    entry = Entry.objects.get(act="layer.publish")
    assert entry.division == "990121" and entry.user == 7 and entry.facts["hash"] == version.hash


def test_the_file_in_the_lake_is_geoparquet_with_covering_in_small_row_groups(tmp_path) -> None:
    version = load(grid.dltb(tmp_path / "a.gpkg")).version
    file = pq.ParquetFile(version.directory / "data.parquet")
    geo = __import__("json").loads(file.schema_arrow.metadata[b"geo"])
    assert geo["version"] == "1.1.0" and geo["columns"]["geometry"]["covering"]["bbox"]["xmin"] == ["bbox", "xmin"]
    assert geo["columns"]["geometry"]["crs"]["id"]["code"] == 4490
    assert geo["columns"]["geometry_delivered"]["crs"]["id"]["code"] == 4528
    group = file.metadata.row_group(0)
    codec = {group.column(k).path_in_schema: group.column(k).compression for k in range(group.num_columns)}
    assert {codec[n] for n in ("geometry", "geometry_delivered", "bbox.xmin", "bbox.ymax")} == {"LZ4"}
    assert codec["land_use_code"] == codec["bsm"] == "ZSTD"
    assert shapely.is_ccw(
        shapely.get_exterior_ring(shapely.from_wkb(version.table(["geometry"])["geometry"].to_pylist()))
    ).all()


def test_text_stays_text_and_dates_are_read_as_the_standard_writes_them(tmp_path) -> None:
    path = grid.dltb(tmp_path / "a.gpkg", BGRQ={0: "20240229"}, PZWH={0: "0123"}, TBBH={0: "0007"})
    row = {r["bsm"]: r for r in load(path).version.table().to_pylist()}["1"]
    assert (row["patch_no"], row["approval_no"], row["changed_on"]) == ("0007", "0123", date(2024, 2, 29))


def test_a_zipped_shapefile_in_gbk_without_cpg_is_read(tmp_path) -> None:
    data, shapes = grid.patches()
    grid.write(tmp_path / "图斑.shp", data, shapes, encoding="gb18030")
    (tmp_path / "图斑.cpg").unlink(missing_ok=True)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for part in tmp_path.glob("图斑.*"):
            archive.write(part, part.name)
    version = load(tmp_path / "a.zip").version
    assert version.table(["land_use_name"])["land_use_name"].to_pylist().count("水田") == 6
    assert version.crs == "EPSG:4528"


def test_gbk_read_as_utf8_is_refused_rather_than_garbled(tmp_path) -> None:
    data, shapes = grid.patches()
    grid.write(tmp_path / "a.shp", data, shapes, encoding="gb18030")
    (tmp_path / "a.cpg").unlink(missing_ok=True)
    with pytest.raises(InputError) as caught:
        load(tmp_path / "a.shp", encoding="utf-8")
    assert "utf-8" in str(caught.value).lower()
    assert not LayerVersion.objects.exists()


def test_the_same_content_has_the_same_hash_in_whatever_file_and_order_it_comes(tmp_path) -> None:
    first = load(grid.dltb(tmp_path / "a.gpkg")).version
    data, shapes = grid.patches()
    order = list(range(len(shapes)))[::-1]
    turned = {k: [v[i] for i in order] for k, v in data.items()}
    path = grid.write(tmp_path / "b.parquet", turned, [shapely.reverse(shapes[i]) for i in order])
    second = importing.import_layer("DLTB", path, "990121", date(2025, 12, 31)).version
    first_delivered, second_delivered = (v.table(["geometry"]) for v in (first, second))
    assert first_delivered.equals(second_delivered)
    assert first.table().equals(second.table())


def test_quality_counts_areas_overlaps_gaps_and_names(tmp_path) -> None:
    path = grid.dltb(
        tmp_path / "a.gpkg",
        shapes={
            8: grid.cell(2, 1).buffer(0).intersection(shapely.box(0, 0, 1e9, grid.NORTH + 1.5 * grid.STEP)),
            22: grid.cell(4, 3, 2, 1),
        },
        DLMC={0: "旱地"},
        TBMJ={3: 1.0},
    )
    quality = load(path).quality
    assert quality["overlaps"]["count"] == 1
    assert quality["overlaps"]["examples"][0]["area_m2"] == pytest.approx(grid.official(grid.cell(5, 3)), rel=1e-5)
    assert quality["gaps"]["count"] == 1
    assert quality["gaps"]["area_m2"] == pytest.approx(grid.official(grid.cell(2, 1)) / 2, rel=1e-4)
    assert quality["area"]["differing"] == 3  # the two that were redrawn, and the one that says 1 m²
    checks = {c["rule"]: c for c in quality["checks"]}
    assert checks["Q2205"] == {"rule": "Q2205", "count": 1, "keys": ["1"]}
    assert set(checks["Q5101"]["keys"]) == {"4", "9", "23"}


def test_a_clean_file_has_a_clean_summary(tmp_path) -> None:
    quality = load(grid.dltb(tmp_path / "a.gpkg")).quality
    assert quality["overlaps"]["count"] == quality["gaps"]["count"] == quality["area"]["differing"] == 0
    assert quality["checks"] == []
    assert sum(c["rows"] for c in quality["classes"].values()) == 30


# -- foreign data ----------


def test_a_mapping_translates_columns_values_and_constants(tmp_path) -> None:
    shapes = [grid.cell(0, 0), grid.cell(1, 0), grid.cell(2, 0)]
    path = grid.write(tmp_path / "z.gpkg", {"使用": ["住宅", "農業", "？"], "註": ["甲", "乙", None]}, shapes)
    mapping = Mapping.of(
        {
            "columns": {"zone_type": "使用", "note": "註"},
            "constants": {"feature_code": "2003020110"},
            "values": {"zone_type": {"住宅": "030", "農業": "020", "*": "990"}},
            "sequence": "bsm",
            "area": "zone_area_m2",
        },
        "foreign",
    )
    version = importing.import_layer("planning.TDYTQ", path, "990121", DAY, mapping=mapping).version
    rows = {r["bsm"]: r for r in version.table().to_pylist()}
    assert [rows[k]["zone_type"] for k in ("1", "2", "3")] == ["030", "020", "990"]
    assert rows["1"]["zone_area_m2"] == pytest.approx(grid.official(shapes[0]), abs=0.05)
    assert version.mapping == "foreign" and lake.manifest(version.directory)["mapping"]["constants"]


def test_a_mapping_names_columns_that_exist(tmp_path) -> None:
    path = grid.dltb(tmp_path / "a.gpkg")
    with pytest.raises(InputError, match="has no column"):
        load(path, mapping=Mapping(columns={"land_use_code": "CODE"}))
    with pytest.raises(JintuError, match="no attribute"):
        load(path, mapping=Mapping(columns={"landuse": "DLBM"}))
    with pytest.raises(InputError, match="unknown entries"):
        Mapping.of({"column": {}})


# -- bad files ----------


def test_missing_mandatory_columns_are_named(tmp_path) -> None:
    data, shapes = grid.patches()
    del data["DLBM"], data["QSXZ"]
    with pytest.raises(InputError, match="DLBM 地类编码, QSXZ 权属性质"):
        load(grid.write(tmp_path / "a.gpkg", data, shapes))


def test_bad_values_are_told_by_row_and_field(tmp_path) -> None:
    problems = refused(
        grid.dltb(
            tmp_path / "a.gpkg",
            DLBM={0: "019", 1: "123", 2: None},
            QSXZ={3: "99"},
            TBMJ={4: -5.0},
            BGRQ={5: "20240231"},
            GDPDJ={6: None},
            BSM={8: 8},
            DLMC={9: "名" * 61},
        )
    )
    told = {(p.place.row, p.place.field): str(p) for p in problems}
    assert {
        (1, "DLBM"),
        (2, "DLBM"),
        (3, "DLBM"),
        (4, "QSXZ"),
        (5, "TBMJ"),
        (6, "BGRQ"),
        (7, "GDPDJ"),
        (9, "BSM"),
        (10, "DLMC"),
    } == set(told)
    assert "row 1, field DLBM" in told[1, "DLBM"] and "019" in told[1, "DLBM"]
    assert "occurs before, in row 8" in told[9, "BSM"]


def bow_tie():
    x, y = grid.EAST, grid.NORTH
    return shapely.Polygon([(x, y), (x + 200, y + 200), (x + 200, y), (x, y + 200)])


def hole_outside():
    return shapely.Polygon(grid.cell(0, 0).exterior, [grid.cell(3, 3).exterior])


@pytest.mark.parametrize(
    ("shape", "words", "ring"),
    [
        (bow_tie(), "crosses itself", 1),
        (hole_outside(), "outside its shell", 2),
        (shapely.Polygon([(grid.EAST, grid.NORTH), (grid.EAST + 9, grid.NORTH), (grid.EAST + 5, grid.NORTH)]), "", 1),
        (shapely.Polygon([(0, 0), (1, 0), (1, 1)]), "0, 0", 1),
    ],
)
def test_broken_outlines_are_told_by_ring(tmp_path, shape, words: str, ring: int) -> None:
    (problem, *_) = refused(grid.dltb(tmp_path / "a.gpkg", shapes={4: shape}))
    assert problem.place.row == 5 and problem.place.ring == ring and words in str(problem)


def test_a_bow_tie_names_the_vertex(tmp_path) -> None:
    (problem,) = refused(grid.dltb(tmp_path / "a.gpkg", shapes={4: bow_tie()}))
    assert problem.place.vertex is not None and problem.remedy


def test_swapped_axes_are_refused(tmp_path) -> None:
    data, shapes = grid.patches()
    swapped = [shapely.transform(s, lambda p: p[:, ::-1]) for s in shapes]
    problems = refused(grid.write(tmp_path / "a.gpkg", data, swapped))
    assert len(problems) == 30 and "swapped" in str(problems[0])


def test_swapped_degrees_are_refused(tmp_path) -> None:
    data, shapes = grid.patches()
    swapped = [shapely.transform(grid.lonlat(s), lambda p: p[:, ::-1]) for s in shapes]
    problems = refused(grid.write(tmp_path / "a.gpkg", data, swapped, crs="EPSG:4490"))
    assert "swapped" in str(problems[0])


def test_the_wrong_zone_is_refused(tmp_path) -> None:
    problems = refused(grid.dltb(tmp_path / "a.gpkg", crs="EPSG:4527"))
    assert "EPSG:4527" in str(problems[0])


def test_another_datum_is_refused_whole_and_never_shifted(tmp_path) -> None:
    with pytest.raises(InputError, match="transformation parameters"):
        load(grid.dltb(tmp_path / "a.gpkg", crs="EPSG:2364"))  # Xian 1980, zone 40
    with pytest.raises(Unsupported):
        load(grid.dltb(tmp_path / "b.gpkg", crs="EPSG:32650"))


def test_a_file_without_crs_is_asked_for_never_guessed(tmp_path) -> None:
    data, shapes = grid.patches()
    grid.write(tmp_path / "a.shp", data, shapes)
    (tmp_path / "a.prj").unlink()
    with pytest.raises(InputError, match="never guessed"):
        load(tmp_path / "a.shp")
    assert load(tmp_path / "a.shp", crs="EPSG:4528").rows == 30


def test_an_empty_file_and_an_empty_layer_are_refused(tmp_path) -> None:
    (tmp_path / "a.gpkg").write_bytes(b"")
    with pytest.raises(InputError):
        load(tmp_path / "a.gpkg")
    data, _ = grid.patches()
    with pytest.raises(InputError):
        load(grid.write(tmp_path / "b.geojson", {k: [] for k in data}, [], crs="EPSG:4490"))


def test_a_table_is_not_a_layer(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("BSM,DLBM\n1,011\n", encoding="utf-8")
    with pytest.raises(InputError, match="no geometry"):
        load(tmp_path / "a.csv")


def test_a_zip_bomb_and_path_tricks_are_refused(tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.shp", bytes(64 << 20))
    with pytest.raises(InputError):
        load(tmp_path / "bomb.zip")
    with zipfile.ZipFile(tmp_path / "trick.zip", "w") as archive:
        archive.writestr("../../a.shp", b"x" * 200)
    with pytest.raises(InputError):
        load(tmp_path / "trick.zip")
    assert not (tmp_path.parent / "a.shp").exists()


def test_good_only_loads_the_good_rows_and_lists_the_others(tmp_path) -> None:
    path = grid.dltb(tmp_path / "a.gpkg", DLBM={0: "019"}, shapes={4: bow_tie()})
    result = load(path, good_only=True)
    assert (result.rows, result.refused) == (28, 2)
    assert {p.place.row for p in result.problems} == {1, 5}
    assert result.version.quality["refused"] == 2
    assert not {"1", "5"} & set(result.version.table(["bsm"])["bsm"].to_pylist())


def test_a_ring_that_is_not_closed_is_told_as_such_and_not_as_missing(tmp_path) -> None:
    """GEOS makes nothing of it, which is not the same as a row without geometry."""
    x, y, east, north = grid.cell(0, 0).bounds
    points = [(x, y), (east, y), (east, north), (x, north), (x + 1, y)]
    data, shapes = grid.patches()
    wkb = list(shapely.to_wkb(shapes, byte_order=1))
    wkb[3] = struct.pack("<BIII", 1, 3, 1, len(points)) + b"".join(struct.pack("<2d", *p) for p in points)
    wkb[5] = wkb[5][:20]
    wkb[6] = None
    columns = {k: pa.array(v, pa.string() if all(c is None for c in v) else None) for k, v in data.items()}
    path = tmp_path / "a.parquet"
    formats.write(path, pa.table({**columns, "geometry": pa.array(wkb, pa.binary())}), crs=grid.CRS)
    with pytest.raises(importing.LayerRefused) as caught:
        load(path)
    first, second, third = sorted(caught.value.problems, key=lambda p: p.place.row)
    assert (first.place.row, first.place.ring, first.place.vertex) == (4, 1, 5) and "where it begins" in str(first)
    assert second.place.row == 6 and "no geometry" not in str(second)
    assert third.place.row == 7 and "no geometry" in str(third)
    assert caught.value.rows == [4, 6, 7]


def test_however_many_rows_are_left_out_all_are_named(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(attributes, "MOST_KEPT", 2)
    monkeypatch.setattr(attributes, "MOST_ROWS", 3)
    bad = dict.fromkeys((2, 7, 9, 11, 20), "019")
    result = load(grid.dltb(tmp_path / "a.gpkg", DLBM=bad, shapes={2: bow_tie()}), good_only=True)
    assert (result.refused, result.left) == (5, [3, 8, 10, 12, 21])
    assert len(result.problems) == 3 and len({p.place.row for p in result.problems}) == 3
    book = CalamineWorkbook.from_filelike(problems.workbook(result.problems, result.left))
    sheets = [book.get_sheet_by_name(name).to_python()[1:] for name in book.sheet_names]
    assert {row[0] for sheet in sheets for row in sheet} == {3, 8, 10, 12, 21}


def test_two_files_for_one_day_conflict(tmp_path) -> None:
    first = load(grid.dltb(tmp_path / "a.gpkg")).version
    with pytest.raises(Conflict, match="has a version for 2024-12-31"):
        load(grid.dltb(tmp_path / "b.gpkg", TBBH={0: "x"}))
    publishing.withdraw(first, "wrong file")
    second = load(grid.dltb(tmp_path / "b.gpkg", TBBH={0: "x"})).version
    assert first.directory.is_dir() and second.directory.is_dir()
    with pytest.raises(Conflict):  # the day is taken again
        publishing.publish(LayerVersion.objects.get(pk=first.pk), decision="grid")


def test_the_same_content_again_after_withdrawal_is_pointed_to(tmp_path) -> None:
    path = grid.dltb(tmp_path / "a.gpkg")
    first = load(path).version
    publishing.withdraw(first, "by mistake")
    with pytest.raises(Conflict, match="by mistake"):
        load(path)
    assert publishing.publish(first, decision="grid").state == "published"
    assert [e.act for e in Entry.objects.order_by("pk")] == ["layer.publish", "layer.withdraw", "layer.publish"]


def test_a_withdrawal_needs_a_reason(tmp_path) -> None:
    version = load(grid.dltb(tmp_path / "a.gpkg")).version
    with pytest.raises(InputError, match="reason"):
        publishing.withdraw(version, "  ")


def test_an_unknown_division_is_refused(tmp_path) -> None:
    with pytest.raises(InputError):
        importing.import_layer("DLTB", grid.dltb(tmp_path / "a.gpkg"), "12", DAY)


def test_problems_come_as_a_spreadsheet(tmp_path) -> None:
    from jintu.foundation.operations import files

    kept = problems.spreadsheet(refused(grid.dltb(tmp_path / "a.gpkg", DLBM={2: "=1+1"})), "图斑.gpkg")
    rows = CalamineWorkbook.from_path(str(files.path_of(kept.sha256))).get_sheet_by_index(0).to_python()
    assert rows[1][:2] == [3.0, "DLBM"] and "=1+1" in rows[1][5]
