"""Declared figures as the home page and the dashboard show them, and those of findings.

Figures of registers come from `summary`; findings are counted when the page is made, by one statement over a covering
index.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Q, QuerySet, Sum
from django.urls import reverse

from jintu.foundation.checks.models import Finding, Run, Severity
from jintu.foundation.checks.queries import AGES, UNSETTLED
from jintu.foundation.identity.scope import Scope
from jintu.foundation.operations import clock
from jintu.foundation.registers import presets

from . import declared, summary
from .wanted import of_boxes, of_measure

__all__ = ["Unsettled", "lifecycle", "picture", "unsettled"]


def picture(scope: Scope) -> tuple[list[dict[str, Any]], summary.Answer]:
    """The boxes of the process picture with their counts, and of when these are. A count not yet known is None."""
    boxes = of_boxes()
    answer = summary.answer([w for _box, total, due in boxes for w in (total, *due)], scope)
    shown = []
    for box, total, due in boxes:
        n, area = answer.one(total) or (None, None)
        figures = []
        for wanted in due:
            preset = presets.get(box.register, wanted.preset)
            counted = answer.one(wanted)
            figures.append(
                {
                    "label": preset.label,
                    "n": counted[0] if counted else None,
                    "urgent": preset.urgent,
                    "url": _list_url(box.register, wanted.preset),
                }
            )
        shown.append(
            {
                "id": box.id,
                "label": box.label,
                "hint": box.hint,
                "icon": box.icon,
                "stage": box.stage,
                "n": n,
                "area_m2": float(area or 0),
                "url": _list_url(box.register),
                "due": figures,
            }
        )
    return shown, answer


def lifecycle(scope: Scope, since: date, until: date) -> tuple[dict[str, list[list[dict[str, Any]]]], summary.Answer]:
    """{funnel or balance: rows of each measure} for the years from ``since`` to ``until``, and of when they are.

    A row is {"year", "n", "area_m2", "url"}; a measure of a register that is not installed has none.
    """
    things: list[tuple[str, Iterable[declared.Measure]]] = [(f.id, f.steps) for f in declared.funnels()]
    things += [(b.id, b.sides) for b in declared.balances()]
    answer = summary.answer([of_measure(m) for m in declared.measures()], scope)
    years = range(since.year, until.year + 1)
    return {id_: [_by_year(measure, answer, years) for measure in measures] for id_, measures in things}, answer


def _by_year(measure: declared.Measure, answer: summary.Answer, years: range) -> list[dict[str, Any]]:
    found = answer.values.get(of_measure(measure), {})
    return [
        {
            "year": year,
            "n": n,
            "area_m2": float(area),
            "url": _list_url(
                measure.register,
                measure.preset,
                {f"{measure.when}__gte": f"{year}-01-01", f"{measure.when}__lte": f"{year}-12-31"},
            ),
        }
        for year, (n, area) in sorted(found.items())
        if year in years
    ]


def _list_url(register: str, preset: str = "", more: dict[str, str] | None = None) -> str:
    query = {"status": "valid"} | ({"preset": preset} if preset else {}) | (more or {})
    return f"{reverse('registers:list', args=[register])}?{urlencode(query)}"


# -- findings


@dataclass(frozen=True)
class Unsettled:
    """Groups of findings that nobody has settled: by state, severity and division, and what the page asked besides."""

    groups: tuple[dict[str, Any], ...]

    def count(self, **facts: Any) -> int:
        """Findings of these facts; a fact that is a tuple means any of its values."""
        return sum(g["n"] for g in self.groups if all(_is(g[k], v) for k, v in facts.items()))

    @property
    def overdue(self) -> int:
        return sum(g["late"] for g in self.groups)

    @property
    def area_m2(self) -> Any:
        return sum(g["area"] or 0 for g in self.groups)

    @property
    def severities(self) -> list[tuple[Severity, int]]:
        return [(s, self.count(severity=s)) for s in Severity]

    def by_division(self) -> list[dict[str, Any]]:
        """[{"code", "n", "area_m2"}], most first."""
        table: dict[str, dict[str, Any]] = {}
        for g in self.groups:
            entry = table.setdefault(g["code"], {"code": g["code"], "n": 0, "area_m2": 0.0})
            entry["n"] += g["n"]
            entry["area_m2"] += float(g["area"] or 0)
        return sorted(table.values(), key=lambda e: (-e["n"], e["code"]))

    def by_rule(self) -> list[dict[str, Any]]:
        """[{"rule", "n", "area_m2", "by": {severity: n}}], most first."""
        table: dict[str, dict[str, Any]] = {}
        for g in self.groups:
            entry = table.setdefault(g["rule"], {"rule": g["rule"], "n": 0, "area_m2": 0.0, "by": {}})
            entry["n"] += g["n"]
            entry["area_m2"] += float(g["area"] or 0)
            word = Severity(g["severity"]).word
            entry["by"][word] = entry["by"].get(word, 0) + g["n"]
        return sorted(table.values(), key=lambda e: (-e["n"], e["rule"]))

    def by_age(self) -> list[dict[str, Any]]:
        """[{"age", "low", "high", "n"}] by the days since they were first found."""
        today = clock.today()
        found = []
        for name, (low, high) in AGES.items():
            latest = today - timedelta(days=low)
            n = sum(
                g["n"]
                for g in self.groups
                if g["first"] <= latest and (high is None or g["first"] > today - timedelta(days=high))
            )
            found.append({"age": name, "low": low, "high": high, "n": n})
        return found


def _is(value: Any, wanted: Any) -> bool:
    return value in wanted if isinstance(wanted, tuple) else value == wanted


def unsettled(scope: Scope, length: int, *, by_rule: bool = False) -> Unsettled:
    """Unsettled findings of a scope, by divisions cut to ``length`` digits.

    For the dashboard by rule and day of the first run too; for the home page by state instead.
    """
    rows: QuerySet[Any] = Finding.objects.filter(scope.rows(), state__in=UNSETTLED).order_by()
    # grouped in the order of the covering index: nothing is sorted
    names = ["division", "state", "data_level", "severity", *(["rule", "first_run_id"] if by_rule else [])]
    late = Count("id", filter=Q(due_on__lt=clock.today()))
    counted = list(rows.values(*names).annotate(n=Count("id"), late=late, area=Sum("area_m2")))
    runs = {g["first_run_id"] for g in counted} if by_rule else set()
    began = dict(Run.objects.filter(pk__in=runs).values_list("pk", "as_of")) if runs else {}
    for group in counted:
        group["code"] = group["division"][:length]
        group["first"] = began.get(group.get("first_run_id"))
    return Unsettled(tuple(counted))
