"""Commands about the node itself: init, upgrade, serve, worker, doctor, backup, restore."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
from pathlib import Path
from typing import Any

import click
from django.utils.translation import gettext as _

from jintu.config.commands import NOT_FIT, echo_json, language, progress_line, setup
from jintu.kernel.errors import Refused

__all__ = [
    "backup",
    "collect_static",
    "doctor",
    "init",
    "make_administrators",
    "make_node",
    "migrate",
    "restore",
    "serve",
    "upgrade",
    "warm_up",
    "worker",
]

LEVELS = ("township", "county", "city", "province", "ministry")
ADMINISTRATORS = (
    ("sysadmin", "system_admin"),
    ("secadmin", "security_admin"),
    ("auditadmin", "audit_admin"),
)


# -- making a node (also used by ``jintu demo``)


def make_node(data: Path, **facts: Any) -> Path:
    """Make the data directory and its ``jintu.toml``, readable by its owner only; returns the file.

    ``facts``: keys of `jintu.config.node.Node`. Raises `Refused` where there is a node already. Call it before
    anything reads the settings.
    """
    file = data / "jintu.toml"
    if file.exists():
        raise Refused("There is a node in {data} already.", remedy="To renew it, use jintu upgrade.", data=str(data))
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    values = {"secret_key": secrets.token_urlsafe(48), **{k: v for k, v in facts.items() if v not in ("", None)}}
    lines = [
        "# Configuration of this Jintu node. It holds secrets: keep it to its owner, and a copy apart from backups."
    ]
    lines += [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write("\n".join(lines) + "\n")
    for name in ("files", "lake", "cache"):
        (data / name).mkdir(exist_ok=True)
    return file


def migrate() -> None:
    """Bring the database to this version."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)


def collect_static() -> None:
    """Lay the pages' files out under their hashed names."""
    from django.core.management import call_command

    call_command("collectstatic", verbosity=0, interactive=False, clear=True)


def make_administrators() -> list[tuple[str, str, str]]:
    """The three separated administrators with random passwords to be changed: (account, role, password)."""
    from django.db import transaction

    from jintu.foundation.identity.models import User
    from jintu.foundation.journal import append

    made = []
    with transaction.atomic():
        for account, role in ADMINISTRATORS:
            if User.objects.filter(username=account).exists():
                continue
            password = secrets.token_urlsafe(12) + "-9a"
            user = User.objects.create_user(account, password, name=account, roles=[role])
            append("identity.account_create", objects=[("identity.user", str(user.pk))], facts={"roles": [role]})
            made.append((account, role, password))
    return made


def warm_up() -> None:
    """Compile the kernels now, into the data directory, so that the first user does not wait for it."""
    from jintu.kernel import codecache, warm

    warm.warm_up()
    codecache.remove_others(Path(os.environ["NUMBA_CACHE_DIR"]))


# -- commands


@click.command()
@click.option("--division", envvar="JINTU_DIVISION", default="", help="Division code of the node, for instance 990121.")
@click.option("--level", envvar="JINTU_LEVEL", type=click.Choice(LEVELS), default="county", show_default=True)
@click.option("--name", envvar="JINTU_NAME", default="", help="Name shown on pages.")
@click.option(
    "--database",
    envvar="JINTU_DATABASE",
    default="",
    help="postgres://user:password@host:port/name; without it an embedded file.",
)
@click.option(
    "--hosts", envvar="JINTU_HOSTS", default="127.0.0.1,localhost", show_default=True, help="Host names served."
)
@click.option("--https", is_flag=True, help="The node is served behind TLS.")
@click.option("--json", "as_json", is_flag=True)
def init(division: str, level: str, name: str, database: str, hosts: str, https: bool, as_json: bool) -> None:
    """Make a node: data directory, configuration, database, and its first three administrators."""
    data = Path(os.environ.get("JINTU_DATA") or "var/node").absolute()
    file = make_node(
        data, division=division, level=level, name=name, database=database, hosts=hosts, https=https or None
    )
    try:
        with progress_line() as progress:
            setup(database=False, speaks=False)
            progress(0, 4, "database")
            migrate()
            progress(1, 4, "pages")
            collect_static()
            progress(2, 4, "kernels")
            warm_up()
            progress(3, 4, "administrators")
            made = make_administrators()
            _seal_now()
    except BaseException:
        # a second try must not find half a node
        file.unlink(missing_ok=True)
        raise
    if as_json:
        accounts = [{"account": a, "role": r, "password": p} for a, r, p in made]
        echo_json({"data": str(data), "division": division, "administrators": accounts})
        return
    language.activate()
    click.echo(_("node made in {data}").format(data=data))
    for account, role, password in made:
        click.echo(f"  {account:<12} {role:<16} {password}")
    click.echo(_("These passwords are shown once; each is changed at the first sign-in."))
    click.echo(_("Start the node with: jintu serve"))


