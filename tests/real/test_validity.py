"""Peer check of the inspection: outlines of real layers are called invalid exactly where GEOS calls them so."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pyogrio
import pyproj
import pytest
import shapely

from jintu.domains.survey.rules import topology
from jintu.foundation.checks import parameters
from jintu.foundation.checks.inspection import loading
from jintu.foundation.checks.inspection.running import inspect
from jintu.foundation.checks.inspection.tables import Dataset, Table
from jintu.foundation.journal import Actor
from jintu.foundation.layers import importing, schemas
from jintu.foundation.layers.mapping import Mapping

pytestmark = [pytest.mark.shared, pytest.mark.django_db(transaction=True)]

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
DAY = dt.date(2020, 1, 1)
FILES = (
    *(f"tw-landuse-zoning/shared/tw_zoning_{county}.parquet" for county in "FGHIJKLMQ"),
    "pittsburgh-zoning/data/Zoning.shp",
    "qgis-training-swellendam/exercise_data/projected_data/farms_33S.shp",
    "fr-cadastre-edigeo/shared/parcels_13029_A01.gpkg",
)
INVALID = {"tw-landuse-zoning/shared/tw_zoning_H.parquet", "pittsburgh-zoning/data/Zoning.shp"}
"""Files of which we know that they hold invalid outlines: without them nothing would be compared."""
MAPPING = Mapping(
    constants={"feature_code": "2003020110", "zone_type": "990", "zone_no": "1"},
    sequence="bsm",
    area="zone_area_m2",
    take_as_cgcs2000=True,
)
"""Any file as land-use zones: the columns do not matter here."""


class Raw(Table):
    """Outlines in the file's own system, whatever it is; errors stay there."""

    def placed(self, shapes):
        return list(shapely.to_wkb(shapes, byte_order=1))


def delivered(name: str) -> list[bytes | None]:
    """The outlines of a file as it holds them, read without us."""
    path = DATA / name
    if path.suffix == ".parquet":
        return pq.read_table(path, columns=["geometry"])["geometry"].to_pylist()
    return list(pyogrio.raw.read(path, columns=[])[2])


def projected(name: str, shape: shapely.Geometry) -> shapely.Geometry:
    """In longitude and latitude of the file's own datum, as a foreign system is taken in."""
    own = pyproj.CRS(pyogrio.read_info(DATA / name)["crs"])
    change = pyproj.Transformer.from_crs(own, own.geodetic_crs, always_xy=True)
    return shapely.transform(shapely.force_2d(shape), lambda p: np.column_stack(change.transform(*p.T)))


def told(t: Table) -> set[int]:
    """Rows of which Q3101 says that they are not valid."""
    given = dict(parameters.in_force(DAY, ()))
    report = inspect(Dataset({t.schema.table: t}, DAY), given, rules=[topology.valid_outlines])
    assert all(o.ran for o in report.outcomes)
    return set(report.errors["row"].to_list())


@pytest.mark.parametrize("name", FILES)
def test_the_rule_agrees_with_geos_case_by_case(name):
    wkb = [w for w in delivered(name) if w is not None and int.from_bytes(w[1:5], "little") % 1000 in (3, 6)]
    column = pl.Series(wkb, dtype=pl.Binary)
    schema = schemas.get("TDYTQ")
    frame = pl.DataFrame({schema.key: [str(k) for k in range(len(wkb))]})
    shapes = shapely.from_wkb(wkb)
    theirs = set(np.flatnonzero(~shapely.is_valid(shapes)).tolist())
    ours = told(Raw(schema, frame, column, column))
    assert ours == theirs, [shapely.is_valid_reason(shapes[i]) for i in sorted(ours ^ theirs)[:5]]
    if name in INVALID:
        assert theirs


@pytest.mark.parametrize("name", FILES)
def test_what_is_loaded_is_valid_and_what_is_left_out_is_not(name):
    result = importing.import_layer(
        "planning.TDYTQ", DATA / name, "710000", DAY, mapping=MAPPING, actor=Actor(), good_only=True
    )
    wkb = delivered(name)
    first = 1 if not name.endswith(".gpkg") else int(pyogrio.raw.read(DATA / name, return_fids=True)[1][0])
    shapes = dict(enumerate(shapely.from_wkb(wkb), start=first))
    theirs = {row for row, shape in shapes.items() if shape is not None and not shapely.is_valid(shape)}
    ours = {p.place.row for p in result.problems if p.place.field == "geometry"}
    assert theirs <= ours, "every invalid outline is left out"
    for row in ours - theirs:  # valid as delivered and left out all the same: it has no outline of the kind, or none
        outline = shapes[row] is not None and shapes[row].geom_type in ("Polygon", "MultiPolygon")
        assert not outline or not shapely.is_valid(projected(name, shapes[row])), row  # once it is projected
    t = loading.table_of(result.version)
    kept = shapely.from_wkb((t.wkb if t.plane_wkb is None else t.plane_wkb).to_numpy())
    assert told(t) == set(np.flatnonzero(~shapely.is_valid(kept)).tolist()) == set()
