"""Pieces of the staging file as rows of the table, by the fastest way each database has.

What a piece becomes is worked out before its transaction, in any thread (`Writer.prepared`); only `Writer.write` needs
the database. No model instance is made.
"""

from __future__ import annotations

import datetime as dt
import struct
from typing import TYPE_CHECKING, Any

from django.db import connection, models
from django.utils import timezone

from ..db import ExactDecimalField, GeometryField, bulk
from ..descriptor import Register
from ..models import Batch, RowStatus
from .layout import DIVISION, LEVEL, UID, VERSION

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Writer", "writer"]

_STAGED = {"uid": UID, "division": DIVISION, "data_level": LEVEL, "row_version": VERSION}
"""Columns of the platform that differ from row to row, and what they are called in the staging file."""
_HEADER, _EMPTY_HEADER = struct.Struct("<2sBBi4d"), struct.Struct("<2sBBi")
"""Headers of GeoPackage binaries (GeoPackage 1.3 §2.1.3) with and without the XY envelope."""


def writer(register: Register, batch: Batch) -> Writer:
    """The writer for the database in use."""
    return (_Server if connection.vendor == "postgresql" else _Embedded)(register, batch)


class Writer:
    """Writes the rows of one batch; subclasses say how."""

    def __init__(self, register: Register, batch: Batch) -> None:
        now: Any = timezone.now()
        if connection.vendor == "sqlite":
            now = now.astimezone(dt.UTC).replace(tzinfo=None).isoformat(" ")
        shared = {
            "status": RowStatus.VALID.value,
            "status_reason": "",
            "batch": batch.pk,
            "superseded_by": 0,
            "created_by": batch.created_by,
            "created_at": now,
            "updated_at": now,
        }
        quote = connection.ops.quote_name
        self.table = quote(register.model._meta.db_table)
        self.own: list[tuple[models.Field, str]] = []
        """Fields with values of their own in each row, and their column of the staging file."""
        self.shared: dict[str, Any] = {}
        """Quoted columns with one value for all rows."""
        for f in register.model._meta.concrete_fields:
            if f.name in register.columns or f.name in _STAGED:
                self.own.append((f, _STAGED.get(f.name, f.name)))
            elif f.name in shared:
                self.shared[quote(f.column)] = shared[f.name]
            elif not f.primary_key:  # a column of the model that the register does not declare: its default
                self.shared[quote(f.column)] = f.get_db_prep_save(f.get_default(), connection)
        self.names = [quote(f.column) for f, _name in self.own]

    def prepared(self, piece: pl.DataFrame) -> Any:
        """What `write` takes for a piece. Touches no database."""
        raise NotImplementedError

    def write(self, prepared: Any) -> None:
        """Insert a prepared piece, in the order of its rows, in the caller's transaction."""
        raise NotImplementedError


class _Embedded(Writer):
    """Values as SQLite keeps them: scaled integers, days as text, GeoPackage blobs."""

    def prepared(self, piece: pl.DataFrame) -> list[Any]:
        return bulk.interleaved([_values(f, piece[name]) for f, name in self.own])

    def write(self, prepared: list[Any]) -> None:
        with connection.cursor() as cursor:
            bulk.insert(cursor, self.table, self.names, prepared, self.shared)


class _Server(Writer):
    """Columns as PostgreSQL reads them: decimals with an exponent, geometry as EWKB in hexadecimal."""

    def prepared(self, piece: pl.DataFrame) -> bytes:
        import polars as pl

        columns = [_readable(f, name).alias(name) for f, name in self.own]
        shared = [pl.lit(_plain(value)).alias(name) for name, value in self.shared.items()]
        return bulk.csv(piece.select(columns).with_columns(shared))

    def write(self, prepared: bytes) -> None:
        with connection.cursor() as cursor:
            bulk.copy(cursor, self.table, [*self.names, *self.shared], prepared)


# --- the embedded database ----------


def _values(f: models.Field, series: pl.Series) -> list[Any]:
    if isinstance(f, GeometryField):
        return _blobs(series.to_list(), f.srid)
    if isinstance(f, models.DecimalField) and not isinstance(f, ExactDecimalField):
        return [None if v is None else v / 10**f.decimal_places for v in series.to_list()]
    if isinstance(f, models.DateField):
        return series.dt.to_string("%Y-%m-%d").to_list()
    if isinstance(f, models.BooleanField):
        return [None if v is None else int(v) for v in series.to_list()]
    return series.to_list()


def _blobs(values: list[bytes | None], srid: int) -> list[bytes | None]:
    """GeoPackage blobs of WKB: the header with its box, then the WKB as it is."""
    import shapely

    boxes = shapely.bounds(shapely.from_wkb(values)).tolist()
    bare = _EMPTY_HEADER.pack(b"GP", 0, 0x11, srid)
    made: list[bytes | None] = []
    for wkb, (minx, miny, maxx, maxy) in zip(values, boxes, strict=True):
        if wkb is None:
            made.append(None)
        elif minx != minx:  # no box: the geometry is empty
            made.append(bare + wkb)
        else:
            made.append(_HEADER.pack(b"GP", 0, 0x03, srid, minx, maxx, miny, maxy) + wkb)
    return made


# --- PostgreSQL ----------


def _readable(f: models.Field, name: str) -> pl.Expr:
    import polars as pl

    column = pl.col(name)
    if isinstance(f, GeometryField):
        return _ewkb(column, f.srid)
    if isinstance(f, models.DecimalField):
        return _number(column, f.decimal_places)
    return column


def _number(column: pl.Expr, places: int) -> pl.Expr:
    """A scaled whole number as an exact decimal: whole part, point, ``places`` digits.

    As Polars' own decimals, because only numbers stay without quotation marks.
    """
    import polars as pl

    return column.cast(pl.Decimal(38, places)) / pl.lit(10**places).cast(pl.Decimal(38, 0)) if places else column


def _ewkb(column: pl.Expr, srid: int) -> pl.Expr:
    """EWKB of little-endian WKB: the flag in the type, then the reference system, then the rest as it is."""
    import polars as pl

    text = column.bin.encode("hex")
    flagged = pl.lit("20")  # the last byte of the type, 0x20000000: "a reference system follows"
    return pl.concat_str(text.str.slice(0, 8), flagged, pl.lit(struct.pack("<i", srid).hex()), text.str.slice(10))


def _plain(value: Any) -> Any:
    """A shared value as text or number; None is no value."""
    return value.isoformat() if isinstance(value, dt.datetime | dt.date) else value
