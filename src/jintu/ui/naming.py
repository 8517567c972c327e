"""Names the pages need but this floor does not know: an upper floor hands them in.

Division codes are shown by name. The kernel knows the public code lists; the registers know the node's own townships
and villages and may give a better resolver with `use`.
"""

from __future__ import annotations

from collections.abc import Callable

from jintu.kernel import divisions

__all__ = ["division_name", "kind_name", "use", "use_kinds"]


def _public(code: str) -> str:
    found = divisions.find(code)
    return found.name if found else code


_resolver: list[Callable[[str], str]] = [_public]


def use(resolver: Callable[[str], str]) -> None:
    """From now on ``resolver(code)`` gives the name of a division, or the code when it knows none."""
    _resolver[0] = resolver


def division_name(code: str) -> str:
    """The name of a division, or its code."""
    return _resolver[0](code) if code else ""


_kinds: list[Callable[[str], str]] = [str]


def use_kinds(resolver: Callable[[str], str]) -> None:
    """From now on ``resolver(name)`` gives what people call a kind of object: a register, a layer."""
    _kinds[0] = resolver


def kind_name(name: str) -> str:
    """What people call a kind of object, or its name."""
    return _kinds[0](name)
