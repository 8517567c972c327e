"""Values that are reckoned once and kept with an object that several threads look at.

>>> class Layer:
...     @once
...     def area(self) -> float:
...         print("measured")
...         return 2.5
>>> layer = Layer()
>>> layer.area + layer.area
measured
5.0
"""

from __future__ import annotations

from functools import cached_property
from threading import RLock
from typing import Any, TypeVar, overload

__all__ = ["making", "once"]

T = TypeVar("T")


def making(owner: object, what: str) -> Any:
    """The lock of one thing that is made of an object: who holds it makes that thing, others wait for it."""
    return owner.__dict__.setdefault(f"making {what}", RLock())


class once(cached_property[T]):
    """`functools.cached_property` with a lock for each object and property.

    In Python 3.11 that one locks all objects of a class, so that no two threads reckon the same of two objects at the
    same time; from 3.12 on it locks nothing, and two threads reckon the same of one object.
    """

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> once[T]: ...
    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> T: ...
    def __get__(self, instance: Any, owner: type[Any] | None = None) -> Any:
        if instance is None:
            return self
        name = str(self.attrname)
        kept = instance.__dict__
        with making(instance, name):
            if name not in kept:
                kept[name] = self.func(instance)
        return kept[name]
