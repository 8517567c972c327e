"""Jobs of layers. Imported at start-up: nothing heavy here outside functions."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from jintu.foundation.operations import files, jobs
from jintu.foundation.operations.models import StoredFile
from jintu.kernel.errors import InputError, Missing, Place

__all__ = ["build_tiles", "export_version", "import_delivery", "import_version", "make_package", "remove_drafts"]


def _hand_in_again(arguments: Mapping[str, Any], user: int) -> str:
    """The page a file is handed in on, filled in: nothing has to be chosen or written twice."""
    from urllib.parse import urlencode

    from django.urls import reverse

    asked = {n: arguments.get(n) or "" for n in ("division", "valid_from", "crs", "encoding")}
    asked["file"] = files.ticket(arguments["file"], user)
    if layer := arguments.get("layer"):
        mapping = arguments.get("mapping")
        asked |= {"layer": layer, "name": arguments.get("version_name") or "", "member": arguments.get("member") or ""}
        asked["mapping"] = f"{layer}/{mapping}" if mapping else ""
    else:
        asked["layer"] = f"delivery:{arguments.get('structure', '')}"
    return f"{reverse('layers:import')}?{urlencode({n: v for n, v in asked.items() if v})}"


def _came_of_it(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Is the version in force, and if not, why and what to do?"""
    from django.utils.translation import gettext as _

    from .models import LayerVersion

    if "state" not in result:
        return []
    state = _("In force.") if result["state"] == LayerVersion.State.PUBLISHED else _("Not in force: kept as a draft.")
    if result["state"] == LayerVersion.State.WITHDRAWN:
        state = _("Not in force: withdrawn, since it is not qualified.")
    rows = [(_("version"), state)]
    if "score" in result:
        verdict = _("qualified") if result["accepted"] else _("not qualified")
        rows.append((_("Quality inspection"), f"{verdict} · {result['score']:.2f}"))
    if result["state"] == LayerVersion.State.DRAFT:
        rows.append(
            (_("next"), _("Look at the errors; then hand in a better file, or publish the draft with a reason."))
        )
    return rows


@jobs.kind("layers.import", title="Load a layer", again=_hand_in_again, told=_came_of_it)
def import_version(
    job: jobs.Running,
    *,
    division: str,
    layer: str,
    file: str,
    valid_from: str,
    mapping: str = "",
    crs: str = "",
    encoding: str = "",
    member: str = "",
    version_name: str = "",
    good_only: bool = False,
    inspect: bool = True,
    decision: str = "",
) -> dict[str, Any]:
    """Load a stored file as a draft, inspect it, and publish it when it is accepted (`publishing.settle`).

    A refused file leaves its list of problems as a spreadsheet. An attempt that follows a killed one goes on with the
    draft that is there.
    """
    from . import assistant, importing, problems, schemas
    from .mapping import Mapping
    from .mapping import load as load_mapping
    from .models import LayerVersion

    day = date.fromisoformat(valid_from)
    kept = StoredFile.objects.filter(sha256=file).first()
    if kept is None:
        raise Missing("There is no such file.")
    done = LayerVersion.objects.filter(layer=layer, division=division, valid_from=day, job=job.pk).first()
    settled = {"inspect": inspect, "decision": decision}
    if done is not None:  # an earlier attempt of this job had loaded it before it was killed
        answer = {"version": done.pk, "rows": done.rows, "refused": done.quality.get("refused", 0)}
        return answer | _settled(job, done, **settled)
    with tempfile.TemporaryDirectory(prefix="jintu-layer-") as folder:
        path = Path(folder) / Path(kept.name).name
        path.symlink_to(files.path_of(file))
        known = None if mapping else assistant.remembered_for(schemas.get(layer), path, member, encoding or None)
        try:
            result = importing.import_layer(
                layer,
                path,
                division,
                day,
                mapping=load_mapping(layer, mapping) if mapping else known or Mapping(),
                crs=crs or None,
                encoding=encoding or None,
                member=member or None,
                actor=job.actor,
                good_only=good_only,
                name=version_name,
                draft=True,
                job=job.pk,
                progress=job.progress,
            )
        except importing.LayerRefused as error:
            report = problems.spreadsheet(error.problems, kept.name, error.rows)
            raise InputError(
                error.sentence,
                place=error.place,
                remedy="Correct the rows in the list of problems and hand it in again, or load the good rows only.",
                **{**error.params, "report": report.sha256},
            ) from error
    answer = {"version": result.version.pk, "rows": result.rows, "refused": result.refused}
    if result.problems:
        answer["report"] = problems.spreadsheet(result.problems, kept.name, result.left).sha256
    return answer | _settled(job, result.version, **settled)


def _settled(job: jobs.Running, version: Any, *, inspect: bool, decision: str) -> dict[str, Any]:
    """Publish the draft if its verdict allows it; what came of it, with the page to look at."""
    from django.urls import reverse

    from . import publishing

    found = publishing.settle(
        [version], job.actor, inspect=inspect, decision=decision, job=job.pk, progress=job.progress
    )
    verdict = found.get(version.pk)
    answer: dict[str, Any] = {"state": str(version.state)}
    if verdict is None:
        return answer | {"url": reverse("layers:version", args=[version.pk])}
    return answer | {
        "accepted": verdict.accepted,
        "score": round(verdict.score, 2),
        "inspection": verdict.inspection,
        "url": verdict.url,
    }


