"""Which column of a foreign file is which attribute: proposals with a score and a reason, and what was accepted before.

A proposal rests on names (codes, our names, Chinese and English labels, also cut off as DBF cuts them), on the type of
the values, on how many of them are codes or names of the attribute's list, and, for areas and lengths, on whether they
are those of the outlines. A mapping that has loaded a file is remembered for files of the same shape: the same columns
of the same kinds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from jintu.kernel import codelists, hashing

from .mapping import Mapping
from .members import chooser
from .schemas import Attribute, Schema

if TYPE_CHECKING:
    from jintu.kernel.formats import Source

__all__ = [
    "Match",
    "Proposal",
    "Sample",
    "likely",
    "propose",
    "remember",
    "remember_file",
    "remembered",
    "remembered_for",
    "sample",
    "shape_of",
]

ROWS = 1_000
"""Rows looked at."""
LIKELY, POSSIBLE = 0.8, 0.5
"""From the first score on a proposal is taken as it is, from the second on it is shown."""
SHAPE = "shape:"


@dataclass(frozen=True)
class Sample:
    """Some rows of a file. ``values``: as text, None where empty; ``areas`` and ``lengths``: of the outlines, m² and m,
    where the coordinates are plane ones."""

    headers: tuple[str, ...]
    kinds: tuple[str, ...]
    values: dict[str, list[str | None]]
    areas: tuple[float, ...] = ()
    lengths: tuple[float, ...] = ()
    geometry_type: str = ""


@dataclass(frozen=True)
class Match:
    """A column for an attribute: ``score`` 0 to 1, ``reasons`` in the reader's language, ``values``: words of the file
    and the codes they mean, where it writes names for codes."""

    attribute: Attribute
    column: str
    score: float
    reasons: tuple[str, ...]
    values: dict[str, str] = field(default_factory=dict)


@dataclass
class Proposal:
    """``matches`` by our name; ``open``: mandatory attributes without one; ``mapping``: all of it together."""

    schema: Schema
    sample: Sample
    matches: dict[str, Match]
    alternatives: dict[str, list[Match]]
    mapping: Mapping
    open: list[Attribute]
    remembered: bool = False


def sample(source: Source, rows: int = ROWS) -> Sample:
    """The first rows of a source; geometry is measured where the file says that its coordinates are metres."""
    import shapely

    spatial = source.has_geometry and source.crs is not None
    table = next(source.batches(rows, geometry=spatial), None)
    values: dict[str, list[str | None]] = {f.name: [] for f in source.fields}
    areas: tuple[float, ...] = ()
    lengths: tuple[float, ...] = ()
    if table is not None:
        values = {f.name: [_text(v) for v in table.column(f.name).to_pylist()] for f in source.fields}
        if spatial and _is_metric(str(source.crs)):
            shapes = shapely.from_wkb(table.column("geometry").to_pylist())
            areas, lengths = tuple(shapely.area(shapes).tolist()), tuple(shapely.length(shapes).tolist())
    names, kinds = tuple(f.name for f in source.fields), tuple(f.kind for f in source.fields)
    return Sample(names, kinds, values, areas, lengths, source.geometry_type)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    return str(value).strip() or None


def _is_metric(crs: str) -> bool:
    import pyproj

    try:
        return pyproj.CRS(crs).is_projected
    except pyproj.exceptions.CRSError:
        return False


# --- proposing ----------


def propose(schema: Schema, taken: Sample) -> Proposal:
    """The best column for each attribute, each column once; what is then still open, and the mapping of it all."""
    known = remembered(schema, taken)
    candidates = [m for a in schema.attributes for m in _candidates(a, schema, taken) if m.score >= POSSIBLE]
    candidates.sort(key=lambda m: -m.score)
    matches: dict[str, Match] = {}
    used: set[str] = set()
    for match in candidates:
        if match.attribute.name not in matches and match.column not in used:
            matches[match.attribute.name] = match
            used.add(match.column)
    if known is not None:
        matches = _as_remembered(schema, known, matches, taken)
    alternatives: dict[str, list[Match]] = {}
    for match in candidates:
        alternatives.setdefault(match.attribute.name, []).append(match)
    mapping = known or _mapping(schema, matches)
    given = {*matches, *mapping.constants, mapping.sequence, mapping.area}
    lacking = [a for a in schema.attributes if a.mandatory and not a.serial and a.name not in given]
    return Proposal(schema, taken, matches, alternatives, mapping, lacking, known is not None)


def likely(found: Proposal) -> Mapping:
    """The mapping of the proposals that need nobody's look: `LIKELY` and better."""
    poor = {n for n, m in found.matches.items() if m.score < LIKELY}
    if found.remembered:
        return found.mapping
    return _mapping(found.schema, {n: m for n, m in found.matches.items() if n not in poor})


