"""A whole delivery of the sample county: what its layers of patches do not hold is derived from them.

Class boundaries and administrative boundaries are the borders of patches and villages; three linear features to ten
patches run along borders between fields and are deducted from both, one patch in fifty has a scattered feature, every
village is an owner's parcel and every built-up patch a user's. Metadata, checksums, a report, the summary tables that
the product makes, ridge ratios and the targets of the plan come with them. As made it breaks no rule.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import shapely

from benchmarks.borders import borders

__all__ = ["COUNTY", "TABLES", "checksums", "complete", "read", "targets"]

COUNTY, CRS = "990121", "EPSG:4528"
TABLES = ("XZQ", "DLTB", "JBNTTB", "PDT", "JBNTBHPK", "JBNTBHQ")
"""Layers of the sample generator that a delivery of the survey takes."""
LINEAR, SCATTERED, ANNOTATED = 0.3, 0.02, 0.1
"""To a patch: linear features, scattered ones, and labels."""
FIELD_M2, LINE_M = 3000.0, 30.0
"""Least patch that anything is deducted from, and least linear feature."""
METADATA = """<?xml version="1.0" encoding="UTF-8"?>
<gmd:MD_Metadata xmlns:gmd="http://www.isotc211.org/2005/gmd">
  <gmd:contact><name>示例县自然资源局</name></gmd:contact><gmd:dateStamp>2025-12-31</gmd:dateStamp>
  <gmd:title>示例县土地利用数据库</gmd:title><gmd:date>2025-12-31</gmd:date><gmd:language>zho</gmd:language>
  <gmd:topicCategory>planningCadastre</gmd:topicCategory><gmd:abstract>示例县第二次土地调查数据库</gmd:abstract>
  <gmd:datum>1985国家高程基准</gmd:datum>
  {layers}
