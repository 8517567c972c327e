"""``jintu doctor``: is the node fit to run? Each app contributes checks; nothing is repaired."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from .files import path_of, root
from .models import Job, StoredFile, WorkerBeat

__all__ = ["Context", "Finding", "examine", "register"]

SAMPLE = 200
"""Files whose content is read again when not everything is asked for."""
LOW_DISK = 2 * 1024**3


@dataclass(frozen=True)
class Finding:
    """``level``: "ok", "warning" (works, but look at it) or "error" (not fit to run)."""

    check: str
    level: str
    sentence: str
    remedy: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Context:
    """How thorough to be: ``full`` reads every file and layer again, otherwise a sample."""

    full: bool = False
    progress: Callable[[int, int, str], None] = lambda done, total, message: None


Check = Callable[[Context], Iterable[Finding]]
_checks: dict[str, Check] = {}


def register(name: str, check: Check) -> None:
    """Add a check; upper floors do so in their ``AppConfig.ready``."""
    _checks[name] = check


def examine(context: Context | None = None) -> list[Finding]:
    """Run all checks. One that breaks is itself a finding, not the end of the examination."""
    context, found = context or Context(), []
    for number, (name, check) in enumerate(_checks.items()):
        context.progress(number, len(_checks), name)
        try:
            found += list(check(context)) or [Finding(name, "ok", _("nothing to report"))]
        except Exception as error:  # a broken node must still be examined to the end
            said = _("the check itself failed: {error}").format(error=f"{type(error).__name__}: {error}")
            found.append(Finding(name, "error", said))
    context.progress(len(_checks), len(_checks), "")
    return found


def _database(context: Context) -> Iterator[Finding]:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SHOW server_version")
            server = cursor.fetchone()[0]
            cursor.execute("SELECT extversion FROM pg_extension WHERE extname = 'postgis'")
            postgis = cursor.fetchone()
            if postgis is None:
                yield Finding("database", "error", _("PostGIS is not installed in the database"), "jintu upgrade")
            cursor.execute("SHOW synchronous_commit")
            if cursor.fetchone()[0] == "off":
                said = _("synchronous_commit is off: receipts would not survive power loss")
                yield Finding("database", "error", said)
            cursor.execute("SHOW server_encoding")
            if (encoding := cursor.fetchone()[0]) != "UTF8":
                said = _("the database's encoding is {encoding}, not UTF8").format(encoding=encoding)
                yield Finding("database", "error", said)
            yield Finding("database", "ok", f"PostgreSQL {server}, PostGIS {postgis[0] if postgis else '-'}")
            return
        wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "application_id": 0x47504B47}
        for pragma, value in wanted.items():
            cursor.execute(f"PRAGMA {pragma}")
            if (found := cursor.fetchone()[0]) != value:
                said = _("{name} is {found}, should be {wanted}").format(name=pragma, found=found, wanted=value)
                yield Finding("database", "error", said)
        if connection.transaction_mode != "IMMEDIATE":
            said = _("transactions begin {mode}, not IMMEDIATE").format(mode=connection.transaction_mode)
            yield Finding("database", "error", said)
        cursor.execute("PRAGMA integrity_check(10)" if context.full else "PRAGMA quick_check(10)")
        faults = [row[0] for row in cursor.fetchall() if row[0] != "ok"]
        if faults:
            said = _("the file is damaged: {fault}").format(fault=faults[0])
            yield Finding("database", "error", said, _("restore the last backup"))
        cursor.execute("PRAGMA foreign_key_check")
        if dangling := cursor.fetchall():
            said = _("{count} rows refer to rows that are not there").format(count=len(dangling))
            yield Finding("database", "error", said)
        yield from _spatial_indexes(cursor)
        yield Finding("database", "ok", f"GeoPackage {settings.DATABASES['default']['NAME']}")


def _spatial_indexes(cursor: Any) -> Iterator[Finding]:
    cursor.execute("SELECT table_name, column_name FROM gpkg_extensions WHERE extension_name = 'gpkg_rtree_index'")
    for table, column in cursor.fetchall():
        cursor.execute(
            f'SELECT (SELECT count(*) FROM "{table}" WHERE "{column}" NOTNULL AND NOT ST_IsEmpty("{column}")), '
            f'(SELECT count(*) FROM "rtree_{table}_{column}")'
        )
        rows, indexed = cursor.fetchone()
        if rows != indexed:
            said = _("{table}: {rows} geometries, but {indexed} in the spatial index")
            yield Finding("database", "error", said.format(table=table, rows=rows, indexed=indexed))


def _migrations(context: Context) -> Iterator[Finding]:
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        waiting = ", ".join(f"{m.app_label}.{m.name}" for m, _ in plan[:5])
        said = _("{count} migrations are not applied: {names}").format(count=len(plan), names=waiting)
        yield Finding("migrations", "error", said, "jintu upgrade")
    else:
        yield Finding("migrations", "ok", _("all migrations are applied"))


def _files(context: Context) -> Iterator[Finding]:
    kept = StoredFile.objects.order_by("pk")
    total, missing, changed = kept.count(), [], []
    step = 1 if context.full or total <= SAMPLE else total // SAMPLE
    for number, (sha256, size) in enumerate(kept.values_list("sha256", "size").iterator()):
        path = path_of(sha256)
        if not path.is_file() or path.stat().st_size != size:
            missing.append(sha256)
        elif number % step == 0 and _sha256(path) != sha256:
            changed.append(sha256)
        if number % 100 == 0:
            context.progress(number, total, "files")
    for sha256 in missing[:20]:
        said = _("file {sha256} is missing or cut short").format(sha256=sha256)
        yield Finding("files", "error", said, _("fetch it from a backup"))
    for sha256 in changed[:20]:
        said = _("the content of file {sha256} has changed").format(sha256=sha256)
        yield Finding("files", "error", said, _("fetch it from a backup"))
    if not missing and not changed:
        said = _("{count} files, all read again") if step == 1 else _("{count} files, one in {step} read again")
        yield Finding("files", "ok", said.format(count=total, step=step), facts={"files": total})


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _disk(context: Context) -> Iterator[Finding]:
    data = Path(settings.NODE.data)
    free = shutil.disk_usage(data).free
    level = "warning" if free < LOW_DISK else "ok"
    said = _("{size} GiB free for {path}").format(size=f"{free / 1024**3:.1f}", path=data)
    yield Finding("disk", level, said, facts={"free_bytes": free})
    config = data / "jintu.toml"
    if config.is_file() and os.name == "posix" and stat.S_IMODE(config.stat().st_mode) & 0o077:
        said = _("{path} can be read by others").format(path=config)
        yield Finding("configuration", "error", said, f"chmod 600 {config}")
    if not settings.NODE.secret_key:
        yield Finding("configuration", "error", _("the node has no secret key"), "jintu init")
    if settings.DEBUG:
        yield Finding("configuration", "warning", _("debug is on: tracebacks are shown to everybody"))


def _worker(context: Context) -> Iterator[Finding]:
    recent = timezone.now() - timedelta(seconds=60)
    alive = WorkerBeat.objects.filter(at__gte=recent).count()
    waiting = Job.objects.filter(state__in=(Job.State.QUEUED, Job.State.INTERRUPTED), created_at__lt=recent).count()
    facts = {"workers": alive, "waiting": waiting}
    if alive:
        said = _("{workers} workers, {waiting} jobs waiting for more than a minute").format(**facts)
        yield Finding("worker", "ok", said, facts=facts)
    elif waiting:
        said = _("no worker runs and {waiting} jobs wait").format(waiting=waiting)
        yield Finding("worker", "error", said, _("jintu serve, or jintu worker"), facts)
    else:
        yield Finding("worker", "warning", _("no worker runs"), _("jintu serve, or jintu worker"), facts)


def _leftovers(context: Context) -> Iterator[Finding]:
    incoming = root() / ".incoming"
    old = timezone.now().timestamp() - 86400
    left = [p for p in incoming.glob("*") if p.stat().st_mtime < old] if incoming.is_dir() else []
    if left:
        said = _("{count} unfinished uploads older than a day in {path}").format(count=len(left), path=incoming)
        yield Finding("files", "warning", said, _("delete them"))


for _name, _check in (
    ("database", _database),
    ("migrations", _migrations),
    ("files", _files),
    ("uploads", _leftovers),
    ("disk", _disk),
    ("worker", _worker),
):
    register(_name, _check)
