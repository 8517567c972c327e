"""The findings queue: filters from the query string, keyset pages, counts by severity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum

from jintu.foundation.identity.scope import Scope
from jintu.foundation.operations import clock
from jintu.foundation.registers.planner import WALKED

from .models import Finding, Severity

__all__ = ["PAGE", "Filters", "counts", "page", "queue"]

PAGE = 40
UNSETTLED = (Finding.State.OPEN, Finding.State.DISPATCHED, Finding.State.REPLIED, Finding.State.VERIFIED)


@dataclass(frozen=True)
class Filters:
    """What a person asked for; every attribute is one removable chip."""

    severity: tuple[str, ...] = ()
    state: tuple[str, ...] = ()
    rule: str = ""
    division: str = ""
    standing: str = ""
    age: str = ""
    due: str = ""
    register: str = ""
    key: str = ""
    q: str = ""

    @classmethod
    def of(cls, query: Any) -> Filters:
        """From ``request.GET``; values nobody can mean are dropped."""
        words = {s.word for s in Severity}
        states = set(Finding.State.values)
        return cls(
            severity=tuple(s for s in query.getlist("severity") if s in words),
            state=tuple(s for s in query.getlist("state") if s in states),
            rule=query.get("rule", "")[:8],
            division="".join(c for c in query.get("division", "") if c.isdigit())[:12],
            standing=query.get("standing", "") if query.get("standing") in Finding.Standing.values else "",
            age=query.get("age", "") if query.get("age") in AGES else "",
            due=query.get("due", "") if query.get("due") in ("over", "week") else "",
            register=query.get("register", "")[:60],
            key=query.get("key", "")[:200],
            q=query.get("q", "").strip()[:80],
        )

    @property
    def any(self) -> bool:
        return self != Filters()

    def pairs(self) -> list[tuple[str, str]]:
        """As query-string pairs."""
        found = []
        for name, value in self.__dict__.items():
            found += [(name, v) for v in value] if isinstance(value, tuple) else [(name, value)] if value else []
        return found


AGES: Mapping[str, tuple[int, int | None]] = {"30": (0, 30), "90": (30, 90), "180": (90, 180), "old": (180, None)}


def queue(scope: Scope, filters: Filters, *, walked: bool = False) -> QuerySet[Finding]:
    """Findings in the scope that fit; unsettled ones unless states are asked for.

    ``walked``: they will be read along the index of the queue's order (`registers.planner`); not for counts.
    """
    if walked:
        rows = Finding.objects.alias(**WALKED).filter(scope.rows(division=next(iter(WALKED))))
    else:
        rows = Finding.objects.filter(scope.rows())
    rows = rows.filter(state__in=filters.state or UNSETTLED)
    if filters.severity:
        rows = rows.filter(severity__in=[Severity[s.upper()] for s in filters.severity])
    if filters.rule:
        rows = rows.filter(rule=filters.rule)
    if filters.division:
        rows = rows.filter(division__gte=filters.division, division__lt=filters.division + "~")
    if filters.standing:
        rows = rows.filter(standing=filters.standing)
    today = clock.today()
    if filters.due:
        rows = rows.filter(due_on__lte=today + timedelta(days=7 if filters.due == "week" else -1))
    if filters.age:
        low, high = AGES[filters.age]
        rows = rows.filter(first_run__as_of__lte=today - timedelta(days=low))
        if high is not None:
            rows = rows.filter(first_run__as_of__gt=today - timedelta(days=high))
    if filters.register and filters.key:
        rows = rows.filter(about__register=filters.register, about__key=filters.key)
    if filters.q:
        rows = rows.filter(Q(number__iexact=filters.q) | Q(subject__icontains=filters.q) | Q(rule__iexact=filters.q))
    return rows


def page(rows: QuerySet[Finding], after: str = "") -> tuple[list[Finding], str]:
    """One page in order of risk and the cursor of the next, or ""."""
    rows = rows.order_by("-risk", "-id")
    risk, _, pk = after.partition("_")
    if risk.isdigit() and pk.isdigit():
        # the range first, so that the index gives its start; the OR only breaks ties
        rows = rows.filter(risk__lte=int(risk)).filter(Q(risk__lt=int(risk)) | Q(id__lt=int(pk)))
    # keys first: rows that the page leaves out are not read
    mine = Finding.objects.filter(pk__in=rows.values("pk")[: PAGE + 1]).order_by("-risk", "-id")
    found = list(mine.defer("geom", "values", "gone_because", "seen_versions"))
    more = len(found) > PAGE
    found = found[:PAGE]
    return found, f"{found[-1].risk}_{found[-1].pk}" if more else ""


def counts(rows: QuerySet[Finding]) -> dict[str, Any]:
    """Number and area of the rows, and the number by severity: one query."""
    # grouped in the order of the covering index: nothing is sorted
    by = (
        rows.order_by()
        .values("division", "state", "data_level", "severity")
        .annotate(n=Count("id"), area=Sum("area_m2"))
    )
    table = list(by)
    return {
        "n": sum(r["n"] for r in table),
        "area_m2": sum((r["area"] or 0) for r in table),
        "severities": [(s, sum(r["n"] for r in table if r["severity"] == s)) for s in Severity],
    }
