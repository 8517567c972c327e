"""Mappings of foreign plans to the plan layers; format: `jintu.foundation.layers.mapping`, one YAML file each.

``MAPPINGS["planning.TDYTQ"]["tw-urban-zoning"]`` is the path of one.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["MAPPINGS"]

HERE = Path(__file__).parent
MAPPINGS: dict[str, dict[str, Path]] = {
    "planning.TDYTQ": {"tw-urban-zoning": HERE / "tw-urban-zoning.yaml"},
}