@click.command()
@click.option("--no-backup", is_flag=True, help="Do not save the embedded database before changing it.")
@click.option("--json", "as_json", is_flag=True)
def upgrade(no_backup: bool, as_json: bool) -> None:
    """Bring the node to this version: database, pages, kernels."""
    setup(database=False, speaks=False)
    from django.conf import settings
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    plan = [f"{m.app_label}.{m.name}" for m, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
    saved = ""
    if plan and not no_backup and connection.vendor == "sqlite" and executor.loader.applied_migrations:
        from datetime import datetime

        target = settings.NODE.data / "backups" / f"before-upgrade-{datetime.now():%Y%m%d-%H%M%S}.gpkg"
        target.parent.mkdir(mode=0o700, exist_ok=True)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(target)])
        target.chmod(0o600)
        saved = str(target)
    with progress_line() as progress:
        progress(0, 3, "database")
        migrate()
        progress(1, 3, "pages")
        collect_static()
        progress(2, 3, "kernels")
        warm_up()
    _seal_now()
    if as_json:
        echo_json({"migrations": plan, "saved": saved})
    else:
        language.activate()
        click.echo(_("{count} migrations applied").format(count=len(plan)))
        if saved:
            click.echo(_("the database before: {file}").format(file=saved))


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--processes", default=0, type=click.IntRange(0, 64), help="Web processes; 0: by the number of cores.")
@click.option("--threads", default=4, show_default=True, type=click.IntRange(1, 64), help="Threads of each.")
@click.option("--no-worker", is_flag=True, help="Jobs run elsewhere: start only the web server.")
def serve(host: str, port: int, processes: int, threads: int, no_worker: bool) -> None:
    """Serve the console and run jobs, until stopped; what ends is started again."""
    setup(speaks=False)
    from django.conf import settings
    from django.db import connection

    settings.NODE.require_secret_key()
    from jintu.foundation.operations.supervisor import Child, Supervisor

    if not Path(settings.STATIC_ROOT).is_dir():
        collect_static()
    connection.close()
    environment = {"JINTU_DATA": str(settings.NODE.data), "DJANGO_SETTINGS_MODULE": "jintu.config.settings"}
    count = processes or max(1, min(4, os.cpu_count() or 1))
    web = [sys.executable, "-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws", "--log-level", "warning"]
    web += ["--host", host, "--port", str(port), "--workers", str(count), "--blocking-threads", str(threads)]
    web += ["--respawn-failed-workers", "--workers-kill-timeout", "10", "jintu.config.wsgi:application"]
    children = [Child("web server", web, environment)]
    if not no_worker:
        children.append(Child("worker", [sys.executable, "-m", "jintu.cli", "worker"], environment))
    inside = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not bound

    def greet() -> bool:
        try:
            socket.create_connection((inside, port), timeout=1).close()
        except OSError:
            return False
        with language.speaking():
            click.echo(_("serving {address}  (Ctrl-C ends)").format(address=f"http://{inside}:{port}/"), err=True)
        return True

    sys.exit(Supervisor(children, greet=greet).run())


