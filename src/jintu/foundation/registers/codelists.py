"""Code lists by name: a column says ``codelist="land_use"`` and its values must be codes of that list.

The lists the kernel ships are known by their names; a domain adds its own in ``apps.py``, as a mapping or a function
called when the list is first needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from django.utils.translation import get_language

from jintu.kernel import codelists as kernel
from jintu.kernel.errors import Missing

__all__ = ["get", "register"]

_own: dict[str, Mapping[str, str] | Callable[[], Mapping[str, str]]] = {}


def register(name: str, codes: Mapping[str, str] | Callable[[], Mapping[str, str]]) -> None:
    """Give the list ``name``: code → label, in the order shown to people."""
    _own[name] = codes
    _read.cache_clear()


def get(name: str) -> dict[str, str]:
    """Codes of a list with their labels in the language of the person, in the order of the list.

    Raises `Missing` for a list nobody knows: a misspelt name in a descriptor must not switch checking off.
    """
    return _read(name, "en" if (get_language() or "").startswith("en") else "zh")


@cache
def _read(name: str, language: str) -> dict[str, str]:
    if name in _own:
        source = _own[name]
        return {str(k): str(v) for k, v in (source() if callable(source) else source).items()}
    if name not in kernel.names():
        raise Missing("There is no code list {name}.", name=name)
    return kernel.get(name).labels(language)
