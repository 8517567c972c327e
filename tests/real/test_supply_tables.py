"""The public supply tables become supplies, and the rules count what plain SQL over the raw text counts.

The SQL side shares nothing with the product but the file: the csv module, an in-memory sqlite3 database, and its own
reading of days, numbers, words and divisions.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from jintu.foundation.checks import runner
from jintu.foundation.identity.scope import prefix_of
from jintu.foundation.journal import Actor
from jintu.foundation.registers import importing
from jintu.foundation.registers.descriptor import get
from jintu.foundation.registers.models import Batch
from jintu.kernel.errors import InputError, Unsupported

pytestmark = [pytest.mark.shared, pytest.mark.django_db(transaction=True)]

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
HAISIMAO = DATA / "cn-land-supply-haisimao" / "shared"
GUANGDONG = HAISIMAO / "td_gd_jcjg__广东省自然资源厅_供应结果_广东.csv"
BEIJING = DATA / "cn-land-supply-landchina" / "shared" / "beijing_2019_supply_results.csv"
AS_OF = dt.date(2020, 6, 30)
SYSTEM = Actor()


def load(register: str, path: Path, mapping: str, division: str, **options) -> importing.ImportResult:
    return importing.import_file(register, path, mapping, actor=SYSTEM, division=division, **options)


def rows(register: str):
    return get(register).model.objects.visible()


def supervised(division: str, *only: str) -> dict[str, runner.Outcome]:
    run, outcomes = runner.supervise(prefix_of(division), AS_OF, actor=SYSTEM, only=only)
    assert not run.official, "an as-of date in the past must not touch what stands"
    return {o.rule.id: o for o in outcomes}


def subjects(outcome) -> set[str]:
    return {hit.objects[0][1] for hit in outcome.hits}


# -- the tables as plain SQL sees them


def sql(path: Path, encoding: str) -> sqlite3.Connection:
    """The raw file as table ``t`` of text columns c0, c1, …; the header decides nothing but their order."""
    with open(path, encoding=encoding, newline="") as stream:
        lines = list(csv.reader(stream))
    width = max(len(line) for line in lines)
    base = sqlite3.connect(":memory:")
    base.execute(f"CREATE TABLE t (line INTEGER, {', '.join(f'c{i} TEXT' for i in range(width))})")
    base.executemany(
        f"INSERT INTO t VALUES ({', '.join('?' * (width + 1))})",
        [[n, *line, *[""] * (width - len(line))] for n, line in enumerate(lines[1:], start=2)],
    )
    base.create_function("day", 1, lambda text: "-".join(re.findall(r"\d+", text or "")) or None, deterministic=True)
    base.create_function("own_term", 2, own_term, deterministic=True)
    return base


def own_term(term: str, use: str) -> int | None:
    """Years of the row's own use in "甲40年; 乙70", or the only number."""
    if term.isdigit():
        return int(term) or None
    for part in term.split(";"):
        if part.strip().startswith(use):
            return int(re.sub(r"\D", "", part.strip()[len(use) :]))
    return None


LIMITS = """CASE WHEN {use} LIKE '%住房%' OR {use} LIKE '%住宅%' THEN 70
                 WHEN {use} IN ('批发零售用地', '住宿餐饮用地', '商务金融用地', '其他商服用地',
                                '零售商业用地', '餐饮用地')
                 THEN 40 ELSE 50 END"""
"""Decree 55 of 1990, article 12: 70 years for housing, 40 for commerce, 50 for the rest."""


@pytest.fixture
def terms(tmp_path):
    """The longest terms of Decree 55, as an operator loads them: a CSV with the register's columns."""
    path = tmp_path / "terms.csv"
    table = [("05", "commerce", 40), ("06", "industry", 50), ("07", "housing", 70), ("08", "public", 50)]
    table += [(p, "other", 50) for p in ("09", "10", "11")]
    lines = ["term_key,use_group,use_prefix,years,valid_from,basis,division"]
    for home in ("440000", "110000"):
        lines += [f"{home}#{p},{g},{p},{y},1990-05-19,国务院令第55号第十二条,{home}" for p, g, y in table]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert load("land.max_term", path, None, "").state == Batch.State.VISIBLE


@pytest.fixture
def catalogue(tmp_path):
    """What may be allocated: public, special, transport and water uses (Decree 9 of 2001, by class)."""
    path = tmp_path / "catalogue.csv"
    lines = ["use_key,use_code,name,valid_from,basis,division"]
    for home in ("440000", "110000"):
        lines += [f"{home}#{c},{c},{c},2001-10-22,划拨用地目录,{home}" for c in ("08", "09", "10", "11")]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert load("land.allocation_use", path, None, "").state == Batch.State.VISIBLE


