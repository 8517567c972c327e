"""Compiled functions run from their object code, without numba, and give what Python gives."""

from __future__ import annotations

import subprocess
import sys
from typing import NamedTuple

import numpy as np
import pytest

from jintu.kernel import compiled as module
from jintu.kernel.compiled import Compiled, compiled, resident


class Pair(NamedTuple):
    values: np.ndarray
    factor: float


@compiled
def double(value):
    return 2 * value


@compiled
def scaled(pair, more, negative, out):
    total = 0.0
    for k in range(len(pair.values)):
        out[k] = pair.factor * pair.values[k] + double(more[0])
        total += out[k]
    return len(out), -total if negative else total


@compiled
def squares(n):
    return np.arange(n) ** 2


@compiled
def multiples(pair):
    return pair.values * pair.factor


@compiled
def nothing(table, whole):
    table[1, 0] = table[0, 1]
    if whole:
        table[0, 0] = 7.0


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Object code of its own for each test."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    return tmp_path / "objects"


def again(function):
    """The function as a new process has it."""
    return Compiled(function.__wrapped__, {})


@pytest.mark.parametrize("step", [1, 2, -1], ids=["in one piece", "every other", "backwards"])
@pytest.mark.parametrize("negative", [False, True])
def test_arrays_tuples_and_numbers_are_passed(store, step, negative):
    values, out = np.arange(12.0)[::step], np.zeros(12)[::step]
    expected = scaled.__wrapped__(Pair(values, 0.5), (3.0, 4.0), negative, np.zeros(len(out)))
    for function in (again(scaled), again(scaled)):
        out[:] = 0
        assert function(Pair(values, 0.5), (3.0, 4.0), negative, out) == expected
        assert out.tolist() == (0.5 * values + 6).tolist()


def test_a_resident_tuple_is_its_arrays_as_they_are_now(store):
    pair = resident(Pair(np.arange(3.0), 2.0))
    function, out = again(scaled), np.zeros(3)
    function(pair, (1.0, 0.0), False, out)
    assert (out.tolist(), pair.factor, len(function.signatures)) == ([2.0, 4.0, 6.0], 2.0, 1)
    pair.values[:] = 10
    function(pair, (1.0, 0.0), False, out)
    function(Pair(np.arange(3.0), 2.0), (1.0, 0.0), False, np.zeros(3))
    assert (out.tolist(), len(function.signatures)) == ([22.0, 22.0, 22.0], 1)


def test_a_resident_tuple_is_handed_to_numba_as_it_was(store):
    assert again(multiples)(resident(Pair(np.arange(3.0), 2.0))).tolist() == [0, 2, 4]


def test_object_code_is_found_by_the_next_process(store):
    first, second = again(nothing), again(nothing)
    for function, misses in ((first, 1), (second, 0)):
        table = np.array([[1.0, 2.0], [3.0, 4.0]])
        assert function(table.T, False) is None
        assert function(table, True) is None
        assert table.tolist() == [[7.0, 3.0], [3.0, 4.0]]
        assert (len(function.signatures), function.misses) == (2, 2 * misses)


def test_what_allocates_is_left_to_numba(store):
    for function in (again(squares), again(squares)):
        assert function(4).tolist() == [0, 1, 4, 9]
    assert function.misses == 0, "what is known about a function is kept, even when it is that it has no object code"


@pytest.mark.parametrize("harm", [b"", b"{}", b"not ours at all", None], ids=["empty", "no facts", "foreign", "cut"])
def test_damaged_object_code_is_compiled_anew(store, harm):
    again(double)(1)
    (file,) = store.iterdir()
    file.write_bytes(file.read_bytes()[:-9] if harm is None else harm)
    function = again(double)
    assert (function(21), function.misses) == (42, 1)


def test_object_code_of_other_sources_is_compiled_anew(store, monkeypatch):
    again(double)(1)
    monkeypatch.setattr(module, "_stamp", lambda file: "another")
    function = again(double)
    assert (function(21), function.misses) == (42, 1)
    assert len(list(store.iterdir())) == 1, "what nobody can use any more is not kept"


def test_a_store_that_cannot_be_written_is_done_without(store):
    store.write_text("a file where the directory should be")
    assert again(double)(21) == 42


def test_an_argument_that_is_none_of_those_is_refused():
    with pytest.raises(TypeError, match="str"):
        again(double)("2")


COLD = """
import sys, tempfile
from jintu.kernel.overlay.streaming import Source, overlay_files
from jintu.kernel.flat import from_wkb
import pyarrow.parquet as pq
parcels = from_wkb(pq.ParquetFile(sys.argv[1]).read(columns=["geometry"])["geometry"])
(sums,) = overlay_files(parcels, [Source(sys.argv[1], ("name", "number"))])
print(len(sums), [m for m in ("numba", "pandas", "pyarrow.compute", "shapely") if m in sys.modules])
"""


def test_an_overlay_from_cold_files_imports_no_compiler(tmp_path):
    import json

    import pyarrow as pa
    import pyarrow.parquet as pq
    import shapely

    boxes = [shapely.box(118 + i / 100, 36, 118 + (i + 1) / 100, 36.01) for i in range(20)]
    bounds = shapely.bounds(boxes)
    sides = ("xmin", "ymin", "xmax", "ymax")
    table = pa.table(
        {
            "name": [f"class {i % 3}" for i in range(20)],
            "number": pa.array(range(20)),
            "geometry": list(shapely.to_wkb(boxes)),
            "bbox": pa.StructArray.from_arrays([pa.array(bounds[:, k]) for k in range(4)], list(sides)),
        }
    )
    covering = {"bbox": {side: ["bbox", side] for side in sides}}
    geo = {"primary_column": "geometry", "columns": {"geometry": {"encoding": "WKB", "covering": covering}}}
    path = tmp_path / "layer.parquet"
    pq.write_table(table.replace_schema_metadata({b"geo": json.dumps(geo).encode()}), path)
    for _ in range(2):  # the first may have to compile
        done = subprocess.run([sys.executable, "-c", COLD, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "20 []"
