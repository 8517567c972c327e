"""The features behind a figure of a table: which patches, what each gives, and where they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jintu.kernel.errors import Unsupported

from . import cube, grid, tables

if TYPE_CHECKING:
    import polars as pl

    from .summary import Summary

__all__ = ["Behind", "behind"]

PAGE = 100


@dataclass(frozen=True)
class Behind:
    """A page of the patches; ``count`` and ``given`` (hundredths of m²) are of all, ``other`` is what linear and
    scattered features give. ``figure``: what the table shows, exact."""

    rows: pl.DataFrame
    count: int
    given: int
    other: int
    figure: int
    start: int


def behind(
    summary: Summary, table: tables.Table, prefix: str, where: tables.Where, start: int = 0, size: int = PAGE
) -> Behind:
    """Patches that make a figure of a table, by village and number. Raises `Unsupported` for tables of parcels."""
    import polars as pl

    base = summary.grid(table.base)
    if isinstance(base, tuple) or prefix not in base.row:
        return Behind(pl.DataFrame(schema=_SHOWN), 0, 0, 0, 0, 0)
    mask = base.mask(where)
    cells = [leaf for leaf, chosen in zip(base.leaves, mask.tolist(), strict=True) if chosen]
    figure = int(base.exact[base.row[prefix]] @ mask)
    frames = [_rows(summary, table.base, version, cells, prefix) for version in summary.versions_of(table.base)]
    found = pl.concat(frames).sort("village", pl.col("patch_no").cast(pl.Int64, strict=False), "bsm")
    given = int(found["given"].sum() or 0)
    start = max(0, min(start, max(len(found) - 1, 0) // size * size))
    return Behind(found[start : start + size], len(found), given, figure - given, figure, start)


_SHOWN = ["bsm", "patch_no", "village", "code", "own", "slope", "kind", "area", "given", "version"]


def _rows(
    summary: Summary, base: str, version: Any, cells: list[tuple[str, str, str, str]], prefix: str
) -> pl.DataFrame:
    import polars as pl

    if version.layer == "survey.JBNTTB":
        found = cube.farmland_rows(version, cells, prefix)
    elif version.layer == "survey.DLTB":
        found = cube.contributions(version, cells, prefix)
    else:
        raise Unsupported("The parcels behind this table are listed in {layer}.", layer=version.layer)
    if base == "exclave_owner":
        found = found.filter(pl.col("remote"))
    if base in summary.keys:
        found = found.filter(pl.col("bsm").is_in(summary.keys[base][version.pk]))
    return found.with_columns(pl.lit(version.pk).alias("version")).select(_SHOWN).collect(engine="streaming")


def outlines(summary: Summary, table: tables.Table, rows: pl.DataFrame) -> list[tuple[dict[str, Any], Any]]:
    """(facts, Shapely polygon in lon/lat) of the patches of a page."""
    import polars as pl
    import shapely

    found = []
    for version in summary.versions_of(table.base):
        wanted = rows.filter(pl.col("version") == version.pk)["bsm"].to_list()
        if not wanted:
            continue
        shapes = cube.scan(version).filter(pl.col("bsm").is_in(wanted)).select("bsm", "geometry").collect()
        numbers = dict(rows.select("bsm", "patch_no").iter_rows())
        found += [
            ({"role": "selected", "name": numbers.get(bsm) or bsm}, shapely.from_wkb(wkb))
            for bsm, wkb in shapes.iter_rows()
        ]
    return found


def title(summary: Summary, table: tables.Table, prefix: str, where: tables.Where) -> str:
    """What the list is of: division and the head of the column."""
    from . import words

    heads = [" ".join(words.head(c)) for c in table.columns if c.where == _without_owner(where)]
    name = heads[0] if heads else words.title(table)
    own = f" {words.owner(where.own)}" if where.own else ""
    return f"{words.division(summary, prefix)} {grid.code_of(prefix)}: {name}{own}"


def _without_owner(where: tables.Where) -> tables.Where:
    from dataclasses import replace

    return replace(where, own="")
