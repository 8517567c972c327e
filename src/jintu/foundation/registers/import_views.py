"""The import wizard: choose a file, match its columns, look at the result of the check, load, revert."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from jintu.foundation.identity import actor_of
from jintu.foundation.identity.access import needs, require
from jintu.foundation.identity.models import User
from jintu.foundation.identity.scope import Scope, prefix_of
from jintu.foundation.operations import clock, files, jobs
from jintu.foundation.operations.errors import noticed
from jintu.foundation.operations.models import Job
from jintu.kernel.errors import InputError, JintuError, Missing, Place, Refused

from . import descriptor, divisions, units, values
from .descriptor import Register
from .export_views import made_now
from .importing import mapping as mappings
from .importing import open_batch, staging
from .importing.duplicates import WAYS
from .importing.mapping import Mapping
from .importing.problems import Problem
from .importing.tasks import CHECK, LOAD, REVERT, local_file
from .models import Batch, ImportMapping

SAMPLE_ROWS = 8
PROBLEMS_SHOWN = 60
KINDS_SHOWN = 20


def _own_batch(request: HttpRequest, name: str, pk: int) -> tuple[Register, Batch]:
    """A batch within the person's scope."""
    register = descriptor.get(name)
    scope: Scope = request.scope  # type: ignore[attr-defined]
    batch = Batch.objects.filter(pk=pk, register=register.name).first()
    mine = batch is not None and (
        scope.covers(prefix_of(batch.division)) if batch.division else batch.created_by == request.user.pk
    )
    if batch is None or not mine:
        raise Missing("There is no import {n}.", n=pk)
    return register, batch


MORE_OF_A_RULE = ("otherwise", "pattern", "compare")


@needs("import")
def start(request: HttpRequest, name: str) -> HttpResponse:
    """Choose a file and what to do with it; below, the imports of the register so far."""
    register = descriptor.get(name)
    scope: Scope = request.scope  # type: ignore[attr-defined]
    error = ""
    if request.method == "POST":
        upload = request.FILES.get("file")
        if upload is None:
            error = _("Choose a file first.")
        else:
            batch = _uploaded(request, register, upload)
            return redirect("registers:import_mapping", register.name, batch.pk)
    mine = Batch.objects.filter(register=register.name)
    recent = [b for b in mine.order_by("-pk")[:60] if scope.covers(prefix_of(b.division)) or not b.division][:20]
    people = dict(User.objects.filter(pk__in={b.created_by for b in recent if b.created_by}).values_list("pk", "name"))
    context = {
        "register": register,
        "recent": [(b, people.get(b.created_by, "")) for b in recent],
        "divisions": _division_choices(scope),
        "mappings": _mapping_names(register),
        "error": error,
        "encodings": ("utf-8", "gb18030", "big5"),
    }
    return render(request, "registers/import_start.html", context, status=422 if error else 200)


def _division_choices(scope: Scope) -> list[tuple[str, str]]:
    """The divisions an import may be for."""
    found = []
    for prefix in scope.divisions:
        code = prefix.ljust(6, "0") if prefix else ""
        found.append((code, divisions.name(code) if code else _("the whole country")))
    return found


def _mapping_names(register: Register) -> list[str]:
    saved = ImportMapping.objects.filter(register=register.name).order_by("name").values_list("name", flat=True)
    return [*saved, *mappings.shipped(register.name)]


def _uploaded(request: HttpRequest, register: Register, upload: Any) -> Batch:
    """Keep the file and open a batch for it."""
    stored = files.store(upload, upload.name)
    given = request.POST
    duplicates = given.get("duplicates", "refuse")
    if duplicates not in WAYS:
        raise InputError("{value} is no way to treat duplicates.", place=Place(field="duplicates"), value=duplicates)
    with transaction.atomic():
        batch = open_batch(
            register,
            upload.name,
            actor=actor_of(request),
            scope=request.scope,  # type: ignore[attr-defined]
            division=given.get("division", ""),
            mapping=given.get("mapping", ""),
            period=given.get("period", "").strip(),
        )
        batch.options = {
            "stored": stored.sha256,
            "duplicates": duplicates,
            "again": bool(given.get("again")),
            "encoding": given.get("encoding", ""),
            "layer": given.get("layer", "").strip(),
            "crs": given.get("crs", "").strip(),
        }
        batch.save(update_fields=["options"])
    return batch


