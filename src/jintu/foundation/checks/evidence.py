"""What a finding stands on: its rows with their outlines, the part concerned, the versions of its run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jintu.foundation.identity.scope import Scope
from jintu.foundation.registers import descriptor
from jintu.kernel.errors import Missing

from .models import Finding
from .rules import Layer, Rule

GROUND = "survey.DLTB"
RELATED = 100

__all__ = ["Subject", "features", "map_config", "related", "subjects"]


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


def related(about: list[Subject], scope: Scope) -> list[Subject]:
    """Outlines of rows that belong to those that have none: the parcels of an approval, the supply of a payment."""
    wanted: dict[tuple[str, str], list[str]] = {}
    known = {(s.register, s.key) for s in about}
    for subject in about:
        if subject.row is None or subject.geometry is not None:
            continue
        register = descriptor.get(subject.register)
        for child in register.children:
            wanted.setdefault((child.register, child.by), []).append(subject.key)
        for name, (_field, column) in register.columns.items():
            if column.link and getattr(subject.row, name):
                target = descriptor.get(column.link)
                wanted.setdefault((target.name, target.key), []).append(getattr(subject.row, name))
    result = []
    for (name, by), keys in wanted.items():
        register = descriptor.get(name)
        if not register.geometry:
            continue
        rows = register.model.objects.visible().within(scope).filter(**{f"{by}__in": keys})[:RELATED]
        for row in rows:
            key, geometry = getattr(row, register.key), getattr(row, register.geometry)
            if geometry is not None and (name, key) not in known:
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


def map_config(finding: Finding, shown: dict[str, Any], rule: Rule | None) -> dict[str, Any]:
    """What frontend/src/map.ts needs: the evidence over the land use of the run's day and the layers its rule used."""
    from jintu.foundation.layers import onemap, schemas, versions

    day = finding.last_run.as_of
    used = [need.layer for need in (rule.needs.values() if rule else ()) if isinstance(need, Layer)]
    layers = []
    for name in dict.fromkeys([*(n for n in used if n != GROUND), GROUND]):
        try:
            schema = schemas.get(name)
        except Missing:
            continue
        pieces = versions.pieces_in_force(name, finding.division, day)
        if pieces:
            layers.append(onemap.layer_of(schema, pieces, day, pieces) | {"visible": True})
    groups = [{"id": "ground", "title": "", "open": True, "layers": layers}] if layers else []
    return {"mode": "view", "fit": "overlays", "crs": "CGCS2000 (EPSG:4490)", "overlays": shown, "groups": groups}
