"""Pages that change a record: file, edit with merge, correct, withdraw, outline, attachments."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from jintu.foundation import journal
from jintu.foundation.identity import actor_of
from jintu.foundation.identity.access import needs, require
from jintu.kernel.errors import InputError, Refused

from . import descriptor, rendering, values
from .actions import attach, correct, create, edit, give_geometry, withdraw
from .actions.common import RowConflict
from .forms import GeometryForm, ReasonForm, form_for, initial_of, locked_for_edit
from .models import RowStatus
from .views import _row


@needs("create")
def new(request: HttpRequest, name: str) -> HttpResponse:
    """File a record, with or without its outline."""
    register = descriptor.get(name)
    scope = request.scope  # type: ignore[attr-defined]
    kind = form_for(register, scope)
    if request.method == "POST":
        form, outline = kind(request.POST), GeometryForm(request.POST, request.FILES)
        if form.is_valid() and outline.is_valid():
            try:
                delivered = outline.delivered() if register.geometry and outline.given() else None
            except InputError as error:
                outline.add_error(None, _text(error))
                delivered = None
            if not outline.errors:
                try:
                    row = create.perform(
                        register,
                        form.data_for_row(),
                        scope=scope,
                        actor=actor_of(request),
                        geometry=delivered.geometry if delivered else None,
                        delivered=delivered,
                        draft="draft" in request.POST,
                    )
                except InputError as error:
                    if error.place.field == "geometry" or error.place.field == register.geometry:
                        outline.add_error(None, _text(error))
                    else:
                        form.take(error)
                else:
                    messages.success(request, _("{key} is filed.").format(key=getattr(row, register.key)))
                    return redirect("registers:detail", register.name, row.uid)
        status = 422
    else:
        given = {k: v for k, v in request.GET.items() if k in register.attributes or k == "division"}
        form, outline, status = kind(initial=given), GeometryForm(), 200
    context = {"register": register, "form": form, "outline": outline if register.geometry else None, "mode": "create"}
    return render(request, "registers/form.html", context, status=status)


def _text(error: Any) -> str:
    """An error about the outline, told beside the outline: the name of its column says nothing more."""
    from jintu.foundation.operations.errors import joined, tell, where

    told, place = tell(error), where(replace(error.place, field=""))
    sentence = f"{place}{_(': ')}{told.sentence}" if place else told.sentence
    return joined(sentence, told.remedy)


@needs("edit")
def change(request: HttpRequest, name: str, uid: Any) -> HttpResponse:
    """Edit a record; when somebody saved it meanwhile, a page shows theirs and yours."""
    register = descriptor.get(name)
    scope = request.scope  # type: ignore[attr-defined]
    row = _row(request, register, uid)
    require(request, "edit", row)
    if row.status == RowStatus.WITHDRAWN:
        raise Refused("This record is withdrawn.", remedy="File a new one.")
    closed = locked_for_edit(register) if row.status == RowStatus.VALID else ()
    kind = form_for(register, scope, locked=closed)
    status = 200
    if request.method == "POST":
        form = kind(request.POST, initial=initial_of(register, row))
        opened = _version(request)
        if form.is_valid():
            data = {k: v for k, v in form.data_for_row().items() if k not in closed}
            try:
                saved = edit.perform(register, uid, data, row_version=opened, scope=scope, actor=actor_of(request))
            except RowConflict as conflict:
                return _merge(request, register, conflict.theirs, data, form, opened)
            except InputError as error:
                form.take(error)
            else:
                if saved.row_version == opened:
                    messages.info(request, _("Nothing was changed."))
                else:
                    messages.success(request, _("The changes are saved."))
                return redirect("registers:detail", register.name, uid)
        status = 422
    else:
        form, opened = kind(initial=initial_of(register, row)), row.row_version
    context = {
        "register": register,
        "row": row,
        "form": form,
        "row_version": opened,
        "mode": "edit",
        "key": str(getattr(row, register.key)),
        "title": rendering.row_title(register, row),
        "closed": closed,
    }
    return render(request, "registers/form.html", context, status=status)


def _version(request: HttpRequest) -> int:
    text = request.POST.get("row_version", "")
    if not text.isdigit():
        raise InputError("The form does not say which version of the record it shows.", remedy="Open it again.")
    return int(text)


def _merge(
    request: HttpRequest, register: Any, theirs: Any, data: dict[str, Any], form: Any, opened: int
) -> HttpResponse:
    """Both versions of every column this person changed, to choose from; what they left as it was when they opened the
    form stays as it is saved now. The chosen values go back to the edit form."""
    mine = initial_of(register, theirs) | data
    base = journal.version_of(register.name, theirs.uid, opened) or {}
    fields = []
    for name in form.fields:
        now = getattr(theirs, name, None)
        f, column = register.attributes.get(name, (register.model._meta.get_field(name), None))
        before = values.plain(f.to_python(base[name])) if base.get(name) is not None else base.get(name)
        if name not in data or values.plain(mine.get(name)) == values.plain(now):
            continue
        if name in base and values.plain(mine.get(name)) == before:
            continue  # untouched here, changed there
        unit = values.unit_label(column) if values.is_number(f) else ""
        fields.append(
            {
                "name": name,
                "label": form.fields[name].label,
                "theirs": values.shown(f, now, column),
                "mine": values.shown(f, mine[name], column),
                "unit": unit,
                "both": name in base and values.plain(now) != before,
                "theirs_raw": _raw(form.fields[name], now),
                "mine_raw": _raw(form.fields[name], mine[name]),
            }
        )
    names = {f["name"] for f in fields}
    rest = [(n, _raw(form.fields[n], getattr(theirs, n, None))) for n in form.fields if n not in names]
    context = {
        "register": register,
        "row": theirs,
        "fields": fields,
        "rest": [(n, v) for n, v in rest if v not in (None, "")],
        "key": str(getattr(theirs, register.key)),
        "title": rendering.row_title(register, theirs),
    }
    return render(request, "registers/merge.html", context, status=409)


def _raw(field: Any, value: Any) -> str:
    """A value as the form's input carries it."""
    prepared = field.prepare_value(value)
    if prepared is None or prepared is False:
        return ""
    if hasattr(prepared, "isoformat"):
        return prepared.isoformat()
    return str(prepared)


