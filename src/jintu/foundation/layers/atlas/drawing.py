"""A printed map's picture: SVG of a sheet's frame in millimetres, from the geometry of the lake and the registers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.translation import gettext as _

from jintu.foundation.registers import descriptor, listing
from jintu.kernel import codelists
from jintu.kernel.errors import Refused

from .. import lake, onemap, rowgroups, schemas, shapes, versions
from ..models import LayerVersion
from . import palettes, pictures, themes
from .sheet import Sheet

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Drawing", "draw", "features_near"]

MOST_ROWS = 5_000
THIN = 0.04
"""Millimetres by which outlines are simplified: half the width of the thinnest line."""
STAGES = {
    "approve": ("#b8241a", ""),
    "supply": ("#1f57c2", "2 1"),
    "use": ("#7d5700", "0.4 0.8"),
    "compensate": ("#176a33", "1.5 0.9"),
    "inspect": ("#86359a", ""),
}
INK = "#2a3331"


@dataclass
class Drawing:
    """``svg``; ``legend``: groups of title, entries (kind, colour, text, perhaps count) and perhaps a note;
    ``sources``: a line for each layer drawn; ``words``: names at places in millimetres; ``notes``: what had to be left
    out."""

    svg: str = ""
    legend: list[dict[str, Any]] = field(default_factory=list)
    sources: list[dict[str, str]] = field(default_factory=list)
    words: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def features_near(sheet: Sheet, scope: Any, layers: Iterable[str], day: date) -> int:
    """How many features a sheet may have, by the share of each version's box: for the choice between now and a job."""
    found = 0.0
    for schema in _schemas(layers):
        for v in versions.pieces_in_scope(schema.name, scope, day):
            found += v.rows * _share(v.bbox, sheet.degrees)
    return int(found)


def _share(whole: Any, part: Any) -> float:
    width = min(whole[2], part[2]) - max(whole[0], part[0])
    height = min(whole[3], part[3]) - max(whole[1], part[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / max((whole[2] - whole[0]) * (whole[3] - whole[1]), 1e-12)


def _schemas(layers: Iterable[str]) -> list[schemas.Schema]:
    wanted = set(layers)
    return [s for s in schemas.catalogue() if s.name in wanted and not s.is_table]


def draw(
    sheet: Sheet, scope: Any, layers: Iterable[str], day: date, theme: themes.Theme | None, language: str = "zh"
) -> Drawing:
    """The layers on a day within a scope: areas below lines below points, a thematic map over the areas.

    Raises `Refused`, with what to do, where a layer has more features in the frame than ``print_features`` of the node
    allows and no picture for it.
    """
    names = list(layers)
    made = Drawing()
    areas: list[str] = []
    over: list[str] = []
    for schema in reversed(_schemas(names)):
        pieces = versions.pieces_in_scope(schema.name, scope, day)
        if theme is not None and schema.name == theme.layer and schema.geometry == "polygon":
            continue  # the thematic map shows this layer
        if pieces:
            _layer(made, sheet, schema, pieces, areas, over)
    if theme is not None:
        pieces = versions.pieces_in_scope(theme.layer, scope, day)
        if pieces:
            _theme(made, sheet, theme, pieces, areas, over)
    for register in descriptor.catalogue():
        if register.name in names and register.geometry and register.stage in STAGES:
            _register(made, sheet, register, scope, over)
    _left, _top, width, height = sheet.frame
    made.svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.3f}mm" height="{height:.3f}mm" '
        f'viewBox="0 0 {width:.3f} {height:.3f}"><defs><pattern id="hatch" width="1.6" height="1.6" '
        'patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="0.22" height="1.6" fill="#176a33"/>'
        f'</pattern><clipPath id="frame"><rect width="{width:.3f}" height="{height:.3f}"/></clipPath></defs>'
        f'<rect width="{width:.3f}" height="{height:.3f}" fill="#ffffff"/>'
        '<g clip-path="url(#frame)" stroke-linejoin="round" fill-rule="evenodd">'
        f"{''.join(areas)}{''.join(over)}</g></svg>"
    )
    made.legend.reverse()
    return made


