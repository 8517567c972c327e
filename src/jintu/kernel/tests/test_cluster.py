"""Overlay and topology on two worker processes, one of them killed: the same answers to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from jintu.kernel.errors import Missing
from jintu.kernel.executors import Dask, Threads, executor
from jintu.kernel.overlay.streaming import Source, overlay_files, pair_files, task
from jintu.kernel.tests.cluster import Dying, two_workers
from jintu.kernel.tests.test_overlay_streaming import grid, parcels, write
from jintu.kernel.tests.test_topology_streaming import damaged, same
from jintu.kernel.topology import Plane
from jintu.kernel.topology.streaming import inspect_file

pytest.importorskip("distributed", reason="dask.distributed is not installed (pip install jintu[cluster])")


@pytest.fixture(scope="module")
def layer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("layer")
    return write(folder / "a.parquet", grid(400, 300), row_group=2000), parcels(300, 400, 300)


@pytest.fixture
def cluster(tmp_path):
    with two_workers(tmp_path) as both:
        yield both


def test_overlay_gives_the_same_digits_and_a_worker_may_die(cluster, layer) -> None:
    address, workers = cluster
    path, lots = layer
    question = [Source(path, ("code", "owner"))]
    (here,) = overlay_files(lots, question, Threads(2))
    (there,) = overlay_files(lots, question, executor(address.replace("tcp:", "dask:")))
    rows_here, rows_there = pair_files(lots, [path], Threads(2)), pair_files(lots, [path], Dask(address))
    dying = Dying(address, workers[0])
    (after,) = overlay_files(lots, question, dying)
    assert dying.killed
    for other in (there, after):
        assert other.values == here.values
        for name in ("left", "code", "area_m2"):
            assert np.array_equal(getattr(here, name), getattr(other, name))
    for name in ("left", "right", "area_m2"):
        assert np.array_equal(getattr(rows_here, name), getattr(rows_there, name))


def test_topology_gives_the_same_digits_and_a_worker_may_die(cluster, tmp_path) -> None:
    address, workers = cluster
    path = write(tmp_path / "b.parquet", damaged(150, 120), row_group=1000)
    plane = Plane.degrees(36.06)
    here = inspect_file(path, plane, executor=Threads(2))
    assert len(here.counts()) >= 4
    same(here, inspect_file(path, plane, executor=executor(address.replace("tcp:", "dask:"))))
    dying = Dying(address, workers[1])
    same(here, inspect_file(path, plane, executor=dying))
    assert dying.killed


def added(shared, item):
    return shared + item


def test_what_all_tasks_need_is_sent_again_where_it_was_lost(cluster) -> None:
    from distributed import Client

    def lose(dask_scheduler):
        everything = list(dask_scheduler.tasks)
        for client in list(dask_scheduler.clients):
            dask_scheduler.stimulus_cancel(everything, client, force=True, reason="lost", msg="")
        return len(everything)

    address, _ = cluster
    running = Dask(address).run(added, 100, range(12))
    first = next(running)
    with Client(address, set_as_default=False) as client:
        assert client.run_on_scheduler(lose) > 2
    assert [first, *running] == [100 + n for n in range(12)]


def test_a_scheduler_that_is_not_there() -> None:
    with pytest.raises(Missing, match="No dask scheduler answers"):
        list(Dask("tcp://127.0.0.1:9", timeout="1s").run(task, None, [1]))
