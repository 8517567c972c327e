"""The dated tables of the sample: price floors, allocation catalogue, maximum terms. Quotas follow from the filings."""

from __future__ import annotations

from datetime import date

from .ledger import Ledger
from .names import COUNTY
from .stories import FLOORS, TERMS

__all__ = ["write_tables"]

ALLOCATION = {
    "081": "国家机关用地",
    "083": "非营利性教育、科研设施用地",
    "084": "非营利性医疗卫生设施用地",
    "085": "非营利性文化、体育设施用地",
    "086": "城市基础设施用地",
    "087": "城市公园与绿地",
    "091": "军事设施用地",
    "093": "监狱、戒毒等设施用地",
    "095": "公益性殡葬设施用地",
    "101": "铁路交通设施用地",
    "102": "公路交通设施用地",
    "103": "城市道路用地",
    "105": "民用机场设施用地",
    "106": "水路交通设施用地",
    "107": "管道运输设施用地",
    "113": "水库设施用地",
    "118": "水利设施用地",
}
"""GB/T 21010-2007 classes the allocation catalogue (国土资源部令第9号, 2001) covers, grouped for the sample."""

OTHER_TERMS = {"09": 50, "10": 50, "11": 50}
TERM_NAMES = {
    "05": "commerce",
    "06": "industry",
    "07": "housing",
    "08": "public",
    "09": "other",
    "10": "other",
    "11": "other",
}


def write_tables(ledger: Ledger) -> None:
    """Add the three tables to the ledger."""
    for group, prices in FLOORS.items():
        for grade, price in enumerate(prices, 1):
            ledger.add(
                "land.price_floor",
                {
                    "floor_key": f"{group}#{grade}#2007",
                    "use_group": group,
                    "land_grade": grade,
                    "price_per_m2": price,
                    "valid_from": date(2007, 1, 1),
                    "valid_to": None,
                    "basis": "国土资发〔2006〕307号" if group == "industry" else "示例县样本价表",
                    "division": COUNTY,
                },
            )
    for code, name in ALLOCATION.items():
        ledger.add(
            "land.allocation_use",
            {
                "use_key": f"{code}#2001",
                "use_code": code,
                "name": name,
                "valid_from": date(2001, 10, 22),
                "valid_to": None,
                "basis": "划拨用地目录（国土资源部令第9号）",
                "division": COUNTY,
            },
        )
    for prefix, years in (TERMS | OTHER_TERMS).items():
        ledger.add(
            "land.max_term",
            {
                "term_key": f"{prefix}#1990",
                "use_group": TERM_NAMES[prefix],
                "use_prefix": prefix,
                "years": years,
                "valid_from": date(1990, 5, 19),
                "valid_to": None,
                "basis": "国务院令第55号第十二条",
                "division": COUNTY,
            },
        )
