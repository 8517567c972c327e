"""Areas of a land-use version by village, class, ownership, slope and type: what all summary tables are sums of.

One streamed pass over the attribute columns of a version; no geometry is read, except for exclaves of administrative
areas and islands. Areas are hundredths of m² in int64, so that every sum is exact. A patch gives

    TBDLMJ to its class, TKMJ to the class deducted (123), and its linear and scattered features,
    which need the layers XZDW and LXDW to know their classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jintu.foundation.layers import lake
from jintu.kernel import codelists
from jintu.kernel.area.deductions import RATIO

from . import classes

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from jintu.foundation.layers.models import LayerVersion

__all__ = ["KEYS", "Cube", "Patches", "cents", "collect", "patches", "scan"]

KEYS = ("village", "code", "own", "slope", "kind", "remote")
"""Dimensions: village (12 digits), class as delivered, state or collective, slope class and T/P of cultivated land,
whether the owner is of another county."""
STATE, COLLECTIVE = "state", "collective"


@dataclass
class Patches:
    """What the patches themselves say: how many, their areas and how often the identities fail."""

    rows: int = 0
    area: int = 0
    linear: int = 0
    scattered: int = 0
    ridge: int = 0
    net: int = 0
    ridge_wrong: int = 0
    net_wrong: int = 0
    four_digits: str = ""
    """A class of GB/T 21010-2017, where there is one."""
    villages: dict[str, int] = field(default_factory=dict)
    """Σ TBMJ by village."""


@dataclass
class Cube:
    """``frame``: `KEYS`, ``area`` (hundredths of m²), ``rows`` (patches). ``source`` is the layer it was made from."""

    source: str
    frame: pl.DataFrame
    patches: Patches = field(default_factory=Patches)

    @property
    def area(self) -> int:
        return int(self.frame["area"].sum() or 0)


def cents(column: str) -> pl.Expr:
    """A column of m² as hundredths, int64; null is 0."""
    import polars as pl

    return (pl.col(column).fill_null(0.0) * 100).round().cast(pl.Int64)


def scan(version: LayerVersion) -> pl.LazyFrame:
    """The version's columns, not read yet."""
    import polars as pl

    return pl.scan_parquet(version.directory / lake.DATA)


def own_expr() -> pl.Expr:
    """State or collective of the ownership nature (QSXZ)."""
    import polars as pl

    codes = codelists.get("ownership")
    state = [c.code for c in codes if c.group == STATE]
    return pl.when(pl.col("ownership").is_in(state)).then(pl.lit(STATE)).otherwise(pl.lit(COLLECTIVE)).alias("own")


def slope_exprs() -> tuple[pl.Expr, pl.Expr]:
    """Slope class and type of cultivated land; other land has none, and level land no type."""
    import polars as pl

    cultivated, slope = pl.col("land_use_code").str.starts_with("01"), pl.col("slope_class")
    return (
        pl.when(cultivated).then(slope).fill_null("").alias("slope"),
        pl.when(cultivated & (slope != "1")).then(pl.col("cultivated_type")).fill_null("").alias("kind"),
    )


def patches(version: LayerVersion, *more: str, rows: NDArray[np.int64] | None = None) -> pl.LazyFrame:
    """Rows of DLTB with `KEYS` and areas in hundredths (area, linear, scattered, ridge, net) and ``taken``, the class
    deducted, and ``more`` columns as they are. A coefficient above 1 is percent. ``rows``: numbers of some, else all
    are read."""
    import polars as pl

    ratio = pl.col("ridge_ratio").fill_null(0.0)
    read = scan(version) if rows is None else _some(version, rows, more)
    return read.select(
        pl.col("bsm"),
        pl.col("patch_no"),
        pl.col("location_code").str.slice(0, 12).alias("village"),
        pl.col("land_use_code").alias("code"),
        own_expr(),
        *slope_exprs(),
        (pl.col("owner_code").str.slice(0, 6) != pl.col("location_code").str.slice(0, 6))
        .fill_null(False)
        .alias("remote"),
        (pl.when(ratio > 1).then(ratio / 100).otherwise(ratio) * RATIO).round().cast(pl.Int64).alias("ratio"),
        pl.col("ridge_class").fill_null(classes.RIDGE).alias("taken"),
        cents("patch_area_m2").alias("area"),
        cents("linear_area_m2").alias("linear"),
        cents("scattered_area_m2").alias("scattered"),
        cents("ridge_area_m2").alias("ridge"),
        cents("net_area_m2").alias("net"),
        *more,
    )


