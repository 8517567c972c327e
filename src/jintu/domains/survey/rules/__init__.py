"""Rules of the quality inspection (质检规则) of survey layers, by part; `RULES` is all of them."""

from __future__ import annotations

from . import areas, attributes, basis, relations, topology

RULES = (*basis.RULES, *attributes.RULES, *topology.RULES, *relations.RULES, *areas.RULES)