@pytest.fixture
def guangdong(terms):
    result = load("land.supply", GUANGDONG, "guangdong-supply-results", "440000", good_only=True)
    for name in ("starts", "completions"):
        load("land.development_event", GUANGDONG, f"guangdong-{name}", "440000", good_only=True)
    return result


@pytest.fixture
def beijing(terms):
    return load("land.supply", BEIJING, "landchina-supply-results-en", "110000", good_only=True)


# -- Guangdong: GBK, a field too many, no number


def test_guangdong_is_all_or_nothing():
    result = load("land.supply", GUANGDONG, "guangdong-supply-results", "440000")
    assert (result.read, result.accepted, result.refused) == (68, 0, 1)
    assert not rows("land.supply").exists()
    (reason,) = result.reasons
    assert reason["field"] == "far_max"
    assert reason["example"]["value"] == "100000"
    assert reason["example"]["row"] == 21


def test_guangdong_supplies(guangdong):
    assert (guangdong.read, guangdong.accepted, guangdong.refused) == (68, 67, 1)
    assert Batch.objects.get(pk=guangdong.batch).options["encoding"] == "gb18030"

    first = rows("land.supply").get(project_name="肇庆长源汽车配件有限公司")
    assert first.supply_no.startswith("NK-") and first.supervision_no == ""
    assert first.area == Decimal("27034.60") and first.price == Decimal("7400000.00")
    assert (first.use_code, first.method, first.source, first.term_years) == ("061", "22", "new_stock", 50)
    assert first.land_level == "四级", "the industry before it is no part of the level"
    # a city of a county's rank that became a district two years before: found by its name all the same
    assert first.division == "441283"

    mixed = rows("land.supply").get(location="台山市端芬镇河滨区一号")
    assert (mixed.use_code, mixed.term_years) == ("071", 70), "of 商务金融用地40年; 其他普通商品住房用地70"
    assert rows("land.supply").filter(land_level__contains="土地级别").count() == 0
    assert not rows("land.supply").exclude(division__startswith="44").exists()


def test_guangdong_sums_are_those_of_the_file(guangdong):
    base = sql(GUANGDONG, "gb18030")
    kept = base.execute("SELECT c7, c13 FROM t WHERE c20 <> '100000'").fetchall()
    area = sum((Decimal(a) * 10_000).quantize(Decimal("0.01"), "ROUND_HALF_UP") for a, _p in kept)
    price = sum(Decimal(p) * 10_000 for _a, p in kept if p)
    assert sum(r.area for r in rows("land.supply")) == area
    assert sum(r.price for r in rows("land.supply") if r.price) == price


def test_guangdong_instalments_belong_to_their_supply(guangdong):
    result = load("land.payment", GUANGDONG, "guangdong-instalments", "440000", good_only=True)
    base = sql(GUANGDONG, "gb18030")
    (wanted,) = base.execute("SELECT SUM(LENGTH(c14) - LENGTH(REPLACE(c14, '|', ''))) FROM t").fetchone()
    assert wanted == 57
    # the instalment of the refused row has no supply to belong to
    assert (result.accepted, result.refused) == (56, 1)
    assert result.reasons[0]["field"] == "supply_no" and result.reasons[0]["example"]["row"] == 21

    resort = rows("land.supply").get(project_name="住宅用地", division="440233")
    paid = rows("land.payment").filter(supply_no=resort.supply_no).order_by("seq")
    assert [(p.seq, p.due_on, p.due_amount) for p in paid] == [
        (1, dt.date(2015, 8, 14), Decimal("11370000.00")),
        (2, dt.date(2015, 9, 14), Decimal("11350000.00")),
    ]
    known = set(rows("land.supply").values_list("supply_no", flat=True))
    assert {p.supply_no for p in rows("land.payment")} <= known


def test_instalments_wait_for_their_supplies():
    result = load("land.payment", GUANGDONG, "guangdong-instalments", "440000")
    assert (result.accepted, result.refused) == (0, 55), "rows, not instalments"


