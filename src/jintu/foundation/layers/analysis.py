"""Occupation analysis (套合分析): an outline against everything in force on a day.

The answer is JSON that can be checked: figures in m² with the versions, hashes, method and outline they came from. The
same outline against the same versions gives the same figures. Words and units are added when it is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import transaction

from jintu.foundation.journal import Actor, append
from jintu.foundation.registers import descriptor, listing
from jintu.foundation.registers.models import RowStatus
from jintu.foundation.registers.rendering import row_title
from jintu.kernel import codelists, hashing
from jintu.kernel.errors import Missing

from . import rowgroups, schemas, versions
from .models import AnalysisResult, LayerVersion
from .outlines import Outline
from .schemas import Schema

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from jintu.kernel.flat import Polygons

    from .features import Features

__all__ = ["METHOD", "analyse", "keep", "wrong_parts"]

METHOD = "ellipsoidal/CGCS2000/lonlat-edges/1"
"""Areas on the CGCS2000 ellipsoid, edges straight in longitude and latitude, by the kernel's edge integral."""
SMALLEST_M2 = 0.1
"""Less is the rounding of neighbours' coordinates, not an occupation."""
MOST_ROWS = 500
COLUMNS = {
    "survey.DLTB": ("land_use_code", "ownership", "ridge_area_m2", "patch_area_m2"),
    "survey.JBNTTB": ("patch_code", "land_use_code"),
}
"""What is read of a layer beside its outlines, its class where nothing is said; always the same, so that one question's
row groups serve the next."""
CONFORMING, CONDITIONAL, NOT_CONFORMING, UNKNOWN = "conforming", "conditional", "not_conforming", "unknown"


@dataclass(frozen=True)
class _Met:
    """Features of a layer that the parcels meet: parcel, row of ``attributes``, m²."""

    version: LayerVersion
    attributes: pa.Table
    parcel: NDArray[np.int64]
    row: NDArray[np.int64]
    area: NDArray[np.float64]

    def values(self, column: str) -> list[Any]:
        return self.attributes.column(column).take(self.row).to_pylist()


def analyse(outline: Outline, scope: Any, day: date) -> dict[str, Any]:
    """The figures of an outline on a day, within a scope. JSON values only; areas in m²."""
    from jintu.kernel.flat import Polygons
    from jintu.kernel.overlay import prepare

    polygons = Polygons.from_shapely([p.geometry for p in outline.parcels])
    prepared = prepare(polygons)
    total = float(prepared.areas.sum())
    published = list(LayerVersion.objects.published().within(scope).defer("quality"))
    used: list[LayerVersion] = []

    def met(layer: str) -> tuple[Schema, list[_Met]] | None:
        try:
            schema = schemas.get(layer)
        except Missing:  # a domain that is not installed has no layer
            return None
        pieces = versions.pieces_in_scope(layer, scope, day, published)
        if not pieces:
            return None
        used.extend(pieces)
        return schema, [_meet(prepared, v) for v in pieces]

    answer: dict[str, Any] = {
        "as_of": day.isoformat(),
        "method": METHOD,
        "area_m2": _m2(total),
        "parcels": [
            {
                "name": p.name,
                "area_m2": _m2(a),
                "declared_m2": None if p.declared_m2 is None else str(p.declared_m2),
                "official_m2": None if p.official_m2 is None else str(p.official_m2),
            }
            for p, a in zip(outline.parcels, prepared.areas.tolist(), strict=True)
        ],
        "source": {"name": outline.source_name, "hash": outline.source_hash, "crs": outline.crs},
        "outline": _outline_hash(polygons),
        "declared": _declared(outline),
        "own_overlap_m2": _own_overlap(prepared),
    }
    found = met("survey.DLTB")
    answer["land_use"] = _land_use(found[1], total) if found else None
    found = met("survey.JBNTTB")
    answer["farmland"] = _farmland(found[1]) if found else None
    found = met("planning.TDYTQ")
    answer["zones"] = _zones(found, total) if found else None
    found = met("planning.JSYDGZQ")
    answer["controls"] = _zones(found, total) if found else None
    answer["conformity"] = _conformity(answer["controls"], total)
    answer["registers"] = _registers(polygons, prepared, outline, scope, total)
    answer["versions"] = [
        {
            "layer": v.layer,
            "division": v.division,
            "name": v.name,
            "valid_from": v.valid_from.isoformat(),
            "hash": v.hash,
        }
        for v in used
    ]
    return answer


