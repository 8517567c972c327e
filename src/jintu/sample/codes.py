"""Codes the sample county writes, as the standards name them (GB/T 21010-2007, TD/T 1014, TD/T 1027)."""

from __future__ import annotations

import numpy as np

__all__ = ["AGRICULTURAL", "CONSTRUCTION", "CONTROL", "CULTIVATED", "LAND_USE", "LAND_USE_INDEX", "ZONES"]

LAND_USE: dict[str, str] = {
    "011": "水田",
    "012": "水浇地",
    "013": "旱地",
    "021": "果园",
    "022": "茶园",
    "023": "其他园地",
    "031": "有林地",
    "032": "灌木林地",
    "033": "其他林地",
    "041": "天然牧草地",
    "042": "人工牧草地",
    "043": "其他草地",
    "051": "批发零售用地",
    "052": "住宿餐饮用地",
    "053": "商务金融用地",
    "054": "其他商服用地",
    "061": "工业用地",
    "062": "采矿用地",
    "063": "仓储用地",
    "071": "城镇住宅用地",
    "072": "农村宅基地",
    "081": "机关团体用地",
    "082": "新闻出版用地",
    "083": "科教用地",
    "084": "医卫慈善用地",
    "085": "文体娱乐用地",
    "086": "公共设施用地",
    "087": "公园与绿地",
    "088": "风景名胜设施用地",
    "091": "军事设施用地",
    "092": "使领馆用地",
    "093": "监教场所用地",
    "094": "宗教用地",
    "095": "殡葬用地",
    "101": "铁路用地",
    "102": "公路用地",
    "103": "街巷用地",
    "104": "农村道路",
    "105": "机场用地",
    "106": "港口码头用地",
    "107": "管道运输用地",
    "111": "河流水面",
    "112": "湖泊水面",
    "113": "水库水面",
    "114": "坑塘水面",
    "116": "内陆滩涂",
    "117": "沟渠",
    "118": "水工建筑用地",
    "121": "空闲地",
    "122": "设施农用地",
    "127": "裸地",
}
"""Second-level classes used on the map (123 field ridge is a deduction, never a patch)."""

CODES = np.array(list(LAND_USE))
LAND_USE_INDEX = {code: i for i, code in enumerate(LAND_USE)}

_AGRICULTURAL = {"104", "114", "117", "122"}
_UNUSED = {"043", "111", "112", "116", "127"}
_CLASS = {
    c: "A" if c in _AGRICULTURAL or (c < "043" and c not in _UNUSED) else "U" if c in _UNUSED else "C" for c in LAND_USE
}
AGRICULTURAL = np.array([_CLASS[c] == "A" for c in LAND_USE])
CONSTRUCTION = np.array([_CLASS[c] == "C" for c in LAND_USE])
CULTIVATED = np.array([c.startswith("01") for c in LAND_USE])

ZONES: dict[str, str] = {
    "010": "基本农田保护区",
    "020": "一般农地区",
    "030": "城镇建设用地区",
    "040": "村镇建设用地区",
    "050": "独立工矿区",
    "070": "生态环境安全控制区",
    "090": "林业用地区",
    "990": "其他用地区",
}
"""TDYTQLXDM: land-use zones of the plan."""

CONTROL: dict[str, str] = {"010": "允许建设区", "020": "有条件建设区", "030": "限制建设区", "040": "禁止建设区"}
"""GZQLXDM: control zones for construction; the same digits mean something else than in `ZONES`."""
