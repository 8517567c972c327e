"""Tables and a plan with the awkward shape of public originals, for the walk-throughs in docs/howto.

    python scripts/make_awkward.py DIRECTORY [--rows N] [--seed S]

writes

supply_results.csv      GBK; a header name less than fields; no supervision number; "1|2|" instalments; industry glued
                        to the land level; a list of terms for mixed uses; one row twice, one impossible figure, one
                        impossible day, one unknown county
supply_results_en.csv   UTF-8; English headers; 16-character supervision numbers; 2019年06月26日; one with a wrong
                        letter, one term of eleven and a half years
deals.csv               GBK; notices of deals: no supply results, to be refused
zoning.parquet          GeoParquet, EPSG:4528; Chinese attributes, plan codes like T0209, one bow-tie

Rows are of the sample county (示例县 990121) and its neighbour; names and figures are invented. Below each file it is
printed what an import must refuse.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import random
from pathlib import Path

_HEADERS = (
    "行政区,土地坐落,总面积(公顷),土地用途,签订日期,项目名称,项目位置,面积(公顷),土地来源,供应方式,土地使用年限,行业分类,"
    "土地级别,成交价格(万元),分期支付约定-支付期号,分期支付约定-约定支付日期,分期支付约定-约定支付金额(万元),"
    "分期支付约定-备注,土地使用权人,约定容积率下限,约定容积率上限,约定交地时间,约定开工时间,约定竣工时间,实际开工时间,"
    "实际竣工时间,批准单位,合同签订日期,爬取时间,爬取地址url,唯一标识"
)
HEADERS = _HEADERS.split(",")
_ENGLISH = (
    "District,Electronic supervision number,Project name,Project location,Area (hectare),Land source,Land utilisation,"
    "Land supply method,Land use period in year,Industry category,Land grade,Transaction price (ten thousand yuan),"
    "Installment payment agreement payment period number,Installment payment agreement agreed payment date,"
    "Installment payment agreement agreed payment amount (ten thousand yuan),Note,Land use right holder Row 1,"
    "Land use right holder Row 2,Agreed floor area ratio lower limit,Agreed floor area ratio upper limit,"
    "Agreed land delivery time,Agreed start time,Agreed completion time,Actual start time,Actual completion time,"
    "Authorised by,Contract signing date,URL"
)
ENGLISH = _ENGLISH.split(",")
DEALS = (
    "行政区,供应公告标题,供应方式,发布时间,宗地编号/地块编号,地块位置,土地用途,土地面积(公顷),出让年限,"
    "成交价(万元),受让单位"
)
USES = (
    ("工业用地", 50, "通用设备制造业"),
    ("其他普通商品住房用地", 70, "房地产业"),
    ("其他商服用地", 40, "零售业"),
    ("公共设施用地", 50, "公共设施管理业"),
    ("中低价位、中小套型普通商品住房用地", 70, "房地产业"),
)
ENGLISH_USES = (("工业用地", 50), ("城镇住宅用地", 70), ("零售商业用地", 40), ("科研用地", 50), ("公用设施用地", 50))
METHODS = ("挂牌出让", "挂牌出让", "拍卖出让", "协议出让", "划拨")
LEVELS = ("一级", "二级", "四级", "七级", "未评估地区")
PLACES = ("霁川镇", "开发区一号路", "城东新区", "临河村", "示例大道南侧")
FIRST, SPAN = dt.date(2012, 1, 10), 2700


def project(r: random.Random, n: int) -> dict[str, str]:
    """One supply as a web page shows it; every value is text."""
    use, term, industry = r.choice(USES)
    method = r.choice(METHODS)
    signed = FIRST + dt.timedelta(days=r.randrange(SPAN))
    start = signed + dt.timedelta(days=r.choice((180, 270, 365)))
    finish = start + dt.timedelta(days=r.choice((365, 730, 1095)))
    area = f"{r.uniform(0.01, 12):.6f}"
    given = method == "划拨"
    price = 0.0 if given else round(float(area) * r.uniform(180, 2600), 4)
    parts = 0 if given else r.choice((1, 1, 1, 2))
    terms = "" if given else str(term)
    if parts == 2 and use.startswith("其他普通"):
        terms = "其他商服用地40年; 其他普通商品住房用地70"
    half = round(price / 2, 4)
    amounts = ((), (price,), (half, round(price - half, 4)))[parts]
    started = start + dt.timedelta(days=r.randrange(-60, 200)) if r.random() < 0.5 else None
    finished = finish + dt.timedelta(days=r.randrange(-90, 120)) if started and r.random() < 0.6 else None
    place = f"{r.choice(PLACES)}{n}号"
    county = "邻县" if n % 9 == 8 else "示例县"
    return dict(
        zip(
            HEADERS,
            (
                county, place, area, use, signed.isoformat(), f"示例项目{n:03d}", place, area,
                r.choice(("现有建设用地", "新增建设用地", "新增建设用地(来自存量库)")), method, terms, industry,
                f"{industry}土地级别：{r.choice(LEVELS)}", "" if given else f"{price:g}",
                "".join(f"{i}|" for i in range(1, parts + 1)),
                "|".join((signed + dt.timedelta(days=30 * i)).isoformat() for i in range(1, parts + 1)),
                "".join(f"{a:g}|" for a in amounts), " " * parts, f"示例县第{n}有限公司",
                r.choice(("", "0.8", "1")), r.choice(("", "2", "2.5")),
                (signed + dt.timedelta(days=60)).isoformat(), start.isoformat(), finish.isoformat(),
                started.isoformat() if started else "", finished.isoformat() if finished else "",
                f"{county}人民政府", signed.isoformat(), "2020-04-17 10:56:41", "", f"{r.getrandbits(128):032x}",
            ),
            strict=True,
        )
    )  # fmt: skip


def supply_results(path: Path, count: int, r: random.Random) -> list[str]:
    rows = [project(r, n) for n in range(1, count + 1)]
    rows[2]["约定容积率上限"] = "100000"
    rows[4]["约定竣工时间"] = "2019-02-31"
    rows[6]["行政区"] = "无此县"
    rows.append(dict(rows[0]))
    with path.open("w", encoding="gbk", newline="") as out:
        write = csv.writer(out)
        write.writerow(HEADERS)
        write.writerows([*row.values(), ""] for row in rows)
    return [
        "row 4: 约定容积率上限 100000 is too large",
        "row 6: 约定竣工时间 2019-02-31 is no day",
        "row 8: 行政区 无此县 is nobody's name",
        f"row {count + 2}: the supply of row 2 again",
        *(f"row {n + 1}: of 邻县, outside an import for 示例县" for n in range(8, count + 1, 9)),
    ]


def supply_results_en(path: Path, count: int, r: random.Random) -> list[str]:
    rows = []
    for n in range(1, count + 1):
        use, term = ENGLISH_USES[n % len(ENGLISH_USES)]
        method = METHODS[n % len(METHODS)]
        given = method == "划拨"
        signed = dt.date(2019, 1, 7) + dt.timedelta(days=r.randrange(300))
        day = f"{signed:%Y年%m月%d日}"
        area = f"{r.uniform(0.01, 9):.6f}"
        price = "0.0000" if given else f"{float(area) * r.uniform(200, 3000):.4f}"
        source = r.choice((area, "0.000000", f"{float(area) / 2:.6f}"))
        number = f"9901212019{'A' if given else 'B'}{n:05d}"
        start = signed + dt.timedelta(days=200)
        rows.append(
            [
                "示例县", number, f"示例项目{n:03d}", f"{r.choice(PLACES)}{n}号", area, source, use, method,
                "" if given else str(term), "制造业", r.choice(LEVELS), price, "" if given else "1",
                "" if given else day, "" if given else price, "", "" if n % 11 == 0 else f"示例县第{n}有限公司",
                f"示例县第{n}研究院" if n % 11 == 0 else "", "1.00", "2.50", day, f"{start:%Y年%m月%d日}",
                f"{start + dt.timedelta(days=730):%Y年%m月%d日}", "", "", "示例县人民政府", day, "",
            ]
        )  # fmt: skip
    rows[1][8] = "11.5"
    rows[2][1] = rows[2][1].replace("B", "A")
    with path.open("w", encoding="utf-8", newline="") as out:
        write = csv.writer(out)
        write.writerow(ENGLISH)
        write.writerows(rows)
    return ["row 3: a term of 11.5 years is no whole number", "row 4 is filed: rule R21 finds the letter A on a grant"]


def deals(path: Path, count: int, r: random.Random) -> list[str]:
    with path.open("w", encoding="gbk", newline="") as out:
        write = csv.writer(out)
        write.writerow([*DEALS.split(","), ""])
        for n in range(1, count + 1):
            write.writerow(
                ["示例县", f"示例县挂牌公告{n}", "挂牌", "2019-06-26", f"SL2019-{n:03d}", f"{r.choice(PLACES)}{n}号",
                 "工业用地", f"{r.uniform(0.5, 5):.4f}", "50", f"{r.uniform(100, 900):.2f}", f"示例县第{n}有限公司", ""]
            )  # fmt: skip
    return ["the whole file: notices of deals, no supply results"]


def zoning(path: Path, r: random.Random) -> list[str]:
    """A partition of rectangles over part of the sample county, in its own plane."""
    import pyarrow as pa
    import shapely

    from jintu.kernel import formats

    names = ("住宅區", "商業區", "工業區", "農業區", "保護區", "公園用地", "河川區", "保存區")
    east, north, step = ORIGIN[0], ORIGIN[1], 400.0
    cells = [
        shapely.box(east + i * step, north + j * step, east + (i + 1) * step, north + (j + 1) * step)
        for j in range(12)
        for i in range(12)
    ]
    tie = cells[5].bounds
    cells[5] = shapely.Polygon([(tie[0], tie[1]), (tie[2], tie[3]), (tie[2], tie[1]), (tie[0], tie[3])])
    kinds = [r.choice(names) for _ in cells]
    table = pa.table(
        {
            "計畫區": pa.array([f"T02{9 + i % 3:02d}" for i in range(len(cells))]),
            "計畫_1": pa.array(["示例都市計畫"] * len(cells)),
            "使用分": pa.array([f"第一種{k}" if k == "住宅區" else k for k in kinds]),
            "分區類": pa.array(kinds),
            "Shape_Area": pa.array([f"{c.area:.4f}" for c in cells]),
            "geometry": pa.array([shapely.to_wkb(c) for c in cells], type=pa.binary()),
        }
    )
    formats.write(path, [table], crs="EPSG:4528")
    return ["row 6: a bow-tie"]


ORIGIN = (40_382_000.0, 4_012_000.0)


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("directory", type=Path)
    given.add_argument("--rows", type=int, default=60, help="rows of each table, at least 20")
    given.add_argument("--seed", type=int, default=2019)
    asked = given.parse_args()
    if asked.rows < 20:
        given.error("--rows: at least 20")
    asked.directory.mkdir(parents=True, exist_ok=True)
    made = (
        ("supply_results.csv", lambda p, r: supply_results(p, asked.rows, r)),
        ("supply_results_en.csv", lambda p, r: supply_results_en(p, asked.rows, r)),
        ("deals.csv", lambda p, r: deals(p, asked.rows, r)),
        ("zoning.parquet", zoning),
    )
    for name, make in made:
        path = asked.directory / name
        faults = make(path, random.Random(f"{asked.seed} {name}"))  # noqa: S311
        print(path)
        for fault in faults:
            print(f"    {fault}")


if __name__ == "__main__":
    main()
