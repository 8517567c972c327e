"""Inspect a version of the lake and keep what came out: the error layer as a file, the figures in the database."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from django.db import transaction

from jintu.foundation.journal import Actor, append
from jintu.foundation.layers import lake
from jintu.foundation.layers.differing import Differing, differing
from jintu.foundation.layers.models import LayerVersion
from jintu.foundation.operations import files
from jintu.kernel.errors import InputError, Missing, Place, Refused

from .. import parameters
from ..lazy import pl
from . import loading, partials
from .models import Inspection, InspectionMark
from .reuse import Earlier
from .rules import catalogue
from .running import Report, error_schema, inspect

if TYPE_CHECKING:
    import polars

    from .tables import Table

__all__ = ["errors_of", "inspect_version", "keep", "mark", "run"]

Progress = Callable[[int, int, str], None]
SET_ASIDE = (InspectionMark.State.FALSE_POSITIVE, InspectionMark.State.EXEMPT)
MARK_KEY = ("rule", "key", "field", "value")


def run(
    version: LayerVersion,
    progress: Progress | None = None,
    *,
    company: Sequence[LayerVersion] = (),
    held: dict[int, Table] | None = None,
    full: bool = False,
) -> tuple[Report, dict[str, Any]]:
    """The report on a version in the company of the layers around it, and {table: {name, hash}} of all of them, and of
    its neighbours where rules look at them ({table and division: …}).

    ``company``: versions that come together with it and are not in force yet; ``held``: tables read for them before;
    ``full``: look at everything, whatever was inspected before.
    """
    others = loading.around(version, company)
    data = loading.dataset(version, others, held)
    inputs = {v.schema.table: {"name": v.name, "hash": v.hash} for v in (version, *others)}
    if any("neighbours" in rule.given and rule.judges(data[version.schema.table]) for rule in catalogue()):
        inputs |= {f"{v.schema.table} {v.division}": {"name": v.name, "hash": v.hash} for v in loading.beside(version)}
    report = inspect(
        data,
        dict(parameters.in_force(version.valid_from)),
        tables=[version.schema.table],
        progress=progress,
        aside=_set_aside(version),
        earlier=None if full else _earlier(version, inputs),
    )
    return report, inputs


def _earlier(version: LayerVersion, inputs: dict[str, Any]) -> Earlier | None:
    """The newest inspection of the version, or else of the layer in that division, as far as it can be used again."""
    made = Inspection.objects.filter(version__layer=version.layer, division=version.division)
    newest = made.filter(version=version).order_by("-id").first()
    newest = newest or made.select_related("version").order_by("-id").first()
    if newest is None or newest.version.schema_version != version.schema_version:
        return None
    if newest.errors and not files.path_of(newest.errors).is_file():
        return None
    ran = [o for o in newest.outcomes if "not_run" not in o and o.get("print")]
    errors = pl.read_parquet(files.path_of(newest.errors)) if newest.errors else pl.DataFrame(schema=error_schema())
    if (further := partials.beyond(newest)) is not None:
        errors = pl.concat([errors.select(further.columns), further])
    table = version.schema.table

    def hashes(of: dict[str, Any], neighbours: bool = False) -> dict[str, str]:
        return {n: f["hash"] for n, f in of.items() if n != table and n.startswith(f"{table} ") == neighbours}

    return Earlier(
        prints={o["rule"]: o["print"] for o in ran},
        counts={o["rule"]: o["count"] + o["aside"] for o in ran},
        errors=errors,
        table=lambda: loading.table_of(newest.version),
        same=newest.version_id == version.pk,
        around=hashes(newest.inputs) == hashes(inputs),
        day=newest.version.valid_from == version.valid_from,
        later=newest.version.valid_from < version.valid_from,
        beside=hashes(newest.inputs, True) == hashes(inputs, True) and newest.version.bbox == version.bbox,
        remains=lambda: partials.load(newest.version),
        differing=lambda: _differing(newest.version, version),
    )


def _differing(old: LayerVersion, new: LayerVersion) -> Differing | None:
    """None too where the file of the old version is gone or was changed."""
    try:
        return differing(old, new)
    except (Missing, Refused):
        lake.check_parts(new.directory, new.manifest_hash, ())
        return None


def _set_aside(version: LayerVersion) -> polars.DataFrame:
    """Errors of this layer that people marked as no errors: rule, key, field, value."""
    rows = InspectionMark.objects.filter(layer=version.layer, division=version.division, state__in=SET_ASIDE)
    return pl.DataFrame(list(rows.values_list(*MARK_KEY)), schema=dict.fromkeys(MARK_KEY, pl.String), orient="row")


def inspect_version(
    version: LayerVersion,
    *,
    actor: Actor | None = None,
    job: int | None = None,
    progress: Progress | None = None,
    company: Sequence[LayerVersion] = (),
    held: dict[int, Table] | None = None,
    full: bool = False,
) -> Inspection:
    """Run all rules and keep the inspection."""
    report, inputs = run(version, progress, company=company, held=held, full=full)
    if (kept := report.remains.get(version.schema.table)) is not None:
        partials.save(version, kept)
    made = keep(version, report, inputs, actor=actor, job=job)
    partials.save_beyond(made, report.beyond)
    return made


def keep(
    version: LayerVersion,
    report: Report,
    inputs: dict[str, Any],
    *,
    actor: Actor | None = None,
    job: int | None = None,
) -> Inspection:
    """Write a report down with its error layer; journaled."""
    errors = report.errors
    kept = files.store(io.BytesIO(_file(errors)), f"inspection-{version.key}.parquet").sha256 if errors.height else ""
    with transaction.atomic():
        made = Inspection.objects.create(
            version=version,
            division=version.division,
            inputs=inputs,
            parameters={"weights": report.weights, "pass_mark": report.pass_mark},
            outcomes=[o.as_json() for o in report.outcomes],
            score=round(report.score, 4),
            accepted=report.accepted,
            fatal=report.count("A"),
            serious=report.count("B"),
            slight=report.count("C"),
            errors=kept,
            seconds=round(sum(o.seconds for o in report.outcomes), 3),
            job=job,
            created_by=actor.user if actor else None,
        )
        append(
            "checks.inspect",
            actor=actor,
            division=version.division,
            objects=[("layers.version", str(version.pk)), ("checks.inspection", str(made.pk))],
            facts={"hash": version.hash, "accepted": made.accepted, "score": made.score, "errors": kept},
        )
    return made


def _file(errors: polars.DataFrame) -> bytes:
    """The error layer as GeoParquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = errors.to_arrow()
    table = table.set_column(
        table.column_names.index("geometry"), "geometry", table.column("geometry").cast(pa.binary())
    )
    geo = {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {"geometry": {"encoding": "WKB", "geometry_types": []}},
    }
    out = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({b"geo": json.dumps(geo).encode()}), out, compression="zstd")
    return out.getvalue()


