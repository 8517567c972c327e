"""A version goes out with the standard's columns and the delivered digits, in every format."""

from __future__ import annotations

from pathlib import Path

import pytest
import shapely

from jintu.foundation.journal.models import Entry
from jintu.foundation.layers import exporting, importing
from jintu.kernel import formats
from jintu.kernel.errors import Unsupported

from . import grid
from .conftest import DAY


def _rows(table) -> dict[int, dict]:
    return {int(r["BSM"]): r for r in table.to_pylist()}


@pytest.mark.parametrize("kind", list(exporting.FORMATS))
def test_what_came_in_goes_out(db, tmp_path, kind) -> None:
    given = grid.dltb(tmp_path / "in.gpkg")
    version = importing.import_layer("DLTB", given, "990121", DAY).version
    path = tmp_path / exporting.file_name(version, kind)
    assert exporting.write(version, path, kind) == 30
    with formats.read(given) as source:
        before = _rows(source.table())
    with formats.read(path, layer="DLTB" if kind in ("vct", "fgdb") else None) as source:
        after = _rows(source.table())
        assert kind == "csv" or source.crs == grid.CRS
    assert set(after) == set(before)
    for key, row in before.items():
        assert str(after[key]["DLBM"]) == row["DLBM"]
        assert float(after[key]["TBMJ"]) == row["TBMJ"]
        shape = shapely.from_wkt(after[key]["geometry"]) if kind == "csv" else shapely.from_wkb(after[key]["geometry"])
        digits = {tuple(p) for p in shapely.get_coordinates(shapely.from_wkb(row["geometry"])).tolist()}
        assert {tuple(p) for p in shapely.get_coordinates(shape).tolist()} == digits


def test_an_exported_vct_is_imported_again_with_the_same_hash(db, tmp_path) -> None:
    first = importing.import_layer("DLTB", grid.dltb(tmp_path / "in.gpkg"), "990121", DAY).version
    exporting.write(first, tmp_path / "out.vct", "vct")
    again = importing.import_layer("DLTB", tmp_path / "out.vct", "990122", DAY, member="DLTB").version
    assert again.hash == first.hash


def test_tables_and_lines_go_out_too(db, tmp_path) -> None:
    file = tmp_path / "zb.csv"
    file.write_text("XZQDM,ZBDM,GHZ\n990121,01,5.25\n", "utf-8")
    version = importing.import_layer("planning.GHZB", file, "990121", DAY).version
    with pytest.raises(Unsupported, match="shapefile"):
        exporting.write(version, tmp_path / "a.zip", "shp")
    for kind in ("csv", "vct", "gpkg"):
        path = tmp_path / f"b{exporting.FORMATS[kind]}"
        exporting.write(version, path, kind)
        with formats.read(path) as source:
            assert [str(r["ZBDM"]) for r in source.table().to_pylist()] == ["01"]


def test_persons_are_left_out_for_who_may_not_see_them(db, tmp_path) -> None:
    file = grid.zones(tmp_path / "jb.gpkg", "JBNTTB", [("011", grid.cell(0, 0))])
    version = importing.import_layer("JBNTTB", file, "990121", DAY).version
    (masked,) = exporting.tables(version, persons=False)
    (whole,) = exporting.tables(version)
    assert masked.column("BHZRR").to_pylist() == [None] and whole.column("BHZRR").to_pylist() == ["张三"]


def test_the_page_exports_by_a_job_and_the_journal_says_so(county, director) -> None:
    version = county["DLTB"]
    assert "Export" in director.get(f"/map/versions/{version.pk}/").content.decode()
    answer = director.post(f"/map/versions/{version.pk}/export/", {"format": "gpkg"})
    assert answer.status_code == 302
    entry_before = Entry.objects.filter(act="layer.export").count()
    from jintu.foundation.layers import tasks

    class Running:
        pk, actor = None, None

        @staticmethod
        def progress(done: int, total: int, message: str) -> None:
            pass

    made = tasks.export_version(Running(), version=version.pk, kind="gpkg")
    assert made["name"].endswith(".gpkg")
    assert Entry.objects.filter(act="layer.export").count() == entry_before + 1
    assert director.post(f"/map/versions/{version.pk}/export/", {"format": "dwg"}).status_code == 415


@pytest.mark.django_db(transaction=True)
def test_the_journal_entry_needs_no_transaction_around_it(tmp_path) -> None:
    version = importing.import_layer("DLTB", grid.dltb(tmp_path / "in.gpkg"), "990121", DAY).version
    exporting.record(version, "gpkg", "sha256:x", None)
    assert Entry.objects.filter(act="layer.export").exists()


def test_a_neighbour_exports_nothing(county, neighbour) -> None:
    assert neighbour.post(f"/map/versions/{county['DLTB'].pk}/export/", {"format": "gpkg"}).status_code == 404


def test_columns_are_matched_on_a_page_and_remembered(db, tmp_path, director) -> None:
    import pyarrow as pa

    from jintu.foundation.layers.models import LayerMapping

    table = pa.table(
        {
            "kind": ["一般农地区", "林业用地区"],
            "geometry": pa.array(shapely.to_wkb([grid.cell(0, 0), grid.cell(1, 0)]), pa.binary()),
        }
    )
    path: Path = tmp_path / "zoning.gpkg"
    formats.write(path, table, crs=grid.CRS)
    facts = {"layer": "planning.TDYTQ", "division": "990121", "valid_from": "2024-12-31", "action": "match"}
    with path.open("rb") as stream:
        answer = director.post("/map/versions/import/", {**facts, "file": stream})
    assert answer.status_code == 302
    page = director.get(answer.url).content.decode()
    assert "一般农地区 → 020" in page and "computed from the outline" in page
    from urllib.parse import parse_qs, urlsplit

    asked = {k: v[0] for k, v in parse_qs(urlsplit(answer.url).query).items()}
    done = director.post("/map/versions/import/match/", {**asked, "column-zone_type": "kind", "save_as": "zoning"})
    assert done.status_code == 302
    kept = LayerMapping.objects.get(name="zoning").facts
    assert kept["columns"] == {"zone_type": "kind"} and kept["values"]["zone_type"]["林业用地区"] == "090"
    assert kept["area"] == "zone_area_m2" and kept["sequence"] == "bsm"


@pytest.mark.django_db
def test_gdal_opens_a_packed_geodatabase_by_its_name(tmp_path) -> None:
    import pyogrio

    version = importing.import_layer("DLTB", grid.dltb(tmp_path / "in.gpkg"), "990121", DAY).version
    path = tmp_path / exporting.file_name(version, "fgdb")
    assert path.name.endswith(".gdb.zip")
    exporting.write(version, path, "fgdb")
    assert pyogrio.list_layers(path)[:, 0].tolist() == ["DLTB"]
    assert pyogrio.read_info(path)["features"] == version.rows
