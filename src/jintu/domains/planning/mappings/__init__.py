"""Mappings of foreign plans to the plan layers; format: `jintu.foundation.layers.mapping`, one YAML file each."""

from __future__ import annotations

from pathlib import Path

__all__ = ["ship"]

MAPPINGS = (("planning.TDYTQ", "tw-urban-zoning"),)


def ship() -> None:
    """Offer the mappings; called from the domain's ``apps.py``."""
    from jintu.foundation.layers import mapping

    for layer, name in MAPPINGS:
        mapping.ship(layer, name, Path(__file__).parent / f"{name}.yaml")