@jobs.kind("layers.delivery", title="Load a delivery", again=_hand_in_again)
def import_delivery(
    job: jobs.Running,
    *,
    division: str,
    file: str,
    valid_from: str,
    structure: str = "",
    crs: str = "",
    encoding: str = "",
    take_as_cgcs2000: bool = False,
    good_only: bool = False,
    inspect: bool = True,
    decision: str = "",
) -> dict[str, Any]:
    """Load all tables of a stored archive or file of many layers; what was refused is kept as a spreadsheet.

    An attempt that follows a killed one takes up the tables that are loaded.
    """
    from . import delivery, problems

    kept = StoredFile.objects.filter(sha256=file).first()
    if kept is None:
        raise Missing("There is no such file.")
    with tempfile.TemporaryDirectory(prefix="jintu-layer-") as folder:
        path = Path(folder) / Path(kept.name).name
        path.symlink_to(files.path_of(file))
        with delivery.opened(path) as root:
            found = delivery.examine(root, delivery.choose(root, structure), path.stem)
            loaded = delivery.load(
                found,
                division,
                date.fromisoformat(valid_from),
                actor=job.actor,
                crs=crs or None,
                encoding=encoding or None,
                take_as_cgcs2000=take_as_cgcs2000,
                good_only=good_only,
                inspect=inspect,
                decision=decision,
                job=job.pk,
                progress=job.progress,
            )
    wrong = [p for o in loaded.outcomes for p in o.problems]
    wrong += [o.error for o in loaded.outcomes if isinstance(o.error, InputError) and not o.problems]
    answer: dict[str, Any] = {
        "rows": loaded.rows,
        "published": loaded.published,
        "missing": [s.table for s in found.missing],
        "tables": {o.found.schema.table: o.version.pk if o.version else None for o in loaded.outcomes},
        "rejected": [o.found.schema.table for o in loaded.outcomes if loaded.is_held(o)],
    }
    if wrong:
        answer["report"] = problems.spreadsheet(wrong, kept.name).sha256
    if not loaded.published:
        raise InputError(
            "{count} tables are refused, rejected or missing: {names}. The others are kept as drafts.",
            place=Place(file=kept.name),
            remedy="Correct them and load the delivery again; the list of problems says what and where.",
            count=len(loaded.wanting),
            names=", ".join(loaded.wanting),
            report=answer.get("report", ""),
        )
    return answer


@jobs.kind("layers.export", title="Export a layer")
def export_version(job: jobs.Running, *, version: int, kind: str, persons: bool = False) -> dict[str, Any]:
    """Write a version to a file and keep it in the store, for the person who asked."""
    from django.urls import reverse

    from . import exporting
    from .models import LayerVersion

    what = LayerVersion.objects.get(pk=version)
    with tempfile.TemporaryDirectory(prefix="jintu-export-") as folder:
        path = Path(folder) / exporting.file_name(what, kind)
        exporting.write(what, path, kind, persons=persons, progress=job.progress)
        with path.open("rb") as stream:
            stored = files.store(stream, path.name)
    exporting.record(what, kind, stored.sha256, job.actor)
    url = reverse("layers:exported", args=[job.pk]) if job.pk else ""
    return {"file": stored.sha256, "name": stored.name, "size": stored.size, "url": url}


@jobs.kind("layers.tiles", title="Build the tiles of a layer version")
def build_tiles(job: jobs.Running, *, version: int, to: int = 0) -> dict[str, Any]:
    """Build the tiles of a version ahead; an attempt that follows a killed one takes up the blocks that are done."""
    from . import pyramid
    from .models import LayerVersion

    what = LayerVersion.objects.get(pk=version)
    if not to and pyramid.is_current(what):
        return {"tiles": 0}
    built = pyramid.build(what, job.actor, job.progress, to)
    return {"tiles": built.tiles, "bytes": built.bytes, "hash": built.hash}


@jobs.kind("layers.package", title="Make an offline package")
def make_package(job: jobs.Running, *, package: int, language: str = "zh-hans") -> dict[str, Any]:
    """Write a package and keep its ZIP in the store of files."""
    from .models import OfflinePackage
    from .packages import ledger

    entry = ledger.make_zip(OfflinePackage.objects.get(pk=package), language, job.actor, job.progress)
    return {"package": entry.number, "bytes": entry.bytes, "hash": entry.hash}


@jobs.kind("layers.retention", title="Remove old drafts of layers")
def remove_drafts(job: jobs.Running, *, drafts: list[int]) -> dict[str, Any]:
    """Remove the drafts that somebody has seen in the list, unless one was published meanwhile."""
    from . import retention
    from .models import LayerVersion

    found = list(LayerVersion.objects.filter(pk__in=drafts[: retention.MOST], state=LayerVersion.State.DRAFT))
    return {"removed": retention.remove(found, job.actor, job.progress)}


@jobs.kind("layers.housekeeping", title="Daily housekeeping of the lake")
def keep_house(job: jobs.Running) -> dict[str, Any]:
    """Remove drafts whose term is over, and what killed processes left in the lake."""
    from . import lake, retention

    return {"removed": retention.remove(retention.due(), job.actor, job.progress), "swept": lake.sweep()}