def keep(answer: dict[str, Any], outline: Outline, scope: Any, actor: Actor, title: str = "") -> AnalysisResult:
    """Save an answer, so that its report can be printed and checked later; journaled."""
    import shapely

    shape = shapely.MultiPolygon([g for p in outline.parcels for g in shapely.get_parts(p.geometry)])
    digest = hashing.of_json(answer)
    with transaction.atomic():
        kept = AnalysisResult.objects.create(
            title=title[:200] or outline.source_name[:200],
            division=actor.division or (scope.divisions[0] if scope.divisions else ""),
            as_of=date.fromisoformat(answer["as_of"]),
            geom=shape,
            area=Decimal(str(answer["area_m2"])),
            source_name=outline.source_name[:255],
            source_hash=outline.source_hash,
            result=answer,
            hash=digest,
            created_by=actor.user,
        )
        append(
            "layer.analyse",
            actor=actor,
            division=kept.division,
            objects=[("layers.analysis", str(kept.uid))],
            facts={"hash": digest, "outline": answer["outline"], "versions": [v["hash"] for v in answer["versions"]]},
        )
    return kept


# --- overlay ----------


def _m2(value: float) -> float:
    return round(float(value), 2)


def _lying_near(version: LayerVersion, box: Any) -> Features:
    """The features of a version near a box, of the row groups that lie there: it is not loaded for one question."""
    columns = COLUMNS.get(version.layer, (version.schema.classes,))
    return rowgroups.near(version, [*columns, "geometry"], box)


def _meet(prepared: Any, version: LayerVersion) -> _Met:
    """The features of a version that share more than a tenth of a square metre with the parcels, and their columns."""
    import numpy as np

    from jintu.kernel.overlay import overlay

    boxes = prepared.boxes
    box = (*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist())
    resident = versions.held(version)
    if resident is None:
        lying = _lying_near(version, box)
        attributes, pairs = lying.attributes, overlay(prepared, lying.polygons)
        rows = pairs.right
    else:
        attributes, near = resident.attributes, resident.near(box)
        if len(near) > len(resident) // 4 and len(resident) > 50_000:
            pairs = overlay(prepared, resident.prepared)
            rows = pairs.right
        else:
            pairs = overlay(prepared, resident.polygons.take(near))
            rows = near[pairs.right] if len(near) else np.empty(0, dtype=np.int64)
    large = pairs.area_m2 > SMALLEST_M2
    return _Met(version, attributes, pairs.left[large], rows[large], pairs.area_m2[large])


def _outline_hash(polygons: Polygons) -> str:
    """Of the coordinates analysed, as they are."""
    import numpy as np

    data = np.column_stack((polygons.x, polygons.y)).astype("<f8").tobytes()
    return hashing.of_bytes(data + polygons.ring_offsets.astype("<i8").tobytes())


def _own_overlap(prepared: Any) -> float:
    """What the parcels share with one another: counted twice in every sum, so it must be said."""
    from jintu.kernel.overlay import overlay

    if len(prepared) < 2:
        return 0.0
    pairs = overlay(prepared, prepared)
    twice = pairs.area_m2[(pairs.left < pairs.right) & (pairs.area_m2 > SMALLEST_M2)]
    return _m2(twice.sum())


def _declared(outline: Outline) -> dict[str, Any] | None:
    """Declared against computed, parcel by parcel in the sum; computed by the survey rule where the plane is known."""
    said = [p for p in outline.parcels if p.declared_m2 is not None]
    if not said:
        return None
    from jintu.kernel.flat import Polygons

    plain = Polygons.from_shapely([p.geometry for p in said]).areas().tolist()
    computed = [
        p.official_m2 if p.official_m2 is not None else Decimal(str(round(a, 2)))
        for p, a in zip(said, plain, strict=True)
    ]
    declared_sum = sum((p.declared_m2 for p in said if p.declared_m2 is not None), Decimal(0))
    computed_sum = sum(computed, Decimal(0))
    # a file states hectares with four decimals: half a square metre for each parcel is its rounding
    tolerance = Decimal("0.6") * len(said)
    return {
        "parcels": len(said),
        "declared_m2": str(declared_sum),
        "computed_m2": str(computed_sum),
        "difference_m2": str(computed_sum - declared_sum),
        "tolerance_m2": str(tolerance),
        "agrees": abs(computed_sum - declared_sum) <= tolerance,
        "official": all(p.official_m2 is not None for p in said),
    }


