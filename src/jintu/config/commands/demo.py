"""``jintu demo``: a node with the sample county in it, supervised, compared with the truth, and served."""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from django.utils.translation import gettext as _

from jintu.config.commands import progress_line, setup
from jintu.config.commands.language import in_language, speaking

if TYPE_CHECKING:
    from jintu.foundation.checks.runner import Outcome
    from jintu.foundation.journal import Actor
    from jintu.sample.compare import Comparison

__all__ = ["demo"]

DIVISION = "990121"
PATCHES, SEED = 18_000, 1
STATE = "demo.json"
SHAPEFILE = (".shp", ".shx", ".dbf", ".prj")

ORGANISATIONS = (
    ("demo-ministry", "样本部自然资源司", "ministry", "", ""),
    ("demo-province", "示例省自然资源厅", "province", "990000", "demo-ministry"),
    ("demo-city", "示例市自然资源局", "city", "990100", "demo-province"),
    ("demo-county", "示例县自然资源局", "county", "990121", "demo-city"),
    ("demo-neighbour", "邻县自然资源局", "county", "990122", "demo-city"),
)
"""Fictional offices: code, name, level, division, parent."""

USERS = (
    ("sysadmin", "文安", "", "system_admin", "系统管理员"),
    ("secadmin", "季宁", "", "security_admin", "安全管理员"),
    ("auditadmin", "尚清", "", "audit_admin", "审计管理员"),
    ("county-clerk", "苗敏", "demo-county", "clerk", "县局经办"),
    ("county-director", "左远", "demo-county", "director", "县局股长"),
    ("city-reviewer", "云志", "demo-city", "reviewer", "市局审核"),
    ("province-director", "齐成", "demo-province", "director", "省厅处长"),
    ("inspector", "乔立", "demo-ministry", "inspector", "部督察"),
    ("neighbour-clerk", "温静", "demo-neighbour", "clerk", "邻县经办"),
    ("auditor", "纪明", "demo-county", "auditor", "审计"),
)
"""Invented people: account, name, organisation, role, post."""


