"""Real zoning polygons of ``tw-landuse-zoning`` as a plan layer, against an independent computation."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pyproj
import pytest
import shapely

from jintu.foundation.identity.scope import Scope
from jintu.foundation.layers import analysis, importing, outlines, overlaying
from jintu.foundation.layers.mapping import Mapping

DATA = Path(__file__).resolve().parents[6] / "shared" / "data"
ZONING = DATA / "tw-landuse-zoning" / "shared" / "tw_zoning_J.parquet"
TOWNS = DATA / "tw-admin-atlas" / "towns-10t.json"
GEOD = pyproj.Geod(a=6378137, rf=298.257222101)
DAY = date(2020, 12, 31)

pytestmark = [pytest.mark.shared, pytest.mark.django_db]

ZONES = {
    "住宅區": "030",
    "商業區": "030",
    "乙種工業區": "050",
    "工業區": "050",
    "農業區": "020",
    "保護區": "070",
    "風景區": "060",
    "*": "990",
}


@pytest.fixture
def zoning():
    """The file as TDYTQ of a division of the tests; TWD97 is taken for CGCS2000 on the operator's word, unshifted."""
    mapping = Mapping.of(
        {
            "columns": {"zone_type": "使用分", "zone_no": "計畫區"},
            "constants": {"feature_code": "2003020110"},
            "values": {"zone_type": ZONES},
            "sequence": "bsm",
            "area": "zone_area_m2",
            "take_as_cgcs2000": True,
        },
        "tw-landuse-zoning",
    )
    return importing.import_layer("planning.TDYTQ", ZONING, "990122", DAY, mapping=mapping, good_only=True)


def source() -> tuple[np.ndarray, list[str | None]]:
    """The file read without our code: outlines in degrees (projection undone by PROJ), zone names."""
    import pyarrow.parquet as pq

    table = pq.read_table(ZONING)
    geo = json.loads(table.schema.metadata[b"geo"])
    shapes = shapely.from_wkb(table.column(geo["primary_column"]).to_pylist())
    crs = pyproj.CRS(geo["columns"][geo["primary_column"]]["crs"])
    back = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    shapes = shapely.transform(shapely.force_2d(shapes), lambda p: np.column_stack(back.transform(*p.T)))
    return shapes, table.column("使用分").to_pylist()


def geodesic(shape) -> float:
    """Edges are cut into ten-metre pieces: PROJ joins vertices by geodesics, we by lines straight in degrees."""
    shape = shapely.segmentize(shape, 1e-4)
    parts = [p for g in shapely.get_parts([shape]) for p in shapely.get_parts(g) if p.geom_type == "Polygon"]
    return sum(abs(GEOD.geometry_area_perimeter(p)[0]) for p in parts)


def independent(shapes: np.ndarray, names: list[str | None], area) -> dict[str, float]:
    """Area by zone code: GEOS cuts, PROJ measures."""
    sums: dict[str, float] = {}
    for i in shapely.STRtree(shapes).query(area):
        if not shapes[i].is_valid:
            continue  # those are the rows our import left out
        cut = shapely.intersection(shapes[i], area)
        code = ZONES.get((names[i] or "").strip(), ZONES["*"])
        sums[code] = sums.get(code, 0.0) + geodesic(cut)
    return {c: a for c, a in sums.items() if a > 0.5}


def test_plan_codes_stay_text_and_every_row_is_accounted_for(zoning) -> None:
    shapes, _ = source()
    assert zoning.rows + zoning.refused == len(shapes)
    assert zoning.refused == len({p.place.row for p in zoning.problems})
    codes = zoning.version.table(["zone_no"])["zone_no"].to_pylist()
    assert all(c is None or not c.isdigit() or c == str(c) for c in codes) and any(
        str(c).startswith("I") or c for c in codes
    )
    assert zoning.version.crs == "EPSG:3826"


def test_a_drawn_square_has_the_areas_of_an_independent_computation(zoning) -> None:
    shapes, names = source()
    x, y = np.median(shapely.get_coordinates(shapely.centroid(shapes)), axis=0)
    square = shapely.box(x - 0.03, y - 0.02, x + 0.033, y + 0.024)
    expected = independent(shapes, names, square)
    assert len(expected) >= 3
    outline = outlines.from_geojson(shapely.to_geojson(square))
    answer = analysis.analyse(outline, Scope(("990122",), 0, frozenset({"view"})), DAY)
    found = {e["code"]: e["area_m2"] for e in answer["zones"]["classes"] if e["area_m2"] > 0.5}
    assert found.keys() == expected.keys()
    for code, area in expected.items():
        assert found[code] == pytest.approx(area, rel=1e-7, abs=0.05)


def test_the_towns_have_the_areas_of_an_independent_computation(zoning) -> None:
    from jintu.kernel.flat import Polygons

    shapes, names = source()
    box = shapely.box(*zoning.version.bbox)
    towns = [t for t in _towns() if shapely.intersects(t, box)]
    assert towns
    towns = [p for t in towns for p in [shapely.make_valid(t)] if p.geom_type in ("Polygon", "MultiPolygon")]
    found = overlaying.by_attribute(Polygons.from_shapely(towns), [zoning.version], "zone_type")
    sums: dict[int, dict[str, float]] = {}
    for town, code, area, _version in found:
        sums.setdefault(town, {})[code] = area
    checked = 0
    for k, town in enumerate(towns):
        expected = independent(shapes, names, town)
        got = {c: a for c, a in sums.get(k, {}).items() if a > 0.5}
        assert got.keys() == expected.keys()
        for code, area in expected.items():
            assert got[code] == pytest.approx(area, rel=1e-7, abs=0.05)
            checked += 1
    assert checked >= 3


def _towns() -> list:
    """Polygons of the TopoJSON, read by its specification: delta-encoded arcs under a transform."""
    facts = json.loads(TOWNS.read_text(encoding="utf-8"))
    scale, shift = facts["transform"]["scale"], facts["transform"]["translate"]
    arcs = [np.cumsum(np.array(a), axis=0) * scale + shift for a in facts["arcs"]]

    def ring(numbers: list[int]) -> np.ndarray:
        parts = [arcs[n] if n >= 0 else arcs[~n][::-1] for n in numbers]
        return np.concatenate([parts[0], *(p[1:] for p in parts[1:])])

    made = []
    for item in facts["objects"]["towns"]["geometries"]:
        polygons = (
            [item["arcs"]] if item["type"] == "Polygon" else item["arcs"] if item["type"] == "MultiPolygon" else []
        )
        shells = [shapely.Polygon(ring(p[0]), [ring(h) for h in p[1:]]) for p in polygons if len(ring(p[0])) >= 4]
        if shells:
            made.append(shapely.MultiPolygon(shells))
    return made
