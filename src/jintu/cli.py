"""The ``jintu`` command. Each group of commands is one file of `jintu.config.commands`, imported when it is called.

Exit codes: 0 done · 1 the job found something wrong (findings never count as wrong) · 2 the command line is wrong ·
3 an input was refused · 4 not allowed or not found · 5 the node is not fit to run (see ``jintu doctor``).
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from jintu import __version__
from jintu.config.commands import helping
from jintu.kernel.errors import InputError, JintuError, Missing, NotAllowed

__all__ = ["main"]

COMMANDS = {
    "init": "node",
    "upgrade": "node",
    "serve": "node",
    "worker": "node",
    "doctor": "node",
    "backup": "node",
    "restore": "node",
    "demo": "demo",
    "sample": "sample",
    "user": "user",
    "layer": "layer",
    "lake": "lake",
    "package": "package",
    "register": "register",
    "export": "register",
    "analyse": "analyse",
    "transform": "transform",
    "supervise": "supervise",
    "findings": "supervise",
    "verify": "verify",
}


class Lazy(click.Group):
    """Imports the file that holds a command only when that command is called: start-up stays short."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"jintu.config.commands.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name)
        return helping.in_chinese(command) if isinstance(ctx, helping.Context) else command


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option("--data", envvar="JINTU_DATA", help="Data directory of the node.")
def cli(data: str | None) -> None:
    """Jintu (金土): land-and-resources administration."""
    if data:
        os.environ["JINTU_DATA"] = data


def main(argv: list[str] | None = None) -> Any:
    """Entry point: errors become sentences on stderr and an exit code."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jintu.config.settings")
    try:
        root = helping.in_chinese(cli) if helping.activate() else cli
        return root.main(args=argv, standalone_mode=True)
    except JintuError as error:
        from jintu.config.commands.language import sentence

        click.echo(f"jintu: {sentence(error)}", err=True)
        codes = ((InputError, 3), (NotAllowed, 4), (Missing, 4))
        sys.exit(next((code for kind, code in codes if isinstance(error, kind)), 1))


if __name__ == "__main__":
    main()
