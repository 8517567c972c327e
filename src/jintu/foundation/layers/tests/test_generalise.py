"""The generalised picture: how far it goes, what it costs in memory, and that it is the same every time."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from jintu.foundation.layers import content, dissolving, drawing, generalise, importing, lake, rowgroups, schemas
from jintu.foundation.layers.features import Features
from jintu.kernel.flat import Polygons

from . import grid
from .test_tiles import decoded, where

SIDE = 0.0004
"""Degrees: the cells of the field below are some 40 m wide."""


def field(columns: int, rows: int, side: float = SIDE) -> Polygons:
    """Squares side by side, near 118°E 36°N."""
    i, j = (a.ravel() for a in np.meshgrid(np.arange(columns), np.arange(rows)))
    west, south = 118 + i * side, 36 + j * side
    return Polygons.from_shapely(shapely.box(west, south, west + side, south + side))


def source(columns: int, rows: int, side: float = SIDE, classes: int = 3) -> dissolving.InMemory:
    polygons = field(columns, rows, side)
    values = (np.arange(len(polygons)) // 7 % classes).astype(np.int32)
    return dissolving.InMemory(polygons, values, [str(n) for n in range(classes)])


@pytest.mark.parametrize(
    ("cells", "side", "finest"), [(10, SIDE, 11), (100, 6 * SIDE, 11), (100, 3 * SIDE, 12), (100, SIDE, 13)]
)
def test_the_picture_goes_on_where_tiles_of_features_would_be_too_full(cells: int, side: float, finest: int) -> None:
    """A tile of zoom 13 is some 110 × 89 of the narrow cells; of those three times as wide a tenth, of zoom 12 4 300."""
    assert generalise.finest_of(source(cells, cells, side)) == finest


def test_a_dense_field_is_a_level_for_each_zoom_without_gaps(monkeypatch) -> None:
    monkeypatch.setattr(dissolving, "BLOCK", 32)
    found: dict[int, list] = {}
    for level, codes, shapes in dissolving.areas_of(source(60, 60), True, 13):
        assert len(codes) == len(shapes) and shapely.is_valid(shapes).all()
        found.setdefault(level, []).extend(shapes.tolist())
    assert set(found) >= set(range(6, 14))
    whole = (60 * SIDE) ** 2
    for level, shapes in found.items():
        union = shapely.union_all(shapes)
        assert shapely.area(shapes).sum() == pytest.approx(union.area, rel=1e-9)
        if level > 9:
            assert union.area == pytest.approx(whole, rel=0.1)
            assert not any(p.interiors for p in shapely.get_parts(union))


@pytest.mark.django_db
def test_no_more_than_the_kept_row_groups_are_in_memory(tmp_path, monkeypatch) -> None:
    """Counted in rows that are decoded and not let go, over a version of 25 row groups of 144."""
    monkeypatch.setattr(content, "ROW_GROUP", 144)
    schema, target = _written(tmp_path, 60)
    monkeypatch.setattr(dissolving, "BLOCK", 32)
    monkeypatch.setattr(dissolving, "KEPT_BYTES", 4 * 144 * 150)
    on_disc = dissolving.OnDisc(target, schema)
    most, read = 0, []
    plain = dissolving.OnDisc._read

    def counted(self, number: int):
        nonlocal most
        read.append(number)
        made = plain(self, number)
        most = max(most, sum(len(f.values) for f, _size in list(self.kept.kept.values())))
        return made

    monkeypatch.setattr(dissolving.OnDisc, "_read", counted)
    assert len(on_disc.index.boxes) == 25
    assert sum(len(s) for _, _, s in dissolving.areas_of(on_disc, True, 13)) > 50
    assert set(read) == set(range(25))
    assert 0 < most <= 6 * 144


@pytest.mark.django_db
def test_the_picture_is_the_same_bytes_every_time_and_from_memory_too(tmp_path) -> None:
    schema, target = _written(tmp_path, 40)
    generalise.write_low(target, schema)
    first = (target / lake.LOW).read_bytes()
    generalise.write_low(target, schema)
    assert (target / lake.LOW).read_bytes() == first
    table = lake.read(target, [schema.classes, "geometry"])
    codes = generalise.low_classes(schema, table.column(schema.classes).to_pylist())
    names = sorted(set(codes))
    values = np.array([names.index(c) for c in codes], dtype=np.int32)
    polygons = Polygons.from_wkb(table.column("geometry"))
    generalise.write_areas(tmp_path / "again.parquet", polygons, values, names, schema.partition)
    assert pq.read_table(tmp_path / "again.parquet").equals(pq.read_table(target / lake.LOW))


def _written(tmp_path, side: int):
    """The field as the files of a version of land use."""
    import pyarrow as pa

    from jintu.foundation.layers import schemas

    schema, polygons = schemas.get("survey.DLTB"), field(side, side)
    n = len(polygons)
    table = pa.table(
        {
            schema.key: [str(k) for k in range(n)],
            schema.classes: [grid.CLASSES[k // 7 % len(grid.CLASSES)] for k in range(n)],
            "geometry": pa.array(shapely.to_wkb(polygons.to_shapely(), byte_order=1), pa.large_binary()),
        }
    )
    target = tmp_path / "version"
    target.mkdir()
    content.write(target, table, schema=schema.name, crs="EPSG:4490", key=schema.key)
    return schema, target


@pytest.mark.django_db
def test_versions_of_two_levels_are_served_from_what_they_have(tmp_path) -> None:
    """Without boxes, of zoom 8 and 11, as they were written before there was a level for each zoom."""
    version = importing.import_layer("DLTB", grid.dltb(tmp_path / "a.gpkg"), "990121", date(2024, 12, 31)).version
    path = version.directory / lake.LOW
    now = pq.read_table(path)
    with pq.ParquetWriter(path, now.drop_columns([lake.BBOX]).schema, compression="zstd") as writer:
        for level in (11, 8):
            rows = np.array([at == level for at in now.column("level").to_pylist()])
            writer.write_table(now.filter(rows).drop_columns([lake.BBOX]))
    served = {4: 8, 8: 8, 9: 11, 11: 11, 12: None}
    assert {zoom: rowgroups.level_of(path, zoom) for zoom in served} == served

    def made(zoom: int) -> bytes:  # not through the cache: another test's version has the same key
        return drawing.packed(drawing.encoded([version], *where(zoom)))

    for zoom in (9, 10, 11):
        features = decoded(made(zoom))["survey.DLTB"]["features"]
        assert features and all("key" not in f["properties"] for f in features)
    near: Features = rowgroups.picture(path, 11, version.bbox)
    assert len(near) == sum(at == 11 for at in now.column("level").to_pylist())
    features = decoded(made(12))["survey.DLTB"]["features"]
    assert all(f["properties"]["key"] for f in features)


def test_halving_lets_no_class_win_every_tie() -> None:
    """Of a chequer-board of two classes half is left of either, level after level."""
    from jintu.kernel import labels

    grid_ = (np.indices((64, 64)).sum(axis=0) % 2).astype(np.int32)
    halved = labels.majority(grid_, 2, 2)
    assert 0.4 < halved.mean() < 0.6
    edge = np.full((64, 64), -1, dtype=np.int32)
    edge[:, :33] = 0  # the border runs through the middle of squares
    assert 0.3 < (labels.majority(edge, 2, 1)[:, 16] == 0).mean() < 0.7


# -- lines and points ----------


def written(target, schema, codes, shapes, rows: int):
    """A version's file with row groups of so many rows, as far as the picture reads it."""
    columns = {schema.classes: pa.array(codes)} if schema.classes else {}
    table = pa.table(columns | {lake.GEOMETRY: pa.array(list(shapely.to_wkb(shapes)), pa.binary())})
    pq.write_table(table, target / lake.DATA, row_group_size=rows)
    return target


