"""Geometry out of the index: runs of coordinates, and lines joined end to end to rings.

A reference is a signed identifier, its sign the direction; 0 stands between rings. Where a file sets no zeros a ring
ends where it comes back to its first vertex. Which ring is a hole follows from what holds what, not from their order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jintu.kernel.errors import InputError, Place
from jintu.kernel.formats.vct.index import LINES, RUNS, Index, Objects

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Assembler"]

JOIN = 1e-4
"""Ends of lines that lie no farther apart are one vertex: the resolution of survey data in metres."""
JOIN_DEGREES = 1e-9


@dataclass(frozen=True)
class _Chain:
    """Pieces of one ring or line: positions in the references of the batch."""

    owner: int
    pieces: list[int]


class Assembler:
    """Builds the geometry of objects, many at once. ``name``: of the file, for places."""

    def __init__(self, index: Index, name: str, *, degrees: bool, north_first: bool) -> None:
        import numpy as np

        self.index, self.name, self.north_first = index, name, north_first
        self.join = JOIN_DEGREES if degrees else JOIN
        self.coordinates = (
            np.memmap(index.spool, dtype=np.float64, mode="r").reshape(-1, 2) if index.runs[-1] else np.empty((0, 2))
        )
        self.runs = np.frombuffer(index.runs, dtype=np.int64)
        numbers = index.lines.numbers()
        self.line_order = np.argsort(numbers, kind="stable")
        self.line_ids = numbers[self.line_order]

    def build(self, geometry: str, rows: NDArray[np.int64]) -> tuple[NDArray[np.object_], list[tuple[int, InputError]]]:
        """(Shapely of the objects at ``rows``, None for −1 and what is wrong; problems as (position, error))."""
        import numpy as np

        objects = self.index.of(geometry)
        out = np.full(len(rows), None, dtype=object)
        problems: list[tuple[int, InputError]] = []
        if geometry in ("point", "annotation"):
            self._points(objects, rows, out)
            return out, problems
        pieces, signs, owners = self._pieces(objects, rows, problems)
        if geometry == "line":
            chains = self._lines(pieces, signs, owners, objects, rows)
        else:
            chains = self._rings(pieces, signs, owners, objects, rows, problems)
        self._fill(chains, pieces, signs, geometry, out, problems, objects, rows)
        return out, problems

    # --- points

    def _points(self, objects: Objects, rows: NDArray[np.int64], out: NDArray[np.object_]) -> None:
        import numpy as np
        import shapely

        starts, refs = (np.frombuffer(a, dtype=np.int64) for a in (objects.starts, objects.refs))
        there = np.flatnonzero(rows >= 0)
        runs = refs[starts[rows[there]]]
        single = self.runs[runs + 1] - self.runs[runs] == 1
        out[there[single]] = shapely.points(self._placed(self.coordinates[self.runs[runs[single]]]))
        for k, run in zip(there[~single].tolist(), runs[~single].tolist(), strict=True):
            out[k] = shapely.multipoints(
                shapely.points(self._placed(self.coordinates[self.runs[run] : self.runs[run + 1]]))
            )

    def _placed(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """x east, y north, the header's offset added."""
        import numpy as np

        shift = np.array(self.index.head.offset)
        moved = points + shift if shift.any() else points
        return np.ascontiguousarray(moved[:, ::-1] if self.north_first else moved)

    # --- references

    def _pieces(
        self, objects: Objects, rows: NDArray[np.int64], problems: list[tuple[int, InputError]]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """(run, sign, owner) of every reference of the batch; the run of a 0 between rings is −1."""
        import numpy as np

        starts, refs = (np.frombuffer(a, dtype=np.int64) for a in (objects.starts, objects.refs))
        kinds = np.frombuffer(objects.kinds, dtype=np.int8)
        there = np.flatnonzero(rows >= 0)
        where = rows[there]
        counts = starts[where + 1] - starts[where]
        owners = np.repeat(there, counts)
        inside = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        found = refs[np.repeat(starts[where], counts) + inside]
        kind = np.repeat(kinds[where], counts)
        signs = np.where((kind == LINES) & (found < 0), -1, 1)
        pieces = np.where(kind == RUNS, found, -1)
        by_line = (kind == LINES) & (found != 0)
        if by_line.any():
            wanted = np.abs(found[by_line])
            at = np.searchsorted(self.line_ids, wanted)
            known = at < len(self.line_ids)
            known[known] = self.line_ids[at[known]] == wanted[known]
            pieces[by_line] = np.where(known, self._runs_of_lines(at, known), -2)
            for owner, number in zip(owners[by_line][~known].tolist(), wanted[~known].tolist(), strict=True):
                self._tell(
                    problems,
                    objects,
                    rows,
                    owner,
                    "The polygon is built of line {line}, which is not in the file.",
                    "Export the file again, with all lines.",
                    line=number,
                )
        for owner in np.unique(owners[kind > LINES]).tolist():
            self._tell(
                problems,
                objects,
                rows,
                owner,
                "The polygon is built of other polygons.",
                "Export it with the vertices or lines of its own boundary.",
            )
        return pieces, signs, owners

    def _runs_of_lines(self, at: NDArray[np.int64], known: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The run of each line found; −2 for lines that are themselves built of lines."""
        import numpy as np

        lines = self.index.lines
        starts, refs = (np.frombuffer(a, dtype=np.int64) for a in (lines.starts, lines.refs))
        kinds = np.frombuffer(lines.kinds, dtype=np.int8)
        rows = self.line_order[np.where(known, at, 0)]
        return np.where(kinds[rows] == RUNS, refs[starts[rows]], -2)

    def _tell(
        self,
        problems: list[tuple[int, InputError]],
        objects: Objects,
        rows: NDArray[np.int64],
        owner: int,
        sentence: str,
        remedy: str,
        **params: Any,
    ) -> None:
        place = Place(file=self.name, row=int(objects.rows[int(rows[owner])]), field="geometry")
        problems.append((owner, InputError(sentence, place=place, remedy=remedy, **params)))

    # --- chains

    def _ends(self, pieces: NDArray[np.int64], signs: NDArray[np.int64]) -> tuple[list[Any], list[Any]]:
        """First and last vertex of each piece in its direction."""
        import numpy as np

        run = np.where(pieces < 0, 0, pieces)
        first, last = self.coordinates[self.runs[run]], self.coordinates[self.runs[run + 1] - 1]
        forward = (signs > 0)[:, None]
        return np.where(forward, first, last).tolist(), np.where(forward, last, first).tolist()

    def _meet(self, a: list[float], b: list[float]) -> bool:
        return a == b or (abs(a[0] - b[0]) <= self.join and abs(a[1] - b[1]) <= self.join)

    def _lines(
        self,
        pieces: NDArray[np.int64],
        signs: NDArray[np.int64],
        owners: NDArray[np.int64],
        objects: Objects,
        rows: NDArray[np.int64],
    ) -> list[_Chain]:
        """Pieces of lines that meet are one line; others are parts of it."""
        begins, ends = self._ends(pieces, signs) if len(pieces) else ([], [])
        chains: list[_Chain] = []
        for k, (piece, owner) in enumerate(zip(pieces.tolist(), owners.tolist(), strict=True)):
            if piece < 0:
                continue
            last = chains[-1] if chains else None
            if last and last.owner == owner and self._meet(ends[last.pieces[-1]], begins[k]):
                last.pieces.append(k)
            else:
                chains.append(_Chain(owner, [k]))
        return chains

    def _rings(
        self,
        pieces: NDArray[np.int64],
        signs: NDArray[np.int64],
        owners: NDArray[np.int64],
        objects: Objects,
        rows: NDArray[np.int64],
        problems: list[tuple[int, InputError]],
    ) -> list[_Chain]:
        import numpy as np

        if not len(pieces):
            return []
        begins, ends = self._ends(pieces, signs)
        spoilt = {owner for owner, _ in problems}
        zeros = set(owners[pieces == -1].tolist())
        direct = set(np.flatnonzero(rows >= 0)[self._is_direct(objects, rows[rows >= 0])].tolist())
        chains: list[_Chain] = []
        open_ring: list[int] = []
        runs, of = pieces.tolist(), owners.tolist()
        for k, owner in enumerate(of):
            if owner not in spoilt:
                if runs[k] >= 0:
                    if open_ring and not self._meet(ends[open_ring[-1]], begins[k]):
                        self._apart(problems, objects, rows, owner, ends[open_ring[-1]])
                        spoilt.add(owner)
                    open_ring.append(k)
                whole = owner in direct or (owner not in zeros and self._meet(ends[k], begins[open_ring[0]]))
                last = k + 1 == len(of) or of[k + 1] != owner
                if open_ring and owner not in spoilt and (whole or last or runs[k] == -1):
                    if self._meet(ends[open_ring[-1]], begins[open_ring[0]]):
                        chains.append(_Chain(owner, open_ring))
                    else:
                        self._apart(problems, objects, rows, owner, ends[open_ring[-1]])
                        spoilt.add(owner)
                    open_ring = []
            if k + 1 < len(of) and of[k + 1] != owner:
                open_ring = []
        return [chain for chain in chains if chain.owner not in spoilt]

    def _is_direct(self, objects: Objects, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        import numpy as np

        return np.frombuffer(objects.kinds, dtype=np.int8)[rows] == RUNS

    def _apart(
        self,
        problems: list[tuple[int, InputError]],
        objects: Objects,
        rows: NDArray[np.int64],
        owner: int,
        at: list[float],
    ) -> None:
        self._tell(
            problems,
            objects,
            rows,
            owner,
            "The boundary is not closed: it breaks off at {x}, {y}.",
            "Check which lines the polygon is built of, their signs, and the zeros between its rings.",
            x=at[0],
            y=at[1],
        )

    # --- shapes

    def _fill(
        self,
        chains: list[_Chain],
        pieces: NDArray[np.int64],
        signs: NDArray[np.int64],
        geometry: str,
        out: NDArray[np.object_],
        problems: list[tuple[int, InputError]],
        objects: Objects,
        rows: NDArray[np.int64],
    ) -> None:
        """Vertices of all chains in one gathering, then shapes of them."""
        import numpy as np
        import shapely

        if not chains:
            return
        chain = np.repeat(np.arange(len(chains)), [len(c.pieces) for c in chains])
        order = np.array([k for c in chains for k in c.pieces])
        run, forward = pieces[order], signs[order] > 0
        follows = np.concatenate(([False], chain[1:] == chain[:-1]))
        begin, end = self.runs[run], self.runs[run + 1]
        counts = end - begin - follows  # the first vertex of a piece that follows is the last of the one before
        owner = np.repeat(np.arange(len(run)), counts)
        step = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + follows[owner]
        where = np.where(forward[owner], begin[owner] + step, end[owner] - 1 - step)
        points = self._placed(self.coordinates[where])
        of = chain[owner]
        owners = np.array([c.owner for c in chains])
        sizes = np.bincount(of, minlength=len(chains))
        small = sizes < (2 if geometry == "line" else 4)
        for k in np.unique(owners[small]).tolist():
            self._tell(problems, objects, rows, k, "The ring or line has too few vertices.", "Draw it again.")
        keep = ~np.isin(owners, owners[small])
        if not keep.any():
            return
        mask = keep[of]
        number = np.cumsum(keep) - 1
        if geometry == "line":
            shapes = shapely.linestrings(points[mask], indices=number[of[mask]])
            _grouped(shapes, owners[keep], out, shapely.multilinestrings)
            return
        last = np.concatenate((of[1:] != of[:-1], [True]))
        first = np.concatenate(([True], of[1:] != of[:-1]))
        points[last] = points[first]  # ends within the tolerance are one vertex
        rings = shapely.linearrings(points[mask], indices=number[of[mask]])
        _grouped(rings, owners[keep], out, _nested, single=shapely.polygons)


def _grouped(
    shapes: NDArray[np.object_], owners: NDArray[np.int64], out: NDArray[np.object_], several: Any, single: Any = None
) -> None:
    """Shapes of one owner together into ``out``; most owners have only one."""
    import numpy as np

    first = np.flatnonzero(np.concatenate(([True], owners[1:] != owners[:-1])))
    counts = np.diff(np.append(first, len(owners)))
    alone = first[counts == 1]
    if len(alone):
        out[owners[alone]] = single(shapes[alone]) if single else shapes[alone]
    for begin, count in zip(first[counts > 1].tolist(), counts[counts > 1].tolist(), strict=True):
        out[owners[begin]] = several(shapes[begin : begin + count])


def _nested(rings: NDArray[np.object_]) -> Any:
    """A polygon or multipolygon of rings: one that lies in an odd number of larger ones is a hole of the smallest."""
    import numpy as np
    import shapely

    faces = shapely.polygons(rings)
    areas = shapely.area(faces)
    order = np.argsort(-areas, kind="stable")
    faces, rings = faces[order], rings[order]
    inside = shapely.point_on_surface(faces)
    small, large = shapely.STRtree(faces).query(inside, predicate="intersects")
    held = large < small  # only larger rings hold
    depth = np.bincount(small[held], minlength=len(faces))
    parent = np.full(len(faces), -1)
    np.maximum.at(parent, small[held], large[held])
    shells = np.flatnonzero(depth % 2 == 0)
    made = [
        shapely.polygons(rings[s], holes=rings[np.flatnonzero((parent == s) & (depth % 2 == 1))])
        for s in shells.tolist()
    ]
    return made[0] if len(made) == 1 else shapely.multipolygons(made)
