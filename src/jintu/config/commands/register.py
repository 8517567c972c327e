"""Registers from the command line: import, export, snapshot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from django.utils.translation import gettext as _

from jintu.config.commands import echo_json, progress_line, setup

__all__ = ["export", "register"]


@click.group()
def register() -> None:
    """Registers: list, import, export, revert."""


@register.command("list")
@click.option("--json", "as_json", is_flag=True)
def list_registers(as_json: bool) -> None:
    """All registers with the number of their records (exact up to 10 000)."""
    setup()
    from jintu.foundation.registers import descriptor, listing

    rows = []
    for each in descriptor.catalogue():
        counted = listing.count(each.model.objects.visible())
        rows.append({"register": each.name, "label": str(each.label), "records": counted.n, "capped": counted.capped})
    if as_json:
        echo_json(rows)
        return
    for row in rows:
        click.echo(f"{row['register']:<28} {row['records']:>8}{'+' if row['capped'] else ' '}  {row['label']}")


@register.command("import")
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("--mapping", default="", help="Name of a saved or shipped mapping, or a JSON file.")
@click.option("--division", default="", help="Division of the rows; others are refused. Default: the node's.")
@click.option("--good-only", is_flag=True, help="Load the rows without faults although others have some.")
@click.option("--duplicates", type=click.Choice(["refuse", "skip", "update"]), default="refuse")
@click.option("--again", is_flag=True, help="Although this file, or one for this period, was imported before.")
@click.option("--period", default="", help="Period of the file, for example 2026-05.")
@click.option("--encoding", default=None)
@click.option("--layer", default=None, help="Layer, sheet or member of an archive.")
@click.option("--crs", default=None, help="Of the coordinates, where the file does not say.")
@click.option("--json", "as_json", is_flag=True)
def import_(name: str, file: Path, mapping: str, as_json: bool, **options: Any) -> None:
    """Import FILE into the register NAME, all or nothing. Ends with 3 when rows were refused and nothing is loaded."""
    setup()
    from django.conf import settings

    from jintu.foundation.registers import importing

    options["division"] = options["division"] or settings.NODE.division
    with progress_line() as progress:
        result = importing.import_file(name, file, _mapping(mapping), progress=progress, **options)
    if as_json:
        echo_json(result.as_json())
    else:
        _tell(result)
    if result.refused and not result.accepted:
        raise SystemExit(3)


def _mapping(given: str) -> Any:
    """A mapping's name, or the content of a JSON file."""
    if given.endswith(".json"):
        import json

        from jintu.kernel.errors import InputError, Place

        path = Path(given)
        if not path.is_file():
            raise InputError("There is no mapping file {file}.", file=given)
        try:
            return json.loads(path.read_text(encoding="utf-8-sig"))
        except ValueError as error:
            raise InputError(
                "The mapping is no JSON: {reason}", place=Place(file=path.name), reason=str(error)
            ) from None
    return given or None


def _tell(result: Any) -> None:
    for notice in result.notices:
        click.echo(_("note: {notice}").format(notice=notice), err=True)
    for reason in result.reasons[:20]:
        example = reason["example"]
        told = (example or reason)["sentence"]
        sentence = _(told).format(**example["params"]) if example else _(told)
        row = _("row {row}").format(row=example["row"]) + ", " if example else ""
        click.echo(f"{reason['count']:>8} × {reason['field']}: {row}{sentence}", err=True)
    verdict = _("import {batch}").format(batch=result.batch) if result.accepted else _("nothing was loaded")
    said = _("{read} rows read, {accepted} accepted ({updated} replace a record), {skipped} skipped, {refused} refused")
    counts = {name: getattr(result, name) for name in ("read", "accepted", "updated", "skipped", "refused")}
    click.echo(f"{said.format(**counts)}: {verdict}")


@register.command()
@click.argument("batch", type=int)
@click.option("--reason", required=True)
def revert(batch: int, reason: str) -> None:
    """Take an import back: its records disappear, those they replaced are valid again."""
    setup()
    from jintu.foundation.journal import Actor
    from jintu.foundation.registers import descriptor, importing
    from jintu.foundation.registers.models import Batch
    from jintu.kernel.errors import Missing

    found = Batch.objects.filter(pk=batch).first()
    if found is None:
        raise Missing("There is no import {n}.", n=batch)
    importing.revert(descriptor.get(found.register), found, reason=reason, actor=Actor())
    click.echo(_("import {batch}: {rows} rows are hidden").format(batch=batch, rows=found.rows_applied))


@register.command("export")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--filter", "query", default="", help="Query string of the list, for example kind=b&division=990121.")
@click.option("--headers", type=click.Choice(["codes", "labels", "names"]), default=None)
@click.option("--mask", is_flag=True, help="Mask the columns about persons.")
def export_one(name: str, file: Path, query: str, headers: str | None, mask: bool) -> None:
    """Write the records of the register NAME to FILE (.xlsx, .csv, .gpkg)."""
    setup()
    from django.http import QueryDict

    from jintu.foundation.identity.scope import Scope
    from jintu.foundation.registers import descriptor, exporting, listing

    what = descriptor.get(name)
    _filters, rows = listing.asked(what, Scope.everything(), QueryDict(query), strict=True)
    with progress_line() as progress:
        exporting.write(
            what,
            rows,
            file,
            file.suffix.lstrip(".").lower(),
            how=headers or "",
            persons=not mask,
            progress=lambda n: progress(n, 0, "rows"),
        )
    click.echo(str(file))


@click.command()
@click.option("--gpkg", "file", type=click.Path(path_type=Path), required=True, help="The GeoPackage to write.")
@click.option("--division", default="", help="Only records of this division. Default: all of the node.")
@click.option("--mask", is_flag=True, help="Mask the columns about persons.")
@click.option("--json", "as_json", is_flag=True)
def export(file: Path, division: str, mask: bool, as_json: bool) -> None:
    """All registers as one GeoPackage: what may be handed out. No accounts, no sessions, no journal."""
    setup()
    from jintu.foundation.identity.scope import Scope
    from jintu.foundation.registers import exporting

    with progress_line() as progress:
        counts = exporting.snapshot(file, Scope.everything(), division=division, persons=not mask, progress=progress)
    if as_json:
        echo_json({"file": str(file), "rows": counts})
        return
    for name, n in counts.items():
        click.echo(f"{n:>10}  {name}")
    click.echo(str(file))
