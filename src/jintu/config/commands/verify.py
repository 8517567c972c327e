"""``jintu verify``: is a file what somebody signed?"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from jintu.config.commands import echo_json, setup

__all__ = ["verify"]


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--signature", type=click.Path(path_type=Path, dir_okay=False), help="Default: FILE.sig.json beside it.")
@click.option("--json", "as_json", is_flag=True)
def verify(file: Path, signature: Path | None, as_json: bool) -> None:
    """Compare FILE with its signature. Exit code 1 when it was changed, 2 when the key is not known to this node.

    Keys of other nodes are trusted as files *.pub in keys/trusted of the data directory.
    """
    setup(database=False)
    from jintu.foundation.operations import signing

    found = signing.verify_file(file, signature)
    if as_json:
        echo_json(
            {
                "ok": found.ok,
                "wrong": found.wrong,
                "key": found.known,
                "fingerprint": found.fingerprint,
                "statement": found.statement,
            }
        )
    else:
        for name, value in found.statement.items():
            click.echo(f"{name:<12} {value}")
        click.echo(f"key          {found.known or 'unknown'} ({found.fingerprint})")
        click.echo(found.wrong or ("ok" if found.known else "signed, but not by a key this node knows: compare it"))
    if not found.ok:
        sys.exit(1 if found.wrong else 2)
