"""What a file holds, in the columns of a schema: values converted, outlines placed in lon/lat, problems by place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jintu.kernel.errors import InputError

from . import attributes, lake, placing
from .mapping import Mapping, match
from .schemas import Schema
from .spill import Spill

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    import pyarrow as pa
    from numpy.typing import NDArray

    from jintu.kernel.formats import Source

__all__ = ["Loaded", "Progress", "matched_columns", "read"]

Progress = Callable[[int, int, str], None]
BATCH = 16_384
"""Rows: what is in memory of a file while it is read."""


@dataclass
class Loaded:
    """What is known of the rows read, by their position in the spill; they themselves lie there.

    In memory are some 80 bytes a row: ``boxes`` (n, 4) in degrees, ``areas`` in m², ``keys``. ``kept``: positions of
    the rows without problems.
    """

    kept: NDArray[np.int64]
    keys: pl.Series
    boxes: NDArray[np.float64]
    areas: NDArray[np.float64]
    problems: attributes.Problems
    read: int
    system: placing.System | None


def matched_columns(source: Source, schema: Schema, mapping: Mapping) -> dict[str, str]:
    """Columns of the file by our names. Raises when the file has no geometry or lacks mandatory columns."""
    if not source.has_geometry and not schema.is_table:
        raise InputError(
            "The file has no geometry.",
            place=source.place(),
            remedy="Give a shapefile, GeoPackage or geodatabase layer.",
        )
    headers = [f.name for f in source.fields]
    try:
        matched = match(schema, headers, mapping)
    except InputError as error:
        raise InputError(error.sentence, place=source.place(), remedy=error.remedy, **error.params) from None
    lacking = attributes.missing_columns(schema, matched, mapping)
    if lacking:
        raise InputError(
            "Mandatory columns are missing: {names}.",
            place=source.place(),
            remedy="Add them, or say with a mapping which columns they are. The file has: {headers}.",
            names=", ".join(f"{a.code} {a.zh}" for a in lacking),
            headers=", ".join(headers),
        )
    return matched


def read(
    source: Source,
    schema: Schema,
    matched: dict[str, str],
    mapping: Mapping,
    spill: Spill,
    tell: Progress,
    *,
    good_only: bool = False,
) -> Loaded:
    """All rows of the file in the schema's columns with their outlines, written to ``spill`` batch by batch.

    Rows with problems are among them, with what of them could be read. From the first problem on nothing more is
    written, unless they are to be left out (``good_only``): the file will be refused.
    """
    import numpy as np
    import polars as pl

    place = source.place()
    problems = attributes.Problems(place.file, place.layer)
    system = None if schema.is_table else placing.system_of(source, mapping)
    numbers: list[NDArray[np.int64]] = []
    keys: list[pl.Series] = []
    boxes: list[NDArray[np.float64]] = []
    areas: list[NDArray[np.float64]] = []
    count = 0
    for table in source.batches(BATCH, geometry=not schema.is_table):
        rows = table.column("__row__").to_numpy()
        wanted = list(dict.fromkeys(["__row__", *matched.values()]))
        frame = pl.from_arrow(table.select(wanted))
        assert isinstance(frame, pl.DataFrame)
        frame = attributes.convert(frame, schema, matched, mapping, problems).drop("__row__")
        placed = placing.place(table.column("geometry"), rows, schema.geometry, system, problems) if system else None
        numbers.append(rows.copy())  # a view, like a piece of text, would keep all that was read with it
        keys.append(_copied(frame[schema.key]))
        if placed is not None:
            boxes.append(placed.boxes)
            areas.append(placed.areas)
        if good_only or not problems.count:
            spill.add(_as_kept(frame, placed, schema, mapping))
        count += len(rows)
        tell(count, source.count or 0, "reading")
    for error in source.problems:
        problems.put(error)
    key = pl.concat(keys) if keys else pl.Series(dtype=pl.String)
    number = np.concatenate(numbers) if numbers else np.empty(0, dtype=np.int64)
    _duplicates(pl.DataFrame({"__row__": number, schema.key: key}), schema, problems)
    problems.kept.sort(key=lambda error: error.place.row or 0)
    kept = ~np.isin(number, np.fromiter(problems.rows, dtype=np.int64, count=len(problems.rows)))
    return Loaded(
        np.flatnonzero(kept),
        key,
        np.concatenate(boxes) if boxes else np.empty((0, 4)),
        np.concatenate(areas) if areas else np.zeros(len(number)),
        problems,
        count,
        system,
    )


def _copied(text: pl.Series) -> pl.Series:
    """The same text in memory of its own."""
    import polars as pl
    import pyarrow as pa

    return pl.Series(text.name, text.to_arrow().cast(pa.string()), dtype=pl.String)


def _as_kept(frame: pl.DataFrame, placed: placing.Placed | None, schema: Schema, mapping: Mapping) -> pa.Table:
    """A batch with the columns and types of the lake."""
    import numpy as np
    import polars as pl
    import pyarrow as pa

    if mapping.area and placed is not None:
        frame = frame.with_columns(pl.Series(mapping.area, np.round(placed.areas, 2)))
    table = frame.to_arrow().cast(pa.schema(attributes.arrow_schema(schema)))
    if placed is not None:
        table = table.append_column(lake.GEOMETRY, placed.working)
        if placed.delivered is not None:
            table = table.append_column(lake.DELIVERED, placed.delivered)
    return table


def _duplicates(frame: pl.DataFrame, schema: Schema, problems: attributes.Problems) -> None:
    """Identifiers are unique in the dataset (Q2202)."""
    import polars as pl

    again = frame.select("__row__", key=schema.key).drop_nulls()
    again = again.filter(pl.col("key").is_duplicated()).with_columns(first=pl.col("__row__").min().over("key"))
    again = again.filter(pl.col("__row__") != pl.col("first"))
    code = schema.columns[schema.key].code
    for row, key, first in again.sort("__row__").iter_rows():
        problems.add(
            row,
            code,
            "{value} occurs before, in row {first}.",
            "Every feature needs an identifier of its own.",
            value=key,
            first=first,
        )
