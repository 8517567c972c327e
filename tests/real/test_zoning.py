"""A foreign zoning plan becomes a plan layer; occupation areas equal those computed with pyproj and Shapely alone."""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Mapping as Mapped
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pyogrio
import pyproj
import pytest
import shapely

from jintu.foundation.checks.inspection import keeping
from jintu.foundation.checks.inspection.models import Inspection
from jintu.foundation.journal import Actor
from jintu.foundation.layers import exporting, importing, overlaying, publishing
from jintu.foundation.layers.mapping import Mapping, load
from jintu.foundation.layers.models import LayerVersion
from jintu.kernel import crs, formats
from jintu.kernel.errors import InputError
from jintu.kernel.flat import Polygons

pytestmark = [pytest.mark.shared, pytest.mark.django_db(transaction=True)]

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
COUNTY = "H"
ZONING = DATA / "tw-landuse-zoning" / "shared" / f"tw_zoning_{COUNTY}.parquet"
TOWNS = DATA / "tw-admin-atlas" / "towns-10t.json"
GEOD = pyproj.Geod(a=6378137, rf=298.257222101)


@pytest.fixture
def mapping(db) -> Mapping:
    return load("planning.TDYTQ", "tw-urban-zoning")


@pytest.fixture
def plan(mapping):
    return importing.import_layer(
        "planning.TDYTQ", ZONING, "710000", dt.date(2020, 1, 1), mapping=mapping, actor=Actor(), good_only=True
    )


def raw(kinds: Mapped[str, str], left_out: set[int]) -> dict[str, list]:
    """Zones by kind in lon/lat: read by pyarrow, projected back by pyproj, kinds by the table of the mapping."""
    table = pq.read_table(ZONING, columns=["分區類", "geometry"])
    back = pyproj.Transformer.from_crs("EPSG:3826", "EPSG:3824", always_xy=True)
    found = defaultdict(list)
    for row, (name, wkb) in enumerate(zip(*(c.to_pylist() for c in table.columns), strict=True), start=1):
        if row in left_out:
            continue
        shape = shapely.from_wkb(wkb)
        lonlat = shapely.transform(shape, lambda xy: np.column_stack(back.transform(xy[:, 0], xy[:, 1])))
        found[kinds.get(name, kinds["*"])].append(lonlat)
    return found


def areas(outline, zones: dict[str, list]) -> dict[str, float]:
    """Ellipsoidal m² of each kind inside an outline: intersected by Shapely, measured by pyproj.

    An outline's edge is straight in longitude and latitude, pyproj's is a geodesic: over a kilometre of a town's border
    they enclose some square metres. Cut into pieces of 20 m they are the same line.
    """
    sums = {}
    for kind, shapes in zones.items():
        near = shapely.STRtree(shapes).query(outline)
        parts = shapely.intersection([shapes[i] for i in near], outline) if len(near) else []
        total = sum(abs(GEOD.geometry_area_perimeter(shapely.segmentize(p, 0.0002))[0]) for p in _surfaces(parts))
        if total > 0.01:
            sums[kind] = total
    return sums


def _surfaces(parts):
    """Polygons of intersections, which may also leave lines and points; oriented so that holes count against them."""
    for part in parts:
        for piece in shapely.get_parts(part):
            if piece.geom_type == "Polygon" and not piece.is_empty:
                yield shapely.orient_polygons(piece)


def occupied(outlines, version) -> list[dict[str, float]]:
    """The same by the product."""
    sums: list[dict[str, float]] = [defaultdict(float) for _ in outlines]
    found = overlaying.by_attributes(Polygons.from_shapely(outlines), [version], ["zone_type"])
    for row, (kind,), area, _version in found:
        sums[row][kind] += area
    return [{k: a for k, a in s.items() if a > 0.01} for s in sums]


def same(ours: dict[str, float], theirs: dict[str, float]) -> None:
    assert ours.keys() == theirs.keys()
    for kind, area in theirs.items():
        assert ours[kind] == pytest.approx(area, rel=1e-8, abs=0.01), kind


