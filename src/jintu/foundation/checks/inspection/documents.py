"""Reports of an inspection as they are issued: PDF and workbook, signed with the node's key and kept."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from jintu import __version__
from jintu.foundation.journal import Actor, append
from jintu.foundation.layers import read_record
from jintu.foundation.operations import files, signing, typesetting
from jintu.kernel import divisions, hashing
from jintu.ui import naming

from ..lazy import pl
from . import fields, keeping, reporting
from .lacking import lacking
from .models import Inspection, InspectionReport

if TYPE_CHECKING:
    import polars

__all__ = ["facts", "issue"]

Names = Callable[[str], str]
TEMPLATE = Path(__file__).with_name("report.typ")
SHOWN_PER_RULE = 5
SHOWN = 150
DOTS = 3_000
"""Most errors drawn on the sketch."""
COLOURS = {"A": "#b42318", "B": "#d97706", "C": "#64748b"}


def issue(inspection: Inspection, kind: str, name_of: Names, actor: Actor) -> InspectionReport:
    """The report in the language of the person, made and signed the first time and the same ever after; journaled."""
    language = "en" if (get_language() or "").startswith("en") else "zh-hans"
    known = InspectionReport.objects.filter(inspection=inspection, kind=kind, language=language).first()
    if known is not None:
        return known
    name = f"inspection-{inspection.pk}-{'en' if language == 'en' else 'zh'}.{kind}"
    if kind == InspectionReport.Kind.PDF:
        content = typesetting.pdf(TEMPLATE, facts(inspection, name_of), when=inspection.created_at)
    else:
        content = b"".join(reporting.workbook(inspection, name_of))
    stored = files.store(io.BytesIO(content), name)
    signature = signing.sign_statement(
        {
            "file": name,
            "hash": hashing.of_bytes(content),
            "inspection": inspection.pk,
            "version": {"layer": inspection.version.layer, "hash": inspection.version.hash},
            "score": f"{inspection.score:.4f}",
            "accepted": inspection.accepted,
        }
    )
    with transaction.atomic():
        made, new = InspectionReport.objects.get_or_create(
            inspection=inspection,
            kind=kind,
            language=language,
            defaults={"file": stored.sha256, "name": name, "signature": signature, "created_by": actor.user},
        )
        if new:
            append(
                "checks.report",
                actor=actor,
                division=inspection.division,
                objects=[("checks.inspection", str(inspection.pk))],
                facts={"file": stored.sha256, "kind": kind, "key": signature["public_key"]},
            )
    return made


def facts(inspection: Inspection, name_of: Names) -> dict[str, Any]:
    """What the template prints; every text in the active language."""
    version = inspection.version
    schema = version.schema
    errors = _errors(inspection)
    sample = divisions.is_sample(version.division)
    counted = (
        (_("fatal"), "A", inspection.fatal),
        (_("serious"), "B", inspection.serious),
        (_("slight"), "C", inspection.slight),
    )
    sketch = _sketch(version.bbox, errors)
    samples = _samples(inspection, errors, name_of)
    return {
        "language": "en" if (get_language() or "").startswith("en") else "zh",
        "title": _("Quality inspection report"),
        "subtitle": f"{naming.division_name(version.division)} · {schema.table} {schema.label} · {version.name}",
        "number": _("No. {number}").format(number=inspection.pk),
        "sample": _("SAMPLE") if sample else "",
        "footer": f"Jintu {__version__}",
        "accepted": inspection.accepted,
        "verdict": _("qualified") if inspection.accepted else _("not qualified"),
        "score": f"{inspection.score:.2f}",
        "pass_mark": _("pass mark {mark}").format(mark=f"{inspection.parameters.get('pass_mark', 0):g}"),
        "errors": "  ·  ".join(f"{word} {letter}  {n:,}" for word, letter, n in counted),
        "words": {
            "verdict": _("Verdict"),
            "score": _("Score"),
            "errors": _("Errors"),
            "version": _("Version"),
            "rules": _("Rules"),
            "map": _("Where the errors lie"),
            "samples": _("Errors by example"),
            "provenance": _("Provenance"),
            "rule_head": [_("Rule"), _("Severity"), _("Name"), _("Table"), _("Errors"), _("Set aside"), _("Remark")],
            "sample_head": [_("Rule"), _("Feature"), _("Field"), _("Value"), _("Expected"), _("State")],
        },
        "about": _about(inspection),
        "rules": [_rule(o, name_of) for o in sorted(inspection.outcomes, key=lambda o: (not o["count"], o["rule"]))],
        "sketch": sketch,
        "sketch_note": _("A red, B amber, C grey; {shown} of {count} errors are drawn.").format(
            shown=f"{min(errors.height, DOTS):,}", count=f"{errors.height:,}"
        ),
        "samples": samples,
        "samples_note": _("Up to {each} of each rule; all of them are in the workbook.").format(each=SHOWN_PER_RULE),
        "provenance": _provenance(inspection),
    }


def _about(inspection: Inspection) -> list[tuple[str, str, bool]]:
    """Label, value, and whether it is set in equal widths."""
    version = inspection.version
    return [
        (_("Layer"), f"{version.schema.table} {version.schema.label} ({version.schema.standard})", False),
        (_("Division"), f"{naming.division_name(version.division)} {version.division}", False),
        (_("Version"), f"{version.name} · {_('valid from')} {version.valid_from.isoformat()}", False),
        (_("Features"), f"{version.rows:,}", False),
        (_("Coordinates"), version.crs[:60] or "—", False),
        (_("Source file"), version.source_name, False),
        (_("Hash of the source"), version.source_hash, True),
        (_("Hash of the content"), version.hash, True),
        *mapped_row(version),
    ]


def mapped_row(version: Any) -> list[tuple[str, str, bool]]:
    """What was not delivered under the standard's name, and how it was mapped; nothing where all was."""
    parts = read_record.told(version.schema, version.quality.get("reading") or {})
    return [(_("Mapped columns"), "; ".join(parts), False)] if parts else []


