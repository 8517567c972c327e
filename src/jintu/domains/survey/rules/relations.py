"""Relations between survey layers (Q2208, Q41xx): covering, inside, on the border, named by one another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jintu.foundation.checks.inspection.overlaps import shared, uncovered_rows
from jintu.foundation.checks.inspection.rules import Needs, quality
from jintu.foundation.checks.lazy import pl
from jintu.foundation.checks.rules import Parameters

from .columns import filled
from .numbers import NAME, Numbers

if TYPE_CHECKING:
    import numpy as np
    import polars
    from numpy.typing import NDArray

    from jintu.foundation.checks.inspection.tables import Dataset, Table

__all__ = ["RULES"]

Errors = Iterator["polars.DataFrame"]


def _squares(values: object) -> list[str]:
    return [f"{v:.2f}" for v in values]  # type: ignore[attr-defined]


def _home(t: Table, data: Dataset) -> polars.DataFrame:
    """The division of XZQ that has most of each patch: row, code, its m² and the m² of all divisions together."""
    return t.beside(data["XZQ"], "home", lambda: _homes(t, data))


def _homes(t: Table, data: Dataset) -> polars.DataFrame:
    pairs = shared(t, data["XZQ"])
    codes = data["XZQ"].read("division_code").to_series()
    named = pairs.with_columns(code=codes.gather(pairs["right"]))
    by_code = named.group_by("left", "code").agg(pl.col("area_m2").sum())
    return (
        by_code.sort("left", "area_m2", "code")
        .group_by("left", maintain_order=True)
        .agg(pl.col("code").last(), home_m2=pl.col("area_m2").last(), all_m2=pl.col("area_m2").sum())
        .rename({"left": "row"})
    )


@quality(
    "Q2208", "A", ("座落单位不是所在行政村", "Location is not the village the patch lies in"), tables=("DLTB",),
    needs=("XZQ",), columns=("location_code",),
)  # fmt: skip
def location_is_village(t: Table, data: Dataset, p: Parameters) -> Errors:
    """The location code begins with the code of the division of XZQ that has most of the patch."""
    from jintu.foundation.identity.scope import prefix_of

    home = _home(t, data)
    prefixes = {c: prefix_of(c) for c in home["code"].drop_nulls().unique().to_list()}
    given = t.frame["location_code"].gather(home["row"]).fill_null("")
    prefix = pl.col("code").replace_strict(prefixes, default=None, return_dtype=pl.String)
    bad = home.with_columns(given=given).filter(~pl.col("given").str.starts_with(prefix))
    yield _expected(t, bad["row"].to_list(), "location_code", bad["given"].to_list(), bad["code"].to_list())


def _expected(t: Table, rows: list[int], column: str, values: list[str], expected: list[str]) -> polars.DataFrame:
    made = t.errors_at(rows, column=column, values=values)
    return made.with_columns(pl.Series("expected", expected, dtype=pl.String))


@quality(
    "Q4101", "A", ("图斑未覆盖行政区", "Patches do not cover the division"), tables=("XZQ",), needs=("DLTB",)
)  # fmt: skip
def patches_cover_division(t: Table, data: Dataset, p: Parameters) -> Errors:
    """No more than ``tolerance_m2`` (or ``tolerance_ratio`` of it) of a division lies outside the patches; overlaps
    of patches are Q3102's."""
    rows, outside = uncovered_rows(t, data["DLTB"], float(p.tolerance_m2), float(p.tolerance_ratio))
    yield t.errors_at(rows, values=_squares(outside), expected="0.00")


@quality("Q4102", "A", ("图斑跨村界", "Patch crosses a village border"), tables=("DLTB",), needs=("XZQ",))
def inside_one_village(t: Table, data: Dataset, p: Parameters) -> Errors:
    """No more than ``tolerance_m2`` of a patch lies in another division than the one that has most of it."""
    home = _home(t, data)
    across = home.filter(pl.col("all_m2") - pl.col("home_m2") > float(p.tolerance_m2))
    yield t.errors_at(across["row"], values=_squares(across["all_m2"] - across["home_m2"]), expected="0.00")


@quality("Q4105", "B", ("线状地物扣除图斑不存在", "Linear feature names a patch that is not there"),
         tables=("XZDW",), needs=("DLTB",), columns=("patch_no_1", "patch_location_1"))  # fmt: skip
def linear_names_patches(t: Table, data: Dataset, p: Parameters) -> Errors:
    """The patches a linear feature is deducted from are in DLTB, by village and number."""
    patches = data["DLTB"]
    known = patches.beside(patches, "numbers", lambda: Numbers(patches.read(*NAME)))
    for side in ("1", "2"):
        place, number = f"patch_location_{side}", f"patch_no_{side}"
        if place in t.names:
            yield t.errors(filled(number) & pl.Series(known.find(t.frame.select(place, number)) < 0), number)


