"""``jintu layer``: import, list, show, verify, compare and withdraw versions of map layers."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from django.utils.translation import gettext as _

from jintu.config.commands import echo_json, progress_line, setup
from jintu.config.commands.imagery import imagery
from jintu.config.commands.language import in_language
from jintu.config.commands.layer_import import facts as layer_facts
from jintu.config.commands.layer_import import verdict_line

__all__ = ["layer"]


@click.group()
def layer() -> None:
    """Map layers and their versions."""


@layer.command("import")
@click.argument("what", nargs=-1, required=True, metavar="[SCHEMA] DIR|FILE")
@click.option(
    "--schema", default="", help="Layer (DLTB) or kind of delivery (survey-2009), where it is not said before."
)
@click.option("--division", default="", help="Division code of the data; default is the name's, then the node's.")
@click.option("--valid-from", type=click.DateTime(["%Y-%m-%d"]), help="Default: end of the year in the name, or today.")
@click.option("--mapping", default="", help="A saved mapping's name, or a YAML or JSON file with one.")
@click.option("--save-mapping", default="", help="Keep the mapping of the file under this name.")
@click.option("--propose", is_flag=True, help="Take the columns that the assistant proposes; see `jintu layer match`.")
@click.option("--crs", default=None, help="Of the coordinates, where the file does not say (EPSG:4526).")
@click.option("--encoding", default=None, help="Of the text, where detection is not wanted.")
@click.option(
    "--member",
    "--layer",
    "member",
    default=None,
    help="Layer of a file of several (see `jintu layer contents`); default is the one called like SCHEMA.",
)
@click.option("--name", default="", help="Name of the version; default is the day.")
@click.option("--take-as-cgcs2000", is_flag=True, help="Take coordinates on another datum as CGCS2000, unshifted.")
@click.option("--good-only", is_flag=True, help="Load the rows without problems and list the others.")
@click.option(
    "--problems",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write all problems, and the numbers of all rows left out, to this file (.xlsx).",
)
@click.option("--draft", is_flag=True, help="Keep it from being used until it is published.")
@click.option("--inspect/--no-inspect", default=True, help="Without inspection --reason or --draft must be given.")
@click.option("--reason", default="", help="Publish in spite of a bad or missing verdict, for this reason.")
@click.option("--json", "as_json", is_flag=True)
def import_(
    what: tuple[str, ...],
    schema: str,
    division: str,
    valid_from: datetime | None,
    mapping: str,
    save_mapping: str,
    propose: bool,
    crs: str | None,
    encoding: str | None,
    member: str | None,
    name: str,
    take_as_cgcs2000: bool,
    good_only: bool,
    problems: Path | None,
    draft: bool,
    inspect: bool,
    reason: str,
    as_json: bool,
) -> None:
    """Load FILE as a version of the layer SCHEMA (survey.DLTB, or DLTB), or a whole delivery DIR as its layers.

    A directory, its ZIP, or a file of many layers is a delivery: "(330105)县名2009". What was loaded is inspected, and
    in force when the inspection accepts it. Exit code 3 when it is refused or kept as a draft.
    """
    from jintu.config.commands import layer_import

    schema, path = layer_import.arguments(what, schema)
    if not inspect and not draft and not reason:
        raise click.UsageError("Without an inspection say --reason why, or load it as a --draft.")
    if reason and len(reason.strip()) < 2:  # what publishing asks for, said before the file is read
        raise click.UsageError("Say the --reason in words.")
    setup()
    day = valid_from.date() if valid_from else None
    options = layer_import.Options(
        division, day, crs, encoding, take_as_cgcs2000, good_only, draft, inspect, reason, as_json, problems
    )
    if layer_import.is_delivery(path, schema, member):
        layer_import.delivery(path, schema, options)
        return
    layer_import.one(path, schema, options, mapping, save_mapping, propose=propose, member=member, name=name)


@layer.command()
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("--schema", required=True, help="The layer that the file is to become.")
@click.option("--crs", default=None)
@click.option("--encoding", default=None)
@click.option("--member", "--layer", "member", default=None, help="Layer of a file of several.")
@click.option("--save-mapping", default="", help="Keep what is proposed as a mapping under this name.")
@click.option("--json", "as_json", is_flag=True)
def match(
    file: Path, schema: str, crs: str | None, encoding: str | None, member: str | None, save_mapping: str, as_json: bool
) -> None:
    """Propose which columns of FILE are which attributes of a layer, with scores and reasons."""
    setup()
    from jintu.config.commands import layer_import

    layer_import.match(file, schema, crs, encoding, member, save_mapping, as_json=as_json)


@layer.command()
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("--schema", default="", help="Mark the layer that would be taken for this one.")
@click.option("--encoding", default=None)
@click.option("--json", "as_json", is_flag=True)
def contents(file: Path, schema: str, encoding: str | None, as_json: bool) -> None:
    """List the layers of FILE: name, geometry, rows, coordinate system. The names are what --member takes."""
    setup()
    from jintu.config.commands import layer_import

    layer_import.contents(file, schema, encoding, as_json=as_json)


@layer.command("list")
@click.option("--division", default="")
@click.option("--json", "as_json", is_flag=True)
def list_(division: str, as_json: bool) -> None:
    """All versions, newest first within each layer."""
    setup()
    from jintu.foundation.layers.models import LayerVersion

    found = LayerVersion.objects.order_by("layer", "division", "-valid_from", "-pk")
    if division:
        from jintu.foundation.identity.scope import prefix_of

        found = found.filter(prefix__startswith=prefix_of(division))
    if as_json:
        echo_json([layer_facts(v) for v in found])
        return
    for v in found:
        click.echo(
            f"{v.layer:<18} {v.division:<8} {v.name:<14} {v.valid_from}  {v.rows:>9,}  {v.short_hash}  {v.state}"
        )


def _find(reference: str, division: str) -> Any:
    from jintu.foundation.layers import schemas, versions

    name, _at, at = reference.partition("@")
    return versions.find(schemas.get(name).name, at, division)


@layer.command()
@click.argument("reference", metavar="LAYER[@VERSION]")
@click.option("--division", default="")
@click.option("--json", "as_json", is_flag=True)
def show(reference: str, division: str, as_json: bool) -> None:
    """Everything the manifest says of a version, its quality summary included."""
    setup()
    from jintu.foundation.layers import lake

    version = _find(reference, division)
    manifest = lake.manifest(version.directory)
    if as_json:
        echo_json({**layer_facts(version), "manifest": manifest})
        return
    for key, value in layer_facts(version).items():
        click.echo(f"{key:<12} {value}")
    quality = manifest["quality"]
    for key in ("area", "overlaps", "gaps"):
        if key in quality:
            figures = ", ".join(f"{k} {v:,}" for k, v in quality[key].items() if isinstance(v, int | float))
            click.echo(f"{key:<12} {figures}")
    for check in quality.get("checks", ()):
        said = _("{rows} rows, e.g. {keys}").format(
            rows=f"{check['count']:,}", keys=", ".join(map(str, check["keys"][:3]))
        )
        click.echo(f"{check['rule']:<12} {said}")


@layer.command()
@click.argument("reference", metavar="[LAYER[@VERSION]]", default="")
@click.option("--division", default="")
@click.option("--json", "as_json", is_flag=True)
def verify(reference: str, division: str, as_json: bool) -> None:
    """Compute the hashes again, of one version or of all. Exit code 1 when anything differs."""
    setup()
    from jintu.foundation.layers import versions
    from jintu.foundation.layers.models import LayerVersion

    chosen = [_find(reference, division)] if reference else list(LayerVersion.objects.order_by("layer", "valid_from"))
    answers = []
    with progress_line() as progress:
        for n, version in enumerate(chosen):
            progress(n, len(chosen), str(version))
            answers.append({**layer_facts(version), "wrong": versions.verify(version)})
    if as_json:
        echo_json([{**a, "ok": not a["wrong"]} for a in answers])
    else:
        for a in answers:
            click.echo(f"{a['layer']:<18} {a['name']:<14} {'; '.join(a['wrong']) or _('in order')}  {a['hash']}")
    if any(a["wrong"] for a in answers):
        sys.exit(1)


@layer.command()
@click.argument("reference", metavar="LAYER[@VERSION]")
@click.option("--division", default="")
@click.option("--sample", default=5, show_default=True, type=click.IntRange(0, 1000), help="Errors shown of each rule.")
@click.option("--keep", is_flag=True, help="Keep the inspection with its error layer, as the pages do.")
@click.option("--json", "as_json", is_flag=True)
def check(reference: str, division: str, sample: int, keep: bool, as_json: bool) -> None:
    """Inspect a version by the quality rules, among the layers in force around it. Exit code 1 when it is rejected."""
    setup()
    from jintu.foundation.checks.inspection import keeping
    from jintu.foundation.journal import Actor

    version = _find(reference, division)
    with progress_line() as progress:
        report, inputs = keeping.run(version, progress)
        kept = keeping.keep(version, report, inputs, actor=Actor()) if keep else None
    if as_json:
        facts = {"inspection": kept.pk} if kept else {}
        echo_json({**layer_facts(version), **facts, "inputs": inputs, **report.as_json(sample)})
    else:
        for o in report.outcomes:
            if o.needs:
                lacking = _("not run: needs {names}").format(names=", ".join(o.needs))
                click.echo(f"  {o.rule.id} {o.rule.severity}  {lacking}")
            elif o.count:
                click.echo(f"  {o.rule.id} {o.rule.severity}  {o.count:>9,}  {in_language(o.rule.name)}")
        click.echo(verdict_line(report.accepted, report.score))
    sys.exit(0 if report.accepted else 1)


def _kind_of(out: Path) -> str:
    """The format that a file's name means; "" where it means none."""
    from jintu.kernel import formats

    name = out.name.lower()
    if name.endswith(".zip"):
        return "fgdb" if name.endswith(".gdb.zip") else "shp"
    return formats.EXTENSIONS.get(out.suffix.lower(), "")


