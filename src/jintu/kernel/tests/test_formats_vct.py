"""VCT: what was written is read again, and what hands and programs wrote badly is told by its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon, box

from jintu.kernel import formats
from jintu.kernel.errors import InputError, Unsupported
from jintu.kernel.formats import vct

CRS = "EPSG:4528"
EAST, NORTH = 40_383_000.0, 4_013_000.0

HEAD = """HeadBegin
DataMark:LANDUSE-VCT
Version:3.0
CoordinateSystemType:P
Dim:2
XAxisDirection:E
YAxisDirection:N
XYUnit:M
Spheroid:CGCS2000,6378137.0,298.257222101
PrimeMeridian:Greenwich
Projection:高斯-克吕格投影
Parameters:120,1,40500000,0,3,40
Date:20251231
Separator:,
HeadEnd

FeatureCodeBegin
2001010100,地类图斑,Polygon,DLTB
2001020100,线状地物,Line,XZDW
2006030100,界址点,Point,JZD
1000600101,行政区注记,Annotation,ZJ
FeatureCodeEnd

TableStructureBegin
DLTB,3
BSM,Int,10
DLMC,Char,60
TBMJ,Float,15,2
0
XZDW,1
BSM,Int,10
0
JZD,2
BSM,Int,10
BGRQ,Date,8
0
ZJ,1
BSM,Int,10
0
QLR,2,NoneGeometry
BSM,Int,10
QLRMC,Char,60
0
TableStructureEnd