</gmd:MD_Metadata>"""


def complete(root: Path) -> dict[str, int]:
    """Write the other layers, tables and documents beside those of `TABLES` in ``root``; rows by table."""
    patches, shapes = read(root, "DLTB")
    lines = borders(shapes)
    rows = _boundaries(root, lines)
    linear = _linear(root, patches, lines)
    rows["XZDW"] = linear.height
    del lines
    scattered = _scattered(root, patches, shapes)
    rows["LXDW"] = scattered.height
    patches = _deducted(patches, linear, scattered)
    _write(root, "DLTB", patches, shapes, "Polygon")
    rows["ZD"] = _parcels(root, patches, shapes)
    rows["ZJ"] = _labels(root, patches, shapes)
    rows |= _tables(root)
    rows |= {"DLTB": patches.height} | {name: read(root, name, outlines=False)[0].height for name in TABLES[2:]}
    _documents(root, rows, float(patches["TBMJ"].sum()))
    return rows


# --- files ----------


def path_of(root: Path, name: str) -> Path:
    (found,) = (p for p in root.glob(f"*{name}*") if p.suffix in (".gpkg", ".shp") and _letters(p) == name)
    return found


def _letters(path: Path) -> str:
    return "".join(c for c in path.stem if c.isascii() and c.isalpha())


def read(root: Path, name: str, outlines: bool = True) -> tuple[pl.DataFrame, Any]:
    import pyogrio

    path = path_of(root, name)
    encoding = "GBK" if path.suffix == ".shp" else None
    meta, table = pyogrio.read_arrow(path, encoding=encoding, read_geometry=outlines)
    frame = pl.from_arrow(table)
    if not outlines:
        return frame, None
    column = meta["geometry_name"] or "wkb_geometry"
    return frame.drop(column), shapely.from_wkb(frame[column].to_numpy())


def _write(root: Path, name: str, frame: pl.DataFrame, shapes: Any, kind: str) -> None:
    import pyarrow as pa
    import pyogrio

    path = root / f"({COUNTY})示例县{name}.gpkg"
    for old in root.glob(f"*{name}*.gpkg"):
        if _letters(old) == name:
            path = old
            old.unlink()
    table = frame.to_arrow().append_column("geom", pa.array(shapely.to_wkb(shapes), pa.binary()))
    options = {"SPATIAL_INDEX": "NO", "GEOMETRY_NAME": "geom"}
    pyogrio.write_arrow(
        table, path, driver="GPKG", layer=name, geometry_name="geom", geometry_type=kind, crs=CRS, layer_options=options
    )


def _serial(count: int) -> Any:
    return np.arange(1, count + 1)


def _chosen(count: int, share: float, seed: int) -> Any:
    return np.sort(np.random.default_rng(seed).permutation(count)[: int(count * share)])


# --- lines and points ----------


def _boundaries(root: Path, lines: Any) -> dict[str, int]:
    """DLJX: every border of a patch; XZQJX: every border of a village."""
    code = pl.DataFrame({"BSM": _serial(len(lines.lines)), "YSDM": "2001040000", "DLJXSM": "图斑界线"})
    _write(root, "DLJX", code, lines.lines, "LineString")
    villages, shapes = read(root, "XZQ")
    around = borders(shapes)
    outer = around.right < 0
    own = pl.DataFrame(
        {
            "BSM": _serial(len(outer)),
            "YSDM": "1000600200",
            "JXLX": np.where(outer, "650200", "670500"),
            "JXXZ": "600001",
        }
    )
    _write(root, "XZQJX", own, around.lines, "LineString")
    return {"DLJX": len(code), "XZQJX": len(own), "XZQ": villages.height}


def _linear(root: Path, patches: pl.DataFrame, lines: Any) -> pl.DataFrame:
    """XZDW: ditches and field roads between two fields of a village, half from each; one in five from one alone."""
    field = ((patches["DLBM"] < "05") & (patches["TBMJ"] > FIELD_M2)).to_numpy()
    village = patches["ZLDWDM"].to_physical().rank("dense").to_numpy()
    both = np.flatnonzero(
        (lines.right >= 0) & field[lines.left] & field[lines.right] & (village[lines.left] == village[lines.right])
    )
    both = both[lines.metres[both] >= LINE_M]
    pairs = np.column_stack((lines.left[both], lines.right[both])).astype(np.int64)
    both = both[np.sort(np.unique(pairs[:, 0] * len(patches) + pairs[:, 1], return_index=True)[1])]
    rng = np.random.default_rng(11)
    both = np.sort(rng.permutation(both)[: int(LINEAR * patches.height)])
    n = len(both)
    ditch, alone = rng.random(n) < 0.5, rng.random(n) < 0.2
    # beside one another they are of another width: alike, they would be one line cut without cause (Q3109)
    length, width = np.round(lines.metres[both], 1), (10 + np.arange(n) % 20) / 10
    sides = [patches[lines.left[both].tolist()], patches[lines.right[both].tolist()]]
    frame = pl.DataFrame(
        {
            "BSM": _serial(n),
            "YSDM": "2001020100",
            "DLBM": np.where(ditch, "117", "104"),
            "DLMC": np.where(ditch, "沟渠", "农村道路"),
            "XZDWBH": _serial(n).astype(str),
            "CD": length,
            "KD": width,
            "XZDWMJ": np.round(np.round(length * width / 0.02) * 0.02, 2),  # halves are whole hundredths: tables close
            "QSXZ": "30",
            "QSDWDM1": sides[0]["QSDWDM"],
            "QSDWMC1": sides[0]["QSDWMC"],
            "KCTBBH1": sides[0]["TBBH"],
            "KCTBDWDM1": sides[0]["ZLDWDM"],
            "KCBL": np.where(alone, 1.0, 0.5),
        }
    )
    second = {"QSDWDM2": "QSDWDM", "QSDWMC2": "QSDWMC", "KCTBBH2": "TBBH", "KCTBDWDM2": "ZLDWDM"}
    shared = pl.Series(~alone)
    for name, of in second.items():
        frame = frame.with_columns(pl.when(shared).then(sides[1][of]).otherwise(None).alias(name))
    _write(root, "XZDW", frame, lines.lines[both], "LineString")
    return frame


def _scattered(root: Path, patches: pl.DataFrame, shapes: Any) -> pl.DataFrame:
    """LXDW: graves in fields."""
    field = np.flatnonzero(((patches["DLBM"] < "05") & (patches["TBMJ"] > FIELD_M2)).to_numpy())
    at = field[_chosen(len(field), SCATTERED * len(patches) / len(field), 12)]
    own, n = patches[at.tolist()], len(at)
    area = np.round(np.random.default_rng(13).uniform(50, 200, n), 2)
    frame = pl.DataFrame({"BSM": _serial(n), "YSDM": "2001030100", "LXDWBH": _serial(n).astype(str)})
    frame = frame.with_columns(DLBM=pl.lit("095"), DLMC=pl.lit("殡葬用地"), QSXZ=own["QSXZ"])
    frame = frame.with_columns(*(own[name] for name in ("QSDWDM", "QSDWMC", "ZLDWDM", "ZLDWMC")))
    frame = frame.with_columns(ZLTBBH=own["TBBH"], MJ=area)
    _write(root, "LXDW", frame, shapely.point_on_surface(shapes[at]), "Point")
    return frame


def _deducted(patches: pl.DataFrame, linear: pl.DataFrame, scattered: pl.DataFrame) -> pl.DataFrame:
    """DLTB with the areas of what lies in the patches taken off, and what follows from it."""
    share = pl.col("XZDWMJ") * pl.col("KCBL")
    one = linear.select(ZLDWDM="KCTBDWDM1", TBBH="KCTBBH1", line=share)
    other = linear.filter(pl.col("KCBL") < 1).select(ZLDWDM="KCTBDWDM2", TBBH="KCTBBH2", line=share)
    lines = pl.concat([one, other]).group_by("ZLDWDM", "TBBH").agg(pl.col("line").sum())
    points = scattered.group_by("ZLDWDM", TBBH="ZLTBBH").agg(point=pl.col("MJ").sum())
    joined = patches.select("ZLDWDM", "TBBH").join(lines, on=["ZLDWDM", "TBBH"], how="left", maintain_order="left")
    joined = joined.join(points, on=["ZLDWDM", "TBBH"], how="left", maintain_order="left")
    made = patches.with_columns(
        XZDWMJ=joined["line"].fill_null(0.0).round(2), LXDWMJ=joined["point"].fill_null(0.0).round(2)
    )
    rest = pl.col("TBMJ") - pl.col("XZDWMJ") - pl.col("LXDWMJ")
    made = made.with_columns(TKMJ=(rest * pl.col("TKXS")).round(2))
    return made.with_columns(TBDLMJ=(rest - pl.col("TKMJ")).round(2))


# --- parcels, annotation, tables ----------


def _parcels(root: Path, patches: pl.DataFrame, shapes: Any) -> int:
    """ZD: the land of each village as its owner's, each built-up patch as a user's."""
    villages, grounds = read(root, "XZQ")
    built = np.flatnonzero(((patches["DLBM"] > "05") & (patches["DLBM"] < "10")).to_numpy())
    used = patches[built.tolist()]
    frame = pl.concat(
        [
            villages.select(village="XZQDM", kind=pl.lit("JA"), QSXZ=pl.lit("30"), TDYT=pl.lit(None, pl.String),
                            SYQLX=pl.lit(None, pl.String), SCMJ="JSMJ"),
            used.select(village=pl.col("ZLDWDM").str.slice(0, 12), kind=pl.lit("JC"), QSXZ="QSXZ", TDYT="DLBM",
                        SYQLX=pl.lit("批准拨用"), SCMJ="TBMJ"),
        ]
    )  # fmt: skip
    number = pl.int_range(1, pl.len() + 1).over("village", "kind").cast(pl.String).str.zfill(5)
    frame = frame.with_columns(ZDH=pl.concat_str("village", "kind", number)).drop("village", "kind")
    frame = frame.with_columns(BSM=_serial(frame.height), YSDM=pl.lit("2006010100"))
    _write(root, "ZD", frame, np.concatenate([grounds, shapes[built]]), "Polygon")
    return frame.height


def _labels(root: Path, patches: pl.DataFrame, shapes: Any) -> int:
    """ZJ: number over class, in one patch of ten."""
    at = _chosen(len(patches), ANNOTATED, 14)
    own = patches[at.tolist()]
    frame = own.select(BSM=pl.int_range(1, pl.len() + 1), YSDM=pl.lit("2001010200"),
                       ZJNR=pl.concat_str("TBBH", pl.lit("/"), "DLBM"))  # fmt: skip
    _write(root, "ZJ", frame, shapely.point_on_surface(shapes[at]), "Point")
    return frame.height


def _tables(root: Path) -> dict[str, int]:
    """TKXSB: the ratios that the sample's patches have."""
    ratios = pl.DataFrame(
        {"BSM": [1, 2, 3, 4], "XZQDM": [COUNTY] * 4, "GDPDJ": ["2", "3", "4", "5"], "GDLX": ["P", "T", "T", "T"],
         "TKXS": [0.06, 0.11, 0.16, 0.2]}
    )  # fmt: skip
    ratios.write_csv(root / f"({COUNTY})示例县TKXSB.csv")
    return {"TKXSB": 4}