@click.command()
@click.option("--no-serve", is_flag=True, help="Stop after the table.")
@click.option("--patches", default=PATCHES, show_default=True, type=click.IntRange(2_000, 2_000_000))
@click.option("--seed", default=SEED, show_default=True, type=int)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.pass_context
def demo(context: click.Context, no_serve: bool, patches: int, seed: int, host: str, port: int) -> None:
    """Make a node, load the sample county, run the supervision, compare with what was planted, and serve.

    The second run finds the county loaded and only supervises again. Data directory: --data, else var/demo.
    """
    data = Path(os.environ.setdefault("JINTU_DATA", "var/demo")).absolute()
    os.environ["JINTU_DATA"] = str(data)
    stages: dict[str, float] = {}
    with progress_line() as progress:
        with _stage(stages, "node"):
            _node(data)
        with _stage(stages, "users"):
            users = _users(data)
        with _stage(stages, "generate"):
            manifest = _generate(data / "sample", patches, seed, progress)
        with _stage(stages, "load"):
            loaded = _Loader(data, manifest, progress)
            loaded.run()
        stages.update(loaded.seconds)
        with _stage(stages, "supervise"):
            outcomes, run_stages = _supervise(progress)
    stages.update({f"supervise {name}": seconds for name, seconds in run_stages.items()})
    result = _compare(data, outcomes)
    summary = _summary(manifest, outcomes, result, stages)
    path = data / "summary.json"
    path.write_text(json.dumps(summary, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    with speaking():
        _table(outcomes, result, summary, users)
    click.echo(str(path))
    if not no_serve:
        from jintu.config.commands.node import serve

        context.invoke(serve, host=host, port=port)


@contextmanager
def _stage(stages: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    stages[name] = round(time.perf_counter() - started, 3)


# -- node and people


def _node(data: Path) -> None:
    """Make the node if there is none; bring its database up to date."""
    from jintu.config.commands.node import collect_static, make_node, migrate, warm_up
    from jintu.sample.asof import AS_OF

    fresh = not (data / "jintu.toml").exists()
    if fresh:
        # written down, so that serve and worker find it without the variable
        database = os.environ.get("JINTU_DATABASE", "")
        make_node(
            data, division=DIVISION, level="county", name="示例县", database=database, business_date=AS_OF.isoformat()
        )
    try:
        setup(database=False, speaks=False)
        migrate()
        from django.conf import settings

        if fresh or not Path(settings.STATIC_ROOT).is_dir():
            collect_static()
        if fresh:
            warm_up()
    except BaseException:
        if fresh:
            (data / "jintu.toml").unlink(missing_ok=True)
        raise
    setup(speaks=False)


def _users(data: Path) -> list[tuple[str, str, str]]:
    """Offices and people of the demonstration: (account, password, post).

    Passwords are random. Only their hashes are in the database; the plain ones are kept beside it, readable by the
    owner of the directory alone, so that the next run can print them again. Never do this on a real node.
    """
    from django.db import transaction

    from jintu.foundation.identity.models import Organisation, User
    from jintu.foundation.journal import append

    file = data / "users.txt"
    kept: dict[str, str] = {}
    if file.exists():
        kept = dict(line.split()[:2] for line in file.read_text(encoding="utf-8").splitlines() if line.strip())
    passwords = {account: kept.get(account) or secrets.token_urlsafe(9) + "-7x" for account, *_ in USERS}
    with transaction.atomic():
        for code, name, level, division, parent in ORGANISATIONS:
            facts = {"name": name, "level": level, "division": division}
            above = Organisation.objects.filter(code=parent).first()
            Organisation.objects.get_or_create(code=code, defaults={**facts, "parent": above})
        for account, name, organisation, role, post in USERS:
            user = User.objects.filter(username=account).first()
            if user is not None and account in kept:
                continue
            if user is None:
                office = Organisation.objects.filter(code=organisation).first()
                user = User(username=account, name=name, organisation=office, roles=[role], post=post, data_level=1)
            user.must_change_password = False
            user.set_password(passwords[account])
            user.save()
            append("identity.account_create", objects=[("identity.user", str(user.pk))], facts={"roles": [role]})
    if passwords != kept:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.writelines(f"{account} {passwords[account]}\n" for account, *_ in USERS)
        file.chmod(0o600)
    return [(account, passwords[account], post) for account, _, _, _, post in USERS]


def _actor(account: str) -> Actor:
    from jintu.foundation.identity.models import User
    from jintu.foundation.journal import Actor

    user = User.objects.select_related("organisation").get(username=account)
    office = user.organisation
    return Actor(
        user=user.pk,
        organisation=office.code if office else "",
        roles=",".join(user.roles),
        division=office.division if office else "",
    )


# -- the county


def _generate(out: Path, patches: int, seed: int, progress: Any) -> dict[str, Any]:
    """The sample's manifest; its files are written unless they are there already."""
    from jintu.kernel.errors import Refused
    from jintu.sample.asof import AS_OF, FORMAT

    asked = {"requested": patches, "seed": seed, "as_of": AS_OF.isoformat(), "format": FORMAT}
    manifest = _read_json(out / "sample.json")
    if all(manifest.get(k) == v for k, v in asked.items()):
        return manifest
    if _read_json(out.parent / STATE).get("loaded"):
        raise Refused(
            "The node in {data} holds another sample county.",
            remedy="Delete that directory, or name another one with --data.",
            data=str(out.parent),
        )
    from jintu.sample.generate import generate

    return generate(patches, seed, out, as_of=AS_OF, progress=progress)


def _read_json(path: Path) -> dict[str, Any]:
    """An object from a file; empty where there is none or it was cut off."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


class _Loader:
    """Loads the files the manifest lists, each by its import job, and remembers which are in.

    A file is loaded as a whole or not at all, so a run that was killed goes on with the first file that is missing.
    """

    def __init__(self, data: Path, manifest: dict[str, Any], progress: Any) -> None:
        self.folder, self.manifest, self.progress = data / "sample", manifest, progress
        self.file = data / STATE
        self.seconds = {"layers": 0.0, "registers": 0.0}
        self.state = {"sample": manifest["hash"], "loaded": []} | _read_json(self.file)

    def run(self) -> None:
        done = set(self.state["loaded"])
        for facts in self.manifest["layers"]:
            if facts["file"] not in done:
                self._timed("layers", facts["file"], self._layer, facts)
        for name, facts in self.manifest["registers"].items():
            if facts["file"] not in done:
                self._timed("registers", facts["file"], self._register, name, facts)

    def _timed(self, stage: str, file: str, load: Any, *arguments: Any) -> None:
        started = time.perf_counter()
        load(*arguments)
        self.seconds[stage] = round(self.seconds[stage] + time.perf_counter() - started, 3)
        self.state["loaded"].append(file)
        self.file.write_text(json.dumps(self.state, ensure_ascii=False) + "\n", encoding="utf-8")

    def _tell(self, what: str) -> Any:
        return lambda done, total=0, message="": self.progress(done, total, f"{what}: {message}")

    def _layer(self, facts: dict[str, Any]) -> None:
        from jintu.foundation.layers.models import LayerVersion
        from jintu.foundation.operations import files, jobs

        day = facts["valid_on"]
        there = LayerVersion.objects.filter(layer=facts["schema"], division=DIVISION, valid_from=day)
        if there.filter(state=LayerVersion.State.PUBLISHED).exists():
            return  # published, and then killed before it was written down
        path = self.folder / facts["file"]
        if path.suffix == ".shp":
            path = _packed(path)
        with path.open("rb") as stream:
            stored = files.store(stream, path.name)
        jobs.run_here(
            "layers.import",
            actor=_actor("county-director"),
            division=DIVISION,
            layer=facts["schema"],
            file=stored.sha256,
            valid_from=day,
            inspect=False,
            decision="样例数据，含有意放入的缺陷 · sample data with planted defects",
            progress=self._tell(facts["file"]),
        )

    def _register(self, name: str, facts: dict[str, Any]) -> None:
        from jintu.foundation.identity.scope import Scope
        from jintu.foundation.operations import files, jobs
        from jintu.foundation.registers import descriptor, importing
        from jintu.foundation.registers.models import Batch
        from jintu.kernel.errors import Refused

        if not facts["rows"] or Batch.objects.filter(register=name, state=Batch.State.VISIBLE).exists():
            return
        path, actor = self.folder / facts["file"], _actor("county-clerk")
        with path.open("rb") as stream:
            stored = files.store(stream, path.name)
        batch = importing.open_batch(
            descriptor.get(name), path.name, actor=actor, scope=Scope.everything(), division=DIVISION
        )
        batch.options = {"stored": stored.sha256, "duplicates": "refuse", "good_only": False, "again": False}
        batch.save(update_fields=["options"])
        run: dict[str, Any] = {
            "actor": actor,
            "division": DIVISION,
            "batch": batch.pk,
            "progress": self._tell(facts["file"]),
        }
        jobs.run_here("registers.check", **run)
        batch.refresh_from_db()
        if batch.rows_refused:
            reasons = batch.report.get("reasons", [])
            raise Refused(
                "{n} rows of {file} are refused; the first: {reason}",
                n=batch.rows_refused,
                file=path.name,
                reason=json.dumps(reasons[:1], ensure_ascii=False, default=str),
            )
        jobs.run_here("registers.import", **run)


def _packed(shapefile: Path) -> Path:
    """The files of a shapefile in one zip; the sample's has no .cpg, as such files usually arrive."""
    target = shapefile.with_suffix(".zip")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for suffix in SHAPEFILE:
            archive.write(shapefile.with_suffix(suffix), shapefile.with_suffix(suffix).name)
    return target


# -- supervision and what comes of it


def _supervise(progress: Any) -> tuple[list[Outcome], dict[str, float]]:
    from jintu.foundation.checks import runner

    run, outcomes = runner.supervise(DIVISION, actor=_actor("inspector"), progress=progress)
    return outcomes, dict(run.stages)


def _compare(data: Path, outcomes: list[Outcome]) -> Comparison:
    from jintu.foundation.checks.runner import plain
    from jintu.sample.compare import compare

    truth = json.loads((data / "sample" / "truth.json").read_text(encoding="utf-8"))
    return compare(truth, (plain(o.rule, h) for o in outcomes for h in o.hits))


def _summary(
    manifest: dict[str, Any], outcomes: list[Outcome], result: Comparison, stages: dict[str, float]
) -> dict[str, Any]:
    """The contract of ``summary.json``: counts, findings by rule, seconds by stage, rows by register."""
    from jintu.foundation.registers import descriptor

    rows = {
        r.name: r.model.objects.current().count() for r in descriptor.catalogue() if r.name in manifest["registers"]
    }
    return {
        "injected": result.injected,
        "found": result.found,
        "missed": len(result.missed),
        "extra": len(result.extra),
        "findings": {
            o.rule.id: {"count": len(o.hits), "area_m2": round(o.area_m2 or 0.0, 2)}
            for o in outcomes
            if str(o.state) == "ran"
        },
        "stages": stages,
        "patches": manifest["patches"],
        "rows": rows,
    }


def _table(
    outcomes: list[Outcome], result: Comparison, summary: dict[str, Any], users: list[tuple[str, str, str]]
) -> None:
    from jintu.foundation.checks.models import RunRule

    rule, count, area, severity, name = _("rule"), _("findings"), _("area ha"), _("severity"), _("name")
    click.echo(f"{rule:<6}{count:>9}{area:>15}  {severity:<9} {name}")
    for o in outcomes:
        if o.state == RunRule.State.RAN:
            area = "" if o.area_m2 is None else f"{o.area_m2 / 10_000:,.4f}"
            click.echo(f"{o.rule.id:<6}{len(o.hits):>9,}{area:>15}  {o.rule.severity:<9} {in_language(o.rule.name)}")
        else:
            lacking = _("not run: needs {names}").format(names=", ".join(o.needs))
            why = lacking if o.needs else f"{o.state}: {o.error}"
            click.echo(f"{o.rule.id:<6}{'-':>9}{'':>15}  {o.rule.severity:<9} {in_language(o.rule.name)} ({why})")
    click.echo(
        _("planted {planted}, found {found}, missed {missed}, extra {extra}, areas off {off}").format(
            planted=f"{result.injected:,}",
            found=f"{result.found:,}",
            missed=f"{len(result.missed):,}",
            extra=f"{len(result.extra):,}",
            off=f"{len(result.off):,}",
        )
    )
    for word, keys in ((_("missed"), result.missed), (_("extra"), result.extra)):
        for rule, objects in keys[:20]:
            click.echo(f"  {word}: {rule} {' '.join('/'.join(o) for o in objects)}")
    for (rule, objects), expected, got in result.off[:20]:
        said = _("area: {rule} {object} planted {expected} m², found {found} m²").format(
            rule=rule, object="/".join(objects[0]), expected=f"{expected:,.2f}", found=f"{got or 0:,.2f}"
        )
        click.echo(f"  {said}")
    click.echo(
        _("seconds taken") + ": " + ", ".join(f"{name} {seconds:.1f}" for name, seconds in summary["stages"].items())
    )
    click.echo(
        _("{patches} patches, {rows} rows in {registers} registers").format(
            patches=f"{summary['patches']:,}", rows=f"{sum(summary['rows'].values()):,}", registers=len(summary["rows"])
        )
    )
    click.echo(_("accounts (demonstration only)") + ":")
    for account, password, post in users:
        click.echo(f"  {account:<18} {password:<18} {post}")
    sys.stdout.flush()