def test_the_same_file_and_its_rows_are_not_taken_twice(guangdong, tmp_path):
    from jintu.kernel.errors import Refused

    with pytest.raises(Refused):
        load("land.supply", GUANGDONG, "guangdong-supply-results", "440000", good_only=True)

    # the same rows saved again by another program, in UTF-8: the natural keys tell them
    again = tmp_path / "again.csv"
    again.write_text(GUANGDONG.read_text(encoding="gb18030"), encoding="utf-8")
    result = load("land.supply", again, "guangdong-supply-results", "440000", good_only=True)
    assert (result.accepted, result.refused) == (0, 68)
    assert rows("land.supply").count() == 67


def test_guangdong_rules_count_what_sql_counts(guangdong):
    base = sql(GUANGDONG, "gb18030")
    kept = "FROM t WHERE c20 <> '100000'"

    def count(where: str) -> int:
        return base.execute(f"SELECT COUNT(*) {kept} AND ({where})").fetchone()[0]

    found = supervised("440000", "R11", "R19", "R24", "R25", "R28")
    counts = {name: len(o.hits) for name, o in found.items() if not o.needs}
    assert counts == {
        "R11": count(f"own_term(c10, c3) > {LIMITS.format(use='c3')}"),
        "R19": count("c27 >= '2009-01-01'"),
        "R24": count("c21 <> '' AND c21 < '2020-06-30'"),  # no site says when land was handed over
        # an actual day after the as-of date had not happened; what is finished was started
        "R25": count("c22 <> '' AND c22 < '2020-06-30' AND c24 = '' AND c25 = ''"),
        "R28": count("c23 <> '' AND c23 < '2020-06-30' AND c25 = ''"),
    }
    assert all(counts.values()) or counts["R11"] == 0
    late = base.execute(f"SELECT c5 {kept} AND c22 <> '' AND c22 < '2020-06-30' AND c24 = '' AND c25 = ''").fetchall()
    named = dict(rows("land.supply").values_list("supply_no", "project_name"))
    assert sorted(named[key] for key in subjects(found["R25"])) == sorted(name for (name,) in late)


def test_guangdong_ways_of_supply_as_sql_judges_them(guangdong, catalogue):
    base = sql(GUANGDONG, "gb18030")
    trade = "c3 LIKE '%住房%' OR c3 LIKE '%住宅%' OR c3 LIKE '%商%' OR c3 LIKE '%零售%' OR c3 LIKE '%餐饮%'"
    industry = "c3 IN ('工业用地', '仓储用地')"
    rows_of = {
        "R08": f"c9 IN ('划拨', '协议出让') AND (({trade}) AND c27 >= '2002-07-01' "
        f"OR {industry} AND c27 >= '2006-08-31')",
        "R10": f"c9 = '划拨' AND (({trade}) OR {industry})",
    }
    found = supervised("440000", "R05", "R08", "R09", "R10", "R20")
    for name, where in rows_of.items():
        (count,) = base.execute(f"SELECT COUNT(*) FROM t WHERE c20 <> '100000' AND ({where})").fetchone()
        assert len(found[name].hits) == count > 0, name
    # an agreement on existing land is a question, not an accusation
    (mild,) = base.execute(
        "SELECT COUNT(*) FROM t WHERE c20 <> '100000' AND c9 = '协议出让' AND c8 = '现有建设用地' "
        f"AND ({rows_of['R08']})"
    ).fetchone()
    assert sum(hit.level == "yellow" for hit in found["R08"].hits) == mild > 0
    # the tables name no approval, no national grade and no day of filing; there are no floors at all
    assert not found["R05"].hits and not found["R20"].hits
    assert found["R09"].needs == ["land.price_floor"]


# -- Beijing: UTF-8, English headers, supervision numbers


def test_beijing_is_refused_for_half_a_year_only(beijing):
    assert (beijing.read, beijing.accepted, beijing.refused) == (189, 188, 1)
    (reason,) = beijing.reasons
    assert (reason["field"], reason["example"]["value"]) == ("term_years", "11.5")


def test_beijing_supplies(beijing):
    row = rows("land.supply").get(supply_no="1101002019B01585")
    assert row.supervision_no == row.supply_no
    assert (row.area, row.price) == (Decimal("1206.05"), Decimal("2845022.00"))
    assert (row.use_code, row.method, row.source, row.division) == ("0505", "24", "existing", "110000")
    assert (row.signed_on, row.delivery_on) == (dt.date(2019, 6, 27), dt.date(2019, 6, 27))

    base = sql(BEIJING, "utf-8-sig")
    told = dict(
        base.execute(
            """SELECT CASE WHEN c5 + 0 = c4 + 0 THEN 'existing' WHEN c5 + 0 = 0 THEN 'new' ELSE 'new_stock' END AS s,
                      COUNT(*) FROM t WHERE c8 <> '11.5' GROUP BY s"""
        ).fetchall()
    )
    held = {s: rows("land.supply").filter(source=s).count() for s in ("existing", "new", "new_stock")}
    assert held == told
    (nameless,) = base.execute("SELECT COUNT(*) FROM t WHERE c16 = '' AND c17 = '' AND c8 <> '11.5'").fetchone()
    assert rows("land.supply").filter(holder="").count() == nameless, "the second holder stands in for the first"


