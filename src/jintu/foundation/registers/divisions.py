"""Names of division codes as this node knows them, for lists, chips and imports.

The kernel knows the public code lists; a node adds its own (townships, villages, later revisions) by `add`. A code
nobody knows is shown as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from jintu.kernel import divisions as kernel

__all__ = ["add", "known", "name", "names", "within"]

_own: list[kernel.Division] = []
_list: list[kernel.Divisions] = []


def add(more: Iterable[kernel.Division] | Mapping[str, str]) -> None:
    """Further divisions, from a domain's or the node's own list; a mapping gives names without days."""
    if isinstance(more, Mapping):
        more = [kernel.Division(code, name_) for code, name_ in more.items()]
    _own.extend(more)
    _list.clear()
    name.cache_clear()


def known() -> kernel.Divisions:
    """The list this node resolves codes and names by."""
    if not _list:
        _list.append(kernel.load().extended(_own) if _own else kernel.load())
    return _list[0]


@lru_cache(maxsize=8192)
def name(code: str) -> str:
    """The name of a division, or the code itself."""
    return known().name(code) or code


def names(codes: Iterable[str]) -> dict[str, str]:
    """Names by code."""
    return {code: name(code) for code in codes}


def within(prefix: str, limit: int = 60) -> list[tuple[str, str]]:
    """The divisions directly below a code (6 digits or more), as (code, name): choices of forms and filters."""
    if len(prefix) not in (6, 9):
        return []
    return [(d.code, d.name) for d in known().children(prefix)[:limit]]
