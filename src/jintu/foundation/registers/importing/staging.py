"""From a file to a staging file: every row typed, checked and hashed before the database sees any.

The staging directory of a batch holds ``rows.parquet`` (rows that may be loaded, in the order of the file) and
``problems.json``; both are written under another name first, so that what is there is complete.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models

from jintu.foundation.identity.scope import Scope
from jintu.kernel.errors import InputError

from .. import descriptor, keys, validation
from ..coordinates import WORKING, is_working, to_lonlat
from ..descriptor import Register
from ..models import Batch
from . import cells, typing
from .mapping import Mapping, find, unitless
from .problems import Problem, Reasons

if TYPE_CHECKING:
    import polars as pl

    from jintu.kernel.formats import Source

__all__ = ["Staged", "directory", "drop", "duplicates_of", "read_problems", "rows_file", "stage"]

SIZE = 20_000
DUPLICATES = ("refuse", "skip", "update")
UID, ROW, DIVISION, LEVEL, VERSION, OLD, HASH, DELIVERED = (
    "__uid__",
    "__row__",
    "__division__",
    "__level__",
    "__version__",
    "__old__",
    "__hash__",
    "__delivered__",
)


@dataclass
class Staged:
    """Figures of a staged file."""

    read: int = 0
    accepted: int = 0
    updating: int = 0
    skipped: int = 0
    reasons: Reasons = field(default_factory=Reasons)
    notices: list[str] = field(default_factory=list)
    first_day: dt.date | None = None
    last_day: dt.date | None = None

    @property
    def refused(self) -> int:
        return len(self.reasons.rows)


def directory(batch_id: int) -> Path:
    """Where a batch's staging files are, under the data directory."""
    return Path(settings.NODE.data) / "staging" / str(batch_id)


def rows_file(batch_id: int) -> Path:
    return directory(batch_id) / "rows.parquet"


def drop(batch_id: int) -> None:
    """Remove the staging files of a batch that is loaded or given up."""
    shutil.rmtree(directory(batch_id), ignore_errors=True)


def stage(
    register: Register,
    source: Source,
    mapping: Mapping,
    batch_id: int,
    *,
    scope: Scope,
    division: str = "",
    duplicates: str = "refuse",
    progress: Callable[[int, int | None], None] | None = None,
) -> Staged:
    """Read, type and check the whole file into the staging directory of ``batch_id``.

    Raises `InputError` when the file or the mapping as a whole cannot be used; faults of rows are in ``reasons``.
    """
    import pyarrow.parquet as pq

    if duplicates not in DUPLICATES:
        raise InputError(
            "{value} is no way to treat duplicates.", remedy="Choose refuse, skip or update.", value=duplicates
        )
    mapping.check(register, source)
    _whole_mapping(register, mapping, source)
    staged = Staged()
    target = rows_file(batch_id)
    target.parent.mkdir(parents=True, exist_ok=True)
    writer: pq.ParquetWriter | None = None
    seen: dict[str, int] = {}
    unfinished = target.with_suffix(".part")
    try:
        for table in source.batches(SIZE, geometry=bool(register.geometry)):
            frame = _chunk(register, source, mapping, table, staged, scope, division)
            staged.read += table.num_rows
            frame = _duplicates(register, frame, seen, staged, scope, duplicates)
            if frame.height:
                frame = _hashed(register, frame)
                _days(register, frame, staged)
                arrow = frame.to_arrow().cast(_schema(register))
                writer = writer or pq.ParquetWriter(unfinished, arrow.schema, compression="zstd")
                writer.write_table(arrow)
                staged.accepted += frame.height
            if progress:
                progress(staged.read, source.count)
    finally:
        if writer is not None:
            writer.close()
    for error in source.problems:
        staged.read += 1
        row = error.place.row or 0
        staged.reasons.add([Problem(row, error.place.field, error.sentence, "", error.remedy, dict(error.params))])
    if writer is None:
        pq.write_table(_schema(register).empty_table(), unfinished)
    os.replace(unfinished, target)
    staged.notices = [str(n) for n in source.notices]
    _write_problems(batch_id, staged)
    return staged


