"""What a finding stands on: its rows with their outlines, the part concerned, the versions of its run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jintu.foundation.identity.scope import Scope
from jintu.foundation.registers import descriptor
from jintu.kernel.errors import Missing

from .models import Finding

__all__ = ["Subject", "features", "map_config", "subjects"]


@dataclass(frozen=True)
class Subject:
    """One row a finding is about. ``row`` is None when it was withdrawn or lies outside the person's scope."""

    register: str
    key: str
    label: Any
    stage: str
    row: Any
    geometry: Any


def subjects(finding: Finding, scope: Scope) -> list[Subject]:
    """The finding's rows, in its order; one query per register named."""
    wanted: dict[str, list[str]] = {}
    for register, key in finding.objects_json:
        wanted.setdefault(register, []).append(key)
    found: dict[tuple[str, str], Any] = {}
    for name, keys in wanted.items():
        try:
            register = descriptor.get(name)
        except Missing:
            continue
        rows = register.model.objects.visible().within(scope).filter(**{f"{register.key}__in": keys})
        for row in rows:
            found[name, getattr(row, register.key)] = row
    result = []
    for name, key in finding.objects_json:
        try:
            register = descriptor.get(name)
        except Missing:
            result.append(Subject(name, key, name, "", None, None))
            continue
        row = found.get((name, key))
        geometry = getattr(row, register.geometry) if row is not None and register.geometry else None
        result.append(Subject(name, key, register.label, register.stage, row, geometry))
    return result


def features(finding: Finding, about: list[Subject]) -> dict[str, Any]:
    """GeoJSON of the evidence: ``stage`` tells the outline, ``role`` "part" the area that is wrong."""
    import shapely

    found = []
    for subject in about:
        if subject.geometry is not None:
            found.append(
                {
                    "type": "Feature",
                    "properties": {"role": "row", "stage": subject.stage, "name": subject.key},
                    "geometry": shapely.geometry.mapping(subject.geometry),
                }
            )
    if finding.geom is not None:
        found.append(
            {
                "type": "Feature",
                "properties": {"role": "part", "area_m2": float(finding.area_m2 or 0)},
                "geometry": shapely.geometry.mapping(finding.geom),
            }
        )
    return {"type": "FeatureCollection", "features": found}


def map_config(finding: Finding, shown: dict[str, Any], scope: Scope) -> dict[str, Any]:
    """What frontend/src/map.ts needs: the evidence, over nothing else until the layers name their tiles."""
    return {"mode": "view", "fit": "overlays", "overlays": shown, "groups": []}