@needs("withdraw")
def put_right(request: HttpRequest, name: str, uid: Any) -> HttpResponse:
    """Correct a filed record, its number included, with a reason."""
    register = descriptor.get(name)
    scope = request.scope  # type: ignore[attr-defined]
    row = _row(request, register, uid)
    require(request, "withdraw", row)
    kind = form_for(register, scope)
    status = 200
    if request.method == "POST":
        form, why = kind(request.POST, initial=initial_of(register, row)), ReasonForm(request.POST)
        opened = _version(request)
        if form.is_valid() and why.is_valid():
            try:
                correct.perform(
                    register,
                    uid,
                    form.data_for_row(),
                    reason=why.cleaned_data["reason"],
                    row_version=opened,
                    scope=scope,
                    actor=actor_of(request),
                )
            except InputError as error:
                form.take(error)
            else:
                messages.success(request, _("The record is corrected; the values before are kept in its history."))
                return redirect("registers:detail", register.name, uid)
        status = 422
    else:
        form, why, opened = kind(initial=initial_of(register, row)), ReasonForm(), row.row_version
    context = {
        "register": register,
        "row": row,
        "form": form,
        "why": why,
        "row_version": opened,
        "mode": "correct",
        "key": str(getattr(row, register.key)),
        "title": rendering.row_title(register, row),
    }
    return render(request, "registers/form.html", context, status=status)


@needs("withdraw")
def take_back(request: HttpRequest, name: str, uid: Any) -> HttpResponse:
    """Withdraw a record with a reason."""
    register = descriptor.get(name)
    scope = request.scope  # type: ignore[attr-defined]
    row = _row(request, register, uid)
    require(request, "withdraw", row)
    why = ReasonForm(request.POST or None)
    if request.method == "POST" and why.is_valid():
        withdraw.perform(
            register,
            uid,
            reason=why.cleaned_data["reason"],
            row_version=_version(request),
            scope=scope,
            actor=actor_of(request),
        )
        messages.success(request, _("The record is withdrawn. It stays readable under its number."))
        return redirect("registers:detail", register.name, uid)
    context = {
        "register": register,
        "row": row,
        "why": why,
        "key": str(getattr(row, register.key)),
        "title": rendering.row_title(register, row),
    }
    return render(request, "registers/withdraw.html", context, status=422 if request.method == "POST" else 200)


@needs("edit")
def outline(request: HttpRequest, name: str, uid: Any) -> HttpResponse:
    """Give a record its outline, under the same key."""
    register = descriptor.get(name)
    scope = request.scope  # type: ignore[attr-defined]
    row = _row(request, register, uid)
    require(request, "edit", row)
    form = GeometryForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            delivered = form.delivered()
            give_geometry.perform(
                register, uid, delivered, row_version=_version(request), scope=scope, actor=actor_of(request)
            )
        except InputError as error:
            form.add_error(None, _text(error))
        else:
            messages.success(request, _("The outline is saved."))
            return redirect("registers:detail", register.name, uid)
    context = {
        "register": register,
        "row": row,
        "outline": form,
        "key": str(getattr(row, register.key)),
        "title": rendering.row_title(register, row),
    }
    return render(request, "registers/geometry.html", context, status=422 if request.method == "POST" else 200)


@require_POST
@needs("attach")
def add_file(request: HttpRequest, name: str, uid: Any) -> HttpResponse:
    """Attach files to a record."""
    register = descriptor.get(name)
    given = request.FILES.getlist("file")
    if not given:
        raise InputError("Choose a file first.")
    for upload in given:
        attach.perform(
            register,
            uid,
            upload.file,
            upload.name or "file",
            title=request.POST.get("title", ""),
            size=upload.size or 0,
            scope=request.scope,
            actor=actor_of(request),  # type: ignore[attr-defined]
        )
    messages.success(request, _("{n} files are attached.").format(n=len(given)))
    return redirect("registers:detail", register.name, uid)


@require_POST
@needs("attach")
def drop_file(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Withdraw an attachment with a reason."""
    register = descriptor.get(name)
    done = attach.withdraw(
        register,
        pk,
        reason=request.POST.get("reason", ""),
        scope=request.scope,  # type: ignore[attr-defined]
        actor=actor_of(request),
    )
    messages.success(request, _("The attachment is withdrawn."))
    return redirect("registers:detail", register.name, done.uid)