def _whole_mapping(register: Register, mapping: Mapping, source: Source) -> None:
    """Refuse a mapping that cannot give any row what it needs."""
    bare = unitless(register, mapping)
    if bare:
        from jintu.kernel.units import area_unit, money_unit

        for name in bare:
            header = mapping.columns[name]["from"]
            if header != name and not (area_unit(header) or money_unit(header)) and not _units_in_cells(source, header):
                raise InputError(
                    "Nothing says in which unit column {header} is.",
                    remedy="Name the unit in the mapping: ha, mu, m2, wan_yuan, yuan.",
                    header=header,
                )
    have = set(mapping.columns)
    for name, (_f, column) in register.attributes.items():
        if column.required and name not in have and name != register.key:
            raise InputError(
                "The file has no column for {name}, which every record needs.",
                remedy="Map one of its columns, or give a constant: {headers}.",
                name=str(register.attributes[name][0].verbose_name),
                headers="、".join(f.name for f in source.fields)[:300],
            )
    if register.key not in have and not mapping.key and not register.identity:
        raise InputError(
            "The file has no column for {name}, which every record needs.",
            remedy="Map one of its columns, or give a constant: {headers}.",
            name=str(register.attributes[register.key][0].verbose_name),
            headers="、".join(f.name for f in source.fields)[:300],
        )


def _units_in_cells(source: Source, header: str) -> bool:
    """Do the first filled cells of a column carry their unit themselves ("19983.72平方米")?"""
    from jintu.kernel.units import area, money

    for table in source.batches(200, geometry=False):
        cells = [str(c) for c in table.column(header).to_pylist() if c not in (None, "")][:50]
        for cell in cells:
            for parse in (area, money):
                try:
                    parse(cell)
                except InputError:
                    continue
                return True
        return False
    return False


def _chunk(
    register: Register, source: Source, mapping: Mapping, table: Any, staged: Staged, scope: Scope, division: str
) -> pl.DataFrame:
    """One piece of the file as typed columns, without the rows that have faults."""
    import polars as pl

    raw = pl.from_arrow(table)
    assert isinstance(raw, pl.DataFrame)
    raw, found = cells.records(raw, mapping.rows)
    rows = raw["__row__"]
    n = raw.height
    columns: dict[str, pl.Series] = {}
    for name, (f, column) in register.attributes.items():
        rule = mapping.columns.get(name)
        if rule is None:
            columns[name] = _default(f, n)
            continue
        if "key_of" in rule:
            columns[name], wrong_cells = _key_elsewhere(raw, rule["key_of"])
            found += typing.problems(wrong_cells, rows, name)
            continue
        header = str(rule.get("from", ""))
        typed, wrong_cells = typing.convert(f, column, cells.of(raw, rule), rule, mapping.empty, header)
        found += typing.problems(wrong_cells, rows, name)
        columns[name] = _filled(f, typed)
    columns[DIVISION], wrong_cells = _division(register, raw, mapping, columns, scope, division)
    found += typing.problems(wrong_cells, rows, "division")
    _keys(register, mapping, columns)
    for name, (_f, column) in register.attributes.items():
        if column.required or name == register.key:
            typed = columns[name]
            missing = typed.is_null()
            if typed.dtype == pl.String:
                missing |= typed == ""
            wrong = {p.row for p in found if p.field == name}
            found += [
                Problem(int(rows[int(i)]), name, "This column may not be empty.", "", "Enter a value.")
                for i in missing.arg_true()
                if int(rows[int(i)]) not in wrong
            ]
    if register.geometry:
        columns[register.geometry], columns[DELIVERED], faults = _geometry(register, raw, mapping, source)
        found += faults
    columns[ROW] = rows
    frame = pl.DataFrame([s.rename(name) for name, s in columns.items()])
    if register.validate is not None:
        found += validation.domain_problems(register, _domain_frame(register, frame), rows)
    staged.reasons.add(found)
    bad = {p.row for p in found}
    return frame.filter(~rows.is_in(list(bad))) if bad else frame


