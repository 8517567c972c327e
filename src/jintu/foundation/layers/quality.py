"""The quality summary of a version: what does not forbid loading it but must be known.

Rows that break the structure, the codes or the geometry are refused while importing. What is counted here: declared
areas that differ from the computed ones, names that are not those of the codes, overlaps, gaps, and the like, by the
numbers of the quality inspection (Qxxxx).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import shapes
from .schemas import Schema

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    import pyarrow as pa
    from numpy.typing import NDArray

    from jintu.kernel.codelists import CodeList
    from jintu.kernel.flat import Polygons
    from jintu.kernel.topology import Defects

__all__ = ["area_rows", "gaps_and_overlaps", "overlaps", "summary", "summary_of_others"]

TOLERANCE_M2 = 0.1
"""Q5101. Edges are straight in lon/lat here and straight in the plane for the surveyor: a few 1e-7 of the area more."""
RELATIVE = 1e-6
TOLERANCE_M, RELATIVE_LENGTH = 0.1, 1e-3
"""Q5103. Declared lengths are measured in the plane, whose scale differs by up to 1e-3 from the ground's."""
SMALLEST_M2 = 0.1
EXAMPLES = 20


def summary(
    frame: pl.DataFrame,
    schema: Schema,
    polygons: Polygons,
    areas: NDArray[np.float64],
    delivered: Polygons | None = None,
) -> dict[str, Any]:
    """``frame``: the attributes; ``polygons`` (lon/lat) and ``areas`` (m²) row by row the same. JSON values only.

    Topology is looked at in ``delivered`` (the plane the file came in) where there is one: an edge that is straight
    there is not straight in degrees, and where one long edge meets two short ones degrees would show slivers that
    nobody surveyed.
    """
    checks = [c for c in (_feature_code(frame, schema), *_names(frame, schema)) if c]
    declared: dict[str, Any] = {"computed_m2": round(float(areas.sum()), 2)}
    if schema.area:
        differing = area_rows(frame[schema.area].to_numpy(), areas)
        declared |= {
            "declared_m2": round(float(frame[schema.area].fill_null(0).sum()), 2),
            "differing": len(differing),
        }
        if len(differing):
            keys = frame[schema.key].gather(differing[:EXAMPLES]).to_list()
            checks.append({"rule": "Q5101", "count": len(differing), "keys": keys})
    answer: dict[str, Any] = {"rows": len(frame), "area": declared, "checks": checks}
    keys = frame[schema.key].to_list()
    ratio = 1.0
    if delivered is not None:  # plane square metres into ellipsoidal ones
        ratio = float(areas.sum()) / (_plane_area(delivered) or 1.0)
    if schema.partition:
        pairs, holes = gaps_and_overlaps(polygons, delivered, ratio)
        answer["gaps"] = {
            "count": len(holes),
            "area_m2": round(sum(a for a, _ in holes), 2),
            "examples": [{"area_m2": round(a, 2), "at": [round(x, 7), round(y, 7)]} for a, (x, y) in holes[:EXAMPLES]],
        }
    else:
        pairs = overlaps(delivered or polygons, planar=delivered is not None, ratio=ratio)
    answer["overlaps"] = {
        "count": len(pairs),
        "area_m2": round(sum(a for _, _, a in pairs), 2),
        "examples": [{"keys": [keys[i], keys[j]], "area_m2": round(a, 2)} for i, j, a in pairs[:EXAMPLES]],
    }
    if schema.classes:
        import polars as pl

        sums = (
            pl.DataFrame({"code": frame[schema.classes], "area": areas})
            .group_by("code")
            .agg(pl.col("area").sum(), pl.len().alias("rows"))
            .sort("code")
        )
        if sums.height <= 500:
            answer["classes"] = {
                str(c): {"rows": n, "area_m2": round(a, 2)} for c, a, n in sums.iter_rows() if c is not None
            }
    return answer


def summary_of_others(frame: pl.DataFrame, schema: Schema, geometry: pa.ChunkedArray | None) -> dict[str, Any]:
    """The summary of lines, points (WKB, lon/lat) and tables: codes, names, and lengths where there are any."""
    import numpy as np
    import polars as pl

    from jintu.kernel.length import geodesic

    checks = [c for c in (_feature_code(frame, schema), *_names(frame, schema)) if c]
    answer: dict[str, Any] = {"rows": len(frame), "checks": checks}
    metres = geodesic(shapes.decoded(geometry)) if geometry is not None and schema.geometry == "line" else None
    if metres is not None:
        answer["length"] = {"computed_m": round(float(metres.sum()), 1)}
    if metres is not None and schema.length:
        declared = frame[schema.length].fill_null(0).to_numpy()
        differing = np.flatnonzero(np.abs(declared - metres) > np.maximum(TOLERANCE_M, RELATIVE_LENGTH * metres))
        answer["length"] |= {"declared_m": round(float(declared.sum()), 1), "differing": len(differing)}
        if len(differing):
            keys = frame[schema.key].gather(differing[:EXAMPLES]).to_list()
            checks.append({"rule": "Q5103", "count": len(differing), "keys": keys})
    if schema.classes:
        counts = frame.group_by(code=schema.classes).agg(pl.len().alias("rows")).sort("code").drop_nulls()
        if counts.height <= 500:
            answer["classes"] = {str(c): {"rows": n, "area_m2": 0.0} for c, n in counts.iter_rows()}
    return answer


