"""How far the rules look: what a later inspection may take over. See `foundation.checks.inspection.reuse`.

A rule that is not named looks at everything (uniqueness, sums, the day, overlaps with other layers by attribute). Rules
of rings and lines take their metres from the whole layer where it came in degrees: their reach is all outlines.
"""

from __future__ import annotations

__all__ = ["REACH"]

ROW = (
    "Q1203",
    "Q2201", "Q2203", "Q2204", "Q2205", "Q2206", "Q2207", "Q2208", "Q2209", "Q2210", "Q2211", "Q2212", "Q2215", "Q2216",
    "Q2217", "Q2218", "Q2219", "Q2220",
    "Q3101", "Q3105", "Q3106",
    "Q4102", "Q4108",
    "Q5101", "Q5102", "Q5104", "Q5105", "Q5109",
)  # fmt: skip
OUTLINES = ("Q3102", "Q3103", "Q3104", "Q3107", "Q3108", "Q3110", "Q3112", "Q4101", "Q4107")

REACH = dict.fromkeys(ROW, "row") | dict.fromkeys(OUTLINES, "outlines")
"""Rule id → reach."""
