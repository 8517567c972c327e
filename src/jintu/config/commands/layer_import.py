"""What ``jintu layer import`` and ``match`` do: one file, or a whole delivery."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import click
from django.utils.translation import gettext as _

from jintu.config.commands import echo_json, progress_line
from jintu.config.commands.language import in_language, sentence

__all__ = ["Options", "arguments", "contents", "delivery", "facts", "is_delivery", "match", "one", "verdict_line"]


@dataclass(frozen=True)
class Options:
    """What both ways of loading take."""

    division: str
    valid_from: date | None
    crs: str | None
    encoding: str | None
    take_as_cgcs2000: bool
    good_only: bool
    draft: bool
    inspect: bool
    reason: str
    as_json: bool
    problems: Path | None = None
    """File for the list of all problems."""


def arguments(what: tuple[str, ...], schema: str) -> tuple[str, Path]:
    """(schema or "", path) of ``[SCHEMA] DIR|FILE`` and ``--schema``."""
    if len(what) > 2 or (len(what) == 2 and schema):
        raise click.UsageError("Give one file or directory, and its schema once.")
    path = Path(what[-1])
    if not path.exists():
        raise click.BadParameter(f"Path '{path}' does not exist.", param_hint="DIR|FILE")
    return schema or (what[0] if len(what) == 2 else ""), path


def is_delivery(path: Path, schema: str, member: str | None) -> bool:
    """A directory that is no geodatabase, or whatever is to be read as a kind of delivery."""
    from jintu.foundation.layers import structures

    kinds = {s.name for s in structures.catalogue()}
    folder = path.is_dir() and path.suffix.lower() != ".gdb"
    return (folder and member is None) or schema in kinds or (not schema and path.suffix.lower() in (".zip", ".vct"))


def facts(version: Any) -> dict[str, Any]:
    return {
        "layer": version.layer,
        "division": version.division,
        "name": version.name,
        "key": version.key,
        "valid_from": version.valid_from.isoformat(),
        "state": str(version.state),
        "hash": version.hash,
        "rows": version.rows,
        "area_m2": str(version.area),
        "crs": version.crs,
        "source": {"name": version.source_name, "hash": version.source_hash},
        "bbox": list(version.bbox),
    }


def problem(error: Any) -> dict[str, Any]:
    place = error.place
    words = {
        "row": place.row,
        "field": place.field,
        "part": place.part,
        "ring": place.ring,
        "vertex": place.vertex,
        "problem": error.sentence.format(**error.params),
        "remedy": error.remedy.format(**error.params),
    }
    return {k: v for k, v in words.items() if v not in (None, "")}


def _when(given: date | None, year: int | None) -> date:
    """The day given, the end of the year that the name says, or today."""
    return given or (date(year, 12, 31) if year else date.today())


# --- one file ----------


def one(
    path: Path,
    schema: str,
    options: Options,
    mapping: str,
    save_mapping: str,
    *,
    propose: bool,
    member: str | None,
    name: str,
) -> None:
    from django.conf import settings

    from jintu.foundation.journal import Actor
    from jintu.foundation.layers import assistant, importing, publishing
    from jintu.foundation.layers import mapping as mappings

    kind, division, year = _named(path, schema)
    chosen = _mapping(kind.name, mapping)
    if not mapping:
        chosen = assistant.remembered_for(kind, path, member or "", options.encoding) or chosen
    if propose and not mapping:
        chosen = _proposed(path, kind, options, member)
    if options.take_as_cgcs2000:
        chosen = replace(chosen, take_as_cgcs2000=True)
    if save_mapping:
        mappings.save(kind, chosen, save_mapping)
        chosen = replace(chosen, name=save_mapping)
    try:
        with progress_line() as progress:
            result = importing.import_layer(
                kind,
                path,
                options.division or division or settings.NODE.division,
                _when(options.valid_from, year),
                mapping=chosen,
                crs=options.crs,
                encoding=options.encoding,
                member=member,
                actor=Actor(),
                good_only=options.good_only,
                name=name,
                draft=True,
                progress=progress,
            )
            verdict = None
            if not options.draft:
                found = publishing.settle(
                    [result.version],
                    Actor(),
                    inspect=options.inspect,
                    decision=options.reason,
                    progress=progress,
                )
                verdict = found.get(result.version.pk)
    except importing.LayerRefused as error:
        _write_problems(options, error.problems, error.rows)
        if options.as_json:
            echo_json({"version": None, "problems": error.count, "list": [problem(p) for p in error.problems]})
            sys.exit(3)
        _show("", error.problems, error.count, options)
        raise
    _write_problems(options, result.problems, result.left)
    assistant.remember_file(kind, path, member or "", chosen)
    if options.as_json:
        echo_json(
            {
                "version": facts(result.version),
                "rows": result.rows,
                "hash": result.version.hash,
                "refused": result.refused,
                "left": result.left,
                "quality": result.quality,
                "verdict": verdict.as_json() if verdict else None,
                "mapping": chosen.facts(),
                "notices": result.notices,
                "list": [problem(p) for p in result.problems],
            }
        )
        _leave_if_held(result.version, options)
        return
    _show(_("left out") + ": ", result.problems, len(result.problems), options)
    for notice in result.notices[:20]:
        click.echo(f"  {notice}", err=True)
    click.echo(f"{kind.name} {result.version.name}: {_counted(result.rows, result.refused)}  {result.version.hash}")
    if verdict is not None:
        _print_verdict(verdict)
    _leave_if_held(result.version, options)


SHOWN = 20


def _counted(rows: int, refused: int) -> str:
    """Rows loaded, and how many were left out."""
    said = _("{rows} rows").format(rows=f"{rows:,}")
    return said + (", " + _("{count} left out").format(count=f"{refused:,}") if refused else "")


def _show(word: str, problems: list[Any], count: int, options: Options) -> None:
    """The first problems, and where the others are."""
    for each in problems[:SHOWN]:
        click.echo(f"  {word}{sentence(each)}", err=True)
    if count > SHOWN:
        there = _("all in {file}").format(file=options.problems)
        how = there if options.problems else _("--problems FILE.xlsx writes all of them")
        click.echo("  … " + _("{count} more; {how}").format(count=f"{count - SHOWN:,}", how=how), err=True)


def _write_problems(options: Options, problems: list[Any], rows: list[int]) -> None:
    from jintu.foundation.layers.problems import workbook

    if options.problems and problems:
        options.problems.write_bytes(workbook(problems, rows).getvalue())


def _print_verdict(verdict: Any) -> None:
    for o in verdict.rules:
        lacking = _("not run: needs {names}").format(names=o.get("not_run"))
        said = lacking if "not_run" in o else f"{o['count']:>9,}  {in_language((o['name_zh'], o['name_en']))}"
        click.echo(f"  {o['rule']} {o['severity']}  {said}", err=True)
    click.echo(verdict_line(verdict.accepted, verdict.score))


def verdict_line(accepted: bool, score: float) -> str:
    """What an inspection says."""
    word = _("accepted") if accepted else _("REJECTED")
    return f"{word}  " + _("score {score}").format(score=f"{score:.2f}")


def _leave_if_held(version: Any, options: Options) -> None:
    """Exit code 3 for a version that should be in force and is not."""
    if version.state == "published" or options.draft:
        return
    said = _(
        "{name} is not in force: correct the file and load it again, or publish it with a reason: jintu layer publish "
        "{version} --reason …"
    )
    click.echo(said.format(name=version.name, version=f"{version.layer}@{version.key}"), err=True)
    sys.exit(3)


def _named(path: Path, schema: str) -> tuple[Any, str, int | None]:
    """(schema, division, year), as far as the name of the file says what is not given."""
    from jintu.foundation.layers import schemas, structures
    from jintu.kernel.errors import Missing, Place

    said = [(s, s.schema_of(path.stem)) for s in structures.catalogue()]
    of = next(
        ((s, found) for s, found in said if found is not None and (not schema or found == schemas.get(schema))), None
    )
    if not schema and of is None:
        raise Missing(
            "The name of the file says no layer.", place=Place(file=path.name), remedy="Give it with --schema."
        )
    division, year = structures.named(path.stem, of[0]) if of else ("", None)
    return schemas.get(schema) if schema else of[1] if of else None, division, year


def _proposed(path: Path, kind: Any, options: Options, member: str | None) -> Any:
    from jintu.foundation.layers import assistant, members
    from jintu.kernel import formats

    chosen = members.chooser(kind)
    with formats.read(path, layer=member, crs=options.crs, encoding=options.encoding, choose=chosen) as source:
        return assistant.likely(assistant.propose(kind, assistant.sample(source)))


def _mapping(schema: str, given: str) -> Any:
    from jintu.foundation.layers import mapping as mappings
    from jintu.kernel.errors import InputError, Place

    if not given:
        return mappings.Mapping()
    path = Path(given)
    if path.suffix.lower() in (".yaml", ".yml", ".json") and path.is_file():
        import yaml

        try:
            entries = yaml.safe_load(path.read_text(encoding="utf-8"))
        except yaml.YAMLError as error:
            raise InputError(
                "The mapping cannot be read: {reason}", place=Place(file=path.name), reason=str(error)
            ) from error
        return mappings.Mapping.of(entries or {}, path.stem)
    return mappings.load(schema, given)


def match(
    path: Path,
    schema: str,
    crs: str | None,
    encoding: str | None,
    member: str | None,
    save_mapping: str,
    *,
    as_json: bool,
) -> None:
    from jintu.foundation.layers import assistant, members, schemas
    from jintu.foundation.layers import mapping as mappings
    from jintu.kernel import formats

    kind = schemas.get(schema)
    with formats.read(path, layer=member, crs=crs, encoding=encoding, choose=members.chooser(kind)) as source:
        found = assistant.propose(kind, assistant.sample(source))
    if save_mapping:
        mappings.save(kind, assistant.likely(found), save_mapping)
    if as_json:
        rows = [
            {"code": m.attribute.code, "name": n, "column": m.column, "score": m.score, "reasons": list(m.reasons)}
            for n, m in found.matches.items()
        ]
        lacking = [a.code for a in found.open]
        echo_json({"matches": rows, "open": lacking, "mapping": found.mapping.facts(), "remembered": found.remembered})
        return
    for m in found.matches.values():
        click.echo(f"{m.attribute.code:<10} ← {m.column:<20} {m.score:4.2f}  {'; '.join(m.reasons)}")
    for key in ("constants", "sequence", "area"):
        if value := getattr(found.mapping, key):
            click.echo(f"{key:<10}   {value}")
    for a in found.open:
        lacking = _("nothing found for {name}, which is mandatory").format(name=a.label)
        click.echo(f"{a.code:<10}   {lacking}")


def contents(path: Path, schema: str, encoding: str | None, *, as_json: bool) -> None:
    """The layers of a file, each with what it is; the one that would be taken for a schema is marked."""
    from jintu.foundation.layers import members, schemas
    from jintu.kernel import formats

    found = formats.contents(path, encoding=encoding)
    taken = members.named_like(schemas.get(schema), [m.name for m in found]) if schema else None
    if as_json:
        rows = [
            {
                "name": m.name,
                "geometry": m.geometry,
                "count": m.count,
                "crs": m.crs,
                "problem": str(m.problem) if m.problem else "",
                **({"taken": m.name == taken} if schema else {}),
            }
            for m in found
        ]
        echo_json(rows)
        return
    for m in found:
        count = "—" if m.count is None else f"{m.count:,}"
        mark = "*" if taken and m.name == taken else " "
        what = m.problem or f"{m.geometry or '—':<16} {count:>11}  {m.crs_name or '—'}"
        click.echo(f"{mark} {m.name:<32} {what}")


# --- a delivery ----------


def delivery(path: Path, schema: str, options: Options) -> None:
    from django.conf import settings

    from jintu.foundation.journal import Actor
    from jintu.foundation.layers import delivery as deliveries
    from jintu.foundation.layers import schemas, structures

    named = schema if schema in {s.name for s in structures.catalogue()} else ""
    with deliveries.opened(path) as root, progress_line() as progress:
        structure = deliveries.choose(root, named)
        found = deliveries.examine(root, structure, path.stem if path.is_file() else path.resolve().name)
        if schema and not named:  # one layer out of a directory
            wanted = schemas.get(schema).name
            found.found, found.missing = [f for f in found.found if f.schema.name == wanted], []
        loaded = deliveries.load(
            found,
            options.division or found.division or settings.NODE.division,
            _when(options.valid_from, found.year),
            actor=Actor(),
            crs=options.crs,
            encoding=options.encoding,
            take_as_cgcs2000=options.take_as_cgcs2000,
            good_only=options.good_only,
            draft=options.draft,
            inspect=options.inspect,
            decision=options.reason,
            progress=progress,
        )
    if options.as_json:
        echo_json(_as_json(loaded))
    else:
        _print(loaded)
    if loaded.wanting:
        sys.exit(3)


def _as_json(loaded: Any) -> dict[str, Any]:
    found = loaded.delivery
    return {
        "delivery": found.name,
        "structure": found.structure.name,
        "published": loaded.published,
        "rows": loaded.rows,
        "hash": loaded.hash,
        "missing": [s.name for s in found.missing],
        "spare": [f.name for f in found.spare],
        "documents": found.documents,
        "unknown": found.unknown,
        "tables": [
            {
                "layer": o.found.schema.name,
                "file": o.found.name,
                "rows": o.rows,
                "refused": o.refused,
                "hash": o.version.hash if o.version else None,
                "version": facts(o.version) if o.version else None,
                "quality": o.version.quality if o.version else {},
                "verdict": _verdict(loaded, o),
                "error": str(o.error) if o.error else "",
                "list": [problem(p) for p in o.problems[:100]],
            }
            for o in loaded.outcomes
        ],
    }


def _verdict(loaded: Any, outcome: Any) -> dict[str, Any] | None:
    verdict = loaded.verdicts.get(outcome.version.pk) if outcome.version else None
    return verdict.as_json() if verdict else None


def _print(loaded: Any) -> None:
    found = loaded.delivery
    click.echo(f"{found.name}: {found.structure.label}")
    for o in loaded.outcomes:
        done = f"{_counted(o.rows, o.refused)}  {o.version.short_hash}" if o.version else ""
        line = done or _("refused: {error}").format(error=sentence(o.error))
        verdict = loaded.verdicts.get(o.version.pk) if o.version else None
        said = f"  {verdict_line(verdict.accepted, verdict.score)}" if verdict else ""
        click.echo(f"  {o.found.schema.table:<9} {o.found.name:<32} {line}{said}")
    left = [_("{name} is missing").format(name=s.table) for s in found.missing]
    left += [_("{name} is not used: the table comes in another format too").format(name=f.name) for f in found.spare]
    left += [_("{name} does not belong to the delivery").format(name=name) for name in found.unknown]
    for line in left:
        click.echo(f"  {line}", err=True)
    drafts = _("drafts: correct what is wrong and load the delivery again")
    state = _("in force") if loaded.published else drafts
    click.echo(f"{_counted(loaded.rows, 0)}, {state}  {loaded.hash}")