def _key_elsewhere(raw: pl.DataFrame, rule: dict[str, Any]) -> tuple[pl.Series, list[typing.Cell]]:
    """The key another register gives these rows under its own mapping: an instalment finds the supply it belongs to.

    Wrong are the rows that have no record there, because they were refused or have not been imported yet.
    """
    other = descriptor.get(str(rule["register"]))
    theirs = find(other, str(rule["mapping"]))
    assert theirs is not None
    columns: dict[str, pl.Series] = {}
    for name in dict.fromkeys((other.key, *theirs.key, *other.identity)):
        f, column = other.attributes[name]
        if name not in theirs.columns:
            columns[name] = _default(f, raw.height)
            continue
        mine = theirs.columns[name]
        typed, _wrong = typing.convert(f, column, cells.of(raw, mine), mine, theirs.empty, str(mine.get("from", "")))
        columns[name] = _filled(f, typed)
    _keys(other, theirs, columns)
    made = columns[other.key]
    wanted = [k for k in made.unique().to_list() if k]
    there: set[str] = set()
    for start in range(0, len(wanted), 900):
        some = {f"{other.key}__in": wanted[start : start + 900]}
        there |= set(other.model.objects.visible().filter(**some).values_list(other.key, flat=True))
    wrong = [
        (
            int(i),
            "This row has no record in {register}.",
            "Import the file there first; rows refused there have no record.",
            {"register": str(other.label)},
            made[int(i)] or "",
        )
        for i in (~made.is_in(list(there)).fill_null(False)).arg_true()
    ]
    return made, wrong


def _default(f: models.Field, n: int) -> pl.Series:
    """A column the file does not have: the field's default, else empty."""
    import polars as pl

    dtype = typing.scaled_type(f)
    value: Any = f.get_default() if f.has_default() else None
    if value is not None and isinstance(f, models.DecimalField):
        value = int(value * 10**f.decimal_places)
    return _filled(f, pl.Series([value] * n, dtype=dtype, strict=False))


def _filled(f: models.Field, series: pl.Series) -> pl.Series:
    """Empty text for text columns that are never null; staged types for the rest."""
    import polars as pl

    dtype = typing.scaled_type(f)
    if series.dtype != dtype:
        series = series.cast(dtype, strict=False)
    if dtype == pl.String and not f.null:
        return series.fill_null("")
    if not f.null and f.has_default() and not isinstance(f, models.DateField):
        value = f.get_default()
        if isinstance(f, models.DecimalField):
            value = int(value * 10**f.decimal_places)
        return series.fill_null(value)
    return series


def _division(
    register: Register, raw: pl.DataFrame, mapping: Mapping, columns: dict[str, pl.Series], scope: Scope, division: str
) -> tuple[pl.Series, list[typing.Cell]]:
    """Division codes of the rows, each inside the scope and inside the division the import is for."""
    import polars as pl

    rule = mapping.division
    n = raw.height
    if rule.get("from"):
        codes = raw[str(rule["from"])].cast(pl.String).str.strip_chars()
        if rule.get("values"):
            codes = codes.replace({str(k): str(v) for k, v in rule["values"].items()})
        if rule.get("by") == "name":
            from .division_names import resolve

            codes, cells = resolve(codes, rule, columns, within=str(rule.get("within") or division))
        else:
            cells = []
        codes = codes.fill_null(division) if division else codes
    else:
        codes = pl.Series([str(rule.get("constant") or division)] * n, dtype=pl.String)
        cells = []
    told = {c[0] for c in cells}
    bad = ~codes.str.contains(r"^([0-9]{6}|[0-9]{9}|[0-9]{12})$").fill_null(False)
    for i in bad.arg_true():
        if int(i) not in told:
            cells.append(
                (
                    int(i),
                    "{value} is not a division code.",
                    "A code has 6 digits for a county, 9 for a township, 12 for a village.",
                    {"value": codes[int(i)] or "—"},
                    codes[int(i)] or "",
                )
            )
            told.add(int(i))
    allowed = {}
    from jintu.foundation.identity.scope import prefix_of

    prefix = prefix_of(division) if division else ""
    for code in codes.drop_nulls().unique():
        if not code.startswith(prefix) or not scope.covers(code):
            allowed[code] = False
    for i in codes.is_in(list(allowed)).fill_null(False).arg_true():
        if int(i) not in told:
            cells.append(
                (
                    int(i),
                    "Division {value} is outside the scope of this import ({scope}).",
                    "Rows of another division are filed by its own organisation.",
                    {"value": codes[int(i)], "scope": division or "、".join(scope.divisions)},
                    codes[int(i)],
                )
            )
    return codes, cells


