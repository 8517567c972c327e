"""The thresholds of the inspection: numbers of the rules (onemap.md §12), not of the geometry."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """``sliver_area_m2``, ``sliver_compactness`` (Q3106: 4πA/P² below 0.02) · ``spike_degrees`` (Q3107) ·
    ``duplicate_vertex_m`` (Q3108) · ``short_edge_m`` (0 for none) · ``shells_turn`` (Q3111): 1 counter-clockwise, −1
    clockwise, 0 either; holes must always turn the other way."""

    sliver_area_m2: float = 0.0
    sliver_compactness: float = 0.02
    spike_degrees: float = 5.0
    duplicate_vertex_m: float = 0.001
    short_edge_m: float = 0.0
    shells_turn: int = 0