def _layer(
    made: Drawing, sheet: Sheet, schema: schemas.Schema, pieces: list[LayerVersion], areas: list[str], over: list[str]
) -> None:
    style = onemap.layer_of(schema, pieces, pieces[0].valid_from, [])["style"]
    entries: list[dict[str, str]] = []
    if schema.geometry == "polygon" and style["kind"] not in ("boundary", "plain", "hatch"):
        column = schema.classes
        found, codes, near = _by_class(sheet, schema, pieces, column)
        colours = _colours(schema, style)
        edge = 'stroke="#5d6764" stroke-width="0.06"' if near else ""
        present: dict[str, str] = {}
        for code in sorted({_head(schema, c) for c in codes}):
            rows = [i for i, c in enumerate(codes) if _head(schema, c) == code]
            colour = colours(code)
            areas.append(_path([found[i] for i in rows], f'fill="{colour}" {edge}'))
            present[code] = colour
        entries = [{"kind": "fill", "colour": c, "text": _class_text(schema, code)} for code, c in present.items()]
    else:
        found = _shapes(sheet, schema, pieces)
        colour = _ink(style)
        if style["kind"] == "hatch":
            areas.append(_path(found, 'fill="url(#hatch)" stroke="#176a33" stroke-width="0.12"'))
            entries = [{"kind": "hatch", "colour": "#176a33", "text": schema.label}]
        elif schema.geometry == "point":
            over.append(_points(found, colour))
            entries = [{"kind": "dot", "colour": colour, "text": schema.label}]
        elif style["kind"] == "boundary":
            over.append(
                _path(_once(found), f'fill="none" stroke="{INK}" stroke-width="0.3" stroke-dasharray="3 0.8 0.5 0.8"')
            )
            entries = [{"kind": "boundary", "colour": INK, "text": schema.label}]
            made.words += _names(sheet, schema, pieces)
        else:
            over.append(_path(found, f'fill="none" stroke="{colour}" stroke-width="0.3"'))
            entries = [{"kind": "line", "colour": colour, "text": schema.label}]
    made.legend.append({"title": schema.label if len(entries) > 1 else "", "entries": entries})
    made.sources += _sources(schema, pieces)


def _sources(schema: schemas.Schema, pieces: list[LayerVersion]) -> list[dict[str, str]]:
    return [
        {
            "layer": schema.label,
            "version": v.division if v.name == v.valid_from.isoformat() else f"{v.division} {v.name}",
            "date": v.valid_from.isoformat(),
            "hash": v.hash.partition(":")[2][:16],
        }
        for v in pieces
    ]


def _head(schema: schemas.Schema, code: str) -> str:
    """Land use is printed by first-level class."""
    return ("07" if code[:2] == "20" else code[:2]) if schema.symbols == "land_use" else code


def _class_text(schema: schemas.Schema, code: str) -> str:
    if schema.symbols == "land_use":
        name = codelists.get("land_use").find(code)
        text = (name.name_zh if schemas.in_chinese() else name.name_en) if name is not None else ""
        return f"{code} {text}".strip()
    return f"{code} {schema.columns[schema.classes].meaning(code)}".strip()


def _colours(schema: schemas.Schema, style: dict[str, Any]) -> Any:
    known = {c["value"]: c["token"] for c in style.get("classes", [])}

    def of(code: str) -> str:
        token = f"lu-{code}" if schema.symbols == "land_use" else known.get(code, "lu-12")
        return palettes.LAND_USE.get(token.removeprefix("lu-"), palettes.NEUTRAL)

    return of


def _ink(style: dict[str, Any]) -> str:
    token = str(style.get("token", ""))
    if token.startswith("#"):
        return token
    if token.startswith("lu-"):
        return palettes.LAND_USE.get(token.removeprefix("lu-"), INK)
    return {"map-comp": "#176a33", "map-approve": "#b8241a", "map-supply": "#1f57c2"}.get(token, INK)


# --- geometry ----------


def _by_class(
    sheet: Sheet, schema: schemas.Schema, pieces: list[LayerVersion], column: str
) -> tuple[list[Any], list[str], bool]:
    """Shapes on paper, the class of each, and whether they are the features themselves."""
    found: list[Any] = []
    codes: list[str] = []
    near = True
    for version in pieces:
        low = version.directory / lake.LOW
        level = _level(low, sheet)
        if level is not None:
            shape, code = _picture(low, level, sheet.degrees, schema.geometry)
            near = False
        else:
            table = version.table([column, "geometry"], sheet.degrees)
            _bounded(sheet, schema, table.num_rows)
            shape = shapes.decoded(table.column("geometry"))
            code = ["" if v is None else str(v) for v in table.column(column).to_pylist()]
        found += _placed(sheet, shape)
        codes += code
    return found, codes, near


