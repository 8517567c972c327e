"""What the map page is told of a thematic map: a layer on top of the tree, in the form of `onemap.layer_of`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from jintu.kernel.errors import Missing

from .. import tiles, versions
from ..models import LayerVersion
from . import palettes, pictures, themes

__all__ = ["LAYER", "figure", "figures", "groups", "layer_of", "title_of"]

LAYER = "theme"
MOST_DECIMALS = 15


def groups(digest: str, scope: Any, day: date, published: Iterable[LayerVersion] | None = None) -> list[dict[str, Any]]:
    """The group of the tree; none where the layer has no version on that day, or the definition is gone."""
    try:
        theme = themes.find(digest)
    except Missing:
        return []
    pieces = versions.pieces_in_scope(theme.layer, scope, day, published)
    return [group(theme, pieces, day)] if pieces else []


def group(theme: themes.Theme, pieces: list[LayerVersion], day: date) -> dict[str, Any]:
    return {"id": LAYER, "title": _("Thematic map"), "open": True, "layers": [layer_of(theme, pieces, day)]}


def title_of(theme: themes.Theme) -> str:
    schema = theme.schema
    return _("{layer}: {attribute}").format(layer=schema.label, attribute=schema.columns[theme.attribute].label)


def figure(value: float) -> str:
    """A limit as people write it: six digits, thousands apart.

    >>> figure(1234567.0), figure(0.25), figure(12.0)
    ('1\\u202f234\\u202f567', '0.25', '12')
    """
    text = f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:,.6g}"
    return text.replace(",", "\u202f")


def figures(values: Sequence[float]) -> list[str]:
    """Different limits written differently: with as many decimals as it takes to tell them apart.

    >>> figures([0.25, 12.0, 1234567.0])
    ['0.25', '12', '1\u202f234\u202f567']
    >>> figures([10000.25, 10000.5, 20000.0])
    ['10\u202f000.3', '10\u202f000.5', '20\u202f000.0']
    """
    texts = [figure(v) for v in values]
    for decimals in range(1, MOST_DECIMALS):
        if len(set(texts)) == len(set(values)):
            return texts
        texts = [f"{v:,.{decimals}f}".replace(",", "\u202f") for v in values]
    return [repr(v) for v in values]


def layer_of(theme: themes.Theme, pieces: list[LayerVersion], day: date) -> dict[str, Any]:
    address = reverse("layers:theme_tile", args=[theme.layer, tiles.reference(pieces, day), theme.digest, 0, 0, 0])
    boxes = [v.bbox for v in pieces]
    kind = {"line": "line", "point": "dot"}.get(theme.schema.geometry, "fill")
    titles = names_of(theme)
    return {
        "id": LAYER,
        "title": title_of(theme),
        "visible": True,
        "identify": False,
        "date": max(v.valid_from for v in pieces).strftime("%Y-%m"),
        "version": pieces[0].hash if len(pieces) == 1 else versions.Combined(tuple(pieces)).hash,
        "source": {
            "tiles": address.replace("/0/0/0.mvt", "/{z}/{x}/{y}.mvt"),
            "layer": pictures.LAYER,
            "minzoom": tiles.MIN_ZOOM if pictures.is_drawn(theme, pieces) else pictures.features_from(pieces),
            "maxzoom": tiles.MAX_ZOOM,
            "bounds": [*(min(b[i] for b in boxes) for i in (0, 1)), *(max(b[i] for b in boxes) for i in (2, 3))],
        },
        "style": {
            "kind": "theme",
            "digest": theme.reference,
            "geometry": theme.schema.geometry,
            "colours": theme.colours,
            "other": palettes.NEUTRAL,
        },
        "legend": [{"kind": kind, "token": c, "title": t} for c, t in zip(theme.colours, titles, strict=True)],
    }


def names_of(theme: themes.Theme) -> list[str]:
    """The classes as the legend writes them."""
    facts = {"classes": [[0, 0.0]] * len(theme.colours), "other": [0, 0.0, 0], "none": 0}
    return [row["title"] for row in themes.legend(theme, facts, figures)]
