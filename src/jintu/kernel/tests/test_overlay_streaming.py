"""Overlay with layers on disk: the same answer as in memory, the same digits on every executor, bounded memory."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from jintu.kernel.errors import InputError, Missing, Unsupported
from jintu.kernel.executors import Dask, Threads, executor
from jintu.kernel.flat import Polygons, from_shapely
from jintu.kernel.overlay import fragments as fragments_module
from jintu.kernel.overlay import overlay, prepare
from jintu.kernel.overlay.fragments import ROWS, plan, reader
from jintu.kernel.overlay.streaming import Question, Source, overlay_files, pair_files, task
from jintu.kernel.overlay.tree import hilbert_order
from jintu.kernel.spark import Spark

SIDES = ("xmin", "ymin", "xmax", "ymax")
CODES = ("011", "013", "021", "203")


def grid(columns: int, rows: int, step: float = 1e-3) -> Polygons:
    """A gap-free partition of slanted cells in lon/lat, in Hilbert order."""
    x, y = np.meshgrid(np.arange(columns + 1), np.arange(rows + 1), indexing="ij")
    lon, lat = 118 + step * (x + 0.2 * np.sin(3 * y)), 36 + step * (y + 0.2 * np.cos(5 * x))
    i, j = (a.ravel() for a in np.meshgrid(np.arange(columns), np.arange(rows), indexing="ij"))
    corners = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1), (i, j)]
    each = np.arange(len(i) + 1)
    flat = Polygons(
        np.column_stack([lon[c] for c in corners]).ravel(),
        np.column_stack([lat[c] for c in corners]).ravel(),
        each * 5,
        each,
        each,
    )
    return flat.take(hilbert_order(flat.boxes()))


def write(path, polygons: Polygons, *, covering: bool = True, row_group: int = 500, statistics: bool = True, **columns):
    """A layer as the lake keeps it; ``columns`` beside a class "code" and an "owner" that some rows lack."""
    n = len(polygons)
    table = {
        "code": pa.array([CODES[k % 4] for k in range(n)]),
        "owner": pa.array([(None, "20", "30")[k // 7 % 3] for k in range(n)]),
        **columns,
        "geometry": pa.array(shapely.to_wkb(polygons.to_shapely()), pa.binary()),
    }
    facts = {"encoding": "WKB", "geometry_types": ["MultiPolygon"]}
    if covering:
        boxes = polygons.boxes()
        table["bbox"] = pa.StructArray.from_arrays([pa.array(boxes[:, k]) for k in range(4)], names=list(SIDES))
        facts["covering"] = {"bbox": {side: ["bbox", side] for side in SIDES}}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": facts}}
    table = pa.table(table).replace_schema_metadata({b"geo": json.dumps(geo).encode()})
    pq.write_table(table, path, row_group_size=row_group, compression="zstd", write_statistics=statistics)
    return str(path)


def parcels(count: int, columns: int, rows: int, seed: int = 1, step: float = 1e-3) -> Polygons:
    """Stars of three to nine corners, a few cells wide, scattered over a grid and over its border."""
    random = np.random.default_rng(seed)
    shapes = []
    for _ in range(count):
        angles = np.sort(random.uniform(0, 2 * np.pi, random.integers(3, 10)))
        reach = random.uniform(0.3, 3, len(angles)) * step
        centre = 118 + random.uniform(0, columns) * step, 36 + random.uniform(0, rows) * step
        shape = shapely.Polygon(np.column_stack((np.cos(angles) * reach, np.sin(angles) * reach)) + centre)
        shapes.append(shape if shape.is_valid else shape.convex_hull)
    return from_shapely(shapes)


def table(sums) -> dict:
    return {(left, *values): area for left, values, area in sums.rows()}


@pytest.fixture(scope="module")
def layer(tmp_path_factory):
    return write(tmp_path_factory.mktemp("layer") / "data.parquet", grid(80, 60)), grid(80, 60), parcels(150, 80, 60)


@pytest.mark.parametrize("covering", [True, False])
def test_a_layer_on_disk_gives_what_it_gives_in_memory(tmp_path, covering) -> None:
    cells, lots = grid(70, 40), parcels(120, 70, 40)
    (sums,) = overlay_files(lots, [Source(write(tmp_path / "a.parquet", cells, covering=covering), ("code",))])
    expected = overlay(lots, cells, np.arange(len(cells)) % 4)
    found = table(sums)
    assert len(found) == len(expected)
    for left, code, area in zip(expected.left, expected.right, expected.area_m2, strict=True):
        assert found[left, CODES[code]] == pytest.approx(area, rel=1e-12)


def test_geos_agrees(tmp_path) -> None:
    cells, lots = grid(12, 9), parcels(30, 12, 9)
    (sums,) = overlay_files(lots, [Source(write(tmp_path / "a.parquet", cells, row_group=20))])
    union = shapely.union_all(cells.to_shapely())
    for left, _, area in sums.rows():
        common = shapely.intersection(lots.take([left]).to_shapely()[0], union)
        assert area == pytest.approx(from_shapely([common]).areas()[0], rel=1e-9)


def test_a_layer_in_any_order_gives_the_same_areas(tmp_path) -> None:
    cells, lots = grid(70, 40), parcels(120, 70, 40)
    order = np.random.default_rng(3).permutation(len(cells))
    mixed = pair_files(lots, [write(tmp_path / "a.parquet", cells.take(order))])
    expected = overlay(lots, cells)
    place = np.lexsort((order[mixed.right], mixed.left))
    assert np.array_equal(mixed.left[place], expected.left)
    assert np.array_equal(order[mixed.right][place], expected.right)
    assert np.array_equal(mixed.area_m2[place], expected.area_m2)


@pytest.mark.parametrize("threads", [1, 2])
def test_rows_of_several_files_pair_as_in_memory_to_the_last_bit(tmp_path, threads) -> None:
    """Two files with and without covering are one layer; a parcel far from the first skips its row groups."""
    cells, lots = grid(70, 40), parcels(120, 70, 40)
    halves = [cells.take(np.arange(1300)), cells.take(np.arange(1300, 2800))]
    paths = [write(tmp_path / f"{k}.parquet", half, covering=not k, row_group=90) for k, half in enumerate(halves)]
    found, expected = pair_files(lots, paths, Threads(threads)), overlay(lots, cells)
    assert len(found) > 500
    for name in ("left", "right", "area_m2"):
        assert np.array_equal(getattr(found, name), getattr(expected, name))
    few = lots.take([3])
    assert np.array_equal(pair_files(few, paths).right, overlay(few, cells).right)
    assert len(pair_files(from_shapely([shapely.box(10, 10, 11, 11)]), paths)) == 0


def test_several_columns_make_one_class_and_a_null_is_none(layer) -> None:
    path, _, lots = layer
    both, code, owner, none = overlay_files(
        lots, [Source(path, ("code", "owner")), Source(path, ("code",)), Source(path, ("owner",)), Source(path)]
    )
    assert set(both.values) == {(c, o) for c in CODES for o in (None, "20", "30")}
    assert set(owner.values) == {(None,), ("20",), ("30",)} and none.values == ((),)
    for sums in (code, owner, none):
        assert sums.area_m2.sum() == pytest.approx(both.area_m2.sum(), rel=1e-12)
    of_code: dict = {}
    for left, (value, _), area in both.rows():
        of_code[left, value] = of_code.get((left, value), 0.0) + area
    assert of_code == pytest.approx(table(code), rel=1e-12)


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_the_digits_do_not_depend_on_the_threads(layer, threads) -> None:
    path, _, lots = layer
    (one,) = overlay_files(lots, [Source(path, ("code", "owner"))], Threads(1))
    (many,) = overlay_files(lots, [Source(path, ("code", "owner"))], Threads(threads))
    assert one.values == many.values
    for name in ("left", "code", "area_m2"):
        assert np.array_equal(getattr(one, name), getattr(many, name))


def test_only_row_groups_near_a_parcel_are_read(tmp_path, monkeypatch) -> None:
    cells = grid(64, 64)
    path = write(tmp_path / "a.parquet", cells, row_group=64)
    monkeypatch.setattr(fragments_module, "ROWS", 64)
    one = prepare(from_shapely([shapely.box(118.0301, 36.0301, 118.0309, 36.0309)]))
    near = plan(path, 0, one.tree)
    assert 1 <= len(near) <= 4
    assert len(plan(path, 0, prepare(cells).tree)) == 64
    assert not plan(path, 0, prepare(from_shapely([shapely.box(10, 10, 11, 11)])).tree)
    with reader(path) as file:
        assert len(file.boxes(near[0].groups)) == 64
    blind = write(tmp_path / "b.parquet", cells, row_group=64, statistics=False)
    assert len(plan(blind, 0, one.tree)) == 64
    (a,), (b,) = (overlay_files(one, [Source(p, ("code",))]) for p in (path, blind))
    assert table(a) == table(b)


def test_small_row_groups_are_read_together(tmp_path) -> None:
    path = write(tmp_path / "a.parquet", grid(200, 100), row_group=1000)
    fragments = plan(path, 3, prepare(grid(200, 100)).tree)
    assert all(f.layer == 3 for f in fragments) and [len(f.groups) for f in fragments] == [16, 4]
    assert ROWS >= 16 * 1000 and all(b.groups[0] == a.groups[-1] + 1 for a, b in pairwise(fragments))


def test_columns_of_any_type_across_row_groups(tmp_path) -> None:
    """Text that changes its dictionary from group to group, text without one, numbers, booleans, nulls only."""
    cells, lots = grid(40, 30), parcels(40, 40, 30)
    n = len(cells)
    columns = {
        "late": pa.array([None if k < 300 else f"v{k // 300}" for k in range(n)]),
        "each": pa.array([f"{k:07d}" for k in range(n)], pa.large_string()),
        "slope": pa.array([k % 5 if k % 3 else None for k in range(n)], pa.int8()),
        "inside": pa.array([k % 2 == 0 for k in range(n)]),
        "nothing": pa.nulls(n, pa.string()),
    }
    path = write(tmp_path / "a.parquet", cells, row_group=150, **columns)
    (sums,) = overlay_files(lots, [Source(path, tuple(columns))])
    found = table(sums)
    pairs = overlay(lots, cells)
    assert len(found) == len(pairs)
    plain = [c.to_pylist() for c in columns.values()]
    for left, right, area in zip(pairs.left, pairs.right, pairs.area_m2, strict=True):
        assert found[(left, *(c[right] for c in plain))] == pytest.approx(area, rel=1e-12)


def test_nothing_in_common_and_nothing_asked(layer, tmp_path) -> None:
    path, _, _ = layer
    for lots in (from_shapely([shapely.box(10, 10, 11, 11), None]), from_shapely([None]), from_shapely([])):
        (sums,) = overlay_files(lots, [Source(path, ("code",))])
        assert len(sums) == 0 and list(sums.rows()) == []
    empty = write(tmp_path / "e.parquet", from_shapely([]))
    assert len(overlay_files(from_shapely([shapely.box(118, 36, 119, 37)]), [Source(empty)])[0]) == 0


def test_what_cannot_be_read_is_named(layer, tmp_path) -> None:
    path, _, lots = layer
    with pytest.raises(Missing, match="no column nothing; there are: code"):
        overlay_files(lots, [Source(path, ("nothing",))])
    with pytest.raises(Missing, match=r"gone\.parquet"):
        overlay_files(lots, [Source(str(tmp_path / "gone.parquet"))])
    plain = tmp_path / "plain.parquet"
    pq.write_table(pa.table({"a": [1]}), plain)
    with pytest.raises(InputError, match="geo metadata"):
        overlay_files(lots, [Source(str(plain))])
    (tmp_path / "text.parquet").write_text("no")
    with pytest.raises(InputError, match="damaged"):
        overlay_files(lots, [Source(str(tmp_path / "text.parquet"))])
    data = bytearray(Path(path).read_bytes())
    data[len(data) // 3 : len(data) // 3 + 2000] = b"\0" * 2000
    (tmp_path / "torn.parquet").write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        overlay_files(lots, [Source(str(tmp_path / "torn.parquet"), ("code",))])
    geo = {"version": "1.1.0", "primary_column": "g", "columns": {"g": {"encoding": "polygon"}}}
    pq.write_table(pa.table({"g": [1]}).replace_schema_metadata({b"geo": json.dumps(geo)}), plain)
    with pytest.raises(Unsupported, match="polygon"):
        overlay_files(lots, [Source(str(plain))])


def test_a_question_travels_to_another_process(layer) -> None:
    path, _, lots = layer
    question = Question(prepare(lots), (Source(path, ("code",)),))
    (fragment,) = plan(path, 0, question.parcels.tree)[:1]
    there = pickle.loads(pickle.dumps(question))
    a, b = task(question, fragment), task(there, fragment)
    assert a.values == b.values and np.array_equal(a.area_m2, b.area_m2)
    assert len(pickle.dumps(fragment)) < 300


def test_executors_by_name() -> None:
    assert executor("threads") == Threads() and executor("threads:3") == Threads(3)
    assert executor("dask://example:8786") == Dask("tcp://example:8786")
    assert executor("spark") == Spark() and executor("spark:local[2]") == Spark("local[2]")
    assert executor("spark://example:7077") == Spark("spark://example:7077")
    for wrong in ("", "thread", "threads:x", "dask:", "spark:x"):
        with pytest.raises(InputError, match="names no executor"):
            executor(wrong)


def test_an_error_of_a_task_is_raised_and_ends_the_run() -> None:
    ran = []

    def work(shared, item):
        ran.append(item)
        if item == 3:
            raise ValueError("three")
        return item

    for threads in (1, 2):
        ran.clear()
        with pytest.raises(ValueError, match="three"):
            list(Threads(threads).run(work, None, range(1000)))
        assert len(ran) < 20


MEASURE = """
import json, sys
from jintu.kernel.executors import Threads
from jintu.kernel.overlay.streaming import Source, overlay_files
from jintu.kernel.tests.test_overlay_streaming import parcels
def peak():
    return next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith("VmHWM")) / 1024
columns, rows = 300, int(sys.argv[3])
overlay_files(parcels(50, columns, 40), [Source(sys.argv[1], ("code",))], Threads(2))
before = peak()
(sums,) = overlay_files(parcels(400, columns, rows), [Source(sys.argv[2], ("code",))], Threads(2))
print(json.dumps([before, peak(), len(sums)]))
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs /proc")
def test_memory_is_that_of_the_fragments_in_flight(tmp_path) -> None:
    """A layer of 260 MB decoded, in row groups of 2.6 MB, on two threads: less than 64 MB for each."""
    fine = from_shapely(shapely.segmentize(grid(300, 400).to_shapely(), 3e-5))
    large = write(tmp_path / "large.parquet", fine, row_group=1200)
    small = write(tmp_path / "small.parquet", grid(300, 40), row_group=1200)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, small, large, "400"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    before, after, found = json.loads(done.stdout.splitlines()[-1])
    assert found > 1000
    decoded = pq.ParquetFile(large).read(["geometry"]).nbytes / 2**20
    assert decoded > 250
    assert after - before < 128, (before, after, decoded)