def _keys(register: Register, mapping: Mapping, columns: dict[str, pl.Series]) -> None:
    """Fill empty keys from the columns the mapping names, then from the identity columns."""
    import polars as pl

    key = columns[register.key]
    empty = key.is_null() | (key == "")
    for name in mapping.key:
        if name in columns and empty.any():
            other = columns[name].cast(pl.String)
            key = pl.select(pl.when(empty).then(other).otherwise(key)).to_series()
            empty = key.is_null() | (key == "")
    if register.identity and empty.any():
        parts = {name: (register.attributes[name][0], columns[name]) for name in register.identity}
        made = key.to_list()
        for i in empty.arg_true():
            cells = {name: typing.unscaled(f, s[int(i)]) for name, (f, s) in parts.items()}
            made[int(i)] = keys.natural(register, cells)
        key = pl.Series(made, dtype=pl.String)
    columns[register.key] = key


def _geometry(
    register: Register, raw: pl.DataFrame, mapping: Mapping, source: Source
) -> tuple[pl.Series, pl.Series, list[Problem]]:
    """Outlines in lon/lat as WKB, the delivered WKB where it differs, and what is wrong with them."""
    import numpy as np
    import polars as pl
    import shapely

    n = raw.height
    rule = mapping.geometry
    rows = raw["__row__"]
    nothing = pl.Series([None] * n, dtype=pl.Binary)
    header = str(rule.get("from") or "")
    if not header:
        return nothing, nothing, []
    found: list[Problem] = []
    series = raw[header] if header in raw.columns else raw["geometry"]
    if series.dtype == pl.Binary:
        shapes = shapely.from_wkb(series.to_list(), on_invalid="ignore")
        crs = str(rule.get("crs") or source.crs or WORKING)
        given = series.is_not_null().to_numpy()
    else:
        text = series.cast(pl.String).str.strip_chars()
        text = text.set(text == "", None)
        shapes = shapely.from_wkt(text.to_list(), on_invalid="ignore")
        crs = str(rule.get("crs") or WORKING)
        given = text.is_not_null().to_numpy()
    shapes = np.asarray(shapes, dtype=object)
    for i in np.flatnonzero(given & np.equal(shapes, None)):
        found.append(
            Problem(
                int(rows[int(i)]),
                register.geometry,
                "The outline cannot be read.",
                str(series[int(i)])[:60],
                "Write it as WKT, for example POLYGON((x y, …)).",
            )
        )
    if shapely.has_z(shapes).any():
        shapes = shapely.force_2d(shapes)
    working, wrong = to_lonlat(shapes, crs, wgs84=bool(rule.get("wgs84")))
    for i, error in wrong.items():
        found.append(Problem(int(rows[i]), register.geometry, error.sentence, "", error.remedy, dict(error.params)))
    suspicious = _suspicious(working)
    for i in np.flatnonzero(suspicious):
        fault = validation.geometry_problem(working[int(i)])
        if fault is not None:
            sentence, remedy, params = fault
            found.append(Problem(int(rows[int(i)]), register.geometry, sentence, "", remedy, params))
    wkb = pl.Series(list(shapely.to_wkb(working, byte_order=1)), dtype=pl.Binary)
    if is_working(crs):
        return wkb, nothing, found
    return wkb, pl.Series(list(shapely.to_wkb(shapes, byte_order=1)), dtype=pl.Binary), found