def test_beijing_rules_count_what_sql_counts(beijing):
    base = sql(BEIJING, "utf-8-sig")

    def count(where: str) -> int:
        return base.execute(f"SELECT COUNT(*) FROM t WHERE c8 <> '11.5' AND ({where})").fetchone()[0]

    found = supervised("110000", "R11", "R19", "R21", "R24", "R25", "R28")
    assert len(found["R11"].hits) == count(f"own_term(c8, c6) > {LIMITS.format(use='c6')}")
    assert len(found["R19"].hits) == count("c1 = '' AND day(c26) >= '2009-01-01'") == 0
    letters = "CASE c7 WHEN '划拨' THEN 'A' ELSE 'B' END"
    wrong = (
        f"c1 NOT GLOB '[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][A-Z][0-9][0-9][0-9][0-9][0-9]' "
        f"OR SUBSTR(c1, 1, 3) <> '110' OR SUBSTR(day(c26), 1, 4) - SUBSTR(c1, 7, 4) NOT IN (0, 1) "
        f"OR SUBSTR(c1, 11, 1) <> {letters} OR c1 LIKE '%00000' "
        f"OR c1 IN (SELECT c1 FROM t GROUP BY c1 HAVING COUNT(*) > 1)"
    )
    assert len(found["R21"].hits) == count(wrong)
    # nobody has recorded what happened to these parcels: that is not the same as nothing being wrong
    for name in ("R24", "R25", "R28"):
        assert not found[name].hits
        assert found[name].needs


def test_a_number_of_another_way_of_supply_is_found(terms, tmp_path):
    text = BEIJING.read_text(encoding="utf-8-sig")
    path = tmp_path / "beijing.csv"
    path.write_text(text.replace("1101002019B01585", "1101002019A01585").replace("1101002019B01604", ""), "utf-8")
    load("land.supply", path, "landchina-supply-results-en", "110000", good_only=True)
    found = supervised("110000", "R19", "R21")
    assert subjects(found["R21"]) == {"1101002019A01585"}
    (without,) = subjects(found["R19"])
    assert without.startswith("NK-"), "a supply without a number is kept under its natural key"


# -- tables that are something else


OTHERS = sorted(p for p in HAISIMAO.glob("*.csv") if p != GUANGDONG)


@pytest.mark.parametrize("path", OTHERS, ids=lambda p: p.stem[-24:])
def test_plans_notices_and_deals_are_refused_by_name(path):
    with pytest.raises(Unsupported) as told:
        load("land.supply", path, None, "440000")
    what = str(told.value)
    assert any(kind in what for kind in ("供地计划", "出让公告", "成交公示")), what
    assert not rows("land.supply").exists()
    assert not Batch.objects.filter(state=Batch.State.VISIBLE).exists()


def test_each_kind_is_named_rightly():
    named = {
        "td_gd_jcjg__广东省自然资源厅_供地计划_广东": "供地计划",
        "td_gd_jcjg__广东省自然资源厅_出让公告_广东": "出让公告",
        "td_gd_jcjg__广东省自然资源厅_成交公示_广东": "成交公示",
        "拉萨公共资源交易网_结果公示_贵州": "成交公示",
        "龙岩市公共资源交易中心_出让结果_龙岩": "成交公示",
        "中国土地市场_td_qg_zgtdsc__中国土地市场-供地计划": "供地计划",
    }
    for stem, what in named.items():
        with pytest.raises(Unsupported, match=what):
            load("land.supply", HAISIMAO / f"{stem}.csv", None, "440000")


def test_a_supply_table_finds_its_mapping_by_its_headers():
    result = load("land.supply", GUANGDONG, None, "440000", good_only=True)
    assert result.accepted == 67
    assert Batch.objects.get(pk=result.batch).mapping == "guangdong-supply-results"


def test_a_table_two_mappings_were_made_for_asks_which():
    with pytest.raises(InputError, match="guangdong-starts"):
        load("land.development_event", GUANGDONG, None, "440000")