def _bounded(sheet: Sheet, schema: schemas.Schema, rows: int) -> None:
    most = settings.JINTU_PRINT_FEATURES
    if rows > most:
        raise Refused(
            "{layer} has {count} features in the frame at 1:{scale}; a sheet holds {most}.",
            remedy="Choose a larger scale or a smaller part of the map, or leave the layer out.",
            layer=schema.label,
            count=rows,
            scale=sheet.scale,
            most=most,
        )


def _level(path: Path, sheet: Sheet) -> int | None:
    """The level of a generalised picture that serves a sheet; None where features are drawn."""
    return rowgroups.level_of(path, int(sheet.zoom)) if path.is_file() else None


def _picture(path: Path, level: int, box: Any, kind: str) -> tuple[NDArray[Any], list[str]]:
    found = rowgroups.picture(path, level, box, kind)
    return found.shapes(range(len(found))), found.attributes.column("code").to_pylist()


def _shapes(sheet: Sheet, schema: schemas.Schema, pieces: list[LayerVersion]) -> list[Any]:
    found: list[Any] = []
    for version in pieces:
        table = version.table(["geometry"], sheet.degrees)
        _bounded(sheet, schema, table.num_rows)
        found += _placed(sheet, shapes.decoded(table.column("geometry")))
    return found


def _placed(sheet: Sheet, found: Any) -> list[Any]:
    """On paper, cut at the frame, simplified by what nobody sees."""
    import shapely

    _left, _top, width, height = sheet.frame
    flat = shapely.transform(found, sheet.on_paper)
    flat = shapely.simplify(flat, THIN, preserve_topology=False)
    return shapely.clip_by_rect(flat, -2, -2, width + 2, height + 2).tolist()


def _once(found: list[Any]) -> list[Any]:
    """The outlines with what neighbours share once, so that dashes of the one do not fill the gaps of the other."""
    import numpy as np
    import shapely

    lines = shapely.boundary(np.asarray(found, dtype=object))
    return [shapely.line_merge(shapely.union_all(lines))] if len(found) <= MOST_ROWS else list(lines)


def _names(sheet: Sheet, schema: schemas.Schema, pieces: list[LayerVersion]) -> list[dict[str, Any]]:
    """Names of administrative areas at a point inside each, the large ones, at most sixty."""
    import shapely

    _left, _top, width, height = sheet.frame
    words: list[tuple[float, dict[str, Any]]] = []
    names = [n for n in schema.title if not schema.columns[n].personal]
    for version in pieces:
        table = version.table([*names, "geometry"], sheet.degrees)
        for shape, row in zip(
            _placed(sheet, shapes.decoded(table.column("geometry"))), table.select(names).to_pylist(), strict=True
        ):
            inside = shapely.clip_by_rect(shape, 0, 0, width, height)
            text = str(row[names[0]] or "") if names else ""
            if inside.is_empty or inside.area < 60 or not text:
                continue
            point = inside.representative_point()
            words.append((inside.area, {"x": round(point.x, 2), "y": round(point.y, 2), "text": text}))
    return [w for _area, w in sorted(words, key=lambda e: -e[0])[:60]]


# --- thematic maps and registers ----------