def _as_remembered(schema: Schema, known: Mapping, matches: dict[str, Match], taken: Sample) -> dict[str, Match]:
    """What was accepted before goes before what is likely."""
    chosen = {
        schema.attribute(name).name: Match(
            schema.attribute(name), column, 1.0, (_("accepted before for a file of this shape"),)
        )
        for name, column in known.columns.items()
        if column in taken.headers
    }
    used = {m.column for m in chosen.values()}
    return chosen | {n: m for n, m in matches.items() if n not in chosen and m.column not in used}


def _mapping(schema: Schema, matches: dict[str, Match]) -> Mapping:
    """Columns, translated values, and what can be filled in where the file has nothing."""
    constants = {}
    if "feature_code" in schema.columns and "feature_code" not in matches and schema.feature_code:
        constants["feature_code"] = schema.feature_code
    lacks_key = schema.key not in matches and schema.columns[schema.key].type == "Int"
    lacks_area = bool(schema.area) and schema.area not in matches and schema.columns[schema.area].mandatory
    return Mapping(
        columns={name: m.column for name, m in matches.items()},
        constants=constants,
        values={name: m.values for name, m in matches.items() if m.values},
        sequence=schema.key if lacks_key and not schema.columns[schema.key].serial else "",
        area=schema.area if lacks_area else "",
    )


def _candidates(a: Attribute, schema: Schema, taken: Sample) -> list[Match]:
    return [
        m
        for header, kind in zip(taken.headers, taken.kinds, strict=True)
        if (m := _match(a, schema, header, kind, taken))
    ]


def _match(a: Attribute, schema: Schema, header: str, kind: str, taken: Sample) -> Match | None:
    """The score of one column: the best of name and content, less where the values do not fit the type."""
    named, why = _name_score(a, header)
    present = [v for v in taken.values.get(header, ()) if v is not None]
    content, because, values = _content_score(a, schema, header, present, taken)
    score, reasons = max(named, content), tuple(w for w, s in ((why, named), (because, content)) if w and s >= POSSIBLE)
    if named >= POSSIBLE and content >= POSSIBLE:
        score = min(1.0, score + 0.1)
    if present and not values and (misfit := _misfit(a, present)) > 0.02:
        score *= 1 - misfit
        reasons += (_("{share} % of the values do not fit the type").format(share=round(100 * misfit)),)
    return Match(a, header, round(score, 3), reasons, values) if score >= 0.3 else None


def _plain(text: str) -> str:
    return re.sub(r"[\s_\-./()（）:：]+", "", text).casefold()


def _name_score(a: Attribute, header: str) -> tuple[float, str]:
    plain = _plain(re.sub(r"[(（].*?[)）]", "", header)) or _plain(header)
    exact = (
        (1.0, a.code, _("the code {name}")),
        (0.97, a.name, _("our name {name}")),
        (0.95, a.zh, _("the label {name}")),
        (0.9, a.en, _("the label {name}")),
        *((0.95, alias, _("another spelling, {name}")) for alias in a.aliases),
    )
    for score, name, sentence in exact:
        if plain == _plain(name):
            return score, sentence.format(name=name)
    label = _plain(a.zh)
    if len(plain) >= 2 and label.startswith(plain) and len(plain) >= len(label) / 2:
        return 0.8, _("the beginning of the label {name}").format(name=a.zh)
    if len(label) >= 3 and label in plain:
        return 0.75, _("holds the label {name}").format(name=a.zh)
    if re.fullmatch(rf"{re.escape(a.code.casefold())}\d?", plain) or (len(a.code) >= 4 and a.code.casefold() in plain):
        return 0.7, _("holds the code {name}").format(name=a.code)
    likeness = max(SequenceMatcher(None, plain, _plain(n)).ratio() for n in (a.zh, a.en, a.name))
    return (0.6 * likeness, _("resembles {name}").format(name=a.zh)) if likeness > 0.85 else (0.0, "")


def _content_score(
    a: Attribute, schema: Schema, header: str, present: Sequence[str], taken: Sample
) -> tuple[float, str, dict[str, str]]:
    """(score, reason, words → codes) by what the column holds."""
    if not present:
        return 0.0, "", {}
    different = list(dict.fromkeys(present))
    if a.name in (schema.area, schema.length) and a.name:
        measured = taken.areas if a.name == schema.area else taken.lengths
        if _equal(taken.values[header], measured):
            what = (
                _("equals the areas of the outlines") if a.name == schema.area else _("equals the lengths of the lines")
            )
            return 0.9, what, {}
    if a.codelist or a.choices:
        codes = [v for v in different if _is_code(a, v)]
        if len(different) >= 2 and len(codes) >= 0.9 * len(different):
            share = round(100 * len(codes) / len(different))
            weight = 0.85 if min(map(len, codes)) >= 2 else 0.6  # digits alone are codes of many lists
            return (
                weight,
                _("{share} % of the values are codes of the list {list}").format(share=share, list=_list(a)),
                {},
            )
        words = {v: code for v in different if (code := _code_named(a, v))}
        if len(words) >= 0.8 * len(different):
            sentence = _("{count} of {total} values are names of the list {list}")
            reason = sentence.format(count=len(words), total=len(different), list=_list(a))
            return 0.7, reason, words
    if a.names and len(different) >= 2:
        code = schema.columns[a.names]
        if sum(bool(_code_named(code, v)) for v in different) >= 0.8 * len(different):
            return 0.8, _("names of the list {list}").format(list=_list(code)), {}
    if a.name == schema.key and a.type == "Int" and len(different) == len(present) >= 10 and not _misfit(a, present):
        return 0.5, _("whole numbers, none of which occurs twice"), {}
    return 0.0, "", {}


