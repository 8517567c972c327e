"""Reckoning declared figures for a scope and a period, once a minute at most."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Sum
from django.db.models.functions import ExtractYear
from django.urls import reverse
from django.utils import timezone

from jintu.foundation.checks.models import Finding, Severity
from jintu.foundation.checks.queries import AGES, UNSETTLED
from jintu.foundation.identity.scope import Scope
from jintu.foundation.journal.models import Entry
from jintu.foundation.operations import clock
from jintu.foundation.registers import descriptor, presets
from jintu.kernel.errors import Missing

from . import declared
from .models import Figures

__all__ = ["by_year", "findings_by_age", "findings_by_division", "findings_by_rule", "kept", "picture"]

FRESH = timedelta(seconds=60)


def kept(name: str, scope: Scope, reckon: Callable[[], Any], **facts: Any) -> tuple[Any, Any]:
    """(value, reckoned at). Reckoned anew when the journal has grown and the kept value is older than a minute."""
    words = json.dumps(
        [name, sorted(scope.divisions), scope.data_level, clock.today().isoformat(), facts], sort_keys=True, default=str
    )
    key = hashlib.sha256(words.encode()).hexdigest()
    stamp = Entry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    row = Figures.objects.filter(key=key).first()
    if row is not None and (row.stamp == stamp or timezone.now() - row.computed_at < FRESH):
        return row.value, row.computed_at
    value = json.loads(json.dumps(reckon(), default=float))
    row, _made = Figures.objects.update_or_create(key=key, defaults={"stamp": stamp, "value": value})
    return value, row.computed_at


def by_year(measure: declared.Measure, scope: Scope, since: date, until: date) -> list[dict[str, Any]]:
    """[{"year", "n", "area_m2", "url"}] of a measure inside a period; empty if its register is not installed."""
    try:
        register = descriptor.get(measure.register)
    except Missing:
        return []
    rows = register.model.objects.current().within(scope)
    if measure.preset:
        rows = presets.get(measure.register, measure.preset).narrow(rows, clock.today())
    rows = rows.filter(**{f"{measure.when}__gte": since, f"{measure.when}__lte": until})
    totals: dict[str, Any] = {"n": Count("id")}
    if measure.area:
        totals["area"] = Sum(measure.area)
    grouped = (
        rows.order_by().annotate(year=ExtractYear(measure.when)).values("year").annotate(**totals).order_by("year")
    )
    return [
        {
            "year": g["year"],
            "n": g["n"],
            "area_m2": float(g.get("area") or 0),
            "url": _list_url(
                measure.register,
                measure.preset,
                {f"{measure.when}__gte": f"{g['year']}-01-01", f"{measure.when}__lte": f"{g['year']}-12-31"},
            ),
        }
        for g in grouped
    ]


def _list_url(register: str, preset: str = "", more: dict[str, str] | None = None) -> str:
    query = {"status": "valid"} | ({"preset": preset} if preset else {}) | (more or {})
    return f"{reverse('registers:list', args=[register])}?{urlencode(query)}"


def picture(scope: Scope) -> list[dict[str, Any]]:
    """The boxes of the process picture with their counts."""
    shown = []
    for box in declared.boxes():
        try:
            register = descriptor.get(box.register)
        except Missing:
            continue
        rows = register.model.objects.current().within(scope)
        totals: dict[str, Any] = {"n": Count("id")}
        if box.area:
            totals["area"] = Sum(box.area)
        total = rows.aggregate(**totals)
        due = []
        for name in box.presets:
            preset = presets.get(box.register, name)
            n = preset.narrow(rows, clock.today()).count()
            due.append({"name": name, "n": n, "urgent": preset.urgent, "url": _list_url(box.register, name)})
        shown.append(
            {
                "id": box.id,
                "register": box.register,
                "n": total["n"],
                "area_m2": float(total.get("area") or 0),
                "url": _list_url(box.register),
                "due": due,
            }
        )
    return shown


def _open(scope: Scope) -> Any:
    return Finding.objects.filter(scope.rows(), state__in=UNSETTLED).order_by()


def findings_by_rule(scope: Scope) -> list[dict[str, Any]]:
    """Unsettled findings by rule and severity, most first."""
    table: dict[str, dict[str, Any]] = {}
    for row in _open(scope).values("rule", "severity").annotate(n=Count("id"), area=Sum("area_m2")):
        entry = table.setdefault(row["rule"], {"rule": row["rule"], "n": 0, "area_m2": 0.0, "by": {}})
        entry["n"] += row["n"]
        entry["area_m2"] += float(row["area"] or 0)
        entry["by"][Severity(row["severity"]).word] = row["n"]
    return sorted(table.values(), key=lambda e: (-e["n"], e["rule"]))


def findings_by_division(scope: Scope, length: int) -> list[dict[str, Any]]:
    """Unsettled findings by the division codes cut to ``length`` digits, most first."""
    from django.db.models.functions import Substr

    rows = _open(scope).annotate(code=Substr("division", 1, length)).values("code")
    counted = rows.annotate(n=Count("id"), area=Sum("area_m2"))
    return sorted(
        ({"code": r["code"], "n": r["n"], "area_m2": float(r["area"] or 0)} for r in counted),
        key=lambda e: (-e["n"], e["code"]),
    )


def findings_by_age(scope: Scope) -> list[dict[str, Any]]:
    """Unsettled findings by the days since they were first found."""
    today = clock.today()
    found = []
    for name, (low, high) in AGES.items():
        rows = _open(scope).filter(first_run__as_of__lte=today - timedelta(days=low))
        if high is not None:
            rows = rows.filter(first_run__as_of__gt=today - timedelta(days=high))
        found.append({"age": name, "low": low, "high": high, "n": rows.count()})
    return found