def _rule(outcome: dict[str, Any], name_of: Names) -> list[str]:
    remark = _("not run: needs {names}").format(names=lacking(outcome)) if "not_run" in outcome else ""
    counted = "—" if "not_run" in outcome else f"{outcome['count']:,}"
    aside = f"{outcome.get('aside', 0):,}" if outcome.get("aside") else ""
    return [outcome["rule"], outcome["severity"], name_of(outcome["rule"]), outcome["table"], counted, aside, remark]


def _provenance(inspection: Inspection) -> list[tuple[str, str, bool]]:
    made = timezone.localtime(inspection.created_at)
    rows = [
        (_("Inspected at"), made.isoformat(timespec="seconds"), False),
        (_("Node"), f"{settings.NODE.name} {settings.NODE.division}".strip() or "—", False),
        (_("Key of the node"), signing.node_fingerprint(), True),
        (
            _("Weights"),
            ", ".join(f"{s} {w:g}" for s, w in inspection.parameters.get("weights", {}).items()) or "—",
            False,
        ),
    ]
    rows += [(f"{table} {of['name']}", of["hash"], True) for table, of in sorted(inspection.inputs.items())]
    if inspection.errors:
        rows.append((_("Error layer"), f"sha256:{inspection.errors}", True))
    rows.append((_("Check it with"), "jintu verify FILE.pdf", True))
    return rows


def _errors(inspection: Inspection) -> polars.DataFrame:
    columns = ["rule", "severity", "geometry"]
    if not inspection.errors:
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.String) | {"geometry": pl.Binary})
    return pl.read_parquet(files.path_of(inspection.errors), columns=columns)


def _samples(inspection: Inspection, errors: polars.DataFrame, name_of: Names) -> list[list[str]]:
    rows: list[list[str]] = []
    schema = inspection.version.schema
    for rule in sorted(set(errors["rule"].to_list())):
        found, _count = keeping.errors_of(inspection, rule, 0, SHOWN_PER_RULE)
        for e in found:
            state = str(e["mark"].get_state_display()) if e["mark"] else ""
            label, _code = fields.said(schema, e["field"])
            rows.append([rule, e["key"] or "—", label, e["value"][:80], e["expected"][:80], state])
        if len(rows) >= SHOWN:
            break
    return rows[:SHOWN]


# --- the sketch ----------


def _sketch(bbox: tuple[float, float, float, float], errors: polars.DataFrame) -> str | None:
    """Errors as dots in the box of the version, as SVG; None where nothing has a place."""
    import numpy as np
    import shapely

    placed = errors.filter(pl.col("geometry").is_not_null()).head(DOTS)
    west, south, east, north = bbox
    if placed.is_empty() or not (east > west and north > south):
        return None
    middles = shapely.get_coordinates(shapely.centroid(shapely.from_wkb(placed["geometry"].to_numpy())))
    across = float(np.cos(np.radians((south + north) / 2)))
    width = 600.0
    scale = width / ((east - west) * across)
    height = min(700.0, (north - south) * scale)
    xs = np.clip((middles[:, 0] - west) * across * scale, 0, width)
    ys = np.clip((north - middles[:, 1]) * scale, 0, height)
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{COLOURS.get(s, "#64748b")}" fill-opacity="0.65"/>'
        for x, y, s in zip(xs, ys, placed["severity"].to_list(), strict=True)
    )
    corners = (
        f'<text x="4" y="{height + 16:.0f}" font-size="12" fill="#475569">{west:.4f}°E {south:.4f}°N</text>'
        f'<text x="{width - 4:.0f}" y="{height + 16:.0f}" font-size="12" fill="#475569" text-anchor="end">'
        f"{east:.4f}°E {north:.4f}°N</text>"
    )
    north_arrow = f'<path d="M{width - 20} 34 l-6 0 l6 -18 l6 18 z" fill="#334155"/><text x="{width - 24}" y="48" '
    north_arrow += 'font-size="12" fill="#334155">N</text>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 -2 {width + 4:.0f} {height + 24:.0f}">'
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#f8fafc" stroke="#94a3b8"/>'
        f"{dots}{north_arrow}{corners}</svg>"
    )
