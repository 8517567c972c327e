"""The legal bases the land rules cite. Articles follow the text in force; where it changed, both texts are given."""

from __future__ import annotations

from datetime import date

from jintu.foundation.checks.rules import Law

__all__ = [
    "ALLOCATION_CATALOGUE",
    "APPROVAL_LAPSE",
    "AUCTION",
    "AUTHORITY",
    "BALANCE",
    "BASIC_FARMLAND",
    "CONTRACT",
    "FILING",
    "IDLE",
    "INDUSTRY_FLOOR",
    "LINK",
    "MARKET_SYSTEM",
    "PERMITTED_USE",
    "PLAN",
    "QUOTA",
    "REQUISITION",
    "SURVEY",
    "TEMPORARY",
    "TERM",
    "THREE_ACCOUNTS",
    "TRANSFER",
]

_OLD, _NEW = date(1999, 1, 1), date(2020, 1, 1)


def _land_law(old: str, new: str, note: str = "") -> tuple[Law, ...]:
    """Land Administration Law: the text of 1998 (amended 2004) and that of 2019."""
    return (
        Law("土地管理法（1998 年修订，2004 年修正）", old, _OLD, _NEW, note),
        Law("土地管理法（2019 年修正）", new, _NEW, None, note),
    )


AUTHORITY = (
    *_land_law("第四十四条、第四十五条", "第四十四条、第四十六条"),
    Law(
        "土地管理法（2019 年修正）",
        "第四十六条",
        _NEW,
        None,
        "35 公顷、70 公顷限额与 2004 年文本相同；严格大于才由国务院批准",
    ),
)
REQUISITION = (
    *_land_law("第四十六条、第四十八条", "第四十七条、第四十八条"),
    Law("土地管理法实施条例（1998）", "第二十五条", _OLD, date(2021, 9, 1), "补偿方案批准之日起三个月内全额支付"),
    Law("土地管理法实施条例（2021）", "第二十六条至第三十二条", date(2021, 9, 1)),
)
PERMITTED_USE = _land_law("第四十三条、第五十六条", "第四十四条、第五十六条")
PLAN = _land_law("第四条、第二十一条、第二十四条", "第四条、第十七条、第二十一条")
QUOTA = _land_law("第二十四条", "第二十三条")
BALANCE = (*_land_law("第三十一条", "第三十条"), Law("国土资发〔2008〕288号", "", date(2009, 1, 1), None, "先补后占"))
THREE_ACCOUNTS = (
    *BALANCE,
    Law("国土资规〔2017〕13号", "", date(2017, 12, 11), None, "数量、水田、产能三类指标核销"),
)
BASIC_FARMLAND = (
    *_land_law("第三十四条、第四十五条", "第三十三条、第三十五条、第四十四条"),
    Law("基本农田保护条例", "第十五条", _OLD),
)
APPROVAL_LAPSE = (
    Law(
        "国发〔2004〕28号", "第（八）项", date(2004, 10, 21), None, "满两年未实施具体征地或用地行为的，批准文件自动失效"
    ),
)
AUCTION = (
    Law("招标拍卖挂牌出让国有土地使用权规定（国土资源部令第11号）", "第四条", date(2002, 7, 1), date(2007, 11, 1)),
    Law("国发〔2006〕31号", "第五项", date(2006, 8, 31), None, "工业用地必须招标拍卖挂牌出让"),
    Law("招标拍卖挂牌出让国有建设用地使用权规定（国土资源部令第39号）", "第四条", date(2007, 11, 1)),
)
INDUSTRY_FLOOR = (
    Law("国土资发〔2006〕307号", "", date(2007, 1, 1), None, "工业用地出让最低价标准"),
    Law("协议出让国有土地使用权规定（国土资源部令第21号）", "第五条", date(2003, 8, 1)),
)
ALLOCATION_CATALOGUE = (
    *_land_law("第五十四条", "第五十四条"),
    Law("划拨用地目录（国土资源部令第9号）", "", date(2001, 10, 22)),
)
TERM = (Law("城镇国有土地使用权出让和转让暂行条例（国务院令第55号）", "第十二条", date(1990, 5, 19)),)
MARKET_SYSTEM = (Law("国土资发〔2008〕284号", "", date(2009, 1, 1), None, "土地市场动态监测与监管系统，电子监管号"),)
FILING = (Law("国土资发〔2007〕326号", "", date(2008, 1, 1), None, "备案时限未核实，按参数执行"), *MARKET_SYSTEM)
CONTRACT = (
    Law("国有建设用地使用权出让合同（GF-2008-2601）", "", date(2008, 7, 1)),
    Law("城市房地产管理法", "第十六条、第十七条、第二十六条", date(1995, 1, 1)),
)
IDLE = (
    *_land_law("第三十七条", "第三十八条"),
    Law("闲置土地处置办法（国土资源部令第5号）", "第二条、第四条", date(1999, 4, 28), date(2012, 7, 1)),
    Law("闲置土地处置办法（国土资源部令第53号）", "第二条、第十二条、第十四条", date(2012, 7, 1)),
)
TRANSFER = (
    Law("城市房地产管理法", "第三十九条", date(1995, 1, 1), None, "完成开发投资总额的百分之二十五以上方可转让"),
)
TEMPORARY = (*_land_law("第五十七条", "第五十七条"), Law("自然资规〔2021〕2号", "", date(2021, 11, 4)))
LINK = (
    Law(
        "城乡建设用地增减挂钩试点管理办法（国土资发〔2008〕138号）",
        "第十条",
        date(2008, 6, 27),
        None,
        "周转指标三年内归还",
    ),
)
SURVEY = (*_land_law("第三十条", "第二十七条"), Law("土地调查条例（国务院令第518号）", "", date(2008, 2, 7)))
