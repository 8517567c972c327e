"""Topology inside a layer (Q31xx), in the plane it was delivered in: `jintu.kernel.topology` finds, these name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jintu.foundation.checks.inspection.rules import OUTLINES, quality
from jintu.foundation.checks.lazy import pl
from jintu.foundation.checks.rules import Parameters

if TYPE_CHECKING:
    import numpy as np
    import polars
    from numpy.typing import NDArray

    from jintu.foundation.checks.inspection.tables import Dataset, Table
    from jintu.kernel.topology import Defect, Defects, Net

__all__ = ["RULES"]

Errors = Iterator["polars.DataFrame"]


def _told(t: Table, found: Defects, unit: str | None, *, kinds: bool = False) -> polars.DataFrame:
    """Defects as errors of the first row concerned, with their measure (unless ``unit`` is None) and the other rows'
    identifiers; ``kinds``: with what is wrong, for rules that tell several."""
    concerned = [defect.rows for defect in found]
    rows = [of[0] if of else -1 for of in concerned]
    others = [row for of in concerned for row in of[1:3]]
    keys = dict(zip(others, t.keys_of(pl.Series(others, dtype=pl.Int64)), strict=True))
    values = [
        " ".join([_measured(defect, unit), *(str(keys[row]) for row in of[1:3])]).strip()
        for defect, of in zip(found, concerned, strict=True)
    ]
    errors = t.errors_at(rows, values=values, geometry=t.placed(found.geometries()) if len(found) else None)
    if not kinds:
        return errors
    return errors.with_columns(field=pl.Series([f"#{d.kind.name.lower()}" for d in found], dtype=pl.String))


def _measured(defect: Defect, unit: str | None) -> str:
    if unit is None:
        return ""
    return f"{defect.area:.2f} m²" if unit == "m²" else f"{defect.measure:.4g} {unit}".strip()


def _between(t: Table, kind: str, smallest_m2: float) -> polars.DataFrame:
    """Gaps or overlaps of a partition from an area on; a gap belongs to no row."""
    from jintu.kernel.topology import Kind

    found = t.defects.of(Kind[kind])
    errors = _told(t, found.take((found.area >= smallest_m2).nonzero()[0]), "m²")
    if kind == "GAP":
        errors = errors.with_columns(row=pl.lit(-1, dtype=pl.Int64), value=pl.col("value").str.extract(r"^([\d.]+ m²)"))
    return errors


@quality(
    "Q3101", "A", ("图形自相交或无效", "Outline not valid"),
    remedy=("修正该要素的图形。", "Mend the outline of the feature."), geometries=("polygon",),
)  # fmt: skip
def valid_outlines(t: Table, data: Dataset, p: Parameters) -> Errors:
    """A polygon is valid in the sense of OGC Simple Features, in the coordinates it was delivered in."""
    yield _told(t, t.invalid, "", kinds=True)


@quality(
    "Q3102", "A", ("图斑重叠", "Overlapping polygons"),
    remedy=("修正重叠的图斑。", "Mend the polygons that overlap."), geometries=("polygon",), partition=True,
)  # fmt: skip
def overlaps(t: Table, data: Dataset, p: Parameters) -> Errors:
    """No two polygons of a partition have an area in common of ``smallest_m2`` or more in the delivered plane; what is
    narrower than the tolerance of the kernel (0.001 m) is rounding."""
    yield _between(t, "OVERLAP", float(p.smallest_m2))


@quality("Q3103", "A", ("图斑之间有缝隙", "Gaps between polygons"), remedy=("补齐缝隙。", "Close the gaps."),
         geometries=("polygon",), partition=True)  # fmt: skip
def gaps(t: Table, data: Dataset, p: Parameters) -> Errors:
    """A partition leaves no hole of ``smallest_m2`` or more in the delivered plane."""
    yield _between(t, "GAP", float(p.smallest_m2))


@quality("Q3104", "A", ("重复图形", "Same outline twice"), remedy=("删除重复要素。", "Remove the double."),
         geometries=OUTLINES)  # fmt: skip
def duplicates(t: Table, data: Dataset, p: Parameters) -> Errors:
    """No two features have the same vertices: polygons in whatever order, on the kernel's grid of 0.0001 m; lines and
    points to the last digit, lines walked either way, and from any vertex where they close."""
    from jintu.kernel.topology import Kind, copied_lines

    if t.schema.geometry == "polygon":
        double = t.defects.of(Kind.DUPLICATE) if t.schema.partition else t.copies
        yield t.errors_at(sorted({row for defect in double for row in defect.rows}))
    elif t.schema.geometry == "line":
        yield t.errors_at(copied_lines(t.lines))
    else:
        import numpy as np
        import shapely

        points = pl.Series(shapely.to_wkb(t.shapes).tolist(), dtype=pl.Binary)
        yield t.errors_at(np.flatnonzero((points.is_duplicated() & points.is_not_null()).to_numpy()))


@quality("Q3106", "C", ("碎小或狭长图斑", "Sliver"), tables=("DLTB",), columns=("land_use_code",), plane=True)
def slivers(t: Table, data: Dataset, p: Parameters) -> Errors:
    """A patch smaller than the least size of its class on the map (``farmland_m2``, ``construction_m2``, else
    ``other_m2``) whose compactness 4πA/P² in the delivered plane is below ``compactness``."""
    from jintu.kernel import codelists
    from jintu.kernel.topology import Limits
    from jintu.kernel.topology import slivers as thin

    measured = t.scan.measures
    limits = Limits(sliver_area_m2=0.0, sliver_compactness=float(p.compactness))
    rows, compactness = thin(measured.area, measured.perimeter, limits)
    codes = t.frame["land_use_code"].gather(rows).fill_null("")
    least = {c: float(p.other_m2) for c in codes.unique().to_list()}
    for code in least:
        if code.startswith("01"):
            least[code] = float(p.farmland_m2)
        elif code and codelists.three_class(code) == codelists.CONSTRUCTION:
            least[code] = float(p.construction_m2)
    small = [
        (row, f"{area:.2f} m², {compact:.4f}")
        for row, code, area, compact in zip(
            rows.tolist(), codes.to_list(), measured.area[rows], compactness, strict=True
        )
        if area < least[code]
    ]
    yield t.errors_at([row for row, _ in small], values=[said for _, said in small])


@quality("Q3105", "B", ("多部件要素", "Feature of several parts"), remedy=("拆成单个要素。", "Split it into features."),
         geometries=OUTLINES)  # fmt: skip
def several_parts(t: Table, data: Dataset, p: Parameters) -> Errors:
    """A feature is one polygon or one line."""
    import numpy as np
    import shapely

    if t.schema.geometry == "point":
        parts = pl.Series(shapely.get_num_geometries(t.shapes))
    else:
        line = t.schema.geometry == "line"
        parts = pl.Series(np.diff(t.lines.row_offsets if line else t.judged.geometry_offsets))
    found = t.errors(parts > 1, expected="1")
    yield found.with_columns(value=parts.gather(found["row"]).cast(pl.String))


def _rings(t: Table, kind: str, unit: str, **limits: float) -> Errors:
    from jintu.kernel.topology import Kind, Limits, ring_defects

    yield _told(t, ring_defects(t.judged, Limits(**limits), t.measures).of(Kind[kind]), unit)


@quality("Q3107", "C", ("尖锐角", "Spike"), geometries=("polygon",))
def spikes(t: Table, data: Dataset, p: Parameters) -> Errors:
    """No angle of a ring is sharper than ``degrees``."""
    yield from _rings(t, "SPIKE", "°", spike_degrees=float(p.degrees))


@quality("Q3108", "C", ("重复结点", "Vertex twice"), geometries=("polygon",))
def double_vertices(t: Table, data: Dataset, p: Parameters) -> Errors:
    """Two vertices of a ring that follow one another lie at least ``nearest_m`` apart."""
    yield from _rings(t, "DUPLICATE_VERTEX", "m", duplicate_vertex_m=float(p.nearest_m))


def _net(t: Table) -> Net:
    """The lines of a layer and where they meet: looked at once, for all rules."""
    from jintu.kernel.topology import net

    return t.beside(t, "net", lambda: net(t.lines, t.measures))


def _lines(t: Table, found: Defects, *kinds: str) -> Errors:
    from jintu.kernel.topology import Kind

    for kind in kinds:
        unit = None if kind in ("LINE_CROSSING", "PSEUDO_NODE") else "m"
        yield _told(t, found.of(Kind[kind]), unit, kinds=len(kinds) > 1)


@quality("Q3109", "C", ("线自相交、悬挂或有伪结点", "Lines cross, end just beside one another, or go on without cause"),
         geometries=("line",))  # fmt: skip
def crossing_lines(t: Table, data: Dataset, p: Parameters) -> Errors:
    """Lines meet in their ends; an end within ``dangle_m`` of another line was meant to meet it. Where two lines and no
    third meet they differ in some attribute, or they are one line (a pseudo-node); their identifiers and lengths, and
    the columns of ``not_compared`` (separated by |), do not count."""
    codes = _alike(t, {t.schema.key, t.schema.length, *str(p.not_compared).split("|")})
    found = _net(t).crossings(codes, float(p.dangle_m))
    yield from _lines(t, found, "LINE_CROSSING", "DANGLE", "PSEUDO_NODE")


def _alike(t: Table, without: set[str]) -> NDArray[np.int64]:
    """A number for each row: the same where the attributes are the same, but for those columns."""
    compared = [name for name in t.names if name not in without]
    return t.read(*compared).hash_rows().reinterpret(signed=True).to_numpy()


@quality("Q3110", "B", ("线重叠", "Lines overlap"), geometries=("line",))
def overlapping_lines(t: Table, data: Dataset, p: Parameters) -> Errors:
    """No two lines run on one another."""
    yield from _lines(t, _net(t).overlaps(), "LINE_OVERLAP")


@quality("Q3111", "B", ("环方向错误或不闭合", "Ring turned the wrong way or not closed"), geometries=("polygon",),
         plane=True)  # fmt: skip
def ring_direction(t: Table, data: Dataset, p: Parameters) -> Errors:
    """As delivered, rings are closed, and holes turn the other way than their shell. ``shells_turn``: 1 where shells
    must turn counter-clockwise, −1 clockwise, 0 where either is good (formats differ)."""
    from jintu.kernel.topology import Kind, Limits, ring_defects

    limits = Limits(shells_turn=int(p.shells_turn), spike_degrees=0, duplicate_vertex_m=0)
    yield _told(t, ring_defects(t.judged, limits, t.measures).of(Kind.ORIENTATION), "", kinds=True)
    yield _told(t, t.invalid.of(Kind.UNCLOSED), "m", kinds=True)


@quality("Q3113", "B", ("含未折线化的弧段", "Arcs or curves not densified"), given=("reading",),
         remedy=("按测量精度将曲线折线化。", "Densify the curves within the survey's tolerance."))  # fmt: skip
def curves(t: Table, data: Dataset, p: Parameters) -> Errors:
    """Outlines are made of straight segments: a row with arcs or curves is left out while reading, and told here by
    its number in the file."""
    curved = data.given["reading"]["curves"]
    rows = ", ".join(str(row) for row in curved["rows"])
    if curved["count"]:
        yield t.errors_at([-1], values=[f"{curved['count']}: {rows}"], expected="0")


@quality("Q3112", "C", ("碎线", "Line too short"), geometries=("line",))
def short_lines(t: Table, data: Dataset, p: Parameters) -> Errors:
    """A line is at least ``short_m`` long."""
    from jintu.kernel.topology import short_lines as short

    yield from _lines(t, short(t.lines, t.measures, float(p.short_m)), "SHORT_LINE")


RULES = (
    valid_outlines,
    overlaps,
    gaps,
    duplicates,
    several_parts,
    slivers,
    spikes,
    double_vertices,
    crossing_lines,
    overlapping_lines,
    ring_direction,
    short_lines,
    curves,
)