def targets(path: Path, cultivated_m2: float, farmland_m2: float) -> None:
    """GHZB: the plan aims at a hundredth less than there is."""
    hectares = [round(area / 1e4 * 0.99, 2) for area in (cultivated_m2, farmland_m2)]
    frame = pl.DataFrame(
        {"BSM": [1, 2], "XZQDM": [COUNTY] * 2, "ZBDM": ["01", "02"], "JQN": ["2025"] * 2, "MBN": ["2035"] * 2,
         "GHZ": hectares, "DW": ["公顷"] * 2}
    )  # fmt: skip
    frame.write_csv(path)


def _documents(root: Path, rows: dict[str, int], area: float) -> None:
    """Metadata, the report, and the checksums of all tables; summary tables come when the county was loaded."""
    group = "<layer><name>{}</name><count>{}</count></layer>"
    groups = [group.format(name, count) for name, count in sorted(rows.items())]
    groups.append(f"<layer><name>DLTB</name><totalArea>{area:.2f}</totalArea></layer>")
    (root / "元数据.xml").write_text(METADATA.format(layers="\n  ".join(groups)), "utf-8")
    (root / "文字报告.doc").write_bytes(b"\xd0\xcf\x11\xe0")
    checksums(root)


def checksums(root: Path) -> None:
    """Of all tables and spreadsheets."""
    lines = []
    for path in sorted(p for p in root.iterdir() if p.suffix in (".gpkg", ".shp", ".csv", ".xlsx")):
        with path.open("rb") as stream:
            lines.append(f"{hashlib.file_digest(stream, 'sha256').hexdigest()}  {path.name}")
    (root / "sha256sums.txt").write_text("\n".join(lines) + "\n", "utf-8")