"""


def _file(tmp_path: Path, body: str, *, head: str = HEAD, encoding: str = "gbk") -> Path:
    path = tmp_path / "样本.vct"
    path.write_bytes((head + body).encode(encoding))
    return path


def _vertices(*points: tuple[float, float]) -> str:
    return "".join(f"{EAST + x},{NORTH + y}\n" for x, y in points)


def _line(number: int, *points: tuple[float, float]) -> str:
    return f"{number}\n1099000000\nunknown\n1\n1\n11\n{len(points)}\n{_vertices(*points)}0\n\n"


def _by_lines(number: int, *references: int) -> str:
    return (
        f"{number}\n2001010100\nunknown\n100\n{_vertices((0, 0))}21\n{len(references)}\n"
        + "\n".join(",".join(map(str, references[k : k + 8])) for k in range(0, len(references), 8))
        + "\n0\n"
    )


def _attributes(**tables: str) -> str:
    parts = "".join(f"{name}\n{rows}TableEnd\n" for name, rows in tables.items())
    return f"AttributeBegin\n{parts}AttributeEnd\n"


def _shapes(source: formats.Source) -> list[Any]:
    return [shapely.from_wkb(w) if w else None for w in source.table().column("geometry").to_pylist()]


TWO = (
    "LineBegin\n"
    + _line(1, (0, 0), (0, 10), (10, 10))
    + _line(2, (10, 10), (10, 0))  # shared
    + _line(3, (10, 0), (0, 0))
    + _line(4, (10, 10), (20, 10), (20, 0), (10, 0))
    + _line(5, (2, 2), (4, 2), (4, 4), (2, 4), (2, 2))  # an island
    + "LineEnd\n"
)


def test_polygons_of_shared_lines_with_an_island(tmp_path) -> None:
    body = TWO + "PolygonBegin\n" + _by_lines(11, 1, 2, 3, 0, -5) + _by_lines(12, 4, -2) + _by_lines(13, 5)
    path = _file(tmp_path, body + "PolygonEnd\n" + _attributes(DLTB="11,1,水田,96.00\n12,2,旱地,100\n13,3,,4\n"))
    with formats.read(path, layer="DLTB") as source:
        assert (source.crs, source.encoding) == (CRS, "gb18030")
        table = source.table()
        assert table.column("DLMC").to_pylist() == ["水田", "旱地", None]
        assert table.column("TBMJ").to_pylist() == [96.0, 100.0, 4.0]
        shapes = _shapes(source)
        assert source.problems == []
    assert [s.area for s in shapes] == [96.0, 100.0, 4.0]
    assert len(shapes[0].interiors) == 1
    assert shapes[0].bounds == (EAST, NORTH, EAST + 10, NORTH + 10)


def test_rings_without_zeros_end_where_they_began(tmp_path) -> None:
    path = _file(
        tmp_path,
        TWO + "PolygonBegin\n" + _by_lines(11, 1, 2, 3, -5) + "PolygonEnd\n" + _attributes(DLTB="11,1,水田,1\n"),
    )
    with formats.read(path, layer="DLTB") as source:
        assert _shapes(source)[0].area == 96.0


def test_parts_and_islands_in_islands_are_told_by_what_holds_what(tmp_path) -> None:
    lines = "".join(
        _line(n, (a, a), (b, a), (b, b), (a, b), (a, a))
        for n, (a, b) in enumerate(((4, 6), (0, 10), (2, 8), (20, 30)), 1)
    )
    body = f"LineBegin\n{lines}LineEnd\nPolygonBegin\n{_by_lines(9, 1, 0, 2, 0, 3, 0, 4)}PolygonEnd\n"
    with formats.read(_file(tmp_path, body + _attributes(DLTB="9,1,x,1\n")), layer="DLTB") as source:
        (shape,) = _shapes(source)
    assert shape.geom_type == "MultiPolygon"
    assert sorted(p.area for p in shape.geoms) == [4.0, 64.0, 100.0]


def test_attributes_in_another_order_find_their_objects(tmp_path) -> None:
    body = TWO + "PolygonBegin\n" + _by_lines(11, 1, 2, 3) + _by_lines(12, 4, -2) + "PolygonEnd\n"
    path = _file(tmp_path, body + _attributes(DLTB="12,2,b,1\n99,3,c,1\n11,1,a,1\n"))
    with formats.read(path, layer="DLTB") as source:
        assert [s and s.area and s.bounds[0] for s in _shapes(source)] == [EAST + 10, None, EAST]


def test_objects_without_a_row_are_told(tmp_path) -> None:
    body = TWO + "PolygonBegin\n" + _by_lines(11, 1, 2, 3) + _by_lines(12, 4, -2) + "PolygonEnd\n"
    with formats.read(_file(tmp_path, body + _attributes(DLTB="11,1,a,1\n")), layer="DLTB") as source:
        source.table()
        assert any("1 objects of DLTB" in str(n) and "12" in str(n) for n in source.notices)


@pytest.mark.parametrize(
    ("references", "sentence"),
    [((1, 2), "not closed"), ((1, 3, 2), "not closed"), ((1, 2, 77), "line 77"), ((1, 2, 3, 0, 4), "not closed")],
)
def test_a_boundary_that_does_not_close_is_a_problem_of_its_row(tmp_path, references, sentence) -> None:
    body = TWO + "PolygonBegin\n" + _by_lines(11, *references) + _by_lines(12, 4, -2) + "PolygonEnd\n"
    path = _file(tmp_path, body + _attributes(DLTB="11,1,a,1\n12,2,b,1\n"))
    with formats.read(path, layer="DLTB") as source:
        assert source.table().column("BSM").to_pylist() == [2]
        (problem,) = source.problems
    assert sentence in str(problem)
    assert problem.place.row == path.read_bytes().split(b"\n").index(b"11") + 1 or problem.place.row is not None
    assert problem.place.field == "geometry"


def test_the_edition_of_1999(tmp_path) -> None:
    head = (
        "HeadBegin\nDataMark:CNSDTF-VCT\nVersion:1.0\nUnit:M\nDim:2\nTopo:0\nCoordinate:M\nProjection:高斯-克吕格投影\n"
        "Spheroid:西安80\nParameters:6378140,298.257\nMeridian:120\nMinX:40383000\nMinY:4013000\nMaxX:40384000\n"
        "MaxY:4014000\nScaleM:10000\nDate:20091231\nSeparator:,\nHeadEnd\nFeatureCodeBegin\n"
        "2001010100,地类图斑,Polygon,255,DLTB\n2001020100,线状地物,Line,0,XZDW\n2006030100,界址点,Point,0,JZD\n"
        "FeatureCodeEnd\nTableStructureBegin\nDLTB,1\nBSM,Integer\n0\nXZDW,1\nBSM,Integer\n0\nJZD,1\nBSM,Integer\n0\n"
        "TableStructureEnd\n"
    )
    body = (
        "PointBegin\n1\n2006030100\nJZD\n1\n40383000,4013000\n0\nPointEnd\n"
        "LineBegin\n2\n2001020100\nXZDW\n1\n2\n40383000,4013000\n40383100,4013000\n0\nLineEnd\n"
        "PolygonBegin\n3\n2001010100\nDLTB\n40383005,4013005\n5\n40383000,4013000\n40383010,4013000\n40383010,4013010\n"
        "40383000,4013010\n40383000,4013000\n4\n40383002,4013002\n40383004,4013002\n40383004,4013004\n40383002,4013002\n"
        "0\nPolygonEnd\n" + _attributes(DLTB="3\n", XZDW="2\n", JZD="1\n")
    )
    path = _file(tmp_path, body, head=head)
    with formats.read(path, layer="DLTB") as source:
        assert source.crs == "EPSG:2364"  # Xian 1980, three-degree zone 40
        assert [s.area for s in _shapes(source)] == [98.0]
    with formats.read(path, layer="XZDW") as source:
        assert [s.length for s in _shapes(source)] == [100.0]
    with formats.read(path, layer="JZD") as source:
        assert [(s.x, s.y) for s in _shapes(source)] == [(EAST, NORTH)]


def test_tables_points_dates_and_annotations(tmp_path) -> None:
    body = (
        "PointBegin\n7\n2006030100\nunknown\n1\n1\n" + _vertices((1, 2)) + "0\nPointEnd\n"
        "AnnotationBegin\n8\n1000600101\nUnknown\n1\n甲村\n" + f"{EAST},{NORTH},45\n0\nAnnotationEnd\n"
        "StyleBegin\nanything\nStyleEnd\n" + _attributes(JZD="7,1,20091231\n", QLR="1,1,某村\n")
    )
    path = _file(tmp_path, "CommentBegin\nwhatever\nCommentEnd\n" + body)
    assert formats.layers(path) == ["DLTB", "XZDW", "JZD", "ZJ", "QLR"]
    with formats.read(path, layer="jzd") as source:
        assert str(source.table().column("BGRQ")[0]) == "2009-12-31"
        assert any("style" in str(n) for n in source.notices)
    with formats.read(path, layer="ZJ") as source:
        row = source.table().to_pylist()[0]
        assert (row["BSM"], row["ZJNR"], row["ZJFX"]) == (8, "甲村", 45.0)
        assert shapely.from_wkb(row["geometry"]) == Point(EAST, NORTH)
    with formats.read(path, layer="QLR") as source:
        assert not source.has_geometry
        assert source.table().to_pylist() == [
            {"__row__": source.table().column("__row__")[0].as_py(), "BSM": 1, "QLRMC": "某村"}
        ]


def test_rows_that_are_wrong_are_told_by_line_and_field(tmp_path) -> None:
    rows = "7,1,20091231\n8,2,20090231\n9,3\n10,x,20091231\n"
    path = _file(tmp_path, _attributes(JZD=rows))
    first = path.read_text("gbk").split("\n").index("7,1,20091231") + 1
    with formats.read(path, layer="JZD") as source:
        assert source.table().column("BSM").to_pylist() == [1]
        told = sorted((p.place.row, p.place.field) for p in source.problems)
    assert told == [(first + 1, "BGRQ"), (first + 2, ""), (first + 3, "BSM")]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("LineBegin\n1\n1\nu\n1\n1\n11\n3\n1,1\n2,2\n0\nLineEnd\n", "a vertex is expected"),
        ("LineBegin\n1\n1\nu\n1\n1\n11\n2\n1,1\n2,x\n0\nLineEnd\n", "a vertex is expected"),
        ("LineBegin\n1\n1\nu\n1\n1\n12\n3\n1,1\n2,2\n3,1\n0\nLineEnd\n", "an arc or a curve"),
        ("LineBegin\n1\n1\nu\n1\n1\n11\n2\n1,1\n2,2\n0\n", "breaks off"),
        ("LineBegin\nA1\n1\nu\n1\n", "identifier"),
        ("PolygonBegin\n1\n1\nu\n7\n0,0\n", "1 (vertices) or 100 (lines)"),
        ("PolygonBegin\n1\n1\nu\n100\n0,0\n21\n2\n1,2,3\n0\nPolygonEnd\n", "3 references, but 2"),
        ("AttributeBegin\nXYZ\n1,1\nTableEnd\nAttributeEnd\n", "XYZ has no structure"),
        ("1,2,3\n", "a section of data"),
    ],
)
def test_a_file_whose_counts_are_wrong_is_refused_with_the_line(tmp_path, body, words) -> None:
    path = _file(tmp_path, body)
    with pytest.raises(InputError) as caught, formats.read(path, layer="DLTB") as source:
        source.table()
    assert words in str(caught.value)
    assert caught.value.place.row and caught.value.remedy


@pytest.mark.parametrize(
    ("entry", "changed", "why"),
    [
        ("Spheroid:CGCS2000,6378137.0,298.257222101", "Spheroid:某椭球,6378137.0,298.25", "stands for no datum"),
        ("Spheroid:CGCS2000,6378137.0,298.257222101", "Spheroid:CGCS2000,6378245,298.3", "not those of CGCS2000"),
        ("Parameters:120,1,40500000,0,3,40", "Parameters:117,1,40500000,0,3,40", "central meridian 120, not 117"),
        ("Parameters:120,1,40500000,0,3,40", "Parameters:120,0.9996,500000,0,3,40", "scale"),
        ("Parameters:120,1,40500000,0,3,40", "Parameters:120,1,40300000,0,3,40", "false easting"),
        ("Parameters:120,1,40500000,0,3,40\n", "", "neither"),
        ("Projection:高斯-克吕格投影", "Projection:Lambert", "Lambert"),
        ("XYUnit:M", "XYUnit:ft", "unit"),
    ],
)
def test_a_crs_that_the_header_does_not_say_is_asked_for(tmp_path, entry, changed, why) -> None:
    path = _file(tmp_path, _attributes(JZD=""), head=HEAD.replace(entry, changed))
    with formats.read(path, layer="JZD") as source:
        assert source.crs is None
        assert any(why in str(n) for n in source.notices)
        with pytest.raises(InputError, match="coordinate reference system"):
            source.table()


@pytest.mark.parametrize(
    ("entry", "changed", "crs"),
    [
        ("", "", "EPSG:4528"),
        ("120,1,40500000,0,3,40", "120,1,500000,0,3,40", "EPSG:4549"),
        ("Parameters:120,1,40500000,0,3,40", "Meridian:117\nExtentMin:20300000,4013000", "EPSG:4498"),
        ("Spheroid:CGCS2000,6378137.0,298.257222101", "Spheroid:IAG-75,6378140,298.257", "EPSG:2364"),
        ("CoordinateSystemType:P", "CoordinateSystemType:D\nXYUnit:D", "EPSG:4490"),
    ],
)
def test_the_crs_of_the_header(tmp_path, entry, changed, crs) -> None:
    head = HEAD.replace(entry, changed) if entry else HEAD
    head = head.replace("XYUnit:D\nDim", "XYUnit:D\nDim").replace(
        "XYUnit:M\n", "" if "XYUnit:D" in head else "XYUnit:M\n"
    )
    with formats.read(_file(tmp_path, _attributes(JZD=""), head=head), layer="JZD") as source:
        assert source.crs == crs


def test_northings_first_and_utf8(tmp_path) -> None:
    head = HEAD.replace("XAxisDirection:E\nYAxisDirection:N", "XAxisDirection:N\nYAxisDirection:E").replace(
        "Separator:,", "Offset:10,0\nSeparator:,"
    )
    body = f"PointBegin\n7\n2006030100\nunknown\n1\n{NORTH},{EAST}\n0\nPointEnd\n" + _attributes(
        JZD="7,1,\n", QLR="1,1,某村\n"
    )
    path = _file(tmp_path, body, head=head, encoding="utf-8-sig")
    with formats.read(path, layer="JZD") as source:
        assert source.encoding == "utf-8"
        assert _shapes(source) == [Point(EAST, NORTH + 10)]


# --- round trips ----------

_texts = st.text(st.characters(codec="gbk", exclude_categories=("C", "Z"), exclude_characters=","), max_size=12)
_metres = st.integers(0, 2_000_000).map(lambda v: v / 1000)


@st.composite
def _polygon(draw) -> Any:
    """Boxes apart from each other, some with a hole: valid whatever the numbers."""
    parts = []
    for k in range(draw(st.integers(1, 3))):
        x, y = EAST + 10_000 * k + draw(_metres), NORTH + draw(_metres)
        w, h = draw(st.integers(4, 900)), draw(st.integers(4, 900))
        shell = box(x, y, x + w, y + h)
        hole = box(x + w / 4, y + h / 4, x + w / 2, y + h / 2)
        parts.append(Polygon(shell.exterior, [hole.exterior]) if draw(st.booleans()) else shell)
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)


_place = st.tuples(_metres.map(lambda v: EAST + v), _metres.map(lambda v: NORTH + v))
_path = st.lists(_place, min_size=2, max_size=6, unique=True).map(LineString)
_kinds = {
    "polygon": _polygon(),
    "line": st.one_of(_path, st.lists(_path, min_size=2, max_size=3).map(MultiLineString)),
    "point": st.one_of(_place.map(Point), st.lists(_place, min_size=2, max_size=4, unique=True).map(MultiPoint)),
}


@pytest.mark.parametrize("kind", list(_kinds))
@settings(max_examples=25, deadline=None)
@given(data=st.data(), version=st.sampled_from(["3.0", "2.0"]), by_lines=st.booleans())
def test_what_is_written_is_read_again(tmp_path_factory, kind, data, version, by_lines) -> None:
    shapes = data.draw(st.lists(st.one_of(st.none(), _kinds[kind]), min_size=1, max_size=6))
    texts = data.draw(st.lists(st.one_of(st.none(), _texts), min_size=len(shapes), max_size=len(shapes)))
    numbers = data.draw(
        st.lists(
            st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)),
            min_size=len(shapes),
            max_size=len(shapes),
        )
    )
    table = pa.table(
        {
            "BSM": list(range(1, len(shapes) + 1)),
            "DLMC": pa.array(texts, pa.string()),
            "TBMJ": pa.array(numbers, pa.float64()),
            "geometry": pa.array(shapely.to_wkb(shapes), pa.binary()),
        }
    )
    path = tmp_path_factory.mktemp("vct") / "a.vct"
    formats.write(path, table, crs=CRS, encoding="gbk", layer="DLTB", geometry=kind, version=version, by_lines=by_lines)
    with formats.read(path, layer="DLTB", encoding="gbk") as source:  # odd characters are guessed wrongly
        found = source.table()
        assert source.problems == [] and source.crs == CRS
    assert found.column("BSM").to_pylist() == table.column("BSM").to_pylist()
    assert found.column("DLMC").to_pylist() == [t or None for t in texts]
    assert found.column("TBMJ").to_pylist() == numbers
    for before, wkb in zip(shapes, found.column("geometry").to_pylist(), strict=True):
        after = shapely.from_wkb(wkb)
        if before is None:
            assert after is None
        else:
            assert shapely.equals(before, after)
            digits = {tuple(p) for p in shapely.get_coordinates(before).tolist()}
            assert {tuple(p) for p in shapely.get_coordinates(after).tolist()} == digits


def test_several_layers_in_one_file(tmp_path) -> None:
    wkb = lambda s: pa.array(shapely.to_wkb([s]), pa.binary())  # noqa: E731
    layers = [
        vct.Layer(
            "DLTB", [pa.table({"BSM": [1], "geometry": wkb(box(EAST, NORTH, EAST + 9, NORTH + 9))})], code="2001010100"
        ),
        vct.Layer(
            "XZDW",
            [pa.table({"BSM": [1], "geometry": wkb(LineString([(EAST, NORTH), (EAST + 5, NORTH)]))})],
            code="2001020100",
        ),
        vct.Layer("GHZB", [pa.table({"ZBMC": ["耕地,保有量"]})]),
    ]
    path = tmp_path / "b.vct"
    assert vct.write_layers(path, layers, crs=CRS, by_lines=True) == 1
    assert formats.layers(path) == ["DLTB", "XZDW", "GHZB"]
    for name, measure in (("DLTB", "area"), ("XZDW", "length")):
        with formats.read(path, layer=name) as source:
            assert getattr(_shapes(source)[0], measure) in (81.0, 5.0)
    with formats.read(path, layer="GHZB") as source:
        assert source.table().column("ZBMC").to_pylist() == ["耕地，保有量"]


def test_what_the_format_or_the_encoding_cannot_hold_is_refused(tmp_path) -> None:
    table = pa.table({"T": ["𠮷"], "geometry": pa.array(shapely.to_wkb([Point(EAST, NORTH)]), pa.binary())})
    with pytest.raises(InputError, match="𠮷"):
        formats.write(tmp_path / "a.vct", table, crs=CRS)
    formats.write(tmp_path / "a.vct", table, crs=CRS, encoding="utf-8")
    with pytest.raises(Unsupported):
        formats.write(tmp_path / "a.vct", table, crs=CRS, encoding="utf-8", geometry="line")


def test_memory_stays_far_below_the_file(tmp_path) -> None:
    """Coordinates go to disc: Python's own memory grows with the objects, not with their vertices."""
    import tracemalloc

    ring = [(EAST + k, NORTH + (k % 7)) for k in range(4000)]
    ring += [(EAST + 3999, NORTH + 5000), (EAST, NORTH + 5000), ring[0]]
    body = f"11\n{len(ring)}\n" + "".join(f"{x},{y}\n" for x, y in ring)
    many = "".join(f"{n}\n2001010100\nu\n1\n0,0\n1\n{body}0\n" for n in range(1, 151))
    path = _file(
        tmp_path,
        f"PolygonBegin\n{many}PolygonEnd\n" + _attributes(DLTB="".join(f"{n},{n},a,1\n" for n in range(1, 151))),
    )
    with formats.read(path, layer="DLTB") as source:
        tracemalloc.start()
        assert source.keep[0].index
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < path.stat().st_size / 3
        assert sum(len(t) for t in source.batches(size=10)) == 150
