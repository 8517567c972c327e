"""A printed map sheet: what is on it, and the PDF made of it with typst."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from jintu.foundation.journal import append
from jintu.foundation.operations.actor import Actor
from jintu.kernel.errors import InputError, Missing, Place

from .. import reporting
from . import drawing, themes
from .sheet import Sheet

__all__ = ["Order", "name_of", "pdf", "record"]

TEMPLATE = Path(__file__).with_name("sheet.typ")
MOST_LEGEND = 40


@dataclass(frozen=True)
class Order:
    """What is printed: ``box`` in degrees, layers by name, a thematic map by its digest."""

    title: str
    box: tuple[float, float, float, float]
    layers: tuple[str, ...]
    day: date
    paper: str = "A3"
    landscape: bool = True
    scale: int | None = None
    theme: str = ""
    language: str = "zh-hans"

    @property
    def sheet(self) -> Sheet:
        return Sheet.around(self.box, self.paper, self.landscape, self.scale)

    def as_json(self) -> dict[str, Any]:
        return {**self.__dict__, "day": self.day.isoformat(), "box": list(self.box), "layers": list(self.layers)}

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> Order:
        """Raises `InputError` for what is no order."""
        try:
            west, south, east, north = (float(v) for v in facts["box"])
            return cls(
                title=" ".join(str(facts["title"]).split())[:60],
                box=(west, south, east, north),
                layers=tuple(str(n)[:60] for n in facts["layers"][:60]),
                day=date.fromisoformat(facts["day"]),
                paper=str(facts["paper"]),
                landscape=bool(facts["landscape"]),
                scale=int(facts["scale"]) if facts.get("scale") else None,
                theme=str(facts.get("theme") or "")[:40],
                language=str(facts.get("language") or "zh-hans"),
            )
        except (KeyError, TypeError, ValueError):
            raise InputError("The view is not a part of the map.", place=Place(field="view")) from None


def name_of(user: Any) -> str:
    """Who printed: the person and the office."""
    return " · ".join(p for p in (user.name, user.organisation.name if user.organisation_id else "") if p)


def pdf(order: Order, scope: Any, printed_by: str) -> bytes:
    """The sheet as PDF, in the reader's language. Raises `Refused` where it would hold too much, `Missing` when none of
    the layers has anything to show."""
    import typst

    sheet = order.sheet
    theme = themes.find(order.theme) if order.theme else None
    made = drawing.draw(sheet, scope, order.layers, order.day, theme)
    if not made.sources and not made.legend:
        raise Missing(
            "None of the layers shown has anything in the frame.", remedy="Switch a layer on, or move the map."
        )
    facts = _facts(order, sheet, made, printed_by)
    with tempfile.TemporaryDirectory(prefix="jintu-print-") as name:
        folder = Path(name)
        (folder / "sheet.typ").write_bytes(TEMPLATE.read_bytes())
        (folder / "map.svg").write_text(made.svg, encoding="utf-8")
        (folder / "sheet.json").write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")
        return typst.compile(str(folder / "sheet.typ"), root=str(folder), format="pdf")


def _facts(order: Order, sheet: Sheet, made: drawing.Drawing, printed_by: str) -> dict[str, Any]:
    node = settings.NODE
    legend, left = [], MOST_LEGEND
    for group in made.legend:
        if left > 0:
            legend.append({**group, "entries": group["entries"][:left]})
            left -= len(group["entries"])
    zone = _("Gauss–Krüger, 3° zone, central meridian {m}°, grid in km").format(m=sheet.meridian)
    rows = [
        (_("State of"), order.day.isoformat()),
        (_("Coordinates"), f"CGCS2000 (EPSG:4490). {zone}"),
        (_("Areas"), reporting.method_words()),
        (_("Node"), f"{node.name or node.division} ({node.division})"),
        (_("Printed"), f"{printed_by} · {timezone.localtime():%Y-%m-%d %H:%M}"),
    ]
    if node.map_approval_no:
        rows.append((_("Map approval"), node.map_approval_no))
    return {
        "lang": "zh" if (get_language() or "zh").startswith("zh") else "en",
        "title": order.title or _("Thematic map"),
        "subtitle": "",
        "paper": order.paper,
        "landscape": order.landscape,
        "size": sheet.size,
        "frame": sheet.frame,
        "grid": sheet.grid(),
        "corners": sheet.corners(),
        "bar": sheet.scale_bar(),
        "scale": f"1:{sheet.scale:,}".replace(",", "\u202f"),
        "legend": legend,
        "entries": sum(len(g["entries"]) + bool(g["title"]) for g in legend),
        "words": made.words,
        "facts": rows,
        "sources": made.sources[:8],
        "notes": made.notes,
        "printed_by": printed_by,
        "t": {
            "north": _("N"),
            "legend": _("Legend"),
            "sources": _("Layer versions"),
            "disclaimer": _("For internal use. The map proves neither rights nor boundaries."),
        },
    }


def record(order: Order, digest: str, actor: Actor) -> None:
    """Who printed which part of which layers, with the hash of the file."""
    with transaction.atomic():
        append(
            "map.print",
            actor=actor,
            division=actor.division,
            objects=[("layer", name) for name in order.layers],
            facts={"paper": order.paper, "scale": order.sheet.scale, "day": order.day.isoformat(), "file": digest},
        )