def _theme(
    made: Drawing, sheet: Sheet, theme: themes.Theme, pieces: list[LayerVersion], areas: list[str], over: list[str]
) -> None:
    from . import painting

    schema = theme.schema
    found: list[Any] = []
    classes: list[int] = []
    near = True
    for version in pieces:
        picture = pictures.picture_of(theme, version)
        level = _level(picture, sheet)
        if level is not None and schema.geometry == "polygon":
            shape, codes = _picture(picture, level, sheet.degrees, "polygon")
            numbers = [int(c) for c in codes]
            near = False
        else:
            table = version.table([theme.attribute, "geometry"], sheet.degrees)
            _bounded(sheet, schema, table.num_rows)
            shape = shapes.decoded(table.column("geometry"))
            numbers = theme.numbers(table.column(theme.attribute)).tolist()
        found += _placed(sheet, shape)
        classes += numbers
    colours = dict(enumerate(theme.colours))
    edge = 'stroke="#5d6764" stroke-width="0.06"' if near else ""
    for number in sorted(set(classes)):
        own = [s for s, c in zip(found, classes, strict=True) if c == number]
        colour = colours.get(number, palettes.NEUTRAL)
        if schema.geometry == "polygon":
            areas.append(_path(own, f'fill="{colour}" {edge}'))
        elif schema.geometry == "line":
            over.append(_path(own, f'fill="none" stroke="{colour}" stroke-width="0.4"'))
        else:
            over.append(_points(own, colour))
    kind = {"line": "line", "point": "dot"}.get(schema.geometry, "fill")
    rows, none = themes.drawn(theme, pieces)
    entries = [
        {"kind": kind, "colour": c, "text": t, "count": _number(n)}
        for c, t, n in zip(theme.colours, painting.names_of(theme), rows, strict=True)
    ]
    if none:
        text = _("no or another value")
        entries.append({"kind": kind, "colour": palettes.NEUTRAL, "text": text, "count": _number(none)})
    note = _("Right: features in the layer versions named below.")
    made.legend.append({"title": painting.title_of(theme), "entries": entries, "note": note})
    made.sources += _sources(schema, pieces)


def _number(n: int) -> str:
    return f"{n:,}".replace(",", "\u202f")


def _register(made: Drawing, sheet: Sheet, register: Any, scope: Any, over: list[str]) -> None:
    import shapely

    rows = listing.base_rows(register, scope).filter(
        **{f"{register.geometry}__bbox_overlaps": shapely.box(*sheet.degrees)}
    )
    found = list(rows.order_by("-pk").values_list(register.geometry, flat=True)[: MOST_ROWS + 1])
    if len(found) > MOST_ROWS:
        made.notes.append(_("{name}: the newest {n} records").format(name=register.label, n=MOST_ROWS))
    known = [s for s in found[:MOST_ROWS] if s is not None]
    if not known:
        return
    shape = shapely.from_wkb(known) if isinstance(known[0], bytes) else known
    colour, dash = STAGES[register.stage]
    dashes = f'stroke-dasharray="{dash}"' if dash else ""
    over.append(
        _path(
            _placed(sheet, list(shape)),
            f'fill="{colour}" fill-opacity="0.08" stroke="{colour}" stroke-width="0.4" {dashes}',
        )
    )
    kind = "dash" if dash else "line"
    made.legend.append({"title": "", "entries": [{"kind": kind, "colour": colour, "text": str(register.label)}]})


# --- SVG ----------


def _path(found: list[Any], attributes: str) -> str:
    """One path of all parts, to a hundredth of a millimetre."""
    import numpy as np
    import shapely

    parts = shapely.get_parts(np.asarray([s for s in found if s is not None and not s.is_empty], dtype=object))
    parts = shapely.get_parts(parts)  # collections that cutting made
    kinds = shapely.get_type_id(parts)
    lines = [*shapely.get_rings(parts[kinds == 3]), *parts[np.isin(kinds, (1, 2))]]
    if not lines:
        return ""
    xy, owner = shapely.get_coordinates(lines, return_index=True)
    starts = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
    texts = [f"{x:.2f} {y:.2f}" for x, y in xy.tolist()]
    ends = [*starts[1:].tolist(), len(texts)]
    closed = set(np.flatnonzero(shapely.is_ring(lines)).tolist())
    data = "".join(
        f"M{'L'.join(texts[a:b])}{'Z' if owner[a] in closed else ''}"
        for a, b in zip(starts.tolist(), ends, strict=True)
    )
    return f'<path d="{data}" {attributes}/>'


def _points(found: list[Any], colour: str) -> str:
    import shapely

    xy = shapely.get_coordinates([s for s in found if s is not None]).tolist()
    dots = "".join(f'<circle cx="{x:.2f}" cy="{y:.2f}" r="0.7"/>' for x, y in xy)
    return f'<g fill="{colour}" stroke="#ffffff" stroke-width="0.15">{dots}</g>'