@quality("Q4106", "B", ("零星地物不在座落图斑内", "Scattered feature outside the patch it names"),
         tables=("LXDW",), needs=("DLTB",), columns=("patch_no", "location_code"), geometries=("point",))  # fmt: skip
def scattered_inside_patch(t: Table, data: Dataset, p: Parameters) -> Errors:
    """The point lies in, or within ``reach_m`` metres of, a patch of that village and number."""
    import numpy as np
    import shapely

    patches = data["DLTB"]
    reach = float(p.reach_m) / 111_320
    points = shapely.from_wkb(t.wkb.to_numpy())  # type: ignore[union-attr]
    near, which = _meeting(t.boxes + (2 * reach + 1e-9) * np.array([-1, -1, 1, 1]), patches)
    names = zip(t.frame.select(NAME)[near], patches.read(*NAME)[which], strict=True)
    named = np.logical_and.reduce([own.eq_missing(theirs).to_numpy() for own, theirs in names])
    near, which = near[named], which[named]
    shapes = shapely.from_wkb(patches.outlines(pl.Series(which)).to_numpy())
    inside = np.zeros(len(t), dtype=bool)
    inside[near[shapely.dwithin(shapes, points[near], reach)]] = True
    yield t.errors(~pl.Series(inside), "patch_no")


