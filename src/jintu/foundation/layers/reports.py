"""Reports a domain declares for a layer: tables of one version, or of what changed between two.

The layers know no survey and no plan; a domain says in its ``apps.py`` which report belongs to which layer, where its
page is and how it is built. The page of a version links to it and ``jintu layer tables`` writes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from jintu.kernel.errors import Missing

if TYPE_CHECKING:
    from .models import LayerVersion

__all__ = ["Built", "Report", "get", "of_layer", "register"]


class Built(Protocol):
    """What a report gives of its versions."""

    def as_json(self) -> dict[str, Any]: ...

    def workbook(self, path: Path) -> None:
        """Write it as a spreadsheet."""
        ...


@dataclass(frozen=True)
class Report:
    """``kind``: "tables" is made of one version, "changes" of an older and a newer one. ``url_name``: page that takes
    the primary key of the version, and of the older one after it for changes. ``build(versions)``: oldest first."""

    layer: str
    kind: str
    label: Any
    icon: str
    url_name: str
    build: Callable[[list[LayerVersion]], Built]


_reports: dict[tuple[str, str], Report] = {}


def register(*reports: Report) -> None:
    """Called from a domain's AppConfig.ready()."""
    for report in reports:
        _reports[report.layer, report.kind] = report


def of_layer(layer: str, kind: str = "") -> list[Report]:
    """Reports of a layer, of one kind or all."""
    return [r for r in _reports.values() if r.layer == layer and kind in ("", r.kind)]


def get(layer: str, kind: str) -> Report:
    """The report. Raises `Missing` for a layer without one."""
    found = of_layer(layer, kind)
    if not found:
        names = sorted({r.layer for r in _reports.values() if r.kind == kind})
        raise Missing("There are no tables of {layer}; there are for: {names}.", layer=layer, names=", ".join(names))
    return found[0]