def towns() -> dict[str, object]:
    """Town outlines of the county from TopoJSON: arcs are delta-encoded integers, a negative index runs backwards."""
    topology = json.loads(TOWNS.read_text(encoding="utf-8"))
    scale, shift = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = [np.cumsum(arc, axis=0) * scale + shift for arc in topology["arcs"]]

    def ring(indices):
        lines = [arcs[i] if i >= 0 else arcs[~i][::-1] for i in indices]
        return np.concatenate([lines[0], *(line[1:] for line in lines[1:])])

    found = {}
    for town in topology["objects"]["towns"]["geometries"]:
        if town["properties"]["COUNTYID"] != COUNTY:
            continue
        polygons = town["arcs"] if town["type"] == "MultiPolygon" else [town["arcs"]]
        shapes = [shapely.Polygon(ring(p[0]), [ring(h) for h in p[1:]]) for p in polygons]
        found[town["properties"]["TOWNNAME"]] = shapes[0] if len(shapes) == 1 else shapely.MultiPolygon(shapes)
    return found


def test_another_datum_is_taken_for_ours_only_on_the_operators_word(mapping):
    with pytest.raises(InputError, match=r"3826|TWD97"):
        importing.import_layer(
            "planning.TDYTQ", ZONING, "710000", dt.date(2020, 1, 1), mapping=replace(mapping, take_as_cgcs2000=False)
        )
    assert not LayerVersion.objects.exists()


def test_zoning_as_a_plan_layer(plan):
    read = pq.read_metadata(ZONING).num_rows
    assert plan.rows + plan.refused == read == 7770
    assert plan.refused < 0.01 * read
    table = plan.version.table(["zone_no", "zone_type", "note", "zone_area_m2"])
    assert set(table["zone_type"].to_pylist()) <= {"020", "030", "060", "070", "080", "090", "990"}
    codes = table["zone_no"].to_pylist()
    assert all(isinstance(c, str) and c.startswith(COUNTY) for c in codes), "plan codes stay text"
    # every invalid outline is left out, and nothing that Shapely and the file hold right
    shapes = shapely.from_wkb(pq.read_table(ZONING, columns=["geometry"])["geometry"].to_pylist())
    wrong = {i + 1 for i in np.flatnonzero(~shapely.is_valid(shapes))}
    assert wrong <= {p.place.row for p in plan.problems}


def test_a_foreign_plane_is_inspected_and_its_errors_lie_on_the_map(mapping):
    found = importing.import_layer(
        "planning.TDYTQ",
        ZONING,
        "710000",
        dt.date(2020, 1, 1),
        mapping=mapping,
        actor=Actor(),
        good_only=True,
        draft=True,
    )
    judged = publishing.settle([found.version], Actor())[found.version.pk]
    errors, _count = keeping.errors_of(Inspection.objects.get(pk=judged.inspection), count=10_000)
    west, south, east, north = shapely.total_bounds([shapely.from_wkb(e["geometry"]) for e in errors if e["geometry"]])
    assert 119 < west < east < 123 and 21 < south < north < 26


def test_a_foreign_plane_goes_out_as_it_came_in_and_as_vct_in_degrees(plan, tmp_path):
    exporting.write(plan.version, tmp_path / "zones.gpkg", "gpkg")
    exporting.write(plan.version, tmp_path / "zones.vct", "vct")
    assert 100_000 < pyogrio.read_info(tmp_path / "zones.gpkg")["total_bounds"][0] < 400_000
    written = formats.read(tmp_path / "zones.vct", layer="TDYTQ")
    assert crs.parse(written.require_crs()) == crs.WORKING


def test_areas_of_a_square_and_of_towns(plan, mapping):
    zones = raw(mapping.values["zone_type"], {p.place.row for p in plan.problems})
    assert sum(map(len, zones.values())) == plan.rows
    west, south, east, north = plan.version.bbox
    x, y = (west + east) / 2, (south + north) / 2
    square = shapely.box(x - 0.02, y - 0.02, x + 0.02, y + 0.02)
    (ours,) = occupied([square], plan.version)
    theirs = areas(square, zones)
    assert theirs, "the square lies over the plan"
    same(ours, theirs)

    outlines = towns()
    assert len(outlines) == 13
    met = 0
    for town, ours in zip(outlines, occupied(list(outlines.values()), plan.version), strict=True):
        theirs = areas(outlines[town], zones)
        same(ours, theirs)
        met += bool(theirs)
    assert met >= 10, "most towns have a plan"
