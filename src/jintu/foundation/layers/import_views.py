"""Files in and out by the pages: load a layer or a delivery, choose one of several, match columns, export a version."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from jintu.foundation.identity import actor_of
from jintu.foundation.identity.access import needs
from jintu.foundation.operations import files, jobs
from jintu.foundation.operations.errors import tell
from jintu.foundation.operations.models import Job, StoredFile
from jintu.foundation.registers.rendering import may_see_persons
from jintu.kernel import divisions
from jintu.kernel.errors import InputError, JintuError, Missing, Place

from . import assistant, exporting, mapping, members, schemas, structures
from .models import LayerMapping, LayerVersion

if TYPE_CHECKING:
    from jintu.kernel.formats import Source

DELIVERY = "delivery:"
"""Before the name of a structure, where a layer could be chosen too."""
PASSED_ON = ("layer", "division", "valid_from", "crs", "encoding", "name", "good_only")


@require_http_methods(["GET", "HEAD", "POST"])
@needs("import")
def start(request: HttpRequest) -> HttpResponse:
    """Hand in a file; the job reads, checks and publishes it. Foreign columns are matched on a page before."""
    if request.method == "POST":
        kept = _handed_in(request, request.POST.get("kept", "")) or _stored(request)
        return _next(request, kept)
    scope = request.scope  # type: ignore[attr-defined]
    context = {
        "groups": _by_delivery(),
        "structures": [(f"{DELIVERY}{s.name}", s.label) for s in structures.catalogue()],
        "given": request.GET.dict(),
        "kept": _handed_in(request, request.GET.get("file", "")),
        "ticket": request.GET.get("file", ""),
        "mappings": _mappings(),
        "division": request.GET.get("division") or next((d for d in scope.divisions if len(d) >= 6), ""),
    }
    return render(request, "layers/import.html", context)


def _by_delivery() -> list[tuple[str, list[schemas.Schema]]]:
    """Schemas below the delivery they belong to, in its order; those of none come last, under no name."""
    left = {schema.name: schema for schema in schemas.catalogue()}
    groups = [(s.label, [left.pop(t.layer) for t in s.tables if t.layer in left]) for s in structures.catalogue()]
    return [(label, found) for label, found in (*groups, ("", [*left.values()])) if found]


def _next(request: HttpRequest, kept: StoredFile) -> HttpResponse:
    """The page that chooses a layer, where the file holds several and none is chosen; that of matches, where it is
    asked for; else the job."""
    asked = {k: request.POST.get(k, "") for k in PASSED_ON} | {"file": files.ticket(kept.sha256, request.user.pk)}
    member, taken = request.POST.get("member", ""), request.POST.get("mapping", "")
    whole = asked["layer"].startswith(DELIVERY)
    if not whole and not member and _holds_several(kept, asked["encoding"].strip()):
        asked |= {"mapping": taken, "member": request.POST.get("before", "")}
        return redirect(f"{reverse('layers:member')}?{urlencode(asked)}")
    if request.POST.get("action") == "match":
        schemas.get(asked["layer"])
        return redirect(f"{reverse('layers:match')}?{urlencode(asked | {'member': member})}")
    return _enqueue(request, kept)


def _holds_several(kept: StoredFile, encoding: str) -> bool:
    """Of a file that cannot be opened the job tells what is wrong, with place and remedy."""
    from jintu.kernel import formats

    try:
        with _linked(kept) as path:
            return formats.may_hold_several(path) and len(formats.contents(path, encoding=encoding or None)) > 1
    except JintuError:
        return False


@require_safe
@needs("import")
def member(request: HttpRequest) -> HttpResponse:
    """Which layer of a file of several is meant: name, geometry, rows and coordinate system of each."""
    from jintu.kernel import formats
    from jintu.kernel.formats.contents import MOST_MEMBERS

    asked = request.GET
    schema = schemas.get(asked.get("layer", ""))
    kept = files.by_ticket(asked.get("file", ""), request.user.pk)
    with _linked(kept) as path:
        found = formats.contents(path, encoding=asked.get("encoding", "").strip() or None)
    named = members.named_like(schema, [m.name for m in found])
    chosen = asked.get("member") or named
    context = {
        "schema": schema,
        "file": kept,
        "ticket": asked["file"],
        "passed": {k: asked.get(k, "") for k in (*PASSED_ON, "mapping")},
        "found": [
            {
                "member": m,
                "kind": members.kind_of(m),
                "fits": members.fits(schema, m),
                "chosen": m.name == chosen,
                "problem": tell(m.problem) if m.problem else None,
            }
            for m in found
        ],
        "named": named,
        "most": MOST_MEMBERS if len(found) >= MOST_MEMBERS else 0,
    }
    return render(request, "layers/member.html", context)


def _handed_in(request: HttpRequest, ticket: str) -> StoredFile | None:
    """A file that was handed in before, by the ticket on the page of the job that read it. Raises `Missing`."""
    return files.by_ticket(ticket, request.user.pk) if ticket else None


def _stored(request: HttpRequest) -> StoredFile:
    file = request.FILES.get("file")
    if file is None:
        raise InputError("There is no file.", place=Place(field="file"))
    return files.store(file, file.name or "file")


def _mappings() -> list[dict[str, str]]:
    """Those somebody saved and those that come with the domains, under the title of their layer."""
    named = LayerMapping.objects.exclude(name__startswith=assistant.SHAPE)
    saved = named.order_by("layer", "name").values_list("layer", "name")
    come = [(s.name, name) for s in schemas.catalogue() for name in mapping.shipped(s.name)]
    titles = {s.name: f"{s.label} {s.table}" for s in schemas.catalogue()}
    pairs = sorted({*saved, *come}, key=lambda pair: (titles.get(pair[0], pair[0]), pair[1]))
    return [{"id": "/".join(pair), "title": titles.get(pair[0], pair[0]), "name": pair[1]} for pair in pairs]


def _where_and_when(request: HttpRequest) -> tuple[str, date]:
    division = divisions.check(request.POST.get("division", "").strip(), place=Place(field="division"))
    scope = request.scope  # type: ignore[attr-defined]
    if not scope.covers(division):
        raise InputError("Division {division} is outside your scope.", place=Place(field="division"), division=division)
    try:
        return division, date.fromisoformat(request.POST.get("valid_from", ""))
    except ValueError:
        raise InputError("The day from which the version holds is missing.", place=Place(field="valid_from")) from None


def _enqueue(request: HttpRequest, kept: StoredFile, named: str = "") -> HttpResponse:
    """``named``: the mapping, where it was made on the page of matches."""
    division, day = _where_and_when(request)
    common: dict[str, Any] = {
        "actor": actor_of(request),
        "division": division,
        "file": kept.sha256,
        "valid_from": day.isoformat(),
        "crs": request.POST.get("crs", "").strip(),
        "encoding": request.POST.get("encoding", "").strip(),
        "good_only": bool(request.POST.get("good_only")),
    }
    wanted = request.POST.get("layer", "")
    if wanted.startswith(DELIVERY):
        structure = structures.get(wanted.removeprefix(DELIVERY))
        title = f"{structure.label} {division} {day.isoformat()}"
        with transaction.atomic():
            job = jobs.enqueue("layers.delivery", title=title, structure=structure.name, **common)
        return redirect("operations:job", pk=job.pk)
    schema = schemas.get(wanted)
    layer, _sep, name = request.POST.get("mapping", "").partition("/")
    if name and layer != schema.name:
        raise InputError("The mapping is for another layer.", place=Place(field="mapping"))
    with transaction.atomic():
        job = jobs.enqueue(
            "layers.import",
            title=f"{schema.label} {division} {day.isoformat()}",
            layer=schema.name,
            mapping=named or name,
            member=request.POST.get("member", ""),
            version_name=request.POST.get("name", "").strip()[:60],
            **common,
        )
    return redirect("operations:job", pk=job.pk)


# --- matching ----------


@contextmanager
def _linked(kept: StoredFile) -> Iterator[Path]:
    """A stored file under its own name, by which formats are told."""
    with tempfile.TemporaryDirectory(prefix="jintu-layer-") as folder:
        path = Path(folder) / Path(kept.name).name
        path.symlink_to(files.path_of(kept.sha256))
        yield path


@contextmanager
def _opened(kept: StoredFile, schema: schemas.Schema, asked: Mapping[str, str]) -> Iterator[Source]:
    """The layer that was chosen. Raises `InputError` with the names to choose from where none was."""
    from jintu.kernel import formats

    given = {k: asked.get(k, "").strip() or None for k in ("crs", "encoding")}
    with (
        _linked(kept) as path,
        formats.read(path, layer=asked.get("member") or None, choose=members.chooser(schema), **given) as source,
    ):
        yield source


@require_http_methods(["GET", "HEAD", "POST"])
@needs("import")
def match(request: HttpRequest) -> HttpResponse:
    """Which column is which: what the assistant proposes, with its reasons, to be corrected and accepted."""
    asked = request.POST if request.method == "POST" else request.GET
    schema = schemas.get(asked.get("layer", ""))
    kept = files.by_ticket(asked.get("file", ""), request.user.pk)
    with _opened(kept, schema, asked) as source:
        taken = assistant.sample(source)
    found = assistant.propose(schema, taken)
    if request.method == "POST":
        accepted = _accepted(request, found)
        name = request.POST.get("save_as", "").strip()[:100]
        user = request.user.pk
        if name:
            mapping.save(schema, accepted, name, user)
        return _enqueue(request, kept, name or assistant.remember(schema, taken, accepted, user))
    context = {
        "schema": schema,
        "file": kept,
        "ticket": asked["file"],
        "passed": {k: asked.get(k, "") for k in (*PASSED_ON, "member")},
        "rows": [_row(a, found) for a in schema.attributes],
        "headers": taken.headers,
        "found": found,
        "share": len(found.matches),
    }
    return render(request, "layers/match.html", context)


def _row(a: schemas.Attribute, found: assistant.Proposal) -> dict[str, Any]:
    """One attribute with its proposal and the first values of the column proposed."""
    chosen = found.matches.get(a.name)
    filled = found.mapping.constants.get(a.name) or ""
    examples = [v for v in dict.fromkeys(found.sample.values.get(chosen.column, ())) if v][:3] if chosen else []
    return {
        "attribute": a,
        "match": chosen,
        "percent": round(100 * chosen.score) if chosen else 0,
        "examples": examples,
        "filled": filled,
        "numbered": a.name == found.mapping.sequence or (a.serial and not chosen),
        "computed": a.name == found.mapping.area,
        "open": a in found.open,
    }


def _accepted(request: HttpRequest, found: assistant.Proposal) -> mapping.Mapping:
    """The mapping as the person left it: columns chosen, words translated where the column is the one proposed."""
    columns = {
        a.name: column
        for a in found.schema.attributes
        if (column := request.POST.get(f"column-{a.name}", "")) in found.sample.headers
    }
    proposed = {n: m.column for n, m in found.matches.items()}
    values = {n: words for n, words in found.mapping.values.items() if columns.get(n) == proposed.get(n)}
    return mapping.Mapping(
        columns=columns,
        constants={n: v for n, v in found.mapping.constants.items() if n not in columns},
        values=values,
        sequence=found.mapping.sequence if found.mapping.sequence not in columns else "",
        area=found.mapping.area if found.mapping.area not in columns else "",
    )


# --- out ----------


@require_POST
@needs("export")
def export(request: HttpRequest, pk: int) -> HttpResponse:
    """Write a version to a file, by a job."""
    scope = request.scope  # type: ignore[attr-defined]
    version = LayerVersion.objects.within(scope).filter(pk=pk).first()
    if version is None:
        raise Missing("There is no such version, or it is outside your scope.")
    kind = request.POST.get("format", "")
    exporting.file_name(version, kind)  # refuses a format that is none
    with transaction.atomic():
        job = jobs.enqueue(
            "layers.export",
            actor=actor_of(request),
            title=f"{version.schema.label} {version.name} · {kind}",
            version=version.pk,
            kind=kind,
            persons=may_see_persons(scope),
        )
    return redirect("operations:job", pk=job.pk)


@require_safe
@needs("export")
def exported(request: HttpRequest, pk: int) -> HttpResponse:
    """The file that a job of this person has written."""
    job = Job.objects.filter(pk=pk, kind="layers.export", user=request.user.pk, state=Job.State.DONE).first()
    if job is None:
        raise Missing("There is no such export.")
    return files.response(job.result["file"], job.result["name"])
