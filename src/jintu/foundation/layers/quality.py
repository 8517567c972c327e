"""The quality summary of a version: what does not forbid loading it but must be known.

Rows that break the structure, the codes or the geometry are refused while importing. What is counted here: declared
areas that differ from the computed ones, names that are not those of the codes, overlaps, gaps, and the like, by the
numbers of the quality inspection (Qxxxx).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .schemas import Schema

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from jintu.kernel.flat import Polygons

__all__ = ["area_rows", "gaps", "overlaps", "summary"]

TOLERANCE_M2 = 0.1
"""Q5101. Edges are straight in lon/lat here and straight in the plane for the surveyor: a few 1e-7 of the area more."""
RELATIVE = 1e-6
SMALLEST_M2 = 0.1
EXAMPLES = 20


def summary(frame: pl.DataFrame, schema: Schema, polygons: Polygons, areas: NDArray[np.float64]) -> dict[str, Any]:
    """``frame``: the attributes; ``polygons`` and ``areas`` (m²) row by row the same. JSON values only."""
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
    pairs, overlapping = overlaps(polygons)
    answer["overlaps"] = {
        "count": len(pairs),
        "area_m2": round(overlapping, 2),
        "examples": [{"keys": [keys[i], keys[j]], "area_m2": round(a, 2)} for i, j, a in pairs[:EXAMPLES]],
    }
    if schema.partition:
        found = gaps(polygons)
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


def _names(frame: pl.DataFrame, schema: Schema) -> list[dict[str, Any]]:
    """Names that are not the list's names of their codes (Q2205)."""
    from jintu.kernel import codelists

    found = []
    for a in schema.attributes:
        if not a.names:
            continue
        pairs = frame.select(code=a.names, name=a.name).unique().drop_nulls()
        wrong = [
            (c, n)
            for c, n in pairs.iter_rows()
            if (entry := codelists.land_use(c).find(c)) is None or entry.name_zh != n
        ]
        if wrong:
            import polars as pl

            bad = frame.join(
                pl.DataFrame(wrong, schema=[a.names, a.name], orient="row"), on=[a.names, a.name], how="semi"
            )
            found.append(
                {"rule": a.clause or "names", "count": bad.height, "keys": bad[schema.key].head(EXAMPLES).to_list()}
            )
    return found


def overlaps(polygons: Polygons) -> tuple[list[tuple[int, int, float]], float]:
    """Pairs that share more than a tenth of a square metre, largest first, and the sum of all (Q3102)."""
    import numpy as np

    from jintu.kernel.overlay import overlay

    pairs = overlay(polygons, polygons)
    left, right, area = (np.asarray(v) for v in (pairs.left, pairs.right, pairs.area_m2))
    keep = (left < right) & (area > SMALLEST_M2)
    order = np.argsort(-area[keep], kind="stable")
    found = zip(left[keep][order].tolist(), right[keep][order].tolist(), area[keep][order].tolist(), strict=True)
    return list(found), float(area[keep].sum())


def gaps(polygons: Polygons) -> list[tuple[float, tuple[float, float]]]:
    """Holes in a partition: (m², a point inside), largest first (Q3103).

    In a clean partition every edge inside occurs once in each direction. What is left over is the outer boundary and
    the boundaries of gaps and overlaps; the faces they enclose that no polygon covers are the gaps.
    """
    import numpy as np
    import shapely

    x, y = polygons.x, polygons.y
    last = np.zeros(len(x), dtype=bool)
    last[polygons.ring_offsets[1:] - 1] = True
    start = np.flatnonzero(~last)
    point = _mixed(np.round(x * 1e9).astype(np.int64), np.round(y * 1e9).astype(np.int64))
    here, there = point[start], point[start + 1]
    forward = here < there
    with np.errstate(over="ignore"):
        edge = np.where(forward, here, there) * np.uint64(0x9E3779B97F4A7C15) ^ np.where(forward, there, here)
    order = np.argsort(edge, kind="stable")
    sign = np.where(forward, 1, -1)[order]
    first = np.flatnonzero(np.concatenate(([True], edge[order][1:] != edge[order][:-1])))
    net = np.add.reduceat(sign, first) if len(first) else np.empty(0)
    left = start[order[first[net != 0]]]
    if not len(left):
        return []
    lines = shapely.linestrings(
        np.stack([np.column_stack((x[left], y[left])), np.column_stack((x[left + 1], y[left + 1]))], 1)
    )
    faces = shapely.get_parts(shapely.polygonize(lines))
    if not len(faces):
        return []
    from jintu.kernel.flat import Polygons as Flat

    areas = Flat.from_shapely(faces).areas()
    large = areas > SMALLEST_M2
    faces, areas = faces[large], areas[large]
    inside = shapely.point_on_surface(faces)
    boxes = polygons.boxes()
    found = []
    for area, point_inside in zip(areas.tolist(), inside, strict=True):
        px, py = point_inside.x, point_inside.y
        near = np.flatnonzero((boxes[:, 0] <= px) & (boxes[:, 2] >= px) & (boxes[:, 1] <= py) & (boxes[:, 3] >= py))
        if not len(near) or not shapely.intersects(polygons.take(near).to_shapely(), point_inside).any():
            found.append((area, (px, py)))
        if len(found) >= 1000:
            break
    return sorted(found, reverse=True)


def _mixed(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.uint64]:
    """One number per point; different points have different ones, but for one chance in 1e19 each."""
    import numpy as np

    with np.errstate(over="ignore"):
        h = a.astype(np.uint64) * np.uint64(0xBF58476D1CE4E5B9)
        h ^= h >> np.uint64(31)
        h += b.astype(np.uint64) * np.uint64(0x94D049BB133111EB)
        h ^= h >> np.uint64(29)
        return h * np.uint64(0xD6E8FEB86659FD93)
