"""What rules see beside layers: how the file was read, the delivery it came in, and what the domains compute.

A domain names a thing and says how it comes from a version; it is made once, when the first rule asks for it::

    given.provide("summary", lambda version: …)   # None: there is none, the rules that need it are not run
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from jintu.kernel.once import making

if TYPE_CHECKING:
    from jintu.foundation.layers.models import LayerVersion

__all__ = ["Given", "provide"]

Provider = Callable[["LayerVersion"], Any]


def _neighbours(version: LayerVersion) -> Any:
    from .loading import neighbours

    return neighbours(version)


_providers: dict[str, Provider] = {
    "neighbours": _neighbours,
    "reading": lambda version: version.quality.get("reading"),
    "delivery": lambda version: version.quality.get("delivery"),
}


def provide(name: str, provider: Provider) -> None:
    """Called from a domain's AppConfig.ready(). Raises ValueError for a name used twice."""
    if _providers.setdefault(name, provider) is not provider:
        raise ValueError(f"{name} is given twice")


class Given(Mapping[str, Any]):
    """What there is beside a version; a name is "in" it when its provider had something to give."""

    def __init__(self, version: LayerVersion) -> None:
        self.version = version
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        with making(self, name):
            if name not in self._made:
                self._made[name] = _providers[name](self.version)
        if self._made[name] is None:
            raise KeyError(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return (name for name in _providers if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)
