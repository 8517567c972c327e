"""What commands share: starting Django, progress on stderr, JSON on stdout."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from jintu.config.commands import language

__all__ = ["echo_json", "progress_line", "setup"]

NOT_FIT = 5
"""Exit code of a node that is not fit to run."""


def setup(*, database: bool = True, speaks: bool = True) -> None:
    """Start Django for a command. Ends with exit code 5 where there is no node, or one of another version.

    ``database=False`` for commands that do not need one; ``speaks=False`` for those that make things or serve others
    and keep the node's language. When the command ends, what it journaled is sealed.
    """
    import django

    django.setup()
    if speaks:
        language.activate()
    if not database:
        return
    from django.conf import settings
    from django.db import connection
    from django.db.utils import DatabaseError

    node = settings.NODE
    if connection.vendor == "sqlite" and not node.embedded_file.is_file():
        if (node.data / "jintu.toml").is_file():
            _not_fit(
                f"the node in {node.data} has no {node.embedded_file.name}. If its database is a server, name it in "
                "jintu.toml (database) or in JINTU_DATABASE"
            )
        _not_fit(f"there is no node in {node.data}. Make one with: jintu init")
    try:
        from django.db.migrations.executor import MigrationExecutor

        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            _not_fit("the database is of another version. Bring it up to date with: jintu upgrade")
    except DatabaseError as error:
        _not_fit(f"the database does not answer: {error}")
    context = click.get_current_context(silent=True)
    if context is not None:
        context.find_root().call_on_close(_seal)


def _not_fit(sentence: str) -> None:
    click.echo(f"jintu: {sentence}", err=True)
    sys.exit(NOT_FIT)


def _seal() -> None:
    from jintu.foundation.journal.sealing import seal_all

    seal_all()


def echo_json(value: Any) -> None:
    """One JSON document on stdout; dates, decimals and UUIDs as text."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=1, default=str))


@contextmanager
def progress_line() -> Iterator[Callable[..., None]]:
    """A callable ``progress(done, total, message)`` that draws one line on stderr.

    Nothing is drawn in the first second. Where stderr is no terminal, a plain line is written every ten seconds.
    """
    terminal = sys.stderr.isatty()
    started = drawn = time.monotonic()
    shown = False

    def progress(done: int, total: int = 0, message: str = "") -> None:
        nonlocal drawn, shown
        now = time.monotonic()
        if now - started < 1 or now - drawn < (0.1 if terminal else 10):
            return
        drawn, shown = now, True
        share = f"{done * 100 // total:3d} %" if total else f"{done:,}"
        text = f"{share}  {message}"[:100]
        click.echo(f"\r\x1b[K{text}" if terminal else text, err=True, nl=not terminal)

    try:
        yield progress
    finally:
        if terminal and shown:
            click.echo("\r\x1b[K", err=True, nl=False)