@layer.command()
@click.argument("reference", metavar="LAYER@VERSION")
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="File to write.")
@click.option("--format", "kind", default="", help="shp, gpkg, fgdb, geoparquet, csv, vct; default is the extension's.")
@click.option("--division", default="")
@click.option("--encoding", default="", help="Of the text of shapefiles, CSV and VCT.")
@click.option("--json", "as_json", is_flag=True)
def export(reference: str, out: Path, kind: str, division: str, encoding: str, as_json: bool) -> None:
    """Write a version with the standard's columns and the delivered coordinates."""
    setup()
    from jintu.foundation.journal import Actor
    from jintu.foundation.layers import exporting
    from jintu.kernel import hashing

    version = _find(reference, division)
    kind = kind or _kind_of(out)
    with progress_line() as progress:
        rows = exporting.write(version, out, kind, encoding=encoding, progress=progress)
    digest = hashing.of_file(out)
    exporting.record(version, kind, digest, Actor())
    if as_json:
        echo_json({**layer_facts(version), "file": str(out), "format": kind, "rows": rows, "file_hash": digest})
        return
    click.echo(f"{out}: " + _("{rows} rows").format(rows=f"{rows:,}") + f"  {digest}")


@layer.command()
@click.argument("old", metavar="LAYER@OLD")
@click.argument("new", metavar="LAYER@NEW")
@click.option("--division", default="")
@click.option("--list", "listed", is_flag=True, help="Name the features.")
@click.option("--json", "as_json", is_flag=True)
def diff(old: str, new: str, division: str, listed: bool, as_json: bool) -> None:
    """What changed between two versions: features, attributes, geometry, and the areas from class to class."""
    setup()
    from jintu.foundation.layers import comparing

    first, second = _find(old, division), _find(new, division)
    found = comparing.diff(first, second)
    if as_json:
        echo_json(found.as_json())
        return
    click.echo(f"{first.name} ({first.short_hash}) → {second.name} ({second.short_hash})")
    for word, keys in (
        (_("added"), found.added),
        (_("vanished"), found.vanished),
        (_("changed attributes"), found.attributes),
        (_("changed geometry"), found.geometry),
    ):
        click.echo(f"{word:<20} {len(keys):,}")
        if listed:
            for key in keys:
                click.echo(f"  {key}")
    for before, after, area in found.transitions:
        click.echo(f"{before or '—':>6} → {after or '—':<6} {area / 10_000:14,.4f} ha")


