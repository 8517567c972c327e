"""Overlay and topology on Spark: the same answers to the last bit, and references only on the way."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from jintu.kernel.errors import InputError
from jintu.kernel.executors import Threads, executor
from jintu.kernel.overlay.streaming import Source, overlay_files
from jintu.kernel.tests.test_overlay_streaming import grid, parcels, write
from jintu.kernel.tests.test_topology_streaming import damaged, same
from jintu.kernel.topology import Plane
from jintu.kernel.topology.streaming import inspect_file

for needed in ("pyspark", "pandas"):
    pytest.importorskip(needed, reason="PySpark is not installed (pip install jintu[spark])")
pytestmark = pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java")


@pytest.fixture(scope="module")
def spark():
    """A session with two workers on this machine, which may fail three times a task."""
    from pyspark.sql import SparkSession

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(p for p in sys.path if p))
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        builder = SparkSession.builder.master("local[2, 3]").config("spark.ui.enabled", "false")
        session = builder.config("spark.driver.host", "127.0.0.1").getOrCreate()
        yield session
        session.stop()


def test_overlay_gives_the_same_digits(spark, tmp_path) -> None:
    path = write(tmp_path / "a.parquet", grid(200, 150), row_group=2000)
    lots, question = parcels(100, 200, 150), [Source(path, ("code", "owner"))]
    (here,) = overlay_files(lots, question, Threads(1))
    (there,) = overlay_files(lots, question, executor("spark"))
    assert there.values == here.values
    for name in ("left", "code", "area_m2"):
        assert np.array_equal(getattr(here, name), getattr(there, name))


def test_topology_gives_the_same_digits(spark, tmp_path) -> None:
    path, plane = write(tmp_path / "b.parquet", damaged(80, 60), row_group=700), Plane.degrees(36.03)
    same(inspect_file(path, plane, executor=Threads(1)), inspect_file(path, plane, executor=executor("spark")))


def _square(shared, item):
    """Kills its own worker the first time it sees the item that the file does not know."""
    mark = Path(shared)
    if item == 5 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return item * item


def test_a_worker_may_die_and_order_is_kept(spark, tmp_path) -> None:
    assert list(executor("spark").run(_square, str(tmp_path / "died"), range(30))) == [n * n for n in range(30)]
    assert (tmp_path / "died").exists()
    assert list(executor("spark").run(_square, "", [])) == []


def _refuses(shared, item):
    if item == 3:
        raise InputError("Item {number} is wrong.", number=item)
    return item


def test_an_error_of_a_task_keeps_its_sentence(spark) -> None:
    with pytest.raises(InputError, match=r"Item 3 is wrong\."):
        list(executor("spark").run(_refuses, None, range(5)))
