"""The lake: hashes of content and not of files, Hilbert order, reading by box, nothing half-done."""

from __future__ import annotations

import os
import time
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from jintu.foundation.layers import content, importing, lake, publishing, versions
from jintu.foundation.layers.models import LayerVersion
from jintu.kernel.overlay.tree import hilbert_places

from . import grid

DAY = date(2024, 12, 31)


def table(**changes) -> pa.Table:
    columns = {
        "a": pa.array(["x", None, "z"]),
        "n": pa.array([1.5, None, 0.0]),
        "d": pa.array([date(2024, 2, 29), None, date(1970, 1, 1)]),
        "geometry": pa.array([b"abc", b"", b"de"], pa.binary()),
    }
    return pa.table(columns | changes)


def digest(t: pa.Table, **facts) -> str:
    return content.content_hash(t, **{"schema": "s", "crs": "EPSG:4490"} | facts)


def test_the_hash_is_of_the_content_and_not_of_its_packing() -> None:
    plain = digest(table())
    assert plain.startswith("sha256:")
    chunked = pa.concat_tables([table().slice(0, 1), table().slice(1)])
    wide = table(
        a=pa.array(["x", None, "z"], pa.large_string()), geometry=pa.array([b"abc", b"", b"de"], pa.large_binary())
    )
    coded = table(a=pa.array(["x", None, "z"]).dictionary_encode().cast(pa.string()))
    shuffled = table().select(["geometry", "d", "n", "a"])
    assert {digest(t) for t in (chunked, wide, coded, shuffled, table().slice(0, 3))} == {plain}
    longer = pa.concat_tables([table(), table()]).slice(3)
    assert digest(longer) == plain


@pytest.mark.parametrize(
    "other",
    [
        table(a=pa.array(["x", "", "z"])),
        table(a=pa.array(["xz", None, ""])),
        table(n=pa.array([1.5, 0.0, 0.0])),
        table(n=pa.array([1.5, None, 1e-300])),
        table(d=pa.array([date(2024, 2, 28), None, date(1970, 1, 1)])),
        table(geometry=pa.array([b"ab", b"c", b"de"], pa.binary())),
        table().rename_columns(["b", "n", "d", "geometry"]),
        table().take([0, 2, 1]),
    ],
)
def test_whatever_differs_changes_the_hash(other: pa.Table) -> None:
    assert digest(other) != digest(table())


def test_schema_and_crs_are_part_of_the_hash_and_sm3_is_another() -> None:
    assert len({digest(table()), digest(table(), schema="t"), digest(table(), crs="EPSG:4528")}) == 3
    assert digest(table(), algorithm="sm3").startswith("sm3:")
    assert digest(table(n=pa.array([1.5, None, -0.0]))) == digest(table())


@given(st.integers(0, 2**31))
def test_neighbours_on_the_curve_are_neighbours_on_the_ground(seed: int) -> None:
    side = 16
    x, y = np.meshgrid(np.arange(side, dtype=float), np.arange(side, dtype=float))
    order = np.random.default_rng(seed).permutation(side * side)
    points = np.column_stack((x.ravel(), y.ravel()))[order]
    boxes = np.column_stack((points, points))
    walk = points[np.argsort(hilbert_places(boxes))]
    assert (np.abs(np.diff(walk, axis=0)).sum(axis=1) == 1).all()


@pytest.mark.django_db
def test_reading_by_box_gives_what_a_full_scan_gives(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(content, "ROW_GROUP", 7)
    version = importing.import_layer("DLTB", grid.dltb(tmp_path / "a.gpkg"), "990121", DAY).version
    assert pq.ParquetFile(version.directory / lake.DATA).num_row_groups == 5
    whole = {r["bsm"]: shapely.from_wkb(r["geometry"]).bounds for r in version.table(["bsm", "geometry"]).to_pylist()}
    for box in (grid.lonlat(grid.cell(1, 1)).bounds, grid.lonlat(grid.cell(0, 0, 6, 5)).bounds, (0, 0, 1, 1)):
        wanted = {
            k for k, b in whole.items() if b[0] <= box[2] and b[2] >= box[0] and b[1] <= box[3] and b[3] >= box[1]
        }
        assert set(version.table(["bsm"], bbox=box)["bsm"].to_pylist()) == wanted


@pytest.mark.django_db
def test_an_error_while_writing_leaves_nothing(tmp_path, monkeypatch) -> None:
    before = set(lake.root().glob("*/*/*"))
    monkeypatch.setattr(importing, "_write_low", lambda *a: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        importing.import_layer("DLTB", grid.dltb(tmp_path / "a.gpkg"), "990121", DAY)
    assert not LayerVersion.objects.exists() and set(lake.root().glob("*/*/*")) == before


@pytest.mark.django_db
def test_an_error_while_journaling_leaves_no_version(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(publishing, "append", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        importing.import_layer("DLTB", grid.dltb(tmp_path / "a.gpkg"), "990121", DAY)
    assert not LayerVersion.objects.exists()
    monkeypatch.undo()
    # the directory that was left in the place does not stand in the way
    result = importing.import_layer("DLTB", grid.dltb(tmp_path / "a.gpkg"), "990121", DAY)
    assert versions.verify(result.version) == []


@pytest.mark.django_db
def test_sweeping_removes_what_the_dead_left_and_nothing_else(tmp_path) -> None:
    version = importing.import_layer("DLTB", grid.dltb(tmp_path / "a.gpkg"), "990121", DAY).version
    import socket

    drafts = lake.root() / ".incoming"
    dead = drafts / f"{socket.gethostname()}-4194305-abc"
    living = drafts / f"{socket.gethostname()}-{os.getpid()}-abc"
    elsewhere = drafts / "other-host-17-abc"
    orphan = lake.root() / "survey.DLTB" / "990121" / "2020-01-01-00000000"
    for folder in (dead, living, elsewhere, orphan):
        folder.mkdir(parents=True)
        (folder / "data.parquet").write_bytes(b"x")
    assert set(lake.sweep()) == {f".incoming/{dead.name}"}
    old = time.time() - 7200
    for folder in (living, elsewhere, orphan):
        os.utime(folder, (old, old))
    assert {p.split("/")[-1] for p in lake.sweep()} >= {living.name, elsewhere.name, orphan.name}
    assert version.directory.is_dir() and versions.verify(version) == []