@layer.command()
@click.argument("reference", metavar="LAYER@VERSION")
@click.option("--division", default="")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Spreadsheet to write (.xlsx).")
@click.option("--json", "as_json", is_flag=True)
def tables(reference: str, division: str, out: Path | None, as_json: bool) -> None:
    """Summary tables of a version, with the identities they fulfil. Exit code 1 when one does not hold.

    ``--division`` of a city or province joins the versions of its counties in force on the version's day.
    """
    setup()
    from jintu.foundation.layers import reports, versions

    version = _find(reference, division)
    above = division and version.division != division
    pieces = versions.pieces_in_force(version.layer, division, version.valid_from) if above else [version]
    _report(reports.get(version.layer, "tables").build(pieces), out, as_json)


@layer.command()
@click.argument("old", metavar="LAYER@OLD")
@click.argument("new", metavar="LAYER@NEW")
@click.option("--division", default="")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Spreadsheet to write (.xlsx).")
@click.option("--json", "as_json", is_flag=True)
def changes(old: str, new: str, division: str, out: Path | None, as_json: bool) -> None:
    """What changed from class to class, as a matrix that balances. Exit code 1 when a check does not hold."""
    setup()
    from jintu.foundation.layers import reports

    pair = [_find(old, division), _find(new, division)]
    _report(reports.get(pair[0].layer, "changes").build(pair), out, as_json)


