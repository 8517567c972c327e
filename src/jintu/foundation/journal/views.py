"""The journal page: what was done, by whom, to what, when; for audit."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_safe

from jintu.kernel.errors import InputError, NotAllowed, Place

from .models import Entry, Pending, Seal
from .words import ACTS, act_label

__all__ = ["entry_list"]

PAGE = 50


@login_required
@require_safe
def entry_list(request: HttpRequest) -> HttpResponse:
    """Newest first, by key. Filters: ``act`` (or its area, "register."), ``object``, ``account``, ``since``, ``until``.

    The audit administrator reads everything, an auditor what concerns the divisions in scope.
    """
    scope: Any = request.scope  # type: ignore[attr-defined]
    if not scope.can("journal"):
        raise NotAllowed("Only auditors read the journal.")
    rows = Entry.objects.order_by("-pk").select_related("link__seal")
    if scope.can("view"):
        rows = rows.filter(scope.division_filter())
    asked = {name: request.GET.get(name, "").strip() for name in ("act", "object", "account", "since", "until")}
    rows = _narrow(rows, asked)
    before = request.GET.get("before", "")
    if before.isdigit():
        rows = rows.filter(pk__lt=int(before))
    page = list(rows[: PAGE + 1])
    entries = page[:PAGE]
    accounts = (
        get_user_model().objects.select_related("organisation").in_bulk({e.user for e in entries if e.user is not None})
    )
    for entry in entries:
        entry.label = act_label(entry.act)
        entry.unit = _unit(accounts.get(entry.user), entry)
    query = request.GET.copy()
    query.pop("before", None)
    return render(
        request,
        "journal/entries.html",
        {
            "rows": [(e, accounts.get(e.user)) for e in entries],
            "acts": [(act, str(label)) for act, label in ACTS.items()],
            "older": entries[-1].pk if len(page) > PAGE else None,
            "asked": asked,
            "query": query.urlencode(),
            "waiting": Pending.objects.count(),
            "head": Seal.objects.order_by("-number").first(),
        },
    )


def _unit(person: Any, entry: Entry) -> str:
    """The organisation of an entry by name, where the person still belongs to it; else by its code."""
    now = getattr(person, "organisation", None)
    return str(now) if now is not None and now.code == entry.organisation else entry.organisation


def _narrow(rows: QuerySet[Entry], asked: dict[str, str]) -> QuerySet[Entry]:
    if act := asked["act"]:
        rows = rows.filter(act__startswith=act) if act.endswith(".") else rows.filter(act=act)
    if key := asked["object"]:
        kind, _, rest = key.partition(" ")
        rows = rows.filter(subjects__kind=kind, subjects__key=rest) if rest else rows.filter(subjects__key=key)
        rows = rows.distinct()
    if account := asked["account"]:
        found = get_user_model().objects.filter(username=account).values_list("pk", flat=True).first()
        rows = rows.filter(user=found) if found is not None else rows.none()
    if since := _day(asked["since"], "since"):
        rows = rows.filter(at__gte=since)
    if until := _day(asked["until"], "until"):
        rows = rows.filter(at__lt=until + timedelta(days=1))
    return rows


def _day(text: str, name: str) -> datetime | None:
    if not text:
        return None
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None:
        raise InputError("{value} is not a date.", place=Place(field=name), remedy="Write 2026-06-15.", value=text)
    return timezone.make_aware(datetime.combine(day, time.min))
