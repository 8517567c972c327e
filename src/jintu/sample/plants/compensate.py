"""Compensation of cultivated land: R35–R39."""

from __future__ import annotations

import shapely

from ..ledger import days, square
from ..sites import Shape
from .planter import Planter, hit, planting

__all__ = ["PLANTINGS"]


@planting(4, build=1, project=3)
def compensation_short(p: Planter, n: int) -> None:
    """R35: less drawn than occupied."""
    w = p.world
    case = w.case(p.ago(500 - 20 * n), parts=2, all_cultivated=True)
    for _, part in case.parcels:
        w.supply(case, part, days(case.approval["approved_on"], 80))
    short = 1500.0 + 700 * n
    draw = max(case.draws, key=lambda d: d["area"])
    draw["area"] = square(draw["area"] - short)
    p.violation("R35", "less compensated than occupied", hit("R35", case.key, area=short))
    if n == 0:
        ordinary = next(c for c in w.cases if c.approval["cult_area"] > 0 and c is not case and c.draws)
        p.miss("R35", "exactly as much drawn as occupied", ordinary.key)


@planting(3, build=2, project=6)
def compensation_poorer(p: Planter, n: int) -> None:
    """R36: land of a worse grade for the land taken, or dry land for paddy."""
    w = p.world
    if n < 2:
        case = w.case(p.ago(500 - 20 * n), parts=2, all_cultivated=True)
        for draw in case.draws:
            draw["grade"] = round(case.approval["cult_grade"] + 0.8 + 0.5 * n, 2)
        what, area = "compensated with land of a worse grade", sum(d["area"] for d in case.draws)
    else:
        case = w.case(p.ago(480), parts=1, compensated=False)
        w.surface.paint_before(case.parcels[0][1], "011")
        w.figures(case)
        w.compensate(case)
        what, area = "dry land for paddy", 2400.0
        draw = max(case.draws, key=lambda d: d["paddy_area"])
        draw["paddy_area"] = square(draw["paddy_area"] - area)
    for _, part in case.parcels:
        w.supply(case, part, days(case.approval["approved_on"], 80))
    p.violation("R36", what, hit("R36", case.key, area=area))
    if n == 0:
        near = w.case(p.ago(500), parts=2, all_cultivated=True)
        for _, part in near.parcels:
            w.supply(near, part, days(near.approval["approved_on"], 80))
        for draw in near.draws:
            draw["grade"] = near.approval["cult_grade"]
        p.miss("R36", "compensated with land of the same grade", near.key)


@planting(3, build=2, project=2)
def drawn_twice(p: Planter, n: int) -> None:
    """R37: more drawn from a project than it added."""
    w = p.world
    for over in (900.0 + 600 * n, 0.0):
        if over == 0.0 and n:
            continue
        project = w.project(p.ago(800 - 30 * n), reserved=True)
        # A third of a block occupied: what the project claims to have added must be there (R38).
        case = w.case(p.ago(500 - 20 * n), parts=3, keep=1, all_cultivated=True, compensated=False)
        for _, part in case.parcels:
            w.supply(case, part, days(case.approval["approved_on"], 80))
        need = case.approval["cult_area"]
        w.draw(project, case, need, 0.0, round(need * 0.6, 2))
        project.row["added_cult_area"] = square(need - over)
        project.row["added_paddy_area"] = 0.0
        if over:
            p.violation("R37", "more drawn than the project added", hit("R37", project.key, area=over))
        else:
            released = w.draw(
                project, w.cases[0], 5000.0, 0.0, 100.0, state="released", draw_key=f"{project.key[1]}#released"
            )
            p.miss(
                "R37",
                "drawn out exactly, another draw released",
                project.key,
                ("land.compensation_draw", released["draw_key"]),
            )


@planting(3, project=2)
def not_on_the_ground(p: Planter, n: int) -> None:
    """R38: the survey more than a year later shows no cultivated land where the project was accepted."""
    w = p.world
    project = w.project(p.ago(900 + 40 * n), reserved=True)
    # The map keeps showing waste land.
    w.surface.changes[:] = [c for c in w.surface.changes if c[1] not in project.parts]
    area = sum(w.surface.area(part) for part in project.parts)
    p.violation("R38", "no cultivated land where it was accepted", hit("R38", project.key, area=area))
    if n == 0:
        near = w.project(p.ago(400), reserved=True)
        w.surface.changes[:] = [c for c in w.surface.changes if c[1] not in near.parts]
        p.miss("R38", "accepted less than a year before the last survey", near.key)


@planting(3, build=2, project=2)
def project_on_building_land(p: Planter, n: int) -> None:
    """R39: the project's boundary takes in a strip of an approved parcel."""
    w, surface = p.world, p.world.surface
    for planted in (True, False):
        if not planted and n:
            continue
        case = w.case(p.ago(330 - 5 * n), parts=1, all_cultivated=True)
        part = case.parcels[0][1]
        project = w.project(p.ago(700 - 30 * n), reserved=True)
        own = surface.shape(*project.parts)
        if planted:
            strip = surface.shape(part.columns(0, 1 + n))
        else:
            strip = surface.rim(part, 90.0)
        both = Shape(shapely.MultiPolygon([*shapely.get_parts(own.plane), *shapely.get_parts(strip.plane)]))
        project.row["geometry"] = both
        project.row["scale_area"] = square(both.area)
        if planted:
            p.violation("R39", "project on approved building land", hit("R39", project.key, area=strip.area))
        else:
            p.miss("R39", "90 m² shared with an approval, nine tenths of the tolerance", project.key, case.key)


PLANTINGS = (compensation_short, compensation_poorer, drawn_twice, not_on_the_ground, project_on_building_land)