def _suspicious(shapes: Any) -> Any:
    """Outlines worth a closer look: invalid, empty, outside the range of degrees or at its origin. Vectorised."""
    import numpy as np
    import shapely

    there = ~shapely.is_missing(shapes)
    box = shapely.bounds(shapes)
    with np.errstate(invalid="ignore"):
        outside = (box[:, 0] < -180) | (box[:, 2] > 180) | (box[:, 1] < -90) | (box[:, 3] > 90)
        origin = (box[:, 0] <= 0.01) & (box[:, 1] <= 0.01) & (box[:, 2] >= -0.01) & (box[:, 3] >= -0.01)
    return there & (shapely.is_empty(shapes) | outside | origin | ~shapely.is_valid(shapes))


def _domain_frame(register: Register, frame: pl.DataFrame) -> pl.DataFrame:
    """The staged columns as a domain's ``validate`` expects them: decimals as Float64 in stored units."""
    import polars as pl

    made = []
    for name, (f, _c) in register.attributes.items():
        expr = pl.col(name)
        if isinstance(f, models.DecimalField) and not f.choices:
            expr = expr.cast(pl.Float64) / 10**f.decimal_places
        made.append(expr.alias(name))
    made.append(pl.col(DIVISION).alias("division"))
    if register.geometry:
        made.append(pl.col(register.geometry).alias("geometry"))
    return frame.select(made)


def duplicates_of(register: Register, wanted: list[str]) -> dict[str, tuple[int, Any, int, str, int]]:
    """Rows that hold these keys now: key → (id, uid, row_version, division, batch)."""
    held: dict[str, tuple[int, Any, int, str, int]] = {}
    names = (register.key, "id", "uid", "row_version", "division", "batch")
    rows = register.model.objects.filter(superseded_by=0)
    if not rows.exists():
        return held
    for start in range(0, len(wanted), 900):
        for key, *rest in rows.filter(**{f"{register.key}__in": wanted[start : start + 900]}).values_list(*names):
            held[key] = tuple(rest)  # type: ignore[assignment]
    return held


def _random_uids(n: int) -> list[str]:
    """Random UUIDs (version 4) as hexadecimal text, many at a time."""
    digits = os.urandom(16 * n).hex()
    return [
        f"{d[:12]}4{d[13:16]}{'89ab'[int(d[16], 16) & 3]}{d[17:]}"
        for d in (digits[i : i + 32] for i in range(0, 32 * n, 32))
    ]


def _duplicates(
    register: Register, frame: pl.DataFrame, seen: dict[str, int], staged: Staged, scope: Scope, policy: str
) -> pl.DataFrame:
    """Refuse, skip or pair with their predecessors the rows whose key is in the file or the register already."""
    import polars as pl

    n = frame.height
    all_keys = frame[register.key].to_list()
    all_rows = frame[ROW].to_list()
    held = duplicates_of(register, all_keys)
    hidden = set(Batch.hidden_ids().values_list("pk", flat=True)) if held else set()
    keep = [True] * n
    uids = _random_uids(n)
    versions = [1] * n
    old: list[int] = [0] * n
    found = []
    for i, key in enumerate(all_keys):
        if key in seen:
            keep[i] = False
            if policy == "skip":
                staged.skipped += 1
                continue
            found.append(
                Problem(
                    all_rows[i],
                    register.key,
                    "{value} is in row {row} of the file already.",
                    key,
                    "Leave one of the rows out.",
                    {"value": key, "row": seen[key]},
                )
            )
            continue
        seen[key] = all_rows[i]
        if key not in held:
            continue
        pk, uid, version, its_division, its_batch = held[key]
        if its_batch in hidden:
            keep[i] = False
            found.append(
                Problem(
                    all_rows[i],
                    register.key,
                    "{value} is being loaded by another import.",
                    key,
                    "Wait until it is done, or revert it.",
                    {"value": key},
                )
            )
        elif not scope.covers(its_division):
            keep[i] = False
            found.append(
                Problem(
                    all_rows[i],
                    register.key,
                    "{value} belongs to a record of another division.",
                    key,
                    "Check the number.",
                    {"value": key},
                )
            )
        elif policy == "update":
            uids[i], versions[i], old[i] = str(uid).replace("-", ""), version + 1, pk
            staged.updating += 1
        elif policy == "skip":
            keep[i] = False
            staged.skipped += 1
        else:
            keep[i] = False
            found.append(
                Problem(
                    all_rows[i],
                    register.key,
                    "{value} is in the register already.",
                    key,
                    "Import with “update” to replace it, or “skip” to leave it.",
                    {"value": key},
                )
            )
    staged.reasons.add(found)
    frame = frame.with_columns(
        pl.Series(UID, uids), pl.Series(VERSION, versions), pl.Series(OLD, old), pl.lit(1).alias(LEVEL)
    )
    return frame if all(keep) else frame.filter(pl.Series(keep, dtype=pl.Boolean))