points = st.lists(
    st.tuples(st.floats(118, 118.1), st.floats(36, 36.1), st.sampled_from(["104", "117"])), min_size=1, max_size=60
)


@given(points)
def test_points_are_the_same_by_row_groups_and_at_once(tmp_path_factory, rows) -> None:
    schema = schemas.get("survey.LXDW")
    shapes, codes = shapely.points([r[:2] for r in rows]), [r[2] for r in rows]
    target = written(tmp_path_factory.mktemp("points"), schema, codes, shapes, 3)
    pieces = generalise._first_points(target, schema)
    table = lake.read(target, generalise._columns(schema))
    whole = generalise._sparse(*generalise._coded(table, schema), dissolving.pixel(generalise.LEAST_FINE))
    assert pieces[0].tolist() == whole[0].tolist()
    assert [p.wkb for p in pieces[1]] == [p.wkb for p in whole[1]]


@pytest.mark.parametrize("name", ["survey.XZDW", "survey.JZX"])
def test_lines_go_on_from_row_group_to_row_group(tmp_path, name) -> None:
    schema = schemas.get(name)
    x = np.linspace(118, 118.5, 2001)
    way = np.column_stack((x, 36 + 0.02 * np.sin(60 * x)))
    shapes = [shapely.LineString(way[i : i + 11]) for i in range(0, 2000, 10)]
    target = written(tmp_path, schema, ["104"] * len(shapes), shapes, 16)
    levels = {level: lines for level, _codes, lines in generalise._points_or_lines(target, schema)}
    (line,) = levels[generalise.LEAST_FINE]
    size = dissolving.pixel(generalise.LEAST_FINE)
    assert shapely.get_num_coordinates(line) < 400
    assert shapely.hausdorff_distance(line, shapely.LineString(way), densify=0.01) < 1.5 * size
    assert {line.coords[0], line.coords[-1]} == {tuple(way[0]), tuple(way[-1])}
    assert len(levels[dissolving.LOWEST]) <= 1