def _land_use(pieces: Sequence[_Met], total: float) -> dict[str, Any]:
    classes: dict[str, dict[str, Any]] = {}
    owners = {"state": 0.0, "collective": 0.0}
    three = {codelists.AGRI: 0.0, codelists.CONSTRUCTION: 0.0, codelists.UNUSED: 0.0}
    cultivated = ridge = inside = 0.0
    for met in pieces:
        columns = [met.values(n) for n in ("land_use_code", "ownership", "ridge_area_m2", "patch_area_m2")]
        for code, owner, ridges, patch, area in zip(*columns, met.area.tolist(), strict=True):
            code = code or ""
            entry = classes.setdefault(code, {"code": code, "area_m2": 0.0, "patches": 0})
            entry["area_m2"] += area
            entry["patches"] += 1
            inside += area
            kind = codelists.three_class(code)
            if kind in three:
                three[kind] += area
            if code.startswith("01"):
                cultivated += area
                ridge += area * (ridges or 0.0) / patch if patch else 0.0
            group = codelists.get("ownership").group(owner or "")
            if group in owners:
                owners[group] += area
    listed = [{**classes[c], "area_m2": _m2(classes[c]["area_m2"])} for c in sorted(classes)]
    first: dict[str, float] = {}
    for entry in classes.values():
        first[entry["code"][:2]] = first.get(entry["code"][:2], 0.0) + entry["area_m2"]
    return {
        "classes": listed,
        "first": [{"code": c, "area_m2": _m2(a)} for c, a in sorted(first.items())],
        "three": {k: _m2(v) for k, v in three.items()},
        "ownership": {k: _m2(v) for k, v in owners.items()},
        "cultivated_m2": _m2(cultivated),
        "ridge_m2": _m2(ridge),
        "outside_m2": _m2(max(0.0, total - inside)) if total - inside > SMALLEST_M2 else 0.0,
    }


def _farmland(pieces: Sequence[_Met]) -> dict[str, Any]:
    patches = [
        {"key": key, "code": code, "area_m2": _m2(area)}
        for met in pieces
        for key, code, area in zip(
            met.values("patch_code"), met.values("land_use_code"), met.area.tolist(), strict=True
        )
    ]
    patches.sort(key=lambda p: -p["area_m2"])
    return {
        "area_m2": _m2(sum(float(m.area.sum()) for m in pieces)),
        "count": len(patches),
        "patches": patches[:200],
    }


def _zones(found: tuple[Schema, list[_Met]], total: float) -> dict[str, Any]:
    schema, pieces = found
    sums: dict[str, float] = {}
    for met in pieces:
        for code, area in zip(met.values(schema.classes), met.area.tolist(), strict=True):
            sums[code or ""] = sums.get(code or "", 0.0) + area
    outside = total - sum(sums.values())
    return {
        "classes": [{"code": c, "area_m2": _m2(a)} for c, a in sorted(sums.items())],
        "outside_m2": _m2(outside) if outside > SMALLEST_M2 else 0.0,
    }


def _conformity(controls: dict[str, Any] | None, total: float) -> dict[str, Any]:
    """Conforming: all inside the permitted zone. Conditional: the rest inside the conditional zone only, where the
    layout must be adjusted first (TD/T 1027: 允许、有条件、限制、禁止建设区)."""
    if controls is None:
        return {"conclusion": UNKNOWN}
    sums = {entry["code"]: entry["area_m2"] for entry in controls["classes"]}
    parts = {
        "permitted_m2": sums.get("010", 0.0),
        "conditional_m2": sums.get("020", 0.0),
        "restricted_m2": sums.get("030", 0.0),
        "prohibited_m2": sums.get("040", 0.0),
        "outside_m2": controls["outside_m2"],
    }
    tolerance = max(1.0, 1e-6 * total)
    if parts["restricted_m2"] + parts["prohibited_m2"] > tolerance:
        conclusion = NOT_CONFORMING
    elif parts["outside_m2"] > tolerance:
        conclusion = UNKNOWN
    elif parts["conditional_m2"] > tolerance:
        conclusion = CONDITIONAL
    else:
        conclusion = CONFORMING
    return {"conclusion": conclusion, **parts}


