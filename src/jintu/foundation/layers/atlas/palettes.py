"""Colours of thematic maps that the colour-blind tell apart, and those of land use on paper.

Sequential and diverging schemes are ColorBrewer's (C. Brewer, colour-blind safe ones), viridis is matplotlib's; the
qualitative one is P. Tol's "muted" after Okabe and Ito's.
"""

from __future__ import annotations

__all__ = ["LAND_USE", "NEUTRAL", "SCHEMES", "VALUES", "ramp"]

SCHEMES: dict[str, tuple[str, ...]] = {
    "ylgnbu": ("#ffffcc", "#c7e9b4", "#7fcdbb", "#41b6c4", "#2c7fb8", "#253494"),
    "ylorbr": ("#ffffd4", "#fee391", "#fec44f", "#fe9929", "#d95f0e", "#993404"),
    "purples": ("#f2f0f7", "#dadaeb", "#bcbddc", "#9e9ac8", "#756bb1", "#54278f"),
    "viridis": ("#440154", "#414487", "#2a788e", "#22a884", "#7ad151", "#fde725"),
    "puor": ("#b35806", "#f1a340", "#fee0b6", "#d8daeb", "#998ec3", "#542788"),
    "rdbu": ("#b2182b", "#ef8a62", "#fddbc7", "#d1e5f0", "#67a9cf", "#2166ac"),
}
VALUES = (
    "#332288",
    "#88ccee",
    "#44aa99",
    "#117733",
    "#999933",
    "#ddcc77",
    "#cc6677",
    "#882255",
    "#aa4499",
    "#e69f00",
    "#0072b2",
    "#8c6d46",
)
NEUTRAL = "#b9bec4"
"""What has no value, or one beyond those that have a colour."""

LAND_USE = {
    "00": "#a9d6cf",
    "01": "#f6f1d0",
    "02": "#f1d9a4",
    "03": "#b5d3ad",
    "04": "#d9e4ac",
    "05": "#f0a8b1",
    "06": "#d2b9e2",
    "07": "#f3cdbd",
    "08": "#f0bdd0",
    "09": "#bcc2dc",
    "10": "#d3d6d6",
    "11": "#b4d5e8",
    "12": "#d9cdb8",
}
"""Hues of GB/T 21010 first-level classes, those of the screen in its light theme."""


def ramp(scheme: str, k: int) -> list[str]:
    """``k`` colours of a scheme, evenly spaced between its first and its last.

    >>> ramp("ylgnbu", 2), len(ramp("puor", 9))
    (['#ffffcc', '#253494'], 9)
    """
    stops = [tuple(int(c[i : i + 2], 16) for i in (1, 3, 5)) for c in SCHEMES.get(scheme, SCHEMES["ylgnbu"])]
    made = []
    for i in range(k):
        at = (len(stops) - 1) * (i / (k - 1) if k > 1 else 0.5)
        low = min(int(at), len(stops) - 2)
        parts = (round(a + (b - a) * (at - low)) for a, b in zip(stops[low], stops[low + 1], strict=True))
        made.append("#" + "".join(f"{p:02x}" for p in parts))
    return made
