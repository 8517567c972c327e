"""``jintu lake``: drafts that nobody published, and what killed processes left."""

from __future__ import annotations

import click
from django.utils.translation import gettext as _

from jintu.config.commands import echo_json, progress_line, setup
from jintu.config.commands.layer_import import facts as layer_facts

__all__ = ["lake"]


@click.group()
def lake() -> None:
    """Housekeeping of the lake; every version's hashes: jintu layer verify."""


@lake.command()
@click.option("--older-than", type=click.IntRange(0), help="Days; default is the term in force.")
@click.option("--remove", is_flag=True, help="Remove them. Without, they are only listed.")
@click.option("--json", "as_json", is_flag=True)
def drafts(older_than: int | None, remove: bool, as_json: bool) -> None:
    """List drafts that were not published within the term; with --remove, remove them."""
    setup()
    from jintu.foundation.layers import retention
    from jintu.foundation.operations import jobs

    found = retention.due(days=older_than)
    answers = [layer_facts(v) for v in found]
    if remove and found:
        with progress_line() as progress:
            jobs.run_here("layers.retention", progress=progress, drafts=[v.pk for v in found])
    if as_json:
        echo_json({"removed": remove, "drafts": answers})
        return
    for a in answers:
        click.echo(f"{a['layer']:<18} {a['division']:<8} {a['name']:<14} {a['hash']}")
    said = _("{count} drafts removed") if remove else _("{count} drafts may be removed: --remove")
    click.echo(said.format(count=len(answers)))


@lake.command()
@click.option("--json", "as_json", is_flag=True)
def sweep(as_json: bool) -> None:
    """Remove what killed processes left: drafts of dead processes, directories that no version names."""
    setup()
    from jintu.foundation.layers import lake as files

    removed = files.sweep()
    if as_json:
        echo_json({"removed": removed})
        return
    for path in removed:
        click.echo(path)