def _registers(polygons: Polygons, prepared: Any, outline: Outline, scope: Any, total: float) -> list[dict[str, Any]]:
    """Rows of every register with a place and a stage that the parcels meet: how much of the parcels they cover."""
    import shapely

    from jintu.kernel.flat import Polygons as Flat
    from jintu.kernel.overlay import overlay

    whole = (
        shapely.union_all([p.geometry for p in outline.parcels]) if len(polygons) > 1 else outline.parcels[0].geometry
    )
    answers = []
    for register in descriptor.catalogue():
        if not register.geometry or not register.stage:
            continue
        rows = listing.base_rows(register, scope).filter(
            status=RowStatus.VALID, **{f"{register.geometry}__intersects": whole}
        )
        found = [r for r in rows.order_by("id")[: MOST_ROWS + 1] if _is_area(getattr(r, register.geometry))]
        capped, found = len(found) > MOST_ROWS, found[:MOST_ROWS]
        entries: list[dict[str, Any]] = []
        covered = 0.0
        if found:
            shapes = [getattr(r, register.geometry) for r in found]
            flat = Flat.from_shapely(shapes)
            pairs = overlay(flat, prepared)
            shared, own = pairs.per_left(len(flat)), flat.areas()
            touching = [i for i in range(len(found)) if shared[i] > SMALLEST_M2]
            entries = [
                {
                    "uid": str(found[i].uid),
                    "key": str(getattr(found[i], register.key)),
                    "title": row_title(register, found[i]),
                    "area_m2": _m2(own[i]),
                    "overlap_m2": _m2(shared[i]),
                }
                for i in touching
            ]
            entries.sort(key=lambda e: (-e["overlap_m2"], e["key"]))
            if len(touching) == 1 and len(polygons) == 1:
                covered = float(shared[touching[0]])
            elif touching:
                joined = shapely.union_all(shapely.make_valid([shapes[i] for i in touching]))
                covered = float(overlay(Flat.from_shapely([_areas_only(joined)]), prepared).area_m2.sum())
        uncovered = total - covered
        answers.append(
            {
                "register": register.name,
                "stage": register.stage,
                "rows": entries,
                "capped": capped,
                "covered_m2": _m2(covered) if covered > SMALLEST_M2 else 0.0,
                "uncovered_m2": _m2(uncovered) if uncovered > SMALLEST_M2 else 0.0,
            }
        )
    return answers


def _is_area(shape: Any) -> bool:
    return shape is not None and shape.geom_type in ("Polygon", "MultiPolygon") and not shape.is_empty


def _areas_only(shape: Any) -> Any:
    import shapely

    return shapely.MultiPolygon(
        [p for g in shapely.get_parts([shape]) for p in shapely.get_parts(g) if p.geom_type == "Polygon"]
    )


def wrong_parts(outline: Outline, scope: Any, day: date) -> list[tuple[str, Any, float]]:
    """Parts of an outline that lie on basic farmland, or in restricted or prohibited zones: (what, outline, m²).

    Here the cut geometry itself is wanted, to be drawn; the figures of the answer do not come from it.
    """
    import shapely

    from jintu.kernel.flat import Polygons

    whole = shapely.union_all([p.geometry for p in outline.parcels])
    shapes: dict[str, list[Any]] = {what: [] for what in WRONG_PARTS}
    for layer, column, whats in (
        ("survey.JBNTTB", "", {None: "farmland"}),
        ("planning.JSYDGZQ", "control_type", {"040": "prohibited", "030": "restricted"}),
    ):
        for piece in versions.pieces_in_scope(layer, scope, day):
            codes, near = _near(piece, whole.bounds, column)
            counted = [i for i, code in enumerate(codes) if code in whats]
            common = shapely.intersection(shapely.make_valid(near[counted]), whole).tolist()
            for i, shape in zip(counted, common, strict=True):
                if not shape.is_empty:
                    shapes[whats[codes[i]]].append(_areas_only(shape))
    parts = []
    for what, found in shapes.items():
        joined = _areas_only(shapely.union_all(found))
        area = float(Polygons.from_shapely([joined]).areas()[0])
        if area > 1:
            parts.append((what, joined, area))
    return parts


WRONG_PARTS = ("farmland", "prohibited", "restricted")


def _near(version: LayerVersion, box: Any, column: str) -> tuple[list[Any], NDArray[np.object_]]:
    """Values of a column (None each without one) and Shapely outlines of the features near a box, from memory where the
    version is there, else from the lake."""
    resident = versions.held(version)
    if resident is None:
        lying = _lying_near(version, box)
        table, shapes = lying.attributes, lying.shapes(range(len(lying)))
    else:
        rows = resident.near(box)
        table, shapes = resident.attributes.take(rows), resident.shapes(rows)
    return table.column(column).to_pylist() if column else [None] * len(shapes), shapes
