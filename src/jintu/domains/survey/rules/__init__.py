"""Rules of the quality inspection (质检规则) of survey layers, by part; `RULES` is all of them."""

from __future__ import annotations

from . import areas, attributes, basis, deliveries, edges, relations, structure, summaries, topology

RULES = (
    *deliveries.RULES,
    *basis.RULES,
    *structure.RULES,
    *attributes.RULES,
    *topology.RULES,
    *relations.RULES,
    *edges.RULES,
    *areas.RULES,
    *summaries.RULES,
)
