"""How far the rules look: what a later inspection may take over. See `foundation.checks.inspection.reuse`.

A rule that is not named looks at everything (sums, lines that meet).
"""

from __future__ import annotations

__all__ = ["REACH"]

ROW = (
    "Q1203", "Q1205",
    "Q2201", "Q2203", "Q2204", "Q2205", "Q2206", "Q2207", "Q2208", "Q2209", "Q2210", "Q2211", "Q2212", "Q2215", "Q2216",
    "Q2217", "Q2218", "Q2219", "Q2220",
    "Q3101", "Q3105", "Q3106", "Q3111",
    "Q4102", "Q4105", "Q4106", "Q4107", "Q4108", "Q4114",
    "Q5101", "Q5102", "Q5103", "Q5104", "Q5105", "Q5107", "Q5108", "Q5109",
)  # fmt: skip
DATED = ("Q2214",)
COLUMNS = ("Q2202", "Q2213")
RING = ("Q3107", "Q3108", "Q3112")
OUTLINES = ("Q3102", "Q3103", "Q3104", "Q3110", "Q4101")
BORDER = ("Q4113",)

REACH = (
    dict.fromkeys(ROW, "row")
    | dict.fromkeys(DATED, "dated")
    | dict.fromkeys(RING, "ring")
    | dict.fromkeys(COLUMNS, "columns")
    | dict.fromkeys(OUTLINES, "outlines")
    | dict.fromkeys(BORDER, "border")
)
"""Rule id → reach."""
