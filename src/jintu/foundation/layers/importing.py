"""From a file to a published layer version: read, map, check, compute, write, publish.

A file with anything wrong in it is refused whole, with every problem by row, field, ring and vertex; ``good_only``
loads what is right and lists what was left. Nothing of a refused or killed import remains.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from jintu.foundation.journal import Actor
from jintu.foundation.operations.errors import keep
from jintu.kernel.errors import InputError, Place

from . import attributes, content, lake, publishing, read_record, reading
from .mapping import Mapping
from .members import chooser
from .models import LayerVersion
from .schemas import Schema
from .schemas import get as schema_of
from .spill import Spill

__all__ = ["LayerRefused", "Result", "import_layer"]


class LayerRefused(InputError):
    """The file has problems; ``problems`` are all of them (see `attributes.MOST_KEPT`), ``count`` how many there are,
    ``rows`` the numbers of all rows that have any."""

    def __init__(self, problems: attributes.Problems) -> None:
        first = problems.kept[0]
        super().__init__(
            "{count} problems, nothing was loaded. The first: {first}",
            place=Place(file=problems.file),
            remedy="Correct the file, or load only the rows without problems.",
            count=problems.count,
            first=first,
        )
        self.problems = problems.kept
        self.count = problems.count
        self.rows = sorted(problems.rows)


@dataclass
class Result:
    """``refused``: rows left out (only with ``good_only``); ``left``: their numbers; ``problems`` say why."""

    version: LayerVersion
    rows: int
    refused: int
    quality: dict[str, Any]
    problems: list[InputError] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    left: list[int] = field(default_factory=list)


def import_layer(
    schema: str | Schema,
    path: str | Path,
    division: str,
    valid_from: date,
    *,
    mapping: Mapping | None = None,
    crs: str | None = None,
    encoding: str | None = None,
    member: str | None = None,
    actor: Actor | None = None,
    good_only: bool = False,
    name: str = "",
    draft: bool = False,
    job: int | None = None,
    progress: reading.Progress | None = None,
) -> Result:
    """Load a file as a version of a layer of a division, in force from a day on.

    ``crs``: of the coordinates, where the file does not say. ``member``: layer or file inside ``path``, by default the
    one called like the schema. ``draft``: keep it from being used until it is published. Raises `LayerRefused` with
    all problems; `InputError` for a file that cannot be read at all; `Conflict` when that day has a version already.
    """
    from jintu.kernel import divisions, formats

    schema = schema_of(schema) if isinstance(schema, str) else schema
    mapping = mapping or Mapping()
    mapping.check(schema)
    tell = progress or (lambda done, total, message: None)
    divisions.check(division)
    publishing.check_day_is_free(schema, division, valid_from)
    lake.sweep()
    with publishing.room(), lake.incoming() as draft_dir, Spill(draft_dir) as spill:
        with formats.read(path, layer=member, crs=crs, encoding=encoding, choose=chooser(schema)) as source:
            matched = reading.matched_columns(source, schema, mapping)
            loaded = reading.read(source, schema, matched, mapping, spill, tell, good_only=good_only)
            if loaded.problems.count and not (good_only and len(loaded.kept)):
                raise LayerRefused(loaded.problems)
            if not len(loaded.kept):
                raise InputError(
                    "The file has no rows.", place=source.place(), remedy="Check that it is the right file."
                )
            facts: dict[str, Any] = {
                "source": {
                    "name": source.name,
                    "format": source.format,
                    "hash": source.sha256,
                    "encoding": source.encoding,
                },
                "crs": "" if schema.is_table else str(source.crs),
            }
            notices = source.notices
            read_as = read_record.record(source, schema, matched, mapping, loaded.problems)
        tell(0, 0, "checking areas and topology")
        written, summary = _write(draft_dir, spill, loaded, schema, facts["crs"])
        spill.close()
        left, problems = sorted(loaded.problems.rows), loaded.problems.kept
        summary |= {
            "refused": len(left),
            "read": loaded.read,
            "notices": [keep(n) for n in notices[:50]],
            "reading": read_as,
        }
        del loaded  # the next step needs the memory
        tell(0, 0, "generalising for small scales")
        _write_low(draft_dir, schema)
        key = f"{valid_from.isoformat()}-{written.hash.partition(':')[2][:8]}"
        version_name = name or valid_from.isoformat()
        manifest_hash = lake.write_manifest(
            draft_dir,
            {
                "layer": schema.name,
                "schema_version": schema.version,
                "standard": schema.standard,
                "division": division,
                "name": version_name,
                "valid_from": valid_from.isoformat(),
                "hash": written.hash,
                "rows": written.rows,
                "area_m2": round(written.area_m2, 2),
                "bbox": list(written.bbox),
                **facts,
                "mapping": {"name": mapping.name, **mapping.facts()},
                "quality": summary,
            },
        )
        west, south, east, north = written.bbox
        version = LayerVersion(
            layer=schema.name,
            division=division,
            name=version_name,
            key=key,
            valid_from=valid_from,
            state=LayerVersion.State.DRAFT if draft else LayerVersion.State.PUBLISHED,
            hash=written.hash,
            manifest_hash=manifest_hash,
            rows=written.rows,
            area=Decimal(str(round(written.area_m2, 2))),
            crs=facts["crs"],
            schema_version=schema.version,
            source_name=facts["source"]["name"][:255],
            source_hash=facts["source"]["hash"],
            mapping=mapping.name[:100],
            quality=summary,
            west=west,
            south=south,
            east=east,
            north=north,
            job=job,
            created_by=actor.user if actor else None,
        )
        tell(0, 0, "publishing")
        publishing.keep(version, draft_dir, actor)
    return Result(version, written.rows, len(left), summary, problems, [str(n) for n in notices], left)


def _write(
    target: Path, spill: Spill, loaded: reading.Loaded, schema: Schema, crs: str
) -> tuple[content.Written, dict[str, Any]]:
    """The rows kept, in the order of the lake; the summary is made of them as they are written."""
    from . import quality

    tally = quality.Tally(schema, loaded)
    boxes = None if schema.is_table else loaded.boxes
    order = content.order_of(loaded.keys.gather(loaded.kept), None if boxes is None else boxes[loaded.kept])
    written = content.write(
        target,
        spill,
        schema=schema.name,
        crs=crs,
        key=schema.key,
        kind=schema.geometry,
        area_m2=float(loaded.areas[loaded.kept].sum()),
        boxes=boxes,
        order=loaded.kept[order],
        seen=tally.see,
    )
    return written, tally.summary(spill.take)


def _write_low(target: Path, schema: Schema) -> None:
    from .generalise import write_low

    write_low(target, schema)
