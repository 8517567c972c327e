"""Invented names: townships, villages, companies, people, projects. None is meant to be a real place or person."""

from __future__ import annotations

import numpy as np

__all__ = ["COUNTY", "Names", "division_table"]

PROVINCE, CITY, COUNTY, NEIGHBOUR = "990000", "990100", "990121", "990122"

TOWNSHIPS = (
    ("001", "云桥街道"),
    ("101", "霁川镇"),
    ("102", "禾泉镇"),
    ("103", "松墨镇"),
    ("104", "望麓镇"),
    ("105", "砚溪镇"),
    ("106", "槐影镇"),
    ("002", "澄湖街道"),
    ("201", "鹿栖乡"),
    ("202", "榆荫乡"),
    ("203", "苇塘乡"),
    ("204", "岚坡乡"),
)
"""Codes follow GB/T 2260's pattern (0 sub-districts, 1 towns, 2 townships) below a county code that does not exist."""

_HEAD = "云霁禾松望砚槐澄鹿榆苇岚青柏竹兰枫梧柳桑荷菱芦茗梨杏枣栗榴蔷芷蕙萝荻藜"
_TAIL = (
    "河湾",
    "家坪",
    "树坡",
    "石桥",
    "上营",
    "下营",
    "前屯",
    "后屯",
    "东岭",
    "西岭",
    "南沟",
    "北沟",
    "泉头",
    "塘口",
    "店子",
    "庄",
)
_SURNAME = "文季尚左云齐乔温纪舒苗梅阮蓝席麻强贾路江童颜"
_GIVEN = "安平宁和清明远志成立新文静敏慧佳宜朗舟岚野禾"
_FIRM_HEAD = (
    "霁云",
    "禾盛",
    "砚石",
    "青榆",
    "望舒",
    "岚谷",
    "澄心",
    "松麓",
    "槐序",
    "鹿鸣谷",
    "苇航",
    "柏舟",
    "枫桥里",
    "蕙风",
    "芷汀",
)
_FIRM = {
    "05": ("商贸有限公司", "酒店管理有限公司", "商业运营有限公司"),
    "06": ("机械制造有限公司", "食品加工有限公司", "新材料有限公司", "仓储物流有限公司"),
    "07": ("置业有限公司", "房地产开发有限公司"),
    "08": ("中学", "卫生院", "文化服务中心", "市政工程管理所"),
    "10": ("交通建设发展有限公司", "公路管理所"),
    "11": ("水务工程管理处",),
    "09": ("公益性公墓管理所",),
}
INDUSTRY = {
    "05": "批发和零售业",
    "06": "制造业",
    "07": "房地产业",
    "08": "公共管理和社会组织",
    "10": "交通运输业",
    "11": "水利管理业",
    "09": "居民服务业",
}
_PROJECT = {
    "05": ("商贸综合体", "农贸市场", "宾馆", "物流商贸中心"),
    "06": ("农机装配厂", "粮油加工厂", "纸制品厂", "标准厂房一期", "冷链仓库", "陶瓷配件厂"),
    "07": ("住宅小区", "安置住宅", "商品住宅"),
    "08": ("中心小学扩建", "卫生院迁建", "污水处理站", "文体中心", "垃圾中转站"),
    "10": ("客运站", "公路养护站", "农村公路改建"),
    "11": ("泵站改建",),
    "09": ("公益性公墓",),
}


class Names:
    """Names drawn from one seeded generator, so that the same county has the same names."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def pick(self, options: tuple[str, ...] | str) -> str:
        return options[int(self.rng.integers(len(options)))]

    def person(self) -> str:
        return self.pick(_SURNAME) + self.pick(_GIVEN) + (self.pick(_GIVEN) if self.rng.random() < 0.6 else "")

    def holder(self, use_code: str, place: str = "") -> str:
        """A company, school or office that would use land of this class."""
        kind = self.pick(_FIRM.get(use_code[:2], _FIRM["06"]))
        head = "示例县" + (place if use_code[:2] in {"08", "10", "11", "09"} else self.pick(_FIRM_HEAD))
        return head + kind

    def project(self, use_code: str, place: str) -> str:
        return place + self.pick(_PROJECT.get(use_code[:2], _PROJECT["06"]))

    def industry(self, use_code: str) -> str:
        return INDUSTRY.get(use_code[:2], "制造业")

    def villages(self, count: int) -> list[str]:
        """Distinct village names as far as there are enough, then numbered ones."""
        pool = [h + t for h in _HEAD for t in _TAIL]
        order = self.rng.permutation(len(pool))
        out = []
        for k in range(count):
            name = pool[order[k % len(pool)]]
            out.append(name + ("" if k < len(pool) else f"{k // len(pool) + 1}") + "村")
        return out


def division_table(village_names: list[str], village_codes: list[str]) -> list[dict[str, str]]:
    """The divisions of the sample, top down: ``code, name, level, parent``."""
    rows = [
        {"code": PROVINCE, "name": "示例省", "level": "province", "parent": ""},
        {"code": CITY, "name": "示例市", "level": "city", "parent": PROVINCE},
        {"code": COUNTY, "name": "示例县", "level": "county", "parent": CITY},
        {"code": NEIGHBOUR, "name": "邻县", "level": "county", "parent": CITY},
    ]
    for suffix, name in TOWNSHIPS:
        rows.append({"code": COUNTY + suffix, "name": name, "level": "township", "parent": COUNTY})
    for code, name in zip(village_codes, village_names, strict=True):
        rows.append({"code": code, "name": name, "level": "village", "parent": code[:9]})
    return rows