def _report(built: Any, out: Path | None, as_json: bool) -> None:
    """Write a report, say it, and end with 1 when one of its identities fails."""
    if out is not None:
        built.workbook(out)
    facts = built.as_json()
    checked = facts["identities"]
    if as_json:
        echo_json(facts)
    else:
        for table in facts.get("tables", ()):
            lacking = _("not computed: needs {names}").format(names=", ".join(table["needs"]))
            click.echo(f"{table['number']:>5}  {table['title']}" + ("" if table["computed"] else f"  {lacking}"))
        for rule, counts in sorted(checked["rules"].items()):
            held, asked = counts["asked"] - counts["failed"], counts["asked"]
            click.echo(f"{rule:<12} " + _("{held} of {asked} hold").format(held=f"{held:,}", asked=f"{asked:,}"))
        for one in checked["failed"][:20]:
            against = _("{left} against {right}").format(left=one["left"], right=one["right"])
            click.echo(f"  {one['rule']} {one['what']} {one['division']}: {against}")
        if out is not None:
            click.echo(str(out))
    if not checked["ok"]:
        sys.exit(1)


@layer.command()
@click.argument("reference", metavar="LAYER@VERSION")
@click.option("--division", default="")
@click.option("--reason", required=True)
def withdraw(reference: str, division: str, reason: str) -> None:
    """Take a version out of force. Its files stay."""
    setup()
    from jintu.foundation.layers import publishing

    version = publishing.withdraw(_find(reference, division), reason)
    click.echo(_("{version} withdrawn").format(version=version))


@layer.command()
@click.argument("reference", metavar="LAYER@VERSION")
@click.option("--division", default="")
@click.option("--reason", default="", help="In spite of a bad or missing verdict, for this reason.")
def publish(reference: str, division: str, reason: str) -> None:
    """Put a draft or a withdrawn version in force."""
    setup()
    from jintu.foundation.layers import publishing

    version = publishing.publish(_find(reference, division), decision=reason)
    click.echo(_("{version} published").format(version=version))


@layer.command()
@click.argument("reference", metavar="[LAYER[@VERSION]]", default="")
@click.option("--division", default="")
@click.option("--max-zoom", default=0, type=click.IntRange(4, 16), help="Build to this zoom; default is the node's.")
@click.option("--again", is_flag=True, help="Build also what is built.")
@click.option("--json", "as_json", is_flag=True)
def tiles(reference: str, division: str, max_zoom: int, again: bool, as_json: bool) -> None:
    """Build the tiles of a version ahead, or of all published versions that have none, in this process.

    A worker does it by itself after publishing. What was interrupted goes on where it stopped.
    """
    setup()
    from jintu.foundation.layers import pyramid, tileset
    from jintu.foundation.layers.models import LayerVersion
    from jintu.foundation.operations import jobs

    chosen = [_find(reference, division)] if reference else list(LayerVersion.objects.published().order_by("layer"))
    wanted = [v for v in chosen if not v.schema.is_table and (again or max_zoom or not pyramid.is_current(v))]
    answers = []
    for version in wanted:
        with progress_line() as progress:
            jobs.run_here(
                "layers.tiles",
                division=version.division,
                progress=progress,
                version=version.pk,
                to=max_zoom or pyramid.max_zoom(),
            )
        version.refresh_from_db()
        said = tileset.facts(version) or {}
        answers.append({**layer_facts(version), **{k: v for k, v in said.items() if k != "parts"}})
    if as_json:
        echo_json(answers)
        return
    for a in answers:
        said = _("{count} tiles  {size} MB").format(count=f"{a['tiles']:>8,}", size=f"{a['bytes'] / 1e6:8.1f}")
        click.echo(f"{a['layer']:<18} {a['name']:<14} {said}  {a['hash']}")


layer.add_command(imagery)
