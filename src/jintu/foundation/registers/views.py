"""Pages that read registers: index, list, record, history, search, saved views."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from jintu.foundation import journal
from jintu.foundation.identity import organisation_names
from jintu.foundation.identity.access import needs
from jintu.foundation.identity.models import User
from jintu.foundation.operations import files
from jintu.kernel.errors import InputError, Missing, Place

from . import descriptor, divisions, filters, listing, panels, presets, rendering, search, values
from .descriptor import Register
from .models import Attachment, Batch, DeliveredGeometry, RowStatus, SavedView

CHILDREN_SHOWN = 20


def _row(request: HttpRequest, register: Register, uid: Any) -> Any:
    """The visible row within the person's scope."""
    scope = request.scope  # type: ignore[attr-defined]
    row = listing.base_rows(register, scope).filter(uid=uid).first()
    if row is None:
        raise Missing(
            "There is no such record in {register}, or it is outside your scope.",
            remedy="Ask the organisation it belongs to.",
            register=str(register.label),
        )
    return row


@require_safe
@needs("view")
def index(request: HttpRequest) -> HttpResponse:
    """All registers by group, with capped counts and the day of the last filing, in two queries."""
    scope = request.scope  # type: ignore[attr-defined]
    shown = list(descriptor.catalogue())
    figures = _figures(shown, scope)
    groups: dict[str, list[dict[str, Any]]] = {}
    for register in shown:
        title = (
            str(register.group) if register.group else (_("Dated tables") if register.table else _("Other registers"))
        )
        n, last = figures[register.name]
        groups.setdefault(title, []).append(
            {"register": register, "count": listing.Count(min(n, listing.CAP), n > listing.CAP), "last": last}
        )
    return render(request, "registers/index.html", {"groups": groups, "stages": STAGES})


STAGES = ("approve", "supply", "use", "compensate", "inspect")


def _figures(registers: list[Register], scope: Any) -> dict[str, tuple[int, Any]]:
    """(capped count, time of the newest row) of many registers with one statement."""
    parts, params, wanted = [], [], []
    found: dict[str, tuple[int, Any]] = {}
    for register in registers:
        rows = listing.base_rows(register, scope)
        try:
            count_sql, count_params = rows.order_by().values("pk")[: listing.CAP + 1].query.sql_with_params()
            newest = listing.base_rows(register, scope, walked=True)
            last_sql, last_params = newest.order_by("-id").values("created_at")[:1].query.sql_with_params()
        except EmptyResultSet:
            found[register.name] = (0, None)
            continue
        parts += [f"(SELECT COUNT(*) FROM ({count_sql}) t)", f"({last_sql})"]
        params += [*count_params, *last_params]
        wanted.append(register)
    if wanted:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(parts)}", params)
            cells = cursor.fetchone()
        for i, register in enumerate(wanted):
            found[register.name] = (cells[2 * i], _moment(cells[2 * i + 1]))
    return found


def _moment(value: Any) -> Any:
    """A raw time of either database as an aware datetime."""
    if isinstance(value, str):
        value = parse_datetime(value)
    if value is not None and value.tzinfo is None:
        value = value.replace(tzinfo=dt.UTC)
    return value


@require_safe
@needs("view")
def rows(request: HttpRequest, name: str) -> HttpResponse:
    """The list of a register: filter, sort, columns, page, sums."""
    register = descriptor.get(name)
    scope = request.scope  # type: ignore[attr-defined]
    query, view = _with_view(request, register)
    names = listing.columns(register, query.get("columns", ""))
    sort = listing.sort_of(register, query.get("sort", ""))
    only = list(dict.fromkeys(["id", "uid", "division", "status", *names, sort.name]))
    looked = listing.look(register, scope, query, names=names, only=only)
    asked, page = looked.filters, looked.page
    keep = [(k, query[k]) for k in ("columns", "size") if query.get(k)]
    sorted_by = [("sort", sort.param)] if query.get("sort") else []
    context = {
        "register": register,
        "filters": asked,
        "chips": _chips(register, asked, [*keep, *sorted_by], set(names)),
        "active": [
            (c.text, urlencode([p for p in [*asked.pairs(), *keep, *sorted_by] if p != (c.key, c.raw)]))
            for c in asked.conditions
        ],
        "heads": rendering.heads(register, names, sort),
        "body": rendering.body(register, page.rows, names, persons=rendering.may_see_persons(scope)),
        "page": page,
        "count": looked.count,
        "sums": rendering.summary(register, looked.sums),
        "filter_query": urlencode(asked.pairs()),
        "sort_query": urlencode([*asked.pairs(), *keep]),
        "page_query": urlencode([*asked.pairs(), *keep, *sorted_by]),
        "hidden": [*keep, *sorted_by],
        "all_columns": [
            (n, values.header(*register.attributes[n]), n in names)
            for n, (_f, c) in register.attributes.items()
            if not c.hidden
        ],
        "presets": presets.of(register.name),
        "divisions": _divisions_within(scope, asked, [*keep, *sorted_by]),
        "views": list(
            SavedView.objects.filter(register=register.name, owner=request.user.pk)
            | SavedView.objects.filter(register=register.name, shared=True)
        ),
        "view": view,
        "verbs": scope.verbs,
        "statuses": RowStatus.choices,
    }
    template = "registers/_table.html" if request.headers.get("HX-Target") == "table" else "registers/list.html"
    return render(request, template, context)