@needs("import")
def match(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """The columns of the file against those of the register, with sample values; saved for the next time."""
    register, batch = _own_batch(request, name, pk)
    if batch.state != Batch.State.STAGED:
        return redirect("registers:import_batch", register.name, batch.pk)
    try:
        look = _look(register, batch)
    except JintuError as error:
        from jintu.foundation.operations.errors import tell

        return render(
            request,
            "registers/import_unreadable.html",
            {"register": register, "batch": batch, "error": tell(error)},
            status=422,
        )
    if request.method == "POST":
        mapping = _posted(register, request.POST, look)
        title = request.POST.get("save_as", "").strip()[:100]
        with transaction.atomic():
            if title:
                ImportMapping.objects.update_or_create(
                    register=register.name,
                    name=title,
                    defaults={"facts": mapping.as_json(), "created_by": request.user.pk},
                )
                batch.mapping = title
            batch.options = {**batch.options, "mapping_given": mapping.as_json()}
            batch.save()
            job = jobs.enqueue(
                CHECK, actor=actor_of(request), division=batch.division, title=batch.file_name, batch=batch.pk
            )
            Batch.objects.filter(pk=batch.pk).update(job=job.pk)
        return redirect("registers:import_batch", register.name, batch.pk)
    return render(request, "registers/import_mapping.html", {"register": register, "batch": batch, **look})


def _look(register: Register, batch: Batch) -> dict[str, Any]:
    """The head of the file: fields, encoding, sample rows, and the mapping proposed."""
    from jintu.kernel import formats

    options = batch.options
    with formats.read(
        local_file(batch),
        encoding=options.get("encoding") or None,
        layer=options.get("layer") or None,
        crs=options.get("crs") or None,
    ) as source:
        mapping = mappings.find(register, options.get("mapping_given") or batch.mapping or None)
        proposed = mapping or mappings.of_source(register, source, batch.division)
        head: list[dict[str, Any]] = []
        for table in source.batches(SAMPLE_ROWS, geometry=False):
            head = table.slice(0, SAMPLE_ROWS).to_pylist()
            break
        headers = [f.name for f in source.fields]
        samples = {h: [str(r.get(h)) for r in head if r.get(h) not in (None, "")][:3] for h in headers}
        about = {
            "encoding": source.encoding,
            "encoding_basis": source.encoding_basis,
            "format": source.format,
            "crs": source.crs or "",
            "has_geometry": source.has_geometry,
            "count": source.count,
            "notices": [noticed(n) for n in source.notices[:20]],
        }
    lines = []
    for name, (f, column) in register.attributes.items():
        if column.hidden:
            continue
        rule = proposed.columns.get(name, {})
        header = str(rule.get("from", ""))
        translate = bool(values.choices_of(f))
        measures = units.same_kind(column.unit)
        unit = rule.get("unit", "")
        lines.append(
            {
                "name": name,
                "label": values.header(f, column),
                "code": column.code,
                "required": column.required,
                "from": header,
                "constant": str(rule.get("constant", "")),
                "units": [(u.code, str(u.label)) for u in measures] if len(measures) > 1 else [],
                "unit": unit,
                "bare": len(measures) > 1 and bool(header) and not unit and not _carry_unit(samples.get(header, [])),
                "shown": bool(header or rule or column.required),
                "samples": "、".join(samples.get(header, []))[:80],
                "translate": translate,
                "values": "\n".join(f"{k}={v}" for k, v in (rule.get("values") or {}).items()),
                "choices": "、".join(f"{c} {t}" for c, t in list(values.choices_of(f).items())[:8])
                if translate
                else "",
            }
        )
    used = {line["from"] for line in lines} | {proposed.division.get("from", ""), proposed.geometry.get("from", "")}
    return {
        "about": about,
        "headers": headers,
        "lines": lines,
        "proposed": proposed,
        "head": [[str(r.get(h) if r.get(h) is not None else "") for h in headers] for r in head],
        "unused": [h for h in headers if h not in used],
        "folded": sum(not line["shown"] for line in lines),
        "division_samples": "、".join(samples.get(proposed.division.get("from", ""), []))[:80],
        "named_at": _named_at(register, str(proposed.division.get("at") or register.period)),
    }


def _named_at(register: Register, at: str) -> list[tuple[str, str, bool]]:
    """Days whose names of divisions may hold, (value, words, chosen): those of a column, or the fixed day given."""
    columns = [(n, values.header(f, c)) for n, (f, c) in register.attributes.items() if isinstance(f, models.DateField)]
    today = clock.today().isoformat()
    known = {today: today, at: at} | dict(columns)
    return [(value, words, value == at) for value, words in known.items() if value]


def _labels(register: Register) -> dict[str, str]:
    """Names of the columns a problem may be about."""
    named = {n: values.header(*register.attributes[n]) for n in register.attributes}
    return named | {"division": _("Division"), register.geometry: _("Outline")}


def _carry_unit(cells: Iterable[str]) -> bool:
    """Do sample cells say their unit themselves ("19983.72平方米")?"""
    return any(re.search(r"[^\d\s.,+\-−]", cell) for cell in cells)


def _posted(register: Register, given: Any, look: dict[str, Any]) -> Mapping:
    """The mapping the person confirmed."""
    columns: dict[str, dict[str, Any]] = {}
    for line in look["lines"]:
        name = line["name"]
        header, constant = given.get(f"from.{name}", ""), given.get(f"constant.{name}", "").strip()
        before = look["proposed"].columns.get(name, {})
        if header:
            if header not in look["headers"]:
                raise InputError("The file has no column {header}.", place=Place(field=name), header=header)
            # what the page does not show of a rule stays, as long as it reads the same column
            kept = {k: v for k, v in before.items() if k in MORE_OF_A_RULE} if before.get("from") == header else {}
            rule: dict[str, Any] = {"from": header, **kept}
        elif constant:
            rule = {"constant": constant}
        elif "key_of" in before:
            rule = before
        else:
            continue
        unit = given.get(f"unit.{name}", "")
        if unit:
            rule["unit"] = unit
        pairs = (part.partition("=") for part in given.get(f"values.{name}", "").splitlines() if "=" in part)
        translation = {k.strip(): v.strip() for k, _eq, v in pairs if k.strip()}
        if f"values.{name}" not in given and before.get("from") == header:
            translation = before.get("values") or {}  # the page shows them for coded columns only
        if translation:
            rule["values"] = translation
        columns[name] = rule
    proposed = look["proposed"]
    mapping = Mapping(columns, key=proposed.key, empty=proposed.empty, rows=proposed.rows)
    header = given.get("division.from", "")
    if header:
        same = proposed.division.get("from") == header
        mapping.division = {"from": header}
        if same:
            mapping.division |= {k: v for k, v in proposed.division.items() if k in ("values", "within")}
        if given.get("division.by") == "name":
            mapping.division |= {"by": "name", "at": given.get("division.at", "") or register.period}
    if register.geometry:
        header = given.get("geometry.from", "")
        if header:
            mapping.geometry = {"from": header}
            crs = given.get("geometry.crs", "").strip()
            if crs or not look["about"]["has_geometry"]:
                mapping.geometry["crs"] = crs or "EPSG:4490"
            if given.get("geometry.wgs84"):
                mapping.geometry["wgs84"] = True
    return mapping


@require_safe
@needs("import")
def batch_page(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Where an import stands: being checked, its result, being loaded, visible, taken back."""
    register, batch = _own_batch(request, name, pk)
    job = Job.objects.filter(pk=batch.job).first() if batch.job else None
    problems = staging.read_problems(batch.pk) if batch.rows_refused else []
    told = None
    if job is not None and job.error:
        from jintu.foundation.operations.errors import tell_kept

        told = tell_kept(job.error)
    labels = _labels(register)
    shown = [
        {
            "row": p.row,
            "field": labels.get(p.field, p.field),
            "value": p.value,
            "text": p.text(),
            "todo": p.what_to_do(),
        }
        for p in problems[:PROBLEMS_SHOWN]
    ]
    counted = [(r["count"], labels.get(r["field"], r["field"]), _kind(r)) for r in batch.report.get("reasons", [])]
    checked = batch.state == Batch.State.STAGED and batch.rows_read > 0
    running = job is not None and not job.is_over
    context = {
        "register": register,
        "batch": batch,
        "job": job,
        "running": running,
        "checked": checked and not running,
        "problems": shown,
        "kinds": counted[:KINDS_SHOWN],
        "more": max(0, len(problems) - len(shown)),
        "told": told,
        "same_period": Batch.objects.filter(pk__in=batch.report.get("same_period", [])),
        "can_revert": batch.state == Batch.State.VISIBLE and request.scope.can("withdraw"),  # type: ignore[attr-defined]
    }
    template = "registers/_import_state.html" if request.headers.get("HX-Request") else "registers/import_batch.html"
    answer = render(request, template, context)
    if request.headers.get("HX-Request") and not running:
        answer["HX-Refresh"] = "true"
    return answer


def _kind(reason: dict[str, Any]) -> str:
    """The sentence of a kind of fault with the example it was first seen with."""
    return Problem(**(reason.get("example") or {"row": 0, **{k: reason[k] for k in ("field", "sentence")}})).text()


@require_POST
@needs("import")
def confirm(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Load a checked file: all rows, or the good ones only."""
    register, batch = _own_batch(request, name, pk)
    if batch.state != Batch.State.STAGED or not batch.rows_read:
        raise Refused("This import is {state} and cannot be loaded.", state=str(batch.get_state_display()))
    good_only = bool(request.POST.get("good_only"))
    if batch.rows_refused and not good_only:
        raise Refused(
            "{n} rows have faults; nothing is loaded.",
            remedy="Correct the file, or import the good rows only.",
            n=batch.rows_refused,
        )
    with transaction.atomic():
        locked = Batch.objects.select_for_update().get(pk=batch.pk)
        locked.options = {**locked.options, "good_only": good_only}
        job = jobs.enqueue(
            LOAD, actor=actor_of(request), division=batch.division, title=batch.file_name, batch=batch.pk
        )
        locked.job = job.pk
        locked.save(update_fields=["options", "job"])
    return redirect("registers:import_batch", register.name, batch.pk)


@require_POST
@needs("import")
def give_up(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Forget a checked file that was not loaded."""
    from .importing import close

    register, batch = _own_batch(request, name, pk)
    if batch.state != Batch.State.STAGED:
        raise Refused("This import is {state} and cannot be loaded.", state=str(batch.get_state_display()))
    close(register, batch)
    staging.drop(batch.pk)
    messages.success(request, _("Nothing of {file} was imported.").format(file=batch.file_name))
    return redirect("registers:import", register.name)


@require_POST
@needs("withdraw")
def take_back(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Revert a visible import, with a reason."""
    register, batch = _own_batch(request, name, pk)
    require(request, "withdraw")
    reason = request.POST.get("reason", "").strip()
    if len(reason) < 2:
        raise InputError("A reason is needed.", place=Place(field="reason"), remedy="Say why, in a sentence.")
    with transaction.atomic():
        job = jobs.enqueue(
            REVERT,
            actor=actor_of(request),
            division=batch.division,
            title=batch.file_name,
            batch=batch.pk,
            reason=reason[:500],
        )
        Batch.objects.filter(pk=batch.pk).update(job=job.pk)
    return redirect("registers:import_batch", register.name, batch.pk)


@require_safe
@needs("import")
def problems_file(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """The faults as a spreadsheet: the row as the file has it, the column, what was filled in, what to do."""
    import pyarrow as pa

    from jintu.kernel import formats

    register, batch = _own_batch(request, name, pk)
    labels = _labels(register)
    problems = staging.read_problems(batch.pk)
    table = pa.table(
        {
            _("Row"): pa.array([p.row for p in problems], pa.int64()),
            _("Column"): pa.array([labels.get(p.field, p.field) for p in problems], pa.string()),
            _("Value"): pa.array([p.value for p in problems], pa.string()),
            _("Problem"): pa.array([p.text() for p in problems], pa.string()),
            _("What to do"): pa.array([p.what_to_do() for p in problems], pa.string()),
        }
    )
    stem = Path(batch.file_name).stem[:60]
    return made_now(lambda path: formats.write(path, table, layer=_("Problems")), f"{stem}-{_('problems')}.xlsx")