def _some(version: LayerVersion, rows: NDArray[np.int64], more: Sequence[str]) -> pl.LazyFrame:
    """The columns `patches` is made of, of some rows."""
    import polars as pl

    from jintu.foundation.checks.inspection.stored import Stored

    return Stored(version).take(pl.Series(rows, dtype=pl.Int64), [*dict.fromkeys((*_READ, *more))]).lazy()


_READ = (
    "bsm", "patch_no", "location_code", "land_use_code", "ownership", "slope_class", "cultivated_type", "owner_code",
    "ridge_ratio", "ridge_class", "patch_area_m2", "linear_area_m2", "scattered_area_m2", "ridge_area_m2",
    "net_area_m2",
)  # fmt: skip
GROUPED = (*KEYS, "taken")
FIGURES = ("rows", "ridge_wrong", "net_wrong", "area", "linear", "scattered", "ridge", "net")


def sums_of(rows: pl.LazyFrame) -> pl.DataFrame:
    """`patches` summed: `GROUPED` and `FIGURES`, int64; ``ridge_wrong``, ``net_wrong``: how many break the
    identities."""
    import polars as pl

    rest = pl.col("area") - pl.col("linear") - pl.col("scattered")
    ridge_due = (rest * pl.col("ratio") * 2 + RATIO) // (2 * RATIO)
    return (
        rows.with_columns(
            pl.lit(1, dtype=pl.Int64).alias("rows"),
            (pl.col("ridge") - ridge_due).abs().gt(1).cast(pl.Int64).alias("ridge_wrong"),
            (pl.col("net") != rest - pl.col("ridge")).cast(pl.Int64).alias("net_wrong"),
        )
        .group_by(*GROUPED)
        .agg(pl.col(*FIGURES).sum())
        .collect(engine="streaming")
    )