def area_rows(declared: NDArray[np.float64], computed: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows whose declared area is not the computed one, the most differing first."""
    import numpy as np

    difference = np.abs(np.nan_to_num(declared.astype(float)) - computed)
    wrong = np.flatnonzero(difference > np.maximum(TOLERANCE_M2, RELATIVE * computed))
    return wrong[np.argsort(-difference[wrong], kind="stable")]


def _feature_code(frame: pl.DataFrame, schema: Schema) -> dict[str, Any] | None:
    if not schema.feature_code or "feature_code" not in frame.columns:
        return None
    other = (frame["feature_code"] != schema.feature_code).fill_null(True)
    if not other.any():
        return None
    return {
        "rule": "Q2203",
        "count": int(other.sum()),
        "keys": frame[schema.key].filter(other).head(EXAMPLES).to_list(),
    }


def _list_of(name: str) -> Callable[[str], CodeList]:
    """The list in which a code is looked up: of land use there are two, told apart by the code itself."""
    from jintu.kernel import codelists

    return codelists.land_use if name == "land_use" else lambda code: codelists.get(name)


def _names(frame: pl.DataFrame, schema: Schema) -> list[dict[str, Any]]:
    """Names that are not the list's names of their codes (Q2205)."""
    found = []
    for a in schema.attributes:
        if not a.names:
            continue
        lists = _list_of(schema.columns[a.names].codelist)
        pairs = frame.select(code=a.names, name=a.name).unique().drop_nulls()
        wrong = [(c, n) for c, n in pairs.iter_rows() if (entry := lists(c).find(c)) is None or entry.name_zh != n]
        if wrong:
            import polars as pl

            bad = frame.join(
                pl.DataFrame(wrong, schema=[a.names, a.name], orient="row"), on=[a.names, a.name], how="semi"
            )
            found.append(
                {"rule": a.clause or "names", "count": bad.height, "keys": bad[schema.key].head(EXAMPLES).to_list()}
            )
    return found


Overlap = tuple[int, int, float]
"""row, row, m² in common"""


def overlaps(polygons: Polygons, *, planar: bool = False, ratio: float = 1.0) -> list[Overlap]:
    """Pairs that share more than a tenth of a square metre, largest first (Q3102): of layers that are no partition."""
    import numpy as np

    from jintu.kernel.overlay import overlay, prepare

    prepared = prepare(polygons, planar=planar)
    pairs = overlay(prepared, prepared, planar=planar)
    area = pairs.area_m2 * ratio
    keep = (pairs.left < pairs.right) & (area > SMALLEST_M2)
    left, right, area = pairs.left[keep], pairs.right[keep], area[keep]
    order = np.argsort(-area, kind="stable")
    return list(zip(left[order].tolist(), right[order].tolist(), area[order].tolist(), strict=True))


def _plane_area(polygons: Polygons) -> float:
    import numpy as np

    from jintu.kernel.area import authalic

    areas = np.empty(len(polygons))
    authalic.areas(polygons.rings, 0, len(polygons), True, areas)
    return float(areas.sum())


def gaps_and_overlaps(
    polygons: Polygons, delivered: Polygons | None = None, ratio: float = 1.0
) -> tuple[list[Overlap], list[tuple[float, tuple[float, float]]]]:
    """Of a partition: pairs that overlap (Q3102), copies among them, and holes as (m², a point inside) (Q3103);
    both largest first, from a tenth of a square metre on. The points of the first holes, those shown, are in degrees.
    """
    import numpy as np

    from jintu.kernel.topology import Kind, Limits, Plane, conclude, scan

    looked_at = delivered or polygons
    plane = Plane() if delivered is not None or not len(polygons.y) else Plane.degrees(float(np.mean(polygons.y)))
    found = conclude([scan(looked_at, plane=plane)], looked_at.take, plane, Limits(sliver_compactness=0))
    shared: dict[tuple[int, int], float] = {}
    double = found.of(Kind.OVERLAP, Kind.DUPLICATE)
    for defect, area in zip(double, _square_metres(double, delivered, ratio), strict=True):
        first, second = defect.rows
        shared[first, second] = shared.get((first, second), 0.0) + area
    pairs = [(i, j, area) for (i, j), area in shared.items() if area > SMALLEST_M2]
    open_ = found.of(Kind.GAP)
    areas = _square_metres(open_, delivered, ratio)
    large = [k for k in np.argsort([-a for a in areas], kind="stable").tolist() if areas[k] > SMALLEST_M2]
    holes = [(areas[k], (float(open_.x[k]), float(open_.y[k]))) for k in large]
    shown = [(area, _in_degrees(x, y, polygons, delivered)) for area, (x, y) in holes[:EXAMPLES]]
    return sorted(pairs, key=lambda pair: -pair[2]), shown + holes[EXAMPLES:]


def _square_metres(found: Defects, delivered: Polygons | None, ratio: float) -> list[float]:
    """Ellipsoidal areas of defects: exactly in degrees, by the scale of the layer in the plane."""
    from jintu.kernel.flat import Polygons as Flat

    if not len(found):
        return []
    areas = found.area * ratio if delivered is not None else Flat.from_shapely(found.geometries()).areas()
    return areas.tolist()  # type: ignore[no-any-return]


def _in_degrees(x: float, y: float, polygons: Polygons, delivered: Polygons | None) -> tuple[float, float]:
    """A delivered point in degrees, to the metre or so: moved with the nearest vertex and the scale of the layer."""
    import numpy as np

    if delivered is None:
        return x, y
    nearest = int(np.argmin((delivered.x - x) ** 2 + (delivered.y - y) ** 2))
    lat = polygons.y[nearest]
    return (
        float(polygons.x[nearest] + (x - delivered.x[nearest]) / (111_320 * np.cos(np.radians(lat)))),
        float(lat + (y - delivered.y[nearest]) / 110_950),
    )
