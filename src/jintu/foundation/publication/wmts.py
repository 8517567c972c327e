"""WMTS 1.0.0 (OGC 07-057r7) over what is open: KVP and RESTful, the matrix sets "c" and "w" of Chinese map services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from . import asked_point, opening, painting
from .grids import SETS, Grid
from .models import Opening

__all__ = ["GRIDS", "Fault", "capabilities", "fault", "info", "tile"]

GRIDS: tuple[Grid, ...] = (SETS["c"], SETS["w"])
FORMATS = ("image/png", "tiles")
"""Chinese clients ask for the format "tiles"."""
STYLE = "default"
OPERATIONS = ("GetCapabilities", "GetTile", "GetFeatureInfo")
_TILE = ("layer", "style", "tilematrixset", "tilematrix", "tilerow", "tilecol")
_NEEDED = {"getcapabilities": (), "gettile": _TILE, "getfeatureinfo": (*_TILE, "i", "j", "infoformat")}


class Fault(Exception):
    """What a WMTS client did wrong: code and place as the standard names them."""

    def __init__(self, code: str, locator: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code, self.locator = code, locator


def fault(error: Fault, status: int = 400) -> HttpResponse:
    """An exception report."""
    text = render_to_string("publication/wmts_exception.xml", {"error": error, "sentence": str(error)})
    return HttpResponse(text, content_type="text/xml; charset=utf-8", status=status)


def capabilities(openings: Sequence[Opening], base: str) -> HttpResponse:
    """What there is, as XML."""
    context = {
        "base": f"{base}/wmts",
        "title": settings.NODE.name or settings.NODE.division or _("Jintu"),
        "approval": settings.NODE.map_approval_no,
        "layers": [_layer(o) for o in openings],
        "grids": [_grid(g) for g in GRIDS],
        "style": STYLE,
        "operations": OPERATIONS,
        "info": asked_point.FORMATS,
    }
    return HttpResponse(
        render_to_string("publication/wmts_capabilities.xml", context), content_type="text/xml; charset=utf-8"
    )


def _layer(opening: Opening) -> dict[str, Any]:
    version = opening.version
    west, south, east, north = version.bbox
    return {
        "id": opening.collection,
        "title": f"{version.schema.label} {version.division} {version.name}",
        "lower": f"{west!r} {south!r}",
        "upper": f"{east!r} {north!r}",
    }


def _grid(grid: Grid) -> dict[str, Any]:
    return {
        "id": grid.id,
        "urn": grid.urn,
        "matrices": [
            {
                "id": str(zoom),
                "scale": repr(grid.scale(zoom)),
                "corner": " ".join(repr(v) for v in grid.corner),
                "width": grid.columns(zoom),
                "height": grid.rows(zoom),
                "pixels": painting.PIXELS,
            }
            for zoom in range(grid.first, grid.last + 1)
        ],
    }


def by_parameters(given: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The request of KVP and its parameters by lower-case name. Raises `Fault`."""
    asked = {name.lower(): value for name, value in given.items()}
    if asked.get("service", "").upper() != "WMTS":
        raise Fault("MissingParameterValue" if not asked.get("service") else "InvalidParameterValue", "service", "WMTS")
    request = asked.get("request", "")
    if request.lower() not in _NEEDED:
        code = "OperationNotSupported" if request else "MissingParameterValue"
        raise Fault(code, "request", _("{names} are answered here.").format(names=", ".join(OPERATIONS)))
    for name in _NEEDED[request.lower()]:
        if name not in asked:
            raise Fault("MissingParameterValue", name, _("The parameter {name} is missing.").format(name=name))
    if (version := asked.get("version") or asked.get("acceptversions")) and "1.0.0" not in version:
        raise Fault("VersionNegotiationFailed", "acceptversions", "1.0.0")
    return request.lower(), asked


def tile(asked: Mapping[str, str]) -> tuple[Opening, bytes]:
    """The picture that parameters name by lower-case names. Raises `Fault`, and `Missing` for what is not open."""
    grid, place = _place(asked)
    found = opening.find(asked["layer"])
    return found, painting.picture(found.version, grid, *place)


def info(asked: Mapping[str, str]) -> HttpResponse:
    """What is at a pixel. Raises as `tile`."""
    grid, place = _place(asked)
    if asked["infoformat"] not in asked_point.FORMATS:
        raise Fault("InvalidParameterValue", "infoformat", ", ".join(asked_point.FORMATS))
    pixel = []
    for name in ("i", "j"):
        text = asked[name]
        if not text.isdigit() or len(text) > 9 or int(text) >= painting.PIXELS:
            raise Fault("PointIJOutOfRange", name.upper(), f"0–{painting.PIXELS - 1}")
        pixel.append(int(text))
    return asked_point.answer(opening.find(asked["layer"]), grid, place, (pixel[0], pixel[1]), asked["infoformat"])


def _place(asked: Mapping[str, str]) -> tuple[Grid, tuple[int, int, int]]:
    """Grid, and zoom, row, column in it. Raises `Fault`."""
    if asked.get("style") not in (STYLE, ""):
        raise Fault("InvalidParameterValue", "style", _("The style is called {name}.").format(name=STYLE))
    if asked.get("format") not in (*FORMATS, None):
        raise Fault("InvalidParameterValue", "format", "image/png")
    grid = next((g for g in GRIDS if g.id == asked["tilematrixset"]), None)
    if grid is None:
        raise Fault("InvalidParameterValue", "tilematrixset", _("The matrix sets are c and w."))
    numbers = []
    for name in ("tilematrix", "tilerow", "tilecol"):
        text = asked[name].rpartition(":")[2]
        if not text.isdigit() or len(text) > 9:
            raise Fault("InvalidParameterValue", name, _("{name} must be a whole number.").format(name=name))
        numbers.append(int(text))
    if not grid.first <= numbers[0] <= grid.last:
        raise Fault("InvalidParameterValue", "tilematrix", f"{grid.first}–{grid.last}")
    if not grid.has(*numbers):
        raise Fault("TileOutOfRange", "tilerow", _("The tile lies outside the matrix."))
    return grid, (numbers[0], numbers[1], numbers[2])
