"""``jintu package``: make, list and verify offline packages of layer versions."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from django.utils.translation import gettext as _

from jintu.config.commands import echo_json, progress_line, setup

__all__ = ["package"]


@click.group()
def package() -> None:
    """Layers on a disc: signed, with a viewer that opens without a server."""


@package.command()
@click.argument("references", nargs=-1, required=True, metavar="LAYER[@VERSION]…")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="A new directory, or a file ending in .zip."
)
@click.option("--recipient", required=True, help="For whom; written across the map.")
@click.option("--purpose", required=True)
@click.option("--approval", required=True, help="Number of the approval to hand it out.")
@click.option("--approved-by", required=True)
@click.option("--division", default="")
@click.option("--with-data", is_flag=True, help="Also data.parquet of each version.")
@click.option("--language", default="zh-hans", type=click.Choice(["zh-hans", "en"]), help="Of the viewer.")
@click.option("--json", "as_json", is_flag=True)
def make(
    references: tuple[str, ...],
    out: Path,
    recipient: str,
    purpose: str,
    approval: str,
    approved_by: str,
    division: str,
    with_data: bool,
    language: str,
    as_json: bool,
) -> None:
    """Make a package of versions and enter it in the ledger."""
    setup()
    from jintu.foundation.identity.scope import Scope
    from jintu.foundation.layers import schemas, versions
    from jintu.foundation.layers.packages import ledger

    scope = Scope.everything()
    split = [reference.partition("@") for reference in references]
    numbers = [versions.find(schemas.get(name).name, at, division).pk for name, _, at in split]
    entry = ledger.open_entry(
        ledger.choose(scope, numbers),
        recipient=recipient,
        purpose=purpose,
        approval=approval,
        approved_by=approved_by,
        with_data=with_data,
        persons=True,
    )
    with progress_line() as progress:
        ledger.make(entry, out, language=language, progress=progress)
    if as_json:
        echo_json({"number": entry.number, "path": str(out), "bytes": entry.bytes, "hash": entry.hash})
        return
    click.echo(f"{entry.number}  {entry.bytes / 1e6:,.1f} MB  {out}")
    click.echo(_("signed with {fingerprint}").format(fingerprint=entry.fingerprint))


@package.command("list")
@click.option("--json", "as_json", is_flag=True)
def list_(as_json: bool) -> None:
    """The ledger, newest first."""
    setup()
    from jintu.foundation.layers.models import OfflinePackage

    names = ("number", "recipient", "approval", "state", "hash", "handed_to", "handed_on")
    rows = OfflinePackage.objects.values(*names)[:1000]
    if as_json:
        echo_json([{**r, "handed_on": r["handed_on"] and r["handed_on"].isoformat()} for r in rows])
        return
    for r in rows:
        click.echo(f"{r['number']:<20} {r['state']:<12} {r['approval']:<24} {r['recipient']}")


@package.command()
@click.argument("path", metavar="DIR|ZIP", type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True)
def verify(path: Path, as_json: bool) -> None:
    """Look at every byte of a package. Exit code 1 when it is not what was signed, or the key is not known here."""
    setup(database=False)
    from jintu.foundation.layers.packages import checking

    found = checking.verify(path)
    if as_json:
        facts = {k: found.statement.get(k) for k in ("number", "recipient", "approval")}
        echo_json(
            {**facts, "fingerprint": found.fingerprint, "known": found.known, "wrong": found.wrong, "ok": found.ok}
        )
    else:
        recipient = _("for {recipient}").format(recipient=found.statement.get("recipient", "—"))
        click.echo(f"{found.statement.get('number', '—')}  {recipient}")
        signed = _("signed with {fingerprint}").format(fingerprint=found.fingerprint)
        click.echo(f"{signed}  {found.known or _('a key this node does not know')}")
        for what in found.wrong:
            click.echo(f"  {what}")
        if not found.wrong:
            click.echo(_("every file is what was signed"))
    if not found.ok:
        sys.exit(1)
