"""The annual change on screen: matrix, Sankey diagram, change patches with their map."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from jintu.foundation.identity.access import needs
from jintu.kernel import codelists
from jintu.kernel.errors import Missing

from .reports import change, classes, grid, words
from .views import pages, region_of, shown, small_map, spreadsheet, start_of, unit_of, version_of

LEVELS = ("three", "first", "second")
PAGE = 50
FLOWS = 60
"""Flows the diagram shows, the largest first."""


def _pair(request: HttpRequest, pk: int, old: int) -> change.Changes:
    one, two = sorted((version_of(request, pk), version_of(request, old)), key=lambda v: (v.valid_from, v.pk))
    if one.pk == two.pk:
        raise Missing("There is no such version, or it is outside your scope.")
    return change.changes_of(one, two)


@require_safe
@needs("view")
def changes_page(request: HttpRequest, pk: int, old: int) -> HttpResponse:
    """``?division=&level=first&unit=ha``; ``from`` and ``to`` choose change patches."""
    made = _pair(request, pk, old)
    newer = made.summaries[1]
    prefix = region_of(request, newer.divisions())
    level = request.GET.get("level", "")
    level = level if level in LEVELS else "first"
    unit = unit_of(request, prefix)
    matrix = made.matrix(prefix, level, unit)
    doubt = request.GET.get("doubt", "")
    listed = _chosen(made, prefix, level, request.GET.get("from", ""), request.GET.get("to", ""), doubt)
    start = min(start_of(request), max(len(listed) - 1, 0) // PAGE * PAGE)
    page = listed[start : start + PAGE]
    doubts = made.doubts(prefix)
    own = {"division": grid.code_of(prefix), "level": level, "unit": unit}
    context = {
        "old": made.old,
        "new": made.new,
        "name": words.division(newer, prefix),
        "code": grid.code_of(prefix),
        "below": [(grid.code_of(d), words.division(newer, d)) for d in _below(newer, prefix)],
        "path": [
            (grid.code_of(d), words.division(newer, d))
            for d in newer.divisions()
            if prefix.startswith(d) and d != prefix and request.scope.covers(d)  # type: ignore[attr-defined]
        ],
        "level": level,
        "levels": [("three", _("three classes")), ("first", _("first level")), ("second", _("second level"))],
        "unit": unit,
        "unit_name": words.unit_name(unit),
        "units": [(u, words.unit_name(u)) for u in grid.UNITS],
        "heads": [words.class_name(n, level) for n in matrix.names],
        "rows": _rows(matrix, level, own),
        "feet": [
            (_("in during the year"), [shown(matrix.into(n)) for n in matrix.names]),
            (_("closing"), [shown(matrix.closing[n]) for n in matrix.names]),
        ],
        "total": shown(sum(matrix.opening.values())),
        "chart": _sankey(matrix, level, own),
        "checks": _checks(made, prefix),
        "forced": shown(made.forced) if made.forced else "",
        "undeclared": len(doubts["undeclared"]),
        "unapproved": len(doubts["unapproved"]),
        "own": urlencode(own),
        "picked": _picked(request, level),
        "pieces": [_piece(newer, n, piece) for n, piece in enumerate(page.iter_rows(named=True), start=start + 1)],
        "pages": pages(request, start, len(listed), PAGE),
        "area": shown(int(listed["area"].sum() or 0)),
        "map": _map(made, page, start),
        "can_export": request.scope.can("export"),  # type: ignore[attr-defined]
        "pk": made.new.pk,
        "old_pk": made.old.pk,
    }
    return render(request, "survey/changes.html", context)


def _below(made: Any, prefix: str) -> list[str]:
    base = made.grid("patches")
    return base.children(prefix) if isinstance(base, grid.Grid) else []


def _chosen(made: change.Changes, prefix: str, level: str, before: str, after: str, doubt: str) -> Any:
    """Change patches of the region, of one flow or one doubt where asked."""
    import polars as pl

    found = made.doubts(prefix)[doubt] if doubt in ("undeclared", "unapproved") else made.pieces
    here = pl.any_horizontal(pl.col(f"{side}_village").fill_null("").str.starts_with(prefix) for side in ("old", "new"))
    found = found.filter(here)
    for side, wanted in (("old", before), ("new", after)):
        if wanted:
            codes = [c for c in found[f"{side}_code"].drop_nulls().unique() if _in(c, level) == wanted]
            found = found.filter(pl.col(f"{side}_code").is_in(codes))
    return found


def _in(code: str, level: str) -> str:
    return codelists.three_class(code) if level == "three" else classes.rural(code)[0 if level == "first" else 1]


def _rows(matrix: change.Matrix, level: str, own: dict[str, str]) -> list[dict[str, Any]]:
    found = []
    for before in matrix.names:
        cells = []
        for after in matrix.names:
            value = matrix.flows.get((before, after), 0)
            link = before != after and value and {before, after}.isdisjoint({change.OUTSIDE, change.ELSEWHERE})
            cells.append(
                {
                    "text": shown(value) if value else "",
                    "url": f"?{urlencode({**own, 'from': before, 'to': after})}#pieces" if link else "",
                    "stays": before == after,
                }
            )
        found.append(
            {
                "name": words.class_name(before, level),
                "opening": shown(matrix.opening[before]),
                "cells": cells,
                "out": shown(matrix.out(before)),
            }
        )
    return found


def _sankey(matrix: change.Matrix, level: str, own: dict[str, str]) -> dict[str, Any] | None:
    """What moved, as bands from the classes before to the classes after."""
    moved = sorted(((v, a, b) for (a, b), v in matrix.flows.items() if a != b and v), reverse=True)[:FLOWS]
    if not moved:
        return None

    def node(side: str, name: str) -> dict[str, str]:
        hue = codelists.colour(name if name != classes.UNDIVIDED else "20").removeprefix("--jt-")
        return {"id": f"{side}:{name}", "name": words.class_name(name, level), "token": hue}

    sides = [("a", [a for _v, a, _b in moved]), ("b", [b for _v, _a, b in moved])]
    return {
        "kind": "sankey",
        "unit": words.unit_name(matrix.unit),
        "nodes": [node(side, n) for side, names in sides for n in dict.fromkeys(names)],
        "links": [
            {
                "source": f"a:{a}",
                "target": f"b:{b}",
                "value": v / 100,
                "url": f"?{urlencode({**own, 'from': a, 'to': b})}#pieces",
            }
            for v, a, b in moved
        ],
    }


def _checks(made: change.Changes, prefix: str) -> list[tuple[str, str, int, int]]:
    counts: dict[tuple[str, str], list[int]] = {}
    for one in made.identities(prefix):
        entry = counts.setdefault((one.rule, one.what), [0, 0])
        entry[0] += 1
        entry[1] += not one.ok
    return [(rule, words.identity(what), asked, failed) for (rule, what), (asked, failed) in counts.items()]


def _picked(request: HttpRequest, level: str) -> str:
    """Which change patches the list is of."""
    doubt = request.GET.get("doubt", "")
    if doubt == "undeclared":
        return _("changes of class without a change date in the time between")
    if doubt == "unapproved":
        return _("new construction land without an approval number")
    names = [request.GET.get(side, "")[:12] for side in ("from", "to")]
    return " → ".join(words.class_name(n, level) for n in names if n)


def _piece(made: Any, number: int, piece: dict[str, Any]) -> dict[str, Any]:
    def side(name: str) -> dict[str, str]:
        code = piece[f"{name}_code"] or ""
        return {
            "number": piece[f"{name}_patch_no"] or "",
            "code": code,
            "class": classes.name(code, words.chinese()) if code else _("outside the versions"),
            "owner": words.owner(piece[f"{name}_own"]) if piece[f"{name}_own"] else "",
        }

    return {
        "n": number,
        "village": words.division(made, piece["new_village"] or piece["old_village"]),
        "old": side("old"),
        "new": side("new"),
        "area": shown(piece["area"]),
        "approval_no": piece["approval_no"] or "",
        "changed_on": piece["changed_on"],
    }


def _map(made: change.Changes, page: Any, start: int) -> dict[str, Any] | None:
    if not len(page):
        return None
    numbered = enumerate(made.geometry(page), start=start + 1)
    shapes = [({"role": "selected", "name": str(n)}, s) for n, s in numbered if s is not None]
    return small_map(made.new, shapes)


@require_safe
@needs("export")
def workbook(request: HttpRequest, pk: int, old: int) -> HttpResponse:
    """Matrices, list of change patches and checks as a spreadsheet."""
    from .reports import change_workbook

    made = _pair(request, pk, old)
    prefix = region_of(request, made.summaries[1].divisions())
    name = f"{grid.code_of(prefix)}-{made.old.name}-{made.new.name}-changes"
    return spreadsheet(lambda path: change_workbook.write(made, path, prefix), name)