def _hashed(register: Register, frame: pl.DataFrame) -> pl.DataFrame:
    """A hash per row over its values, for the journal's Merkle root: what was loaded can be proven later."""
    import polars as pl

    names = [*register.attributes, DIVISION]
    line = frame.select(
        pl.concat_str([pl.col(n).cast(pl.String).fill_null("\x00") for n in names], separator="\x1f")
    ).to_series()
    shapes = frame[register.geometry].to_list() if register.geometry else [None] * frame.height
    digest = [
        "sha256:" + hashlib.sha256(text.encode() + b"\x1e" + (wkb or b"")).hexdigest()
        for text, wkb in zip(line.to_list(), shapes, strict=True)
    ]
    return frame.with_columns(pl.Series(HASH, digest))


def _days(register: Register, frame: pl.DataFrame, staged: Staged) -> None:
    """First and last day of the period column, for the warning about two files for one period."""
    if not register.period:
        return
    first, last = frame[register.period].min(), frame[register.period].max()
    if isinstance(first, dt.date):
        staged.first_day = min(first, staged.first_day or first)
    if isinstance(last, dt.date):
        staged.last_day = max(last, staged.last_day or last)


def _schema(register: Register) -> Any:
    """Arrow schema of the staging file."""
    import polars as pl
    import pyarrow as pa

    kinds = {
        pl.String: pa.large_string(),
        pl.Int64: pa.int64(),
        pl.Float64: pa.float64(),
        pl.Date: pa.date32(),
        pl.Boolean: pa.bool_(),
    }
    fields = [pa.field(name, kinds[typing.scaled_type(f)]) for name, (f, _c) in register.attributes.items()]
    fields.append(pa.field(DIVISION, pa.large_string()))
    if register.geometry:
        fields += [pa.field(register.geometry, pa.large_binary()), pa.field(DELIVERED, pa.large_binary())]
    fields += [
        pa.field(ROW, pa.int64()),
        pa.field(UID, pa.large_string()),
        pa.field(VERSION, pa.int64()),
        pa.field(OLD, pa.int64()),
        pa.field(LEVEL, pa.int64()),
        pa.field(HASH, pa.large_string()),
    ]
    return pa.schema(fields)


def _write_problems(batch_id: int, staged: Staged) -> None:
    path = directory(batch_id) / "problems.json"
    unfinished = path.with_suffix(".part")
    unfinished.write_text(
        json.dumps(
            [p.as_json() for p in sorted(staged.reasons.kept, key=lambda p: (p.row, p.field))], ensure_ascii=False
        ),
        encoding="utf-8",
    )
    os.replace(unfinished, path)


def read_problems(batch_id: int) -> list[Problem]:
    """The problems of a staged file, by row; none when its staging files are gone."""
    path = directory(batch_id) / "problems.json"
    if not path.is_file():
        return []
    return [Problem(**item) for item in json.loads(path.read_text(encoding="utf-8"))]
