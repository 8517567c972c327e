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

__all__ = ["area_rows", "gaps", "overlaps", "summary", "summary_of_others"]

TOLERANCE_M2 = 0.1
"""Q5101. Edges are straight in lon/lat here and straight in the plane for the surveyor: a few 1e-7 of the area more."""
RELATIVE = 1e-6
TOLERANCE_M, RELATIVE_LENGTH = 0.1, 1e-3
"""Q5103. Declared lengths are measured in the plane, whose scale differs by up to 1e-3 from the ground's."""
SMALLEST_M2 = 0.1
EXAMPLES = 20
MOST_GAPS = 1000
SHARES = 8


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
    pairs, overlapping = overlaps(delivered or polygons, planar=delivered is not None, ratio=ratio)
    answer["overlaps"] = {
        "count": len(pairs),
        "area_m2": round(overlapping, 2),
        "examples": [{"keys": [keys[i], keys[j]], "area_m2": round(a, 2)} for i, j, a in pairs[:EXAMPLES]],
    }
    if schema.partition:
        found = gaps(polygons, delivered, ratio)
        answer["gaps"] = {
            "count": len(found),
            "area_m2": round(sum(a for a, _ in found), 2),
            "examples": [{"area_m2": round(a, 2), "at": [round(x, 7), round(y, 7)]} for a, (x, y) in found[:EXAMPLES]],
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


def overlaps(
    polygons: Polygons, *, planar: bool = False, ratio: float = 1.0
) -> tuple[list[tuple[int, int, float]], float]:
    """Pairs that share more than a tenth of a square metre, largest first, and the sum of all (Q3102)."""
    import numpy as np

    from jintu.kernel.overlay import overlay, prepare

    prepared = prepare(polygons, planar=planar)
    pairs = overlay(prepared, prepared, planar=planar)
    area = pairs.area_m2 * ratio
    keep = (pairs.left < pairs.right) & (area > SMALLEST_M2)
    left, right, area = pairs.left[keep], pairs.right[keep], area[keep]
    order = np.argsort(-area, kind="stable")
    found = zip(left[order].tolist(), right[order].tolist(), area[order].tolist(), strict=True)
    return list(found), float(area.sum())


def _plane_area(polygons: Polygons) -> float:
    import numpy as np

    from jintu.kernel.area import authalic

    areas = np.empty(len(polygons))
    authalic.planar_areas(polygons.rings, 0, len(polygons), areas)
    return float(areas.sum())


def gaps(
    polygons: Polygons, delivered: Polygons | None = None, ratio: float = 1.0
) -> list[tuple[float, tuple[float, float]]]:
    """Holes in a partition: (m², a point inside in degrees), largest first (Q3103).

    In a clean partition every edge inside occurs once in each direction. What is left over is the outer boundary and
    the boundaries of gaps and overlaps; the faces they enclose that no polygon covers are the gaps.
    """
    import numpy as np
    import shapely

    from jintu.kernel.flat import Polygons as Flat

    looked_at = delivered or polygons
    scale = 1e4 if delivered is not None else 1e9
    edges = _unmatched(looked_at, scale)
    if not len(edges):
        return []
    # a vertex in the middle of a neighbour's edge: the lines are noded before faces are made of them
    noded = shapely.union_all(shapely.linestrings(edges), grid_size=1 / scale)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    if not len(faces):
        return []
    areas = shapely.area(faces) * ratio if delivered is not None else Flat.from_shapely(faces).areas()
    large = np.flatnonzero(areas > SMALLEST_M2)
    boxes = looked_at.boxes()
    found = []
    for k in large[np.argsort(-areas[large], kind="stable")].tolist():
        inside = shapely.point_on_surface(faces[k])
        x, y = inside.x, inside.y
        near = np.flatnonzero((boxes[:, 0] <= x) & (boxes[:, 2] >= x) & (boxes[:, 1] <= y) & (boxes[:, 3] >= y))
        if len(near) and shapely.intersects(looked_at.take(near).to_shapely(), inside).any():
            continue
        found.append((float(areas[k]), _in_degrees(x, y, polygons, delivered)))
        if len(found) >= MOST_GAPS:
            break
    return found


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


def _unmatched(polygons: Polygons, scale: float) -> NDArray[np.float64]:
    """Edges that do not occur as often in one direction as in the other: (k, 2, 2). Vertices are told apart at
    1 / ``scale``. Edges are compared in `SHARES` shares by their number, so that memory stays bounded."""
    import numpy as np

    x, y = polygons.x, polygons.y
    edge, forward = _numbered(polygons, scale)
    alone = []
    for share in range(SHARES):
        here = np.flatnonzero(edge % np.uint64(SHARES) == share)
        here = here[np.argsort(edge[here], kind="stable")]
        if not len(here):
            continue
        ordered = edge[here]
        first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        net = np.add.reduceat(np.where(forward[here], 1, -1), first)
        alone.append(here[first[net != 0]])
    left = _starts(polygons)[np.concatenate(alone)] if alone else np.empty(0, dtype=np.int64)
    return np.stack([np.column_stack((x[left], y[left])), np.column_stack((x[left + 1], y[left + 1]))], axis=1)


def _starts(polygons: Polygons) -> NDArray[np.int64]:
    """The vertices that begin an edge: all but the last of each ring."""
    import numpy as np

    last = np.zeros(len(polygons.x), dtype=bool)
    last[polygons.ring_offsets[1:] - 1] = True
    return np.flatnonzero(~last)


def _numbered(polygons: Polygons, scale: float) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """A number of each edge, the same from either side, and whether it runs from the lower end."""
    import numpy as np

    point = _mixed(np.round(polygons.x * scale).astype(np.int64), np.round(polygons.y * scale).astype(np.int64))
    start = _starts(polygons)
    here, there = point[start], point[start + 1]
    forward = here < there
    low, high = np.minimum(here, there), np.maximum(here, there)
    low *= np.uint64(0x9E3779B97F4A7C15)
    low ^= high
    return low, forward


def _mixed(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.uint64]:
    """One number per point; different points have different ones, but for one chance in 1e19 each."""
    import numpy as np

    with np.errstate(over="ignore"):
        h = a.astype(np.uint64) * np.uint64(0xBF58476D1CE4E5B9)
        h ^= h >> np.uint64(31)
        h += b.astype(np.uint64) * np.uint64(0x94D049BB133111EB)
        h ^= h >> np.uint64(29)
        return h * np.uint64(0xD6E8FEB86659FD93)
