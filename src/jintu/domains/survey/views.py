"""Summary tables on screen: a table of a division, and the patches behind each of its figures."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from jintu.foundation.identity.access import needs
from jintu.foundation.identity.scope import prefix_of
from jintu.foundation.layers import onemap, versions
from jintu.foundation.layers.models import LayerVersion
from jintu.foundation.operations.clock import today
from jintu.kernel.errors import InputError, Missing, NotAllowed, Place
from jintu.ui import figures

from .reports import drill, grid, summary, tables, words

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def version_of(request: HttpRequest, pk: int) -> LayerVersion:
    """A version within the scope. Raises `Missing`."""
    found = LayerVersion.objects.within(request.scope).filter(pk=pk).first()  # type: ignore[attr-defined]
    if found is None:
        raise Missing("There is no such version, or it is outside your scope.")
    return found


MOST = 200
"""Counties whose versions one page joins."""


def summary_of(request: HttpRequest, pks: str) -> summary.Summary:
    """The summary of a version, or of those of several counties: "5" or "5-12". Raises `Missing`."""
    numbers = [n for n in pks.split("-") if n.isdigit() and len(n) < 12][:MOST]
    if not numbers:
        raise Missing("There is no such version, or it is outside your scope.")
    if len(numbers) == 1:
        return summary.summary_of(version_of(request, int(numbers[0])))
    found = LayerVersion.objects.within(request.scope).filter(pk__in=numbers, layer=summary.LAYER)  # type: ignore[attr-defined]
    pieces = sorted(found, key=lambda v: v.division)
    if len(pieces) != len(set(numbers)) or len({v.division for v in pieces}) != len(pieces):
        raise Missing("There is no such version, or it is outside your scope.")
    return summary.of(pieces)


def region_of(request: HttpRequest, known: Sequence[str]) -> str:
    """Prefix of the division asked for; without one, the widest the person may see. Raises `NotAllowed`."""
    scope = request.scope  # type: ignore[attr-defined]
    asked = prefix_of(request.GET.get("division", "").strip())
    if not asked:
        own = [d for d in known if scope.covers(d)]
        if not own:
            raise NotAllowed("This is outside your scope; your scope is {scope}.", scope=scope.label or "—")
        return own[0]
    if not scope.covers(asked):
        raise NotAllowed("This is outside your scope; your scope is {scope}.", scope=scope.label or "—")
    if asked not in known:
        raise Missing("There is no division {division} in these versions.", division=grid.code_of(asked))
    return asked


def unit_of(request: HttpRequest, prefix: str) -> str:
    """The unit asked for; square metres for a village, hectares above."""
    asked = request.GET.get("unit", "")
    return asked if asked in grid.UNITS else "m2" if len(prefix) == 12 else "ha"


def shown(hundredths: int) -> str:
    return figures.group(words.figure(hundredths))


@require_safe
@needs("view")
def in_force(request: HttpRequest) -> HttpResponse:
    """The tables of the versions in force today where the person works: a county's, or all of a city's counties."""
    scope = request.scope  # type: ignore[attr-defined]
    pieces = versions.pieces_in_scope(summary.LAYER, scope, today())[:MOST]
    if not pieces:
        raise Missing("There is no land-use version here.")
    return redirect("survey:tables", pk="-".join(str(v.pk) for v in pieces))


@require_safe
@needs("view")
def tables_page(request: HttpRequest, pk: str) -> HttpResponse:
    """One table of a division: ``?table=1&division=990121001&unit=ha``."""
    made = summary_of(request, pk)
    known = made.divisions()
    prefix = region_of(request, known)
    unit = unit_of(request, prefix)
    table = tables.get(request.GET.get("table", "first"))
    if table is None:
        raise InputError("There is no such table.", place=Place(field="table"))
    result = made.table(table, prefix, unit)
    context = {
        "version": made.pieces[0],
        "others": made.pieces[1:],
        "pk": pk,
        "table": table,
        "title": words.title(table),
        "prefix": prefix,
        "code": grid.code_of(prefix),
        "name": words.division(made, prefix),
        "unit": unit,
        "unit_name": words.unit_name(unit),
        "units": [(u, words.unit_name(u)) for u in grid.UNITS],
        "menu": _menu(made),
        "path": _path(request, made, prefix),
        "needed": words.needed(result.needs) if result.needs else "",
        "heads": _heads(result.columns),
        "lines": _lines(request, made, result, pk),
        "ridge_rows": [
            {**asdict(r), "ok": r.ok, "under": shown(r.under), "ridge": shown(r.ridge)} for r in result.ridges
        ],
        "can_export": request.scope.can("export"),  # type: ignore[attr-defined]
        "audit": _audit(made, prefix),
        **_checks(made, prefix, unit),
        "deviation": figures.figure(made.deviation(unit) / 100, 2) if unit != "m2" else "",
        "query": urlencode({"division": grid.code_of(prefix)}),
    }
    return render(request, "survey/tables.html", context)


def _menu(made: summary.Summary) -> list[dict[str, Any]]:
    """All tables; those that cannot be computed are marked."""
    return [
        {"table": t, "title": words.title(t), "missing": t.layout == "areas" and isinstance(made.grid(t.base), tuple)}
        for t in tables.all_tables()
    ]


def _path(request: HttpRequest, made: summary.Summary, prefix: str) -> list[tuple[str, str]]:
    """Code and name of the divisions above, as far as the person may see them."""
    scope = request.scope  # type: ignore[attr-defined]
    above = [d for d in made.divisions() if prefix.startswith(d) and d != prefix and scope.covers(d)]
    return [(grid.code_of(d), words.division(made, d)) for d in sorted(above, key=len)]


def _heads(columns: Sequence[tables.Column]) -> list[list[dict[str, Any]]]:
    """The two rows of a head: groups span their columns, a column without a group spans both rows."""
    upper: list[dict[str, Any]] = []
    lower: list[dict[str, Any]] = []
    for column in columns:
        parts = words.head(column)
        if len(parts) == 1:
            upper.append({"text": parts[0], "rows": 2, "columns": 1})
            continue
        if not upper or upper[-1]["text"] != parts[0] or upper[-1]["rows"] != 1:
            upper.append({"text": parts[0], "rows": 1, "columns": 0})
        upper[-1]["columns"] += 1
        lower.append({"text": parts[1], "rows": 1, "columns": 1})
    if not lower:
        for head in upper:
            head["rows"] = 1
    return [upper, lower] if lower else [upper]


def _lines(request: HttpRequest, made: summary.Summary, result: summary.Result, pk: str) -> list[dict[str, Any]]:
    address = reverse("survey:patches", args=[pk])
    listed = result.source != "survey.ZD"
    found = []
    for line in result.lines:
        cells = []
        for column, value, exact in zip(result.columns, line.cells, line.exact, strict=True):
            where = replace(column.where, own=line.own or column.where.own)
            query = {"table": result.table.id, "division": line.code, **where.query()}
            cells.append(
                {
                    "text": shown(value) if exact else "",
                    "url": f"{address}?{urlencode(query)}" if exact and listed else "",
                    "total": column.total,
                    "exact": shown(exact),
                }
            )
        found.append(
            {
                "code": line.code,
                "name": words.division(made, line.prefix),
                "owner": words.owner(line.own),
                "own": line.own,
                "top": line is result.lines[0],
                "deeper": len(line.prefix) < 12,
                "cells": cells,
            }
        )
    return found


def _audit(made: summary.Summary, prefix: str) -> dict[str, Any] | None:
    """Declared and computed total, state and collective, in m²: the panel users of such systems look at first."""
    table = tables.get("first-owner")
    assert table is not None
    result = made.table(table, prefix, "m2", depth=0)
    if result.needs:
        return None
    whole, state, collective = (line.exact[0] for line in result.lines[:3])
    control = made.control(prefix)
    difference = None if control is None else whole - control
    return {
        "control": "" if control is None else shown(control),
        "whole": shown(whole),
        "state": shown(state),
        "collective": shown(collective),
        "difference": None if difference is None else shown(abs(difference)),
        "more": bool(difference and difference > 0),
        "good": difference == 0,
        "owners_good": state + collective == whole,
    }


def _checks(made: summary.Summary, prefix: str, unit: str) -> dict[str, Any]:
    """Counts by rule and sentence, and the first identities that do not hold."""
    counts: dict[tuple[str, str], list[int]] = {}
    wrong = []
    for one in made.identities(prefix, unit):
        entry = counts.setdefault((one.rule, one.what), [0, 0])
        of_patches = one.unit == "rows"  # one identity tells how many patches fail
        entry[0] += sum(p.rows for p in made.patches) if of_patches else 1
        entry[1] += one.left if of_patches else not one.ok
        if not one.ok:
            wrong.append(one)
    return {
        "rules": [(rule, words.identity(what), asked, failed) for (rule, what), (asked, failed) in counts.items()],
        "wrong_count": len(wrong),
        "wrong": [
            {
                "rule": one.rule,
                "words": words.identity(one.what),
                "code": grid.code_of(one.prefix) if one.prefix else "",
                "name": words.division(made, one.prefix) if one.prefix else "",
                "left": shown(one.left) if one.unit != "rows" else str(one.left),
                "right": shown(one.right) if one.unit != "rows" else str(one.right),
                "unit": "" if one.unit == "rows" else words.unit_name(one.unit),
            }
            for one in wrong[:20]
        ],
    }


@require_safe
@needs("export")
def workbook(request: HttpRequest, pk: str) -> HttpResponse:
    """All tables of a division as a spreadsheet in the official layout."""
    made = summary_of(request, pk)
    prefix = region_of(request, made.divisions())
    return spreadsheet(lambda path: made.workbook(path, prefix), f"{grid.code_of(prefix)}-{made.pieces[0].name}-tables")


def spreadsheet(write: Any, name: str) -> HttpResponse:
    """What ``write`` makes, to be saved under a name."""
    with tempfile.TemporaryDirectory(prefix="jintu-tables-") as folder:
        path = Path(folder) / "out.xlsx"
        write(path)
        response = HttpResponse(path.read_bytes(), content_type=XLSX)
    response["Content-Disposition"] = f'attachment; filename="{name}.xlsx"'
    return response


@require_safe
@needs("view")
def patches(request: HttpRequest, pk: str) -> HttpResponse:
    """The patches behind a figure, a page at a time, and their map."""
    made = summary_of(request, pk)
    prefix = region_of(request, made.divisions())
    table = tables.get(request.GET.get("table", "first"))
    if table is None:
        raise InputError("There is no such table.", place=Place(field="table"))
    where = tables.Where.of(request.GET.dict())
    found = drill.behind(made, table, prefix, where, start_of(request))
    source = next((v for v in made.versions_of(table.base) if v.pk in found.rows["version"]), made.pieces[0])
    context = {
        "version": made.pieces[0],
        "pk": pk,
        "title": drill.title(made, table, prefix, where),
        "table": table,
        "table_title": words.title(table),
        "code": grid.code_of(prefix),
        "found": found,
        "figure": shown(found.figure),
        "figure_ha": figures.area_ha(words.figure(found.figure)),
        "given": shown(found.given),
        "other": shown(found.other) if found.other else "",
        "rows": [_patch(made, row) for row in found.rows.iter_rows(named=True)],
        "pages": pages(request, found.start, found.count, drill.PAGE),
        "map": small_map(source, drill.outlines(made, table, found.rows)) if found.count else None,
    }
    return render(request, "survey/patches.html", context)


def start_of(request: HttpRequest) -> int:
    """First row of the page asked for."""
    text = request.GET.get("start", "0")
    return int(text) if text.isdigit() and len(text) < 10 else 0


def pages(request: HttpRequest, start: int, count: int, size: int) -> dict[str, Any]:
    """Addresses of the page before and after, and what is shown."""
    query = request.GET.dict()

    def at(first: int) -> str:
        return urlencode({**query, "start": first})

    return {
        "shown": f"{start + 1}–{min(start + size, count)} / " if count else "",
        "count": count,
        "before": at(max(0, start - size)) if start else "",
        "after": at(start + size) if start + size < count else "",
    }


def _patch(made: summary.Summary, row: dict[str, Any]) -> dict[str, Any]:
    from .reports import classes

    return {
        "number": row["patch_no"],
        "bsm": row["bsm"],
        "village": words.division(made, row["village"]),
        "code": row["code"],
        "class": classes.name(row["code"], words.chinese()),
        "owner": words.owner(row["own"]),
        "slope": f"{row['slope']}{row['kind']}",
        "area": shown(row["area"]),
        "given": shown(row["given"]),
    }


def small_map(version: LayerVersion, shapes: Sequence[tuple[dict[str, Any], Any]]) -> dict[str, Any]:
    """A version under some outlines, fitted to them."""
    import shapely

    layer = onemap.layer_of(version.schema, [version], version.valid_from, [])
    features = [
        {"type": "Feature", "geometry": json.loads(shapely.to_geojson(shape)), "properties": facts}
        for facts, shape in shapes
    ]
    return {
        "bounds": list(version.bbox),
        "fit": "overlays" if features else "bounds",
        "groups": [{"id": "layer", "title": version.schema.label, "layers": [layer | {"visible": True}]}],
        "overlays": {"type": "FeatureCollection", "features": features},
    }
