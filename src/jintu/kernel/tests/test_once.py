from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from jintu.kernel.once import once


class Layer:
    together = Barrier(2)
    made = 0

    @once
    def met(self) -> int:
        """Ends only when two threads are in it at the same time."""
        return self.together.wait(timeout=20)

    @once
    def area(self) -> float:
        time.sleep(0.05)
        self.made += 1
        return 2.5

    @once
    def nothing(self) -> None:
        self.made += 1


def test_the_same_of_two_objects_is_reckoned_at_the_same_time():
    layers = Layer(), Layer()
    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(lambda layer: layer.met, layers)) == [0, 1]


def test_what_threads_ask_of_one_object_is_reckoned_once():
    layer = Layer()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: layer.area, range(8))) == [2.5] * 8
    assert layer.made == 1


def test_nothing_is_a_value_too():
    layer = Layer()
    assert layer.nothing is None
    assert layer.nothing is None
    assert layer.made == 1


def test_what_was_set_is_not_reckoned():
    layer = Layer()
    layer.area = 7.0
    assert layer.area == 7.0
    assert "area" in vars(layer)