@click.command()
def worker() -> None:
    """Run jobs, seal the journal, keep the figures of home and dashboard up to date, and keep the lake in order."""
    setup(speaks=False)
    from django.conf import settings

    settings.NODE.require_secret_key()
    from jintu.foundation.journal.sealing import seal_all
    from jintu.foundation.layers import retention
    from jintu.foundation.operations.worker import Chore, run
    from jintu.foundation.statistics import summary

    sys.exit(run([Chore(1, seal_all), Chore(3, summary.ask), Chore(60, retention.ask)]))


@click.command()
@click.option("--full", is_flag=True, help="Read every file and layer version again, not a sample.")
@click.option("--json", "as_json", is_flag=True)
def doctor(full: bool, as_json: bool) -> None:
    """Say whether the node is fit to run: database, journal, files, layers, disk, worker. Exit code 5 if not."""
    setup(database=False)
    from jintu.foundation.operations.doctor import Context, examine

    with progress_line() as progress:
        found = examine(Context(full=full, progress=progress))
    fit = not any(f.level == "error" for f in found)
    if as_json:
        echo_json({"fit": fit, "findings": [f.as_json() for f in found]})
    else:
        for f in found:
            mark = {"ok": _("ok"), "warning": _("look"), "error": _("BAD")}[f.level]
            click.echo(f"  {mark:<5}  {f.check}: {f.sentence}" + (f" → {f.remedy}" if f.remedy else ""))
        click.echo(_("fit to run") if fit else _("not fit to run"))
    sys.exit(0 if fit else NOT_FIT)


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--with-secrets", is_flag=True, help="Include the signing key and the database password.")
@click.option("--json", "as_json", is_flag=True)
def backup(target: Path, with_secrets: bool, as_json: bool) -> None:
    """Save the whole node to a new directory, or to a new .tar file, while it runs."""
    setup()
    from django.db import transaction

    from jintu.foundation.journal import append
    from jintu.foundation.operations import backup as backups

    _seal_now()
    with progress_line() as progress:
        summary = backups.backup(target.absolute(), with_secrets=with_secrets, progress=progress)
    with transaction.atomic():
        append(
            "operations.backup",
            facts={"manifest": summary.manifest, "parts": summary.files, "bytes": summary.bytes},
        )
    if as_json:
        echo_json(summary.as_json())
        return
    size = f"{summary.bytes / 1024**2:,.1f} MiB"
    click.echo(_("{count} parts, {size} in {target}").format(count=summary.files, size=size, target=summary.target))
    click.echo(_("manifest {hash}").format(hash=summary.manifest))
    if not with_secrets:
        click.echo(_("Secrets are not in it: keep jintu.toml apart, and give it to restore with --config."))


@click.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--config", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="The jintu.toml kept apart."
)
@click.option("--database", default="", help="URL of an empty PostgreSQL database, for the backup of such a node.")
@click.option("--expect", default="", help="Hash of the manifest, as backup printed it.")
@click.option("--json", "as_json", is_flag=True)
def restore(source: Path, config: Path | None, database: str, expect: str, as_json: bool) -> None:
    """Verify a backup and make a node of it in a new data directory (jintu --data DIRECTORY restore …)."""
    from jintu.foundation.operations import backup as backups

    data = Path(os.environ.get("JINTU_DATA") or "var/node").absolute()
    with progress_line() as progress:
        manifest = backups.restore(
            source.absolute(), data, config=config, database=database, expect=expect, progress=progress
        )
    setup(database=False, speaks=False)
    migrate()
    collect_static()
    from django.db import transaction

    from jintu.foundation.journal import append

    with transaction.atomic():
        append("operations.restore", facts={"made_at": manifest["made_at"], "parts": len(manifest["parts"])})
    _seal_now()
    if as_json:
        echo_json({"data": str(data), "parts": len(manifest["parts"]), "made_at": manifest["made_at"]})
    else:
        language.activate()
        said = _("restored to {data}: {count} parts, saved at {day}")
        click.echo(said.format(data=data, count=len(manifest["parts"]), day=manifest["made_at"]))
        click.echo(_("Examine it with: jintu doctor --full"))


def _seal_now() -> None:
    from jintu.foundation.journal.sealing import seal_all

    seal_all()
