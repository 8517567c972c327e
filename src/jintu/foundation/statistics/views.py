"""Home (the process picture) and the dashboard."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from jintu.foundation.checks import rules
from jintu.foundation.checks.models import Finding, Run, Severity
from jintu.foundation.checks.queries import Filters, page, queue
from jintu.foundation.identity.access import needs
from jintu.foundation.identity.scope import Scope
from jintu.foundation.operations import clock

from . import atlas, declared, figures

YEARS = 6


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The process picture, what is due for this person, and what was found last."""
    scope: Scope = request.scope  # type: ignore[attr-defined]
    if not scope.can("view"):
        return redirect("identity:system")
    boxes, answer = figures.picture(scope)
    mine = _my_turn(scope)
    filters = Filters(state=mine)
    todo, more = page(queue(scope, filters, walked=True))
    for finding in todo:
        finding.rule_name = rule_name(finding.rule)
        finding.word = Severity(finding.severity).word
        finding.due_in = (finding.due_on - clock.today()).days if finding.due_on else None
    unsettled = figures.unsettled(scope, _digits(scope))
    shapes, height = _map(scope, unsettled.by_division())
    last = Run.objects.filter(scope.rows(), official=True).order_by("-id").first()
    context = {
        "boxes": boxes,
        "answer": answer,
        "todo": todo[:10],
        "todo_query": urlencode(filters.pairs()),
        "todo_count": unsettled.count(state=mine),
        "unsettled": {
            "n": unsettled.count(),
            "area_m2": unsettled.area_m2,
            "severities": unsettled.severities,
        },
        "shapes": shapes,
        "height": height,
        "overdue": unsettled.overdue,
        "last": last,
        "today": clock.today(),
        "more": more,
    }
    return render(request, "statistics/home.html", context)


def _my_turn(scope: Scope) -> tuple[str, ...]:
    """The states in which a finding waits for a person with this scope."""
    states: list[str] = []
    if scope.can("reply"):
        states.append(Finding.State.DISPATCHED)
    if scope.can("verify"):
        states.append(Finding.State.REPLIED)
    if scope.can("dispatch"):
        states.append(Finding.State.OPEN)
    if scope.can("close"):
        states.append(Finding.State.VERIFIED)
    return tuple(states) or (Finding.State.OPEN, Finding.State.DISPATCHED)


def rule_name(rule_id: str) -> str:
    """The rule's name in the page's language."""
    try:
        zh, en = rules.get(rule_id).name
    except KeyError:
        return rule_id
    return en if (get_language() or "").startswith("en") else zh


@require_safe
@needs("view")
def dashboard(request: HttpRequest) -> HttpResponse:
    """Funnel, farmland balance and findings by rule, division and age; every figure opens its rows."""
    scope: Scope = request.scope  # type: ignore[attr-defined]
    today = clock.today()
    since, until = _period(request, today)
    by_year, answer = figures.lifecycle(scope, since, until)
    unsettled = figures.unsettled(scope, _digits(scope), by_rule=True)
    value = {"rules": unsettled.by_rule(), "divisions": unsettled.by_division(), "ages": unsettled.by_age()}
    shapes, height = _map(scope, value["divisions"])
    context = {
        "charts": _charts(by_year),
        "shapes": shapes,
        "height": height,
        "value": value,
        "since": since,
        "until": until,
        "years": range(today.year - 9, today.year + 1),
        "answer": answer,
        "rules_table": [(r, rule_name(r["rule"]), _bar(r["by"], value["rules"][0]["n"])) for r in value["rules"]],
        "severities": list(Severity),
    }
    return render(request, "statistics/dashboard.html", context)


def _period(request: HttpRequest, today: date) -> tuple[date, date]:
    """Whole years from the query string; the last six by default."""

    def year(name: str, default: int) -> int:
        text = request.GET.get(name, "")
        return min(max(int(text), 1986), today.year) if text.isdigit() and len(text) == 4 else default

    first, last = year("from", today.year - YEARS + 1), year("to", today.year)
    return date(min(first, last), 1, 1), date(max(first, last), 12, 31)


def _digits(scope: Scope) -> int:
    """Townships for a county, counties for whoever stands above."""
    return 9 if all(len(d) >= 6 for d in scope.divisions) else 6


def _map(scope: Scope, counted: list[dict[str, Any]]) -> tuple[Any, float]:
    return atlas.findings(scope, clock.today(), counted, _digits(scope))


def _charts(by_year: dict[str, list[list[dict[str, Any]]]]) -> list[dict[str, Any]]:
    """Specifications for frontend/src/charts.ts: every datum has the URL of its rows."""
    shown = []
    things: list[declared.Funnel | declared.Balance] = [*declared.funnels(), *declared.balances()]
    for thing in things:
        measures = thing.steps if isinstance(thing, declared.Funnel) else thing.sides
        series = by_year.get(thing.id, [])
        years = sorted({row["year"] for rows in series for row in rows})
        shown.append(
            {
                "id": f"chart-{thing.id}",
                "kind": "bar",
                "title": str(thing.label),
                "unit": _("ha"),
                "categories": [str(y) for y in years],
                "partial": str(clock.today().year) if years and years[-1] == clock.today().year else "",
                "series": [
                    {"name": str(m.label), "data": _by_category(rows, years)}
                    for m, rows in zip(measures, series, strict=False)
                ],
            }
        )
    return shown


def _by_category(rows: list[dict[str, Any]], years: list[int]) -> list[dict[str, Any]]:
    by = {row["year"]: row for row in rows}
    return [
        {
            "value": round(by[y]["area_m2"] / 10_000, 4) if y in by else 0,
            "n": by[y]["n"] if y in by else 0,
            "url": by[y]["url"] if y in by else "",
        }
        for y in years
    ]


def _bar(by: dict[str, int], most: int) -> list[dict[str, Any]]:
    """A rule's findings by severity as pieces of a bar: start and width in percent of the longest bar."""
    pieces, at = [], 0.0
    for severity in Severity:
        width = 100 * by.get(severity.word, 0) / max(most, 1)
        if width:
            pieces.append({"word": severity.word, "x": f"{at:.2f}", "width": f"{width:.2f}"})
        at += width
    return pieces