def errors_of(inspection: Inspection, rule: str = "", start: int = 0, count: int = 100) -> tuple[Any, int]:
    """A piece of the error layer and how many errors of the rule were kept, with ``state`` and ``reason`` of marks."""
    if not inspection.errors:
        return [], 0
    frame = pl.read_parquet(files.path_of(inspection.errors))
    if rule:
        frame = frame.filter(pl.col("rule") == rule)
    rows = frame.slice(start, count).to_dicts()
    version = inspection.version
    marks = {
        (m.rule, m.key, m.field, m.value): m
        for m in InspectionMark.objects.filter(
            layer=version.layer, division=version.division, key__in={r["key"] for r in rows}
        )
    }
    for row in rows:
        row["mark"] = marks.get((row["rule"], row["key"], row["field"], row["value"][:200]))
    return rows, frame.height


def mark(inspection: Inspection, error: dict[str, str], state: str, reason: str, actor: Actor) -> InspectionMark:
    """Say of an error that it is confirmed, a false positive or exempt, and why; journaled.

    ``error``: rule, key, field, value. It counts from the next inspection on. Raises `InputError` without a reason.
    """
    if state not in InspectionMark.State.values:
        raise InputError("There is no state {state}.", place=Place(field="state"), state=state)
    if len(reason.strip()) < 2:
        raise InputError("Give a reason.", place=Place(field="reason"), remedy="Say why in a few words.")
    rows, _count = errors_of(inspection, error.get("rule", ""), 0, 1_000_000)
    wanted = tuple(error.get(name, "") for name in MARK_KEY)
    if not any((r["rule"], r["key"], r["field"], r["value"]) == wanted for r in rows):
        raise Missing("The inspection has no such error.")
    version = inspection.version
    with transaction.atomic():
        made, _new = InspectionMark.objects.update_or_create(
            layer=version.layer,
            division=version.division,
            rule=wanted[0],
            key=wanted[1][:100],
            field=wanted[2][:60],
            value=wanted[3][:200],
            defaults={"state": state, "reason": reason.strip()[:500], "created_by": actor.user},
        )
        append(
            "checks.mark_error",
            actor=actor,
            division=version.division,
            objects=[("checks.inspection", str(inspection.pk)), (version.layer, wanted[1])],
            facts={"rule": wanted[0], "field": wanted[2], "state": state},
        )
    return made
