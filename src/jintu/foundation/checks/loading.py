"""Rows and layers as the tables rules get.

Rows are read as raw database values, column by column, and typed once for the whole column: building a model instance
or a Decimal per cell would cost more than all rules together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import connection, models

from jintu.foundation.operations import executing
from jintu.foundation.registers import descriptor
from jintu.foundation.registers.db import ExactDecimalField, GeometryField

from .rules import Layer, Rows, Rule

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

    from jintu.kernel.executors import Executor

__all__ = ["Loaded", "load", "register_frame"]

CHUNK = 20_000
Outlines = Callable[[], "pa.ChunkedArray"]
"""WKB (4490) of the rows of a layer's frame, in their order: read when a rule asks about places, and not kept."""
PLATFORM_COLUMNS = ("id", "uid", "division", "data_level", "row_version", "batch")


@dataclass
class Loaded:
    """Frames by need, what is missing, and the versions that make the run reproducible."""

    registers: dict[tuple[str, bool], pl.DataFrame] = field(default_factory=dict)
    layers: dict[tuple[str, str], Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    files: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """The files of the lake, in order, whose rows a layer's frame has; by the identity of the frame."""
    outlines: dict[int, Outlines] = field(default_factory=dict)
    """What reads the outlines of a layer's frame, which has none itself; by the identity of the frame."""
    cluster: Executor | None = None
    """Where overlays with those files are done; None: in this process, in memory."""


def register_frame(name: str, division: str, *, geometry: bool = True) -> pl.DataFrame:
    """Current rows of a register inside a division (a prefix), as a Polars frame.

    Columns: the register's own by field name, plus id, uid, division, data_level, row_version, batch. Decimals become
    Float64 in the database unit, dates Date, choices and texts String, booleans Boolean; ``geometry`` is WKB (4490)
    or null when asked for and the register has one.
    """
    import polars as pl

    register = descriptor.get(name)
    wanted = [register.model._meta.get_field(c) for c in PLATFORM_COLUMNS]
    wanted += [f for f, _column in register.columns.values() if not isinstance(f, GeometryField)]
    geom = register.model._meta.get_field(register.geometry) if geometry and register.geometry else None
    if geom is not None:
        wanted.append(geom)
    rows = register.model.objects.current()
    if division and not register.table:  # dated tables hold for the divisions below theirs: rules choose
        rows = rows.filter(division__gte=division, division__lt=division + "~")
    query = rows.order_by("id").values_list(*(f.attname for f in wanted)).query
    sql, params = query.get_compiler(connection=connection).as_sql()
    frames = [pl.DataFrame([_series(f, []) for f in wanted])]
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        while chunk := cursor.fetchmany(CHUNK):
            # typed at once: values of Python take five times the room of a column's
            columns = zip(*chunk, strict=True)
            frames.append(pl.DataFrame([_series(f, list(c)) for f, c in zip(wanted, columns, strict=True)]))
    return pl.concat(frames, rechunk=True)


def _series(f: models.Field, values: list[Any]) -> pl.Series:
    """One column of raw database values, typed."""
    import polars as pl

    if isinstance(f, GeometryField):
        return pl.Series("geometry", _wkb(values), dtype=pl.Binary)
    name = f.attname
    if isinstance(f, ExactDecimalField):
        if connection.vendor == "sqlite":
            return pl.Series(name, values, dtype=pl.Int64).cast(pl.Float64) / 10**f.decimal_places
        return pl.Series(name, [None if v is None else float(v) for v in values], dtype=pl.Float64)
    if isinstance(f, models.DecimalField):
        return pl.Series(name, [None if v is None else float(v) for v in values], dtype=pl.Float64)
    if isinstance(f, models.DateField) and not isinstance(f, models.DateTimeField):
        if values and any(isinstance(v, str) for v in values):
            return pl.Series(name, values, dtype=pl.String).str.to_date("%Y-%m-%d")
        return pl.Series(name, values, dtype=pl.Date)
    if isinstance(f, models.BooleanField):
        return pl.Series(name, [None if v is None else bool(v) for v in values], dtype=pl.Boolean)
    if isinstance(f, models.FloatField):
        return pl.Series(name, values, dtype=pl.Float64)
    if isinstance(f, models.IntegerField):
        return pl.Series(name, values, dtype=pl.Int64)
    if isinstance(f, models.UUIDField):
        return pl.Series(name, [str(v).replace("-", "") for v in values], dtype=pl.String)
    return pl.Series(name, [None if v is None else str(v) for v in values], dtype=pl.String)


def _wkb(values: list[Any]) -> list[bytes | None]:
    """GeoPackage blobs, or PostGIS hexadecimal EWKB, to plain WKB."""
    if connection.vendor == "sqlite":
        from jintu.kernel.geometry import gpkg_to_wkb

        return [None if v is None else gpkg_to_wkb(v) for v in values]
    import shapely

    shapes = shapely.from_wkb(values)
    return list(shapely.to_wkb(shapes, byte_order=1, include_srid=False, output_dimension=2))


def load(rules: Iterable[Rule], division: str, as_of: date) -> Loaded:
    """Everything the rules need, each register and layer version read once."""
    loaded = Loaded(cluster=executing.cluster())
    needs = [need for r in rules for need in r.needs.values()]
    with_geometry = {n.register for n in needs if isinstance(n, Rows) and n.geometry}
    for name in dict.fromkeys(n.register for n in needs if isinstance(n, Rows)):
        try:
            descriptor.get(name)
        except Exception:  # noqa: S112 - a domain that is not installed is a missing input, reported by the rule
            continue
        frame = register_frame(name, division, geometry=name in with_geometry)
        loaded.registers[name, True] = frame
        loaded.provenance[name] = {"rows": frame.height, "sha256": _rows_hash(frame)}
    for (layer, at), columns in _layer_columns(needs).items():
        frames, versions = _layer_frames(layer, at, division, as_of, columns, loaded)
        if frames is not None:
            loaded.layers[layer, at] = frames
            loaded.provenance.setdefault(layer, {"versions": []})["versions"] = versions
    return loaded


def _rows_hash(frame: pl.DataFrame) -> str:
    """Identity of the rows a run saw: uid and row version of each, in id order."""
    digest = hashlib.sha256()
    for uid, version in frame.select("uid", "row_version").iter_rows():
        digest.update(f"{uid}:{version}\n".encode())
    return f"sha256:{digest.hexdigest()}"


def _layer_columns(needs: Iterable[Rows | Layer]) -> dict[tuple[str, str], list[str] | None]:
    """What is read of each layer: all that any rule looks at, None for every column."""
    wanted: dict[tuple[str, str], list[str] | None] = {}
    for need in needs:
        if isinstance(need, Layer):
            known = wanted.setdefault((need.layer, need.at), [])
            both = None if known is None or not need.columns else sorted({*known, *need.columns})
            wanted[need.layer, need.at] = both
    return wanted


def _layer_frames(
    layer: str,
    at: str,
    division: str,
    as_of: date,
    columns: list[str] | None,
    loaded: Loaded,
) -> tuple[Any, list[Mapping[str, str]]]:
    """The layer version(s) in force: one frame, or for "all" a list of (valid_from, frame), oldest first. ``loaded``
    learns where each frame was read, and how its outlines are."""
    import polars as pl

    from jintu.foundation.layers import lake, schemas, versions

    if at == "all":
        found = list(versions.all_until(layer, division, as_of))
    else:
        one = versions.in_force(layer, division, as_of)
        found = [one] if one is not None else []
    if not found:
        return None, []
    read = list(schemas.get(layer).columns) if columns is None else columns
    frames = [(v.valid_from, pl.from_arrow(v.table(read))) for v in found]
    for (_, frame), version in zip(frames, found, strict=True):
        parts = version.versions if isinstance(version, versions.Combined) else (version,)
        loaded.files[id(frame)] = tuple(str(part.directory / lake.DATA) for part in parts)
        if not schemas.get(layer).is_table:
            loaded.outlines[id(frame)] = partial(_outlines, version)
    names = [{"name": v.name, "hash": v.hash, "valid_from": v.valid_from.isoformat()} for v in found]
    return (frames if at == "all" else frames[0][1]), names


def _outlines(version: Any) -> pa.ChunkedArray:
    from jintu.foundation.layers import lake

    return version.table([lake.GEOMETRY]).column(lake.GEOMETRY)