def _divisions_within(scope: Any, asked: filters.Filters, keep: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Townships to filter by, as (query string, name), for people of one county."""
    if len(scope.divisions) != 1 or len(scope.divisions[0]) != 6:
        return []
    rest = [p for p in [*asked.pairs(), *keep] if p[0] != "division"]
    return [(urlencode([*rest, ("division", code)]), name) for code, name in divisions.within(scope.divisions[0])]


def _with_view(request: HttpRequest, register: Register) -> tuple[Any, SavedView | None]:
    """The query string, or that of the saved view it names, with what the address adds."""
    wanted = request.GET.get("view", "")
    if not wanted.isdigit():
        return request.GET, None
    view = SavedView.objects.filter(pk=int(wanted), register=register.name).first()
    if view is None or not (view.shared or view.owner == request.user.pk):
        raise Missing("There is no such view.")
    from django.http import QueryDict

    query = QueryDict(view.query, mutable=True)
    for key in ("after", "before"):
        if key in request.GET:
            query[key] = request.GET[key]
    return query, view


def _chips(
    register: Register, asked: filters.Filters, keep: list[tuple[str, str]], listed: set[str]
) -> list[dict[str, Any]]:
    """The filters on offer: columns marked ``filter``, as choices, ranges of dates or of numbers."""
    now: dict[str, list[str]] = {}
    for key, raw in asked.pairs():
        now.setdefault(key, []).extend(raw.split(","))
    made = []
    for name, (f, column) in register.attributes.items():
        if not column.filter or column.hidden:
            continue
        choices = values.choices_of(f)
        internal = f.get_internal_type()
        kind = (
            "choices"
            if choices
            else "date"
            if internal == "DateField"
            else "number"
            if values.is_number(f)
            else ("bool" if internal == "BooleanField" else "prefix")
        )
        made.append(
            {
                "name": name,
                "label": values.header(f, column),
                "kind": kind,
                "unit": values.unit_label(column) if kind == "number" else "",
                "unit_code": values.unit_of(column) if kind == "number" else "",
                "choices": [
                    (c, f"{c} {label}" if column.codelist else label, c in now.get(name, []))
                    for c, label in list(choices.items())[:80]
                ],
                "low": (now.get(f"{name}__gte") or [""])[0],
                "high": (now.get(f"{name}__lte") or [""])[0],
                "value": (now.get(name) or now.get(f"{name}__prefix") or [""])[0],
                "on": any(k == name or k.startswith(name + "__") for k in now),
                "rest": [(k, v) for k, v in [*asked.pairs(), *keep] if k != name and not k.startswith(name + "__")],
                "major": name in listed and kind != "prefix",
            }
        )
    return made


@require_safe
@needs("view")
def detail(request: HttpRequest, name: str, uid: Any) -> HttpResponse:
    """One record with its outline, the rows that belong to it, its files and its neighbours."""
    register = descriptor.get(name)
    scope = request.scope  # type: ignore[attr-defined]
    row = _row(request, register, uid)
    persons = rendering.may_see_persons(scope)
    key = str(getattr(row, register.key))
    geometry = getattr(row, register.geometry) if register.geometry else None
    batch = Batch.objects.filter(pk=row.batch).only("pk", "file_name", "visible_at").first() if row.batch else None
    context = {
        "register": register,
        "row": row,
        "key": key,
        "title": rendering.row_title(register, row),
        "sections": rendering.sections(register, row, _links(register, row, scope), persons=persons),
        "division": divisions.known().path(row.division[:9]),
        "children": [_children(child, key, scope, persons) for child in register.children],
        "attachments": list(Attachment.objects.filter(register=register.name, uid=row.uid).order_by("-id")),
        "batch": batch,
        "map": _map(register, row, geometry),
        "delivered": DeliveredGeometry.objects.filter(register=register.name, uid=row.uid)
        .only("crs", "file_sha256", "created_at")
        .order_by("-id")
        .first()
        if geometry is not None
        else None,
        "can": {verb: scope.can(verb, row) for verb in ("edit", "withdraw", "attach", "analyse")},
        "withdrawn": row.status == RowStatus.WITHDRAWN,
        "panels": panels.of(request, register, row),
        "tab": "record",
    }
    return render(request, "registers/detail.html", context)


def _links(register: Register, row: Any, scope: Any) -> dict[tuple[str, str], str]:
    """Addresses of the records this one names, of those the person may see."""
    found: dict[tuple[str, str], str] = {}
    for name, (_f, column) in register.attributes.items():
        key = str(getattr(row, name) or "")
        if not column.link or not key or (column.link, key) in found:
            continue
        try:
            other = descriptor.get(column.link)
        except Missing:
            continue
        uid = listing.base_rows(other, scope).filter(**{other.key: key}).values_list("uid", flat=True).first()
        if uid:
            found[column.link, key] = reverse("registers:detail", args=[other.name, uid])
    return found


def _children(child: descriptor.Child, key: str, scope: Any, persons: bool) -> dict[str, Any]:
    """Rows of another register that belong to a record, the first of them."""
    register = descriptor.get(child.register)
    sort = listing.sort_of(register)
    names = [n for n in listing.columns(register) if n != child.by]
    found = listing.base_rows(register, scope).filter(**{child.by: key})
    rows, more = listing.first(found, sort, CHILDREN_SHOWN)
    return {
        "register": register,
        "label": child.label or register.label,
        "heads": rendering.heads(register, names, sort),
        "body": rendering.body(register, rows, names, persons=persons),
        "more": more,
        "query": urlencode({child.by: key}),
        "by": child.by,
    }


def _map(register: Register, row: Any, geometry: Any) -> dict[str, Any] | None:
    """What the map script needs for one record: its outline and where to look."""
    if geometry is None or geometry.is_empty:
        return None
    import shapely

    feature = {
        "type": "Feature",
        "geometry": json.loads(shapely.to_geojson(geometry)),
        "properties": {"key": str(getattr(row, register.key)), "stage": register.stage},
    }
    return {
        "kind": "record",
        "bounds": list(geometry.bounds),
        "stage": register.stage,
        "features": {"type": "FeatureCollection", "features": [feature]},
    }


@require_safe
@needs("view")
def history(request: HttpRequest, name: str, uid: Any) -> HttpResponse:
    """What was done to a record, newest first, each act with the values it changed."""
    register = descriptor.get(name)
    scope = request.scope  # type: ignore[attr-defined]
    row = _row(request, register, uid)
    key = str(getattr(row, register.key))
    steps = journal.history(register.name, row.uid, key)
    people = dict(User.objects.filter(pk__in={s.user for s in steps if s.user}).values_list("pk", "name"))
    context = {
        "register": register,
        "row": row,
        "key": key,
        "title": rendering.row_title(register, row),
        "steps": _told(register, row, steps, people, rendering.may_see_persons(scope)),
        "imports": _imports(register, row),
        "can": {verb: scope.can(verb, row) for verb in ("edit", "withdraw", "attach", "analyse")},
        "withdrawn": row.status == RowStatus.WITHDRAWN,
        "tab": "history",
    }
    return render(request, "registers/history.html", context)


def _told(
    register: Register, row: Any, steps: list[Any], people: dict[int, str], persons: bool
) -> list[dict[str, Any]]:
    """Steps with their differences: each kept version against the one after it."""
    after = values.value_of(register, row)
    told = []
    names = organisation_names(step.entry.organisation for step in steps)
    for step in steps:
        changed = []
        if step.before is not None:
            changed = differences(register, step.before, after, persons=persons)
            after = step.before
        told.append(
            {
                "at": step.at,
                "act": str(ACTS.get(step.act, step.act)),
                "who": people.get(step.user, "") if step.user else _("the system"),
                "organisation": names.get(step.entry.organisation, step.entry.organisation),
                "changed": changed,
                "redacted": step.redacted,
                "version": step.row_version,
            }
        )
    return told


ACTS = {
    "register.create": gettext_lazy("filed"),
    "register.edit": gettext_lazy("edited"),
    "register.correct": gettext_lazy("corrected"),
    "register.withdraw": gettext_lazy("withdrawn"),
    "register.give_geometry": gettext_lazy("given an outline"),
    "register.attach": gettext_lazy("file attached"),
    "register.detach": gettext_lazy("attachment withdrawn"),
    "register.import": gettext_lazy("imported"),
}


def differences(
    register: Register, before: dict[str, Any], after: dict[str, Any], *, persons: bool = True
) -> list[tuple[str, str, str]]:
    """(column, old, new) of two versions of a row given as plain values."""
    found = []
    for name in [*register.columns, "division", "status", "status_reason"]:
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if name == register.geometry:
            found.append((_("Outline"), _("none") if not old else _("an outline"), _("another outline")))
            continue
        if name in register.attributes:
            f, column = register.attributes[name]
            if column.personal and not persons:
                old, new = (values.MASK if old else ""), (values.MASK if new else "")
                found.append((values.header(f, column), old, new))
                continue
            typed = [None if v is None else f.to_python(v) for v in (old, new)]
            unit = values.unit_label(column)
            texts = [values.shown(f, v, column) + (f" {unit}" if unit and v not in (None, "") else "") for v in typed]
            found.append((values.header(f, column), *texts))
        else:
            label = {"division": _("Division"), "status": _("Status"), "status_reason": _("Reason")}[name]
            found.append((label, str(old or values.NOTHING), str(new or values.NOTHING)))
    return found


def _imports(register: Register, row: Any) -> list[Batch]:
    """The imports that brought a version of the row."""
    ids = register.model.objects.filter(uid=row.uid).exclude(batch=0).values_list("batch", flat=True)
    return list(Batch.objects.filter(pk__in=list(ids)).order_by("-pk"))


@require_safe
@needs("view")
def find(request: HttpRequest) -> HttpResponse:
    """The search of the top bar: all registers, grouped. A single exact key opens its record."""
    scope = request.scope  # type: ignore[attr-defined]
    query = request.GET.get("q", "").strip()
    groups = search.find(query, scope)
    entries = [(g, e) for g in groups for e in g.entries]
    exact = [(g, e) for g, e in entries if e.key == query]
    if len(exact) == 1 and len(entries) == 1 and not request.headers.get("HX-Request"):
        group, entry = exact[0]
        return redirect("registers:detail", group.register.name, entry.uid)
    context = {"q": query, "groups": groups, "n": len(entries)}
    if request.headers.get("HX-Request"):
        return render(request, "registers/_found.html", context)
    return render(request, "registers/search.html", context)


@require_POST
@needs("view")
def save_view(request: HttpRequest, name: str) -> HttpResponse:
    """Keep the list as it is under a name."""
    register = descriptor.get(name)
    title = request.POST.get("title", "").strip()[:60]
    if not title:
        raise InputError("A view needs a name.", place=Place(field="title"))
    query = request.POST.get("query", "")[:2000]
    from django.http import QueryDict

    listing.asked(register, request.scope, QueryDict(query))  # type: ignore[attr-defined]
    with transaction.atomic():
        view, _new = SavedView.objects.update_or_create(
            register=register.name,
            owner=request.user.pk,
            name=title,
            defaults={"query": query, "shared": bool(request.POST.get("shared"))},
        )
    messages.success(request, _("View {name} is saved.").format(name=title))
    return redirect(f"{reverse('registers:list', args=[register.name])}?view={view.pk}")


@require_POST
@needs("view")
def drop_view(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Remove one of one's own views."""
    SavedView.objects.filter(pk=pk, register=name, owner=request.user.pk).delete()
    return redirect("registers:list", name)


@require_safe
@needs("view")
def attachment(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """An attached file, for whoever may see the record."""
    register = descriptor.get(name)
    found = Attachment.objects.filter(pk=pk, register=register.name).first()
    if found is None:
        raise Missing("There is no such attachment.")
    _row(request, register, found.uid)
    return files.response(found.file_sha256, found.file_name)


@require_safe
@needs("view")
def geojson(request: HttpRequest, name: str, uid: Any) -> JsonResponse:
    """The outline of a record, with the delivered coordinate system named."""
    register = descriptor.get(name)
    row = _row(request, register, uid)
    geometry = getattr(row, register.geometry) if register.geometry else None
    if geometry is None:
        raise Missing("This record has no outline yet.")
    made = _map(register, row, geometry)
    assert made is not None
    answer = JsonResponse(made["features"])
    answer["Content-Disposition"] = f'attachment; filename="{row.uid}.geojson"'
    return answer
