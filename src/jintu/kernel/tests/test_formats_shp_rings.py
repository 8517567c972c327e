"""Rings of a shapefile: the direction says what a ring is, and a hole in no shell is an error that is told."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from jintu.kernel import formats
from jintu.kernel.flat import from_wkb
from jintu.kernel.topology import Kind, validity

SHELL, HOLE = [(0, 0), (0, 10), (10, 10), (10, 0), (0, 0)], [(2, 2), (4, 2), (4, 4), (2, 4), (2, 2)]
Ring = list[tuple[float, float]]


def moved(ring: Ring, east: float) -> Ring:
    return [(x + east, y) for x, y in ring]


def written(folder: Path, records: list[list[Ring]]) -> Path:
    """A .shp with its .prj, byte by byte: writers turn rings the way they like."""
    body = b""
    for number, rings in enumerate(records, start=1):
        points = [p for ring in rings for p in ring]
        starts = np.cumsum([0, *(len(r) for r in rings)])[:-1].tolist()
        xy = np.array(points)
        content = struct.pack("<i4d2i", 5, *xy.min(axis=0), *xy.max(axis=0), len(rings), len(points))
        content += struct.pack(f"<{len(starts)}i", *starts) + xy.astype("<f8").tobytes()
        body += struct.pack(">2i", number, len(content) // 2) + content
    head = struct.pack(">i20xi", 9994, (100 + len(body)) // 2) + struct.pack("<2i8d", 1000, 5, 0, 0, 99, 99, 0, 0, 0, 0)
    path = folder / "rings.shp"
    path.write_bytes(head + body)
    (folder / "rings.prj").write_text(PRJ)
    return path


PRJ = (
    'PROJCS["CGCS2000_3_Degree_GK_Zone_40",GEOGCS["GCS_China_Geodetic_Coordinate_System_2000",'
    'DATUM["D_China_2000",SPHEROID["CGCS2000",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],'
    'UNIT["Degree",0.0174532925199433]],PROJECTION["Gauss_Kruger"],PARAMETER["False_Easting",40500000.0],'
    'PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",120.0],PARAMETER["Scale_Factor",1.0],'
    'PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]'
)


def read(path: Path) -> tuple[list[bytes], list[formats.Notice]]:
    with formats.read(path) as source:
        table = source.table()
        told = [n for n in source.notices if "hole by its direction" in n.sentence]
        return table.column("geometry").to_pylist(), told


def test_a_hole_in_no_shell_is_told_with_its_row_and_ring(tmp_path) -> None:
    wkb, told = read(written(tmp_path, [[SHELL, HOLE], [SHELL, HOLE, moved(HOLE, 20)]]))
    ((_, row, params),) = [(n.sentence, n.place.row, n.params) for n in told]
    assert (row, params) == (2, {"ring": "3"})
    shapes = shapely.from_wkb(wkb)
    assert shapely.is_valid(shapes).tolist() == [True, False]
    assert shapely.is_valid_reason(shapes[1]).startswith("Hole lies outside shell")
    found = validity(from_wkb(wkb, as_delivered=True))
    assert found.counts() == {Kind.HOLE_OUTSIDE: 1}
    assert found.rows.tolist() == [1]


def test_parts_of_parts_and_rings_turned_the_other_way_are_left_as_they_are(tmp_path) -> None:
    """Two shells with a hole each; a shell inside a hole; a writer that turns all rings the other way."""
    inner = [(2.5, 2.5), (2.5, 3), (3, 3), (3, 2.5), (2.5, 2.5)]
    records = [
        [SHELL, moved(SHELL, 20), HOLE, moved(HOLE, 20)],
        [SHELL, HOLE, inner],
        [SHELL[::-1]],
        [SHELL[::-1], moved(SHELL[::-1], 20)],
    ]
    wkb, told = read(written(tmp_path, records))
    assert told == []
    assert shapely.is_valid(shapely.from_wkb(wkb)).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-15, 15), min_size=1, max_size=4, unique=True), st.booleans())
def test_a_record_is_told_where_geos_says_that_a_hole_lies_outside(tmp_path_factory, places, two) -> None:
    """Holes of two metres, three apart or more, along a shell of ten metres, or two of them."""
    rings = [SHELL, *([moved(SHELL, 30)] if two else []), *(moved(HOLE, 3.5 * k + 0.1) for k in places)]
    wkb, told = read(written(tmp_path_factory.mktemp("shp"), [rings]))
    shells = [shapely.Polygon(SHELL), *([shapely.Polygon(moved(SHELL, 30))] if two else [])]
    holes = [shapely.Polygon(r) for r in rings[len(shells) :]]
    outside = [not any(s.contains(shapely.Point(h.exterior.coords[0])) for s in shells) for h in holes]
    assert bool(told) == any(outside)
    if any(outside):
        assert not shapely.is_valid(shapely.from_wkb(wkb[0]))
    assert len(validity(from_wkb(wkb, as_delivered=True))) > 0 or shapely.is_valid(shapely.from_wkb(wkb[0]))
