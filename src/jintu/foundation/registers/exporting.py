"""Rows of a register as files: XLSX, CSV, GeoPackage; and a snapshot of all registers as one GeoPackage.

Rows are read in chunks and written as they come, so the size of a list does not matter. Personal columns are masked
unless the person works with the records. The snapshot holds registers only: no accounts, no journal.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import models

from jintu.foundation.identity.scope import Scope
from jintu.kernel.errors import InputError, Refused

from . import descriptor, units, values
from .coordinates import WORKING
from .descriptor import Register
from .models import VisibleRows

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FORMATS", "HEADERS", "file_name", "headers_of", "snapshot", "tables", "write"]

FORMATS = {"xlsx": ".xlsx", "csv": ".csv", "gpkg": ".gpkg"}
HEADERS = ("codes", "labels", "names")
CHUNK = 5_000
FORMULA = re.compile(r"^[=+\-@\t\r]")


def file_name(register: Register, kind: str) -> str:
    """Name of the file handed out."""
    from jintu.foundation.operations import clock

    return f"{register.name.replace('.', '-')}-{clock.today().isoformat()}{FORMATS[kind]}"


def headers_of(register: Register, names: Iterable[str], how: str) -> dict[str, str]:
    """Header of each column: the standard's code, the label with its unit, or the field name.

    Codes and labels of areas and sums carry their unit, so that the file can be imported again without guessing.
    """
    found: dict[str, str] = {}
    for name in names:
        f, column = register.attributes[name]
        if how == "names":
            found[name] = name
            continue
        convertible = len(units.same_kind(column.unit)) > 1
        if how == "labels":
            unit = values.unit_label(column) if values.is_number(f) else ""
            text = values.header(f, column)
            found[name] = f"{text} ({unit})" if unit else text
        else:
            unit = f"({column.unit})" if convertible and column.code else ""
            found[name] = f"{column.code}{unit}" if column.code else name
    return found


def tables(
    register: Register,
    rows: VisibleRows,
    *,
    how: str = "codes",
    persons: bool = False,
    geometry: bool = True,
    spatial: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Iterator[pa.Table]:
    """The rows as Arrow tables: division, the columns, status, and ``geometry`` (WKB) when asked and there is one.

    ``how`` labels: shown values in display units, codes with their words; else stored values. ``spatial``: numbers as
    doubles, as GeoPackage has them; else decimals.
    """
    import pyarrow as pa
    import shapely

    if how not in HEADERS:
        raise InputError("{value} is no kind of header.", remedy="Choose codes, labels or names.", value=how)
    names = [n for n, (_f, c) in register.attributes.items() if not c.hidden]
    heads = headers_of(register, names, how)
    with_shapes = bool(geometry and register.geometry)
    wanted = ["pk", "division", "status", *names] + ([register.geometry] if with_shapes else [])
    done = 0
    for chunk in _chunks(rows, wanted):
        columns = dict(zip(wanted, zip(*chunk, strict=True), strict=True)) if chunk else dict.fromkeys(wanted, ())
        made: dict[str, pa.Array] = {}
        division = "division" if how != "labels" else str(_division_label())
        made[division] = pa.array(columns["division"], pa.string())
        for name in names:
            f, column = register.attributes[name]
            cells = list(columns[name])
            if column.personal and not persons:
                made[heads[name]] = pa.array([values.MASK if c else None for c in cells], pa.string())
            else:
                made[heads[name]] = _column(f, column, cells, shown=how == "labels", doubles=spatial)
        made["status" if how != "labels" else str(_status_label())] = pa.array(columns["status"], pa.string())
        if with_shapes:
            shapes = list(columns[register.geometry])
            made["geometry"] = pa.array(list(shapely.to_wkb(shapes, byte_order=1)) if shapes else [], pa.binary())
        yield pa.table(made)
        done += len(chunk)
        if progress:
            progress(done)


def _chunks(rows: VisibleRows, wanted: list[str]) -> Iterator[list[tuple[Any, ...]]]:
    """Rows by id, read in short reads, so that no transaction stays open while a slow client downloads."""
    last = 0
    first = True
    while True:
        chunk = list(rows.order_by("pk").filter(pk__gt=last).values_list(*wanted)[:CHUNK])
        if chunk or first:
            yield chunk
        if len(chunk) < CHUNK:
            return
        last, first = chunk[-1][0], False


def _division_label() -> Any:
    from django.utils.translation import gettext as _

    return _("Division code")


def _status_label() -> Any:
    from django.utils.translation import gettext as _

    return _("Status")


def _column(f: models.Field, column: Any, cells: list[Any], *, shown: bool, doubles: bool) -> pa.Array:
    import pyarrow as pa

    choices = values.choices_of(f)
    if choices:
        if shown:
            texts = [_choice(column, choices, c) for c in cells]
            return pa.array(texts, pa.string())
        return pa.array([None if c in (None, "") else str(c) for c in cells], pa.string())
    if isinstance(f, models.BooleanField):
        return pa.array(cells, pa.bool_())
    if isinstance(f, models.DateField):
        return pa.array(cells, pa.date32())
    if isinstance(f, models.DecimalField):
        unit = values.unit_of(column)
        if shown and column.unit in units.UNITS and unit in units.UNITS and unit != column.unit:
            # as many digits as keep the stored value exact in the larger unit
            exact = [None if c is None else units.convert(c, column.unit, unit) for c in cells]
            return pa.array([None if c is None else float(c) for c in exact], pa.float64())
        if doubles or shown:
            return pa.array([None if c is None else float(c) for c in cells], pa.float64())
        return pa.array(cells, pa.decimal128(f.max_digits, f.decimal_places))
    if isinstance(f, models.IntegerField):
        return pa.array(cells, pa.int64())
    if isinstance(f, models.FloatField):
        return pa.array(cells, pa.float64())
    return pa.array([None if c is None else str(c) for c in cells], pa.string())


def _choice(column: Any, choices: dict[str, str], value: Any) -> str | None:
    if value in (None, ""):
        return None
    label = choices.get(str(value), "")
    return f"{value} {label}".strip() if column.codelist else (label or str(value))


def _safe(batches: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Texts that a spreadsheet would run as a formula get a leading apostrophe (CSV has no types to say so)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for table in batches:
        made = []
        for column in table.columns:
            if pa.types.is_string(column.type) and pc.any(pc.match_substring_regex(column, FORMULA.pattern)).as_py():
                column = pa.chunked_array(
                    [[None if v is None else ("'" + v if FORMULA.match(v) else v) for v in column.to_pylist()]],
                    pa.string(),
                )
            made.append(column)
        yield pa.table(made, names=table.column_names)


def write(
    register: Register,
    rows: VisibleRows,
    path: Path,
    kind: str,
    *,
    how: str = "",
    persons: bool = False,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Write the rows to ``path`` as ``kind``: xlsx (labels by default), csv or gpkg (codes)."""
    from jintu.kernel import formats

    if kind not in FORMATS:
        raise InputError("Lists are not exported as {kind}.", remedy="Choose xlsx, csv or gpkg.", kind=kind)
    how = how or ("labels" if kind == "xlsx" else "codes")
    made = tables(
        register, rows, how=how, persons=persons, geometry=kind != "xlsx", spatial=kind == "gpkg", progress=progress
    )
    if kind == "gpkg":
        formats.write(path, made, crs=WORKING, layer=register.name.replace(".", "_"))
    elif kind == "csv":
        formats.write(path, _safe(made))
    else:
        formats.write(path, made, layer=str(register.label)[:31])