def _meeting(boxes: NDArray[np.float64], layer: Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of a box (n, 4) and a row whose own overlaps it."""
    from jintu.kernel.overlay.pairs import candidates
    from jintu.kernel.overlay.tree import build_as_they_lie

    return candidates(boxes, build_as_they_lie(layer.coverings()), 0, len(boxes))


@quality("Q4107", "A", ("基本农田图斑超出保护片块或保护区", "Basic-farmland patch outside its block or zone"),
         tables=("JBNTTB", "JBNTBHPK"))  # fmt: skip
def farmland_inside(t: Table, data: Dataset, p: Parameters) -> Errors:
    """Patches lie inside blocks (JBNTBHPK), blocks inside zones (JBNTBHQ), where those layers are there."""
    around = {"JBNTTB": ("JBNTBHPK", "JBNTBHQ"), "JBNTBHPK": ("JBNTBHQ",)}[t.schema.table]
    outer = next((name for name in around if name in data), None)
    if outer is None:
        return
    rows, outside = uncovered_rows(t, data[outer], float(p.tolerance_m2), float(p.tolerance_ratio))
    yield t.errors_at(rows, values=_squares(outside), expected=f"0.00 ({outer})")


@quality(
    "Q4108", "B", ("基本农田图斑为非农用地", "Basic farmland on other than agricultural land"), tables=("JBNTTB",),
    columns=("land_use_code",),
)  # fmt: skip
def farmland_is_agricultural(t: Table, data: Dataset, p: Parameters) -> Errors:
    """The class of a basic-farmland patch is agricultural (three-class AGRI of GB/T 21010)."""
    from jintu.kernel import codelists

    codes = t.frame["land_use_code"].drop_nulls().unique().to_list()
    other = [c for c in codes if codelists.three_class(c) != codelists.AGRI]
    yield t.errors(pl.col("land_use_code").is_in(other), "land_use_code")


@quality("Q4109", "B", ("宗地重叠或所有权宗地未覆盖行政村", "Parcels overlap, or leave ground without an owner"),
         tables=("ZD", "XZQ"), needs=("ZD",))  # fmt: skip
def parcels_cover(t: Table, data: Dataset, p: Parameters) -> Errors:
    """No two parcels share more than ``tolerance_m2``, but for a use right on the land of its owner: owners' parcels
    are compared with one another, and users' parcels likewise. Where there are owners' parcels, they cover the
    divisions but for the tolerance. Characters 13 and 14 of a number of 19 say the kind; where they do not, the
    column of use rights does."""
    owners = _owners(data["ZD"])
    if t.schema.table == "ZD":
        for chosen in (owners, ~owners):
            yield _overlapping(t, chosen.arg_true().to_list(), float(p.tolerance_m2))
    elif owners.any():
        parcels = data["ZD"].rows(owners.arg_true())
        rows, outside = uncovered_rows(t, parcels, float(p.tolerance_m2), float(p.tolerance_ratio))
        yield t.errors_at(rows, values=_squares(outside), expected="0.00")


def _owners(parcels: Table) -> polars.Series:
    """Which parcels are an owner's (…A: 所有权宗地 JA, GA), not a user's."""
    frame = parcels.read(*(name for name in ("parcel_no", "right_type") if name in parcels.names))
    kind = pl.when(pl.col("parcel_no").str.len_chars() == 19).then(pl.col("parcel_no").str.slice(13, 1))
    used = filled("right_type") if "right_type" in frame.columns else pl.lit(True)
    return frame.select(pl.when(kind.str.contains("^[A-Z]$")).then(kind == "A").otherwise(~used)).to_series()


def _overlapping(t: Table, rows: list[int], tolerance_m2: float) -> polars.DataFrame:
    """Pairs of the rows that share more than the tolerance, told of the first."""
    if len(rows) < 2:
        return t.errors_at([])
    some = t.rows(pl.Series(rows))
    pairs = shared(some, some).filter((pl.col("left") < pl.col("right")) & (pl.col("area_m2") > tolerance_m2))
    said = [f"{a:.2f} m² {t.keys[rows[j]]}" for j, a in pairs.select("right", "area_m2").iter_rows()]
    return t.errors_at([rows[i] for i in pairs["left"]], values=said)


@quality(
    "Q4114", "C", ("坡度级与坡度图不符", "Slope class is not that of the slope map"), tables=("DLTB",), needs=("PDT",),
    columns=("land_use_code", "slope_class"),
)  # fmt: skip
def slope_of_map(t: Table, data: Dataset, p: Parameters) -> Errors:
    """The slope class of cultivated land is the class of the slope map that has most of the patch."""
    told = t.frame.select(pl.col("land_use_code").str.starts_with("01") & pl.col("slope_class").is_not_null())
    pairs = shared(t, data["PDT"], told.to_series().arg_true().to_numpy())
    classes = data["PDT"].read("slope_class").to_series().gather(pairs["right"])
    most = (
        pairs.with_columns(map_class=classes)
        .group_by("left", "map_class")
        .agg(pl.col("area_m2").sum())
        .sort("left", "area_m2", "map_class")
        .group_by("left", maintain_order=True)
        .agg(pl.col("map_class").last())
    )
    own = t.frame.with_row_index("left").select(pl.col("left").cast(pl.Int64), "land_use_code", "slope_class")
    differ = most.join(own, on="left").filter(
        pl.col("land_use_code").str.starts_with("01") & (pl.col("slope_class") != pl.col("map_class"))
    )
    yield _expected(
        t, differ["left"].to_list(), "slope_class", differ["slope_class"].to_list(), differ["map_class"].to_list()
    )


def _beside(lines: Table, areas: Table, least_m: float) -> polars.DataFrame:
    """Lines of which more than ``least_m`` metres run on no border of the polygons, in the system both were delivered
    in."""
    from jintu.foundation.checks.inspection.partials import ahead
    from jintu.kernel.topology import OffBorders

    if lines.crs != areas.crs:
        raise Needs(f"the system of {areas.schema.table}")

    def outlines() -> Iterator[Table]:
        return areas.parts(attributes=False, lonlat=False)

    search = OffBorders(lines.lines, lines.measures)
    for _ in ahead(lambda part: search.strike(part.judged), outlines()):
        pass
    near = ahead(lambda part: search.near(part.judged), outlines() if len(search.left()) else ())
    found = search.defects(near)
    found = found.take((found.measure >= least_m).nonzero()[0])
    return lines.errors_at(
        found.rows, values=[f"{m:.3f} m" for m in found.measure], geometry=lines.placed(found.geometries())
    )


@quality("Q4103", "B", ("行政区界线与行政区边界不重合", "Boundary line off the border of the division"),
         tables=("XZQJX",), needs=("XZQ",))  # fmt: skip
def boundary_on_border(t: Table, data: Dataset, p: Parameters) -> Errors:
    """Boundary lines run on borders of XZQ but for ``least_m`` metres; both in the same delivered system."""
    yield _beside(t, data["XZQ"], float(p.least_m))


@quality("Q4104", "C", ("地类界线与图斑边界不重合", "Class boundary off the border of the patches"),
         tables=("DLJX",), needs=("DLTB",))  # fmt: skip
def class_boundary_on_border(t: Table, data: Dataset, p: Parameters) -> Errors:
    """Class boundaries run on borders of DLTB but for ``least_m`` metres; both in the same delivered system."""
    yield _beside(t, data["DLTB"], float(p.least_m))


RULES = (
    location_is_village,
    patches_cover_division,
    inside_one_village,
    boundary_on_border,
    class_boundary_on_border,
    linear_names_patches,
    scattered_inside_patch,
    farmland_inside,
    farmland_is_agricultural,
    parcels_cover,
    slope_of_map,
)