def _list(a: Attribute) -> str:
    return a.codelist or a.code


def _is_code(a: Attribute, value: str) -> bool:
    if a.choices:
        return value in a.choices
    return value in (codelists.land_use(value) if a.codelist == "land_use" else codelists.get(a.codelist))


def _code_named(a: Attribute, value: str) -> str:
    """The code that a name means, "" when the list has no such name."""
    if a.choices:
        return next((code for code, names in a.choices.items() if value in names), "")
    if not a.codelist:
        return ""
    found = codelists.get(a.codelist).by_name(value)
    return "" if found is None else found.code


def _equal(values: Sequence[str | None], measured: Sequence[float]) -> bool:
    """Whether most values are those measured in the plane, to half a percent."""
    pairs = [(v, m) for v, m in zip(values, measured, strict=False) if v and m > 0]
    close = 0
    for text, m in pairs:
        try:
            close += abs(float(text) - m) <= 0.005 * m
        except ValueError:
            return False
    return len(pairs) >= 3 and close >= 0.9 * len(pairs)


def _misfit(a: Attribute, present: Sequence[str]) -> float:
    """Share of the values that the type does not take."""
    if a.type == "Char":
        return sum(bool(a.length) and len(v) > (a.length or 0) for v in present) / len(present)
    bad = 0
    for value in present:
        try:
            if a.type == "Int":
                bad += not (value.isdigit() and int(value) > 0)
            elif a.type == "Float":
                float(value)
            else:
                bad += not re.fullmatch(r"\d{4}[-./年]?\d{1,2}[-./月]?\d{1,2}日?.*", value)
        except ValueError:
            bad += 1
    return bad / len(present)


# --- remembering ----------


def shape_of(schema: Schema, taken: Sample) -> str:
    """What files from the same source have in common: schema, columns with their kinds, geometry."""
    columns = sorted(zip(taken.headers, taken.kinds, strict=True))
    return hashing.of_json({"schema": schema.name, "columns": columns, "geometry": taken.geometry_type})


def _key(shape: str) -> str:
    return SHAPE + shape.partition(":")[2][:32]


def remember(schema: Schema, taken: Sample, mapping: Mapping, user: int | None = None) -> str:
    """Keep an accepted mapping for files of the same shape; returns the name to load it by, "" for an empty one.

    Whether a datum may be taken as CGCS2000 is not kept: that is the operator's word for one file.
    """
    from .models import LayerMapping

    facts = {k: v for k, v in mapping.facts().items() if k != "take_as_cgcs2000"}
    if not facts:
        return ""
    name = _key(shape_of(schema, taken))
    LayerMapping.objects.update_or_create(layer=schema.name, name=name, defaults={"facts": facts, "created_by": user})
    return name


def remembered(schema: Schema, taken: Sample) -> Mapping | None:
    """The mapping accepted for files of this shape."""
    from .models import LayerMapping

    kept = LayerMapping.objects.filter(layer=schema.name, name=_key(shape_of(schema, taken))).first()
    return Mapping.of(kept.facts, kept.name) if kept else None


def remembered_for(schema: Schema, path: Path, member: str = "", encoding: str | None = None) -> Mapping | None:
    """The mapping accepted for files of the shape of this one. None for files not readable."""
    taken = _headers(schema, path, member, encoding)
    return remembered(schema, taken) if taken else None


def remember_file(schema: Schema, path: Path, member: str, mapping: Mapping, user: int | None = None) -> None:
    """Keep the mapping with which a file was loaded."""
    taken = _headers(schema, path, member, None) if mapping.facts() else None
    if taken:
        remember(schema, taken, mapping, user)


def _headers(schema: Schema, path: Path, member: str, encoding: str | None) -> Sample | None:
    """Columns of a file without its rows; None when it cannot be opened: the import says why, with place and remedy."""
    from jintu.kernel import formats
    from jintu.kernel.errors import JintuError

    try:
        with formats.read(path, layer=member or None, encoding=encoding, choose=chooser(schema)) as source:
            names, kinds = tuple(f.name for f in source.fields), tuple(f.kind for f in source.fields)
            return Sample(names, kinds, {}, geometry_type=source.geometry_type)
    except JintuError:
        return None