def snapshot(
    path: Path,
    scope: Scope,
    *,
    division: str = "",
    persons: bool = False,
    progress: Callable[[int, int, str], None] | None = None,
) -> dict[str, int]:
    """All registers within a scope as one GeoPackage, a layer each; returns rows by register.

    The file is written beside and renamed, so that a half-written one is never taken for whole. Raises `Refused` when
    there is a file already.
    """
    from jintu.foundation.identity.scope import prefix_of
    from jintu.kernel import formats

    if path.exists():
        raise Refused("{file} exists already.", remedy="Choose another name, or remove it.", file=path.name)
    draft = path.with_name(f".{path.name}.part.gpkg")
    draft.unlink(missing_ok=True)
    counts: dict[str, int] = {}
    registers = list(descriptor.catalogue())
    try:
        for i, register in enumerate(registers):
            rows = register.model.objects.visible().within(scope)
            if division:
                prefix = prefix_of(division)
                rows = rows.filter(division__gte=prefix, division__lt=prefix + "~")
            counts[register.name] = 0

            def told(n: int, name: str = register.name, at: int = i) -> None:
                counts[name] = n
                if progress:
                    progress(at, len(registers), f"{name} {n}")

            made = tables(register, rows, how="names", persons=persons, spatial=True, progress=told)
            formats.write(
                draft, made, crs=WORKING if register.geometry else None, layer=register.name.replace(".", "_")
            )
        if registers:
            os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    return counts
