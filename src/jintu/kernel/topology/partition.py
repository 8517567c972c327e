"""Gaps, overlaps and unshared vertices of a layer, from the edges that do not cancel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numba as nb
import numpy as np

from jintu.kernel.flat import Floats, Integers, Polygons, from_shapely
from jintu.kernel.overlay import overlay
from jintu.kernel.overlay.pairs import candidates
from jintu.kernel.overlay.tree import build
from jintu.kernel.topology.cancelling import Edges
from jintu.kernel.topology.defects import Defects, Kind, collect, joined
from jintu.kernel.topology.faces import Faces, faces
from jintu.kernel.topology.noding import node
from jintu.kernel.topology.plane import Plane

__all__ = ["Fetch", "area_defects", "enclosed", "face_shape", "judge", "parts_wider_than_tolerance", "wide"]

Fetch = Callable[[Integers], Polygons]
"""Gives the geometries of rows, in that order."""

_THIN = 0.5
"""A face no wider than this share of the tolerance everywhere is rounding of the noding and no defect: a triangle with
the height of the tolerance has a mean width, 2 A / P, of half of it."""


def judge(edges: Edges, boxes: Floats, rows: Integers, fetch: Fetch, plane: Plane) -> Defects:
    """What the edges left over by `cancel` and `merge` mean.

    ``boxes`` (n, 4) and ``rows`` (n,) are the bounding boxes of all rows of the layer, by which the rows that take part
    in an overlap are found; their geometries are then asked of ``fetch``.
    """
    graph = node(edges, plane.reach)
    found = faces(graph)
    return joined(
        [
            _gaps(found, edges, plane),
            _overlaps(found, boxes, rows, fetch, plane),
            unshared_vertices(found, edges, plane),
        ]
    )


def _gaps(found: Faces, edges: Edges, plane: Plane) -> Defects:
    chosen = wide(found, np.flatnonzero((found.depth == 0) & (found.area > 0)), plane)
    shapes = [face_shape(found, c, plane) for c in chosen.tolist()]
    spots = [_bordering(found, c, edges) for c in chosen.tolist()]
    return _areas(Kind.GAP, found, chosen, shapes, spots, plane)


def wide(found: Faces, cycles: Integers, plane: Plane) -> Integers:
    """The faces that are wider than the tolerance somewhere."""
    width = 2 * found.net_area()[cycles] / found.lengths()[cycles]
    kept = width > _THIN * plane.reach
    doubtful = np.flatnonzero(~kept)
    if len(doubtful):
        import shapely

        shapes = [face_shape(found, c, Plane(1, plane.reach)) for c in cycles[doubtful].tolist()]
        kept[doubtful] = ~shapely.is_empty(shapely.buffer(shapes, -_THIN * plane.reach, quad_segs=2))
    return cycles[kept]


def face_shape(found: Faces, cycle: int, plane: Plane) -> Any:
    """The polygon of a face in the coordinates of the layer."""
    import shapely

    grid_x, grid_y = plane.grid
    rings = []
    for c in found.boundary(cycle):
        nodes = found.origins(c)
        points = np.column_stack((found.graph.x[nodes] / grid_x, found.graph.y[nodes] / grid_y))
        rings.append(shapely.linearrings(points))
    shape = shapely.polygons(rings[0], rings[1:] or None)
    return shape if shapely.is_valid(shape) else shapely.make_valid(shape, method="structure")


def _bordering(found: Faces, cycle: int, edges: Edges) -> list[tuple[int, int, int]]:
    """Of each row that borders on a face, its first edge there."""
    graph = found.graph
    first: dict[int, tuple[int, int, int]] = {}
    for c in found.boundary(cycle):
        for e in (found.half_edges[found.starts[c] : found.starts[c + 1]] // 2).tolist():
            for s in graph.sources[graph.ends[e] : graph.ends[e + 1]].tolist():
                spot = (int(edges.row[s]), int(edges.ring[s]), int(edges.vertex[s]))
                first[spot[0]] = min(spot, first.get(spot[0], spot))
    return sorted(first.values())


def _areas(kind: Kind, found: Faces, chosen: Integers, shapes: list[Any], spots: Any, plane: Plane) -> Defects:
    import shapely

    area, length = found.net_area()[chosen], found.lengths()[chosen]
    inside = shapely.get_coordinates(shapely.point_on_surface(np.array(shapes, dtype=object)))
    return collect(
        kind,
        inside,
        spots,
        area=area * plane.resolution**2,
        measure=2 * area / length * plane.resolution,
        shapes=shapes,
    )


# --- overlaps ----------


def _overlaps(found: Faces, boxes: Floats, rows: Integers, fetch: Fetch, plane: Plane) -> Defects:
    """One defect for each pair of rows and each connected piece they have in common."""
    import shapely

    deep = wide(found, np.flatnonzero((found.depth > 1) & (found.area > 0)), plane)
    if not len(deep):
        return joined([])
    shapes = np.array([face_shape(found, c, plane) for c in deep.tolist()], dtype=object)
    spots, parts = [], []
    tree = shapely.STRtree(shapes)
    for first, second, common in _shared(shapes, boxes, rows, fetch, plane):
        for part in parts_wider_than_tolerance(common, plane):
            if len(tree.query(shapely.point_on_surface(part), predicate="intersects")):
                spots.append([(first,), (second,)])
                parts.append(part)
    return area_defects(Kind.OVERLAP, parts, spots, plane)


def area_defects(kind: Kind, shapes: list[Any], spots: list[Any], plane: Plane) -> Defects:
    """Defects that are polygons, with their area and mean width."""
    import shapely

    if not shapes:
        return joined([])
    area = shapely.area(shapes) * plane.x_metres * plane.y_metres
    length = shapely.length(_in_metres(shapes, plane))
    inside = shapely.get_coordinates(shapely.point_on_surface(shapes))
    return collect(kind, inside, spots, area=area, measure=2 * area / length, shapes=shapes)


def _shared(shapes: Any, boxes: Floats, rows: Integers, fetch: Fetch, plane: Plane) -> Iterator[tuple[int, int, Any]]:
    """(row, row, what they have in common) of the pairs that share area near the faces; the overlay says which do."""
    import shapely

    near = np.unique(candidates(boxes, build(shapely.bounds(shapes)), 0, len(boxes))[0])
    geometry = enclosed(fetch(rows[near]))
    flat, smallest = from_shapely(geometry), plane.tolerance**2 / (plane.x_metres * plane.y_metres)
    over = np.unique(overlay(from_shapely(shapes), flat, planar=True, smallest=smallest, threads=1).right)
    members = flat.take(over)
    pairs = overlay(members, members, planar=True, smallest=smallest, threads=1)
    chosen = pairs.left < pairs.right
    first, second = over[pairs.left[chosen]], over[pairs.right[chosen]]
    common = shapely.intersection(geometry[first], geometry[second])
    yield from zip(rows[near[first]].tolist(), rows[near[second]].tolist(), common, strict=True)


def enclosed(polygons: Polygons) -> Any:
    """Shapely multipolygons; those that are not valid as what they enclose by the even-odd rule."""
    import shapely

    shapes = polygons.to_shapely()
    for k in np.flatnonzero(~shapely.is_valid(shapes)):
        parts = shapely.get_parts(shapely.get_parts(shapely.make_valid(shapes[k])))
        shapes[k] = shapely.MultiPolygon([p for p in parts if p.geom_type == "Polygon"])
    return shapes


def parts_wider_than_tolerance(shape: Any, plane: Plane) -> Iterator[Any]:
    """The polygons of a shape that are wider than the tolerance, in a fixed order."""
    import shapely

    parts = [p for p in shapely.get_parts(shapely.get_parts(shape)) if p.geom_type == "Polygon"]
    metric = _in_metres(parts, plane)
    for part, flat in sorted(zip(parts, metric, strict=True), key=lambda both: both[0].bounds):
        thick = 2 * flat.area > _THIN * plane.tolerance * flat.length
        if thick or not shapely.is_empty(shapely.buffer(flat, -_THIN * plane.tolerance, quad_segs=2)):
            yield part


def _in_metres(shapes: Any, plane: Plane) -> Any:
    import shapely

    if plane.x_metres == plane.y_metres == 1:
        return shapes
    return shapely.transform(shapes, lambda points: points * (plane.x_metres, plane.y_metres))


# --- clean T-junctions ----------


def unshared_vertices(found: Faces, edges: Edges, plane: Plane) -> Defects:
    """Vertices of one polygon on the edge of its neighbour, within the tolerance: nothing is open there, but the
    neighbour lacks the vertex. The first spot has the vertex, the second is the edge that lacks it.

    Under an overlap there is no telling whose neighbour is whose, and none is told.
    """
    graph = found.graph
    lacking, owner, at_end, where = _junctions(
        (graph.bent.u, graph.bent.source), _single(found), graph.begin, graph.end, edges.row
    )
    x, y = graph.x[where], graph.y[where]
    ax, ay = edges.ax[lacking].astype(np.float64), edges.ay[lacking].astype(np.float64)
    dx, dy = edges.bx[lacking] - ax, edges.by[lacking] - ay
    aside = np.abs((x - ax) * dy - (y - ay) * dx) / np.hypot(dx, dy)
    grid_x, grid_y = plane.grid
    has = np.column_stack((edges.row[owner], edges.ring[owner], edges.vertex[owner] + at_end))
    lacks = np.column_stack((edges.row[lacking], edges.ring[lacking], edges.vertex[lacking]))
    bare = collect(
        Kind.UNSHARED_VERTEX, np.column_stack((x / grid_x, y / grid_y)), has, measure=aside * plane.resolution
    )
    both = np.stack((has, lacks), axis=1).reshape(-1, 3)
    return Defects(bare.kind, bare.x, bare.y, bare.area, bare.measure, both, 2 * np.arange(len(has) + 1), bare.shapes)


def _single(found: Faces) -> tuple[Integers, Integers, Integers]:
    """Pieces (low, high, source) that cancelled after noding and lie under one polygon only, sorted."""
    import shapely

    graph, pieces = found.graph, found.graph.dropped
    low, high = np.minimum(pieces.u, pieces.v), np.maximum(pieces.u, pieces.v)
    deep = np.flatnonzero((found.depth > 1) & (found.area > 0))
    kept = np.ones(len(low), dtype=np.bool_)
    if len(deep) and len(low):
        tree = shapely.STRtree([face_shape(found, c, Plane(1, 1)) for c in deep.tolist()])
        middle = shapely.points((graph.x[low] + graph.x[high]) / 2, (graph.y[low] + graph.y[high]) / 2)
        kept[tree.query(middle, predicate="intersects")[0]] = False
    order = np.flatnonzero(kept)
    order = order[np.lexsort((pieces.source[order], high[order], low[order]))]
    return low[order], high[order], pieces.source[order]


@nb.njit(cache=True, nogil=True)
def _junctions(bent: Any, dropped: Any, begin: Integers, end: Integers, row: Integers) -> Any:
    """(edge that lacks the vertex, edge that has it, whether at its end, node) for each bend next to which the bent
    edge has cancelled against an edge of another row."""
    node_of, source_of = bent
    low, high, source = dropped
    n = len(node_of)
    # the dropped pieces of each source, to find those at a bend
    order = np.argsort(source)
    starts = np.searchsorted(source[order], source_of)
    lacking, owner = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    at_end, where = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    count = 0
    for k in range(n):
        w, s, best = node_of[k], source_of[k], -1
        m = starts[k]
        while m < len(order) and source[order[m]] == s:
            piece = order[m]
            m += 1
            if low[piece] != w and high[piece] != w:
                continue
            first = piece
            while first > 0 and low[first - 1] == low[piece] and high[first - 1] == high[piece]:
                first -= 1
            while first < len(low) and low[first] == low[piece] and high[first] == high[piece]:
                t = source[first]
                if row[t] != row[s] and (begin[t] == w or end[t] == w) and (best < 0 or t < best):
                    best = t
                first += 1
        if best >= 0:
            lacking[count], owner[count], where[count] = s, best, w
            at_end[count] = end[best] == w
            count += 1
    return lacking[:count], owner[:count], at_end[:count], where[:count]