def added(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """`sums_of` several sets of rows as those of all."""
    import polars as pl

    return pl.concat(frames).group_by(*GROUPED).agg(pl.col(*FIGURES).sum())


def collect(grouped: pl.DataFrame) -> Cube:
    """The cube of a DLTB version, without what lies in its linear and scattered features; ``grouped``: `sums_of` its
    patches."""
    import polars as pl

    by_village = grouped.group_by("village").agg(pl.col("area").sum())
    facts = Patches(
        *(int(grouped[n].sum() or 0) for n in ("rows", "area", "linear", "scattered", "ridge", "net")),
        *(int(grouped[n].sum() or 0) for n in ("ridge_wrong", "net_wrong")),
        four_digits=next((c for c in grouped["code"].unique().sort() if len(c) == 4 and c.isdigit()), ""),
        villages=dict(by_village.iter_rows()),
    )
    net = grouped.select(*KEYS, pl.col("net").alias("area"), "rows")
    ridge = grouped.filter(pl.col("ridge") > 0).select(*ridge_keys(), pl.col("ridge").alias("area"), "rows")
    return Cube("survey.DLTB", summed([net, ridge]), facts)


def summed(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Frames of the same columns as one, equal keys added up, in the order of the keys."""
    import polars as pl

    return pl.concat(frames).group_by(*KEYS).agg(pl.col("area", "rows").sum()).sort(*KEYS)


def lines(version: LayerVersion) -> pl.DataFrame:
    """The cube rows of linear features (XZDW): each side's share goes to the village of the patch it is taken from.

    The first side takes KCBL of the area, rounded; the second the rest, so that both are the feature.
    """
    import polars as pl

    n = _names(version, "DLBM", "QSXZ", "XZDWMJ", "KCBL", "KCTBDWDM1", "KCTBDWDM2", "QSDWDM1")
    frame = scan(version).select(
        pl.col(n["DLBM"]).alias("code"),
        pl.col(n["QSXZ"]).alias("ownership"),
        cents(n["XZDWMJ"]).alias("whole"),
        (pl.col(n["KCBL"]).fill_null(1.0) * 100).round().cast(pl.Int64).alias("share"),
        pl.col(n["KCTBDWDM1"]).str.slice(0, 12).alias("one"),
        pl.col(n["KCTBDWDM2"]).fill_null("").str.slice(0, 12).alias("two"),
        pl.col(n["QSDWDM1"]).fill_null("").str.slice(0, 6).alias("owner"),
    )
    first = (pl.col("whole") * pl.col("share") * 2 + 100) // 200
    frame = frame.with_columns(pl.when(pl.col("two") == "").then(pl.col("whole")).otherwise(first).alias("left"))
    sides = [
        frame.select(
            pl.col(place).alias("village"),
            "code",
            own_expr(),
            pl.lit("").alias("slope"),
            pl.lit("").alias("kind"),
            (pl.col("owner") != pl.col(place).str.slice(0, 6)).alias("remote"),
            area.alias("area"),
            pl.lit(1, dtype=pl.Int64).alias("rows"),
        )
        for place, area in (("one", pl.col("left")), ("two", pl.col("whole") - pl.col("left")))
    ]
    found = pl.concat(sides).filter(pl.col("village") != "", pl.col("area") > 0)
    return found.group_by(*KEYS).agg(pl.col("area", "rows").sum()).collect(engine="streaming")


def points(version: LayerVersion) -> pl.DataFrame:
    """The cube rows of scattered features (LXDW)."""
    import polars as pl

    n = _names(version, "DLBM", "QSXZ", "MJ", "ZLDWDM", "QSDWDM")
    place = pl.col(n["ZLDWDM"])
    frame = scan(version).select(
        place.str.slice(0, 12).alias("village"),
        pl.col(n["DLBM"]).alias("code"),
        pl.col(n["QSXZ"]).alias("ownership"),
        (pl.col(n["QSDWDM"]).str.slice(0, 6) != place.str.slice(0, 6)).fill_null(False).alias("remote"),
        cents(n["MJ"]).alias("area"),
    )
    found = frame.select(
        "village",
        "code",
        own_expr(),
        pl.lit("").alias("slope"),
        pl.lit("").alias("kind"),
        "remote",
        "area",
        pl.lit(1, dtype=pl.Int64).alias("rows"),
    )
    return found.group_by(*KEYS).agg(pl.col("area", "rows").sum()).collect(engine="streaming")


def _farmland(version: LayerVersion) -> pl.LazyFrame:
    """Rows of JBNTTB with `KEYS` and their protected area (``given``)."""
    import polars as pl

    return scan(version).select(
        "bsm",
        "patch_no",
        pl.col("location_code").str.slice(0, 12).alias("village"),
        pl.col("land_use_code").alias("code"),
        own_expr(),
        *slope_exprs(),
        pl.lit(False).alias("remote"),
        cents("patch_area_m2").alias("area"),
        cents("protected_area_m2").alias("given"),
    )


def farmland(version: LayerVersion) -> Cube:
    """The cube of basic farmland (JBNTTB): its protected area by village, class, slope and type."""
    import polars as pl

    grouped = (
        _farmland(version)
        .group_by(*KEYS)
        .agg(pl.col("given").sum().alias("area"), pl.len().cast(pl.Int64).alias("rows"))
    )
    return Cube("survey.JBNTTB", grouped.collect(engine="streaming").sort(*KEYS))


def farmland_rows(version: LayerVersion, cells: Sequence[tuple[str, str, str, str]], prefix: str) -> pl.LazyFrame:
    """Basic farmland of a division that gives to some cells, as `contributions`."""
    import polars as pl

    chosen = pl.LazyFrame(list(cells), schema=["code", "own", "slope", "kind"], orient="row")
    rows = _farmland(version).filter(pl.col("village").str.starts_with(prefix), pl.col("given") > 0)
    return rows.join(chosen, on=["code", "own", "slope", "kind"], how="semi")


def parcels(version: LayerVersion) -> Cube:
    """The cube of the urban survey: parcels (ZD) by their use; the village is the cadastral district's number. A parcel
    without a use is an owner's, on which the users' lie: it is not counted again."""
    import polars as pl

    n = _names(version, "ZDH", "TDYT", "QSXZ", "SCMJ")
    used = scan(version).filter(pl.col(n["TDYT"]).str.strip_chars() != "")
    frame = used.select(
        pl.col(n["ZDH"]).str.slice(0, 12).alias("village"),
        pl.col(n["TDYT"]).str.slice(0, 3).alias("code"),
        pl.col(n["QSXZ"]).alias("ownership"),
        cents(n["SCMJ"]).alias("area"),
    )
    found = frame.select(
        "village",
        "code",
        own_expr(),
        pl.lit("").alias("slope"),
        pl.lit("").alias("kind"),
        pl.lit(False).alias("remote"),
        "area",
        pl.lit(1, dtype=pl.Int64).alias("rows"),
    )
    return Cube("survey.ZD", found.group_by(*KEYS).agg(pl.col("area", "rows").sum()).collect().sort(*KEYS))


def inside(version: LayerVersion, shapes: Any) -> list[str]:
    """Keys of the patches that lie (by more than half) in polygons; only rows near them are read.

    ``shapes``: Shapely polygons in lon/lat.
    """
    import polars as pl
    import shapely

    from jintu.foundation.checks.inspection.stored import Stored
    from jintu.kernel.flat import Polygons, from_shapely
    from jintu.kernel.overlay import overlay

    if not len(shapes):
        return []
    layer = Stored(version)
    found = layer.take(pl.Series(layer.meeting(shapely.bounds(shapes))), ["bsm", lake.GEOMETRY])
    own = Polygons.from_wkb(found[lake.GEOMETRY])
    pairs = overlay(from_shapely(shapes), own)
    within = pairs.right[pairs.area_m2 > own.areas()[pairs.right] / 2]
    return sorted(set(found["bsm"].gather(within).to_list()))


def of_patches(version: LayerVersion, keys: Sequence[str]) -> pl.DataFrame:
    """The cube rows of some patches."""
    import polars as pl

    rows = patches(version).filter(pl.col("bsm").is_in(list(keys)))
    one = pl.lit(1, dtype=pl.Int64).alias("rows")
    net = rows.select(*KEYS, pl.col("net").alias("area"), one)
    ridge = rows.filter(pl.col("ridge") > 0).select(*ridge_keys(), pl.col("ridge").alias("area"), one)
    return summed([part.group_by(*KEYS).agg(pl.col("area", "rows").sum()).collect() for part in (net, ridge)])


def ridge_keys() -> tuple[pl.Expr, ...]:
    """`KEYS` of the ridges of a patch: the class deducted, without slope and type."""
    import polars as pl

    taken, none = pl.col("taken").alias("code"), pl.lit("")
    return pl.col("village"), taken, pl.col("own"), none.alias("slope"), none.alias("kind"), pl.col("remote")


def contributions(version: LayerVersion, cells: Sequence[tuple[str, str, str, str]], prefix: str) -> pl.LazyFrame:
    """Patches of a division that give to some cells of a table, with what each gives (``given``, hundredths of m²).

    ``cells``: (class, owner, slope, type). A patch gives its net area to its class, its ridges to the class deducted.
    """
    import polars as pl

    chosen = pl.LazyFrame(list(cells), schema=["code", "own", "slope", "kind"], orient="row")
    rows = patches(version).filter(pl.col("village").str.starts_with(prefix))
    keep = ["bsm", "patch_no", "village", "code", "own", "slope", "kind", "remote", "area", "taken"]
    net = rows.join(chosen, on=["code", "own", "slope", "kind"], how="semi").select(*keep, pl.col("net").alias("given"))
    plain = chosen.filter((pl.col("slope") == "") & (pl.col("kind") == ""))
    ridge = rows.filter(pl.col("ridge") > 0).join(plain, left_on=["taken", "own"], right_on=["code", "own"], how="semi")
    both = pl.concat([net, ridge.select(*keep, pl.col("ridge").alias("given"))])
    return both.group_by(keep).agg(pl.col("given").sum()).filter(pl.col("given") > 0)


def _names(version: LayerVersion, *codes: str) -> dict[str, str]:
    """Our names of the standard's columns."""
    return {code: version.schema.attribute(code).name for code in codes}
