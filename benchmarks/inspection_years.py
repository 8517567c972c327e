"""Versions that follow the sample county's patches, each with one kind of change: what an inspection after it costs.

They are written from the rows of the version before as the import writes them, without the picture for small scales, so
that a million rows need not be read from a file each time. All versions but the two compared are withdrawn meanwhile:
sums and changes follow from the version before.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jintu.foundation.layers.models import LayerVersion

__all__ = ["KINDS", "alone", "made"]

KINDS = ("figures", "rows", "outlines")
"""Fifty net areas changed; fifty rows gone and fifty come, half of those gone cut in two; fifty outlines moved."""
EDITS, MOVED_M = 50, 0.5
FIRST_DAY = date(2031, 12, 31)


def made(before: LayerVersion, kind: str) -> LayerVersion:
    """The version after ``before`` with that kind of change; written once."""
    from jintu.foundation.layers.models import LayerVersion

    found = LayerVersion.objects.filter(layer=before.layer, name=kind).first()
    return found or _written(before, kind, _changed(before, kind))


def alone(before: LayerVersion, after: LayerVersion) -> None:
    """Of all versions of the layer only these two are in force."""
    from jintu.foundation.layers.models import LayerVersion

    rows = LayerVersion.objects.filter(layer=before.layer, division=before.division)
    rows.exclude(pk__in=(before.pk, after.pk)).update(state=LayerVersion.State.WITHDRAWN)
    rows.filter(pk__in=(before.pk, after.pk)).update(state=LayerVersion.State.PUBLISHED)


def _changed(before: LayerVersion, kind: str) -> Any:
    """The rows of the new version."""
    import polars as pl

    names = [*before.schema.columns, "geometry", "geometry_delivered"]
    frame = pl.DataFrame(pl.from_arrow(before.table(names)))
    chosen = np.sort(np.random.default_rng(7).choice(len(frame), EDITS, replace=False))
    rest = np.ones(len(frame), dtype=np.bool_)
    rest[chosen] = False
    some = frame[chosen]
    if kind == "figures":
        edited = some.with_columns(pl.col("net_area_m2") + 1)
    elif kind == "outlines":
        edited = _with_outlines(some, _moved(some["geometry_delivered"].to_numpy()), before.crs)
    else:
        cut = some[::2]
        edited = pl.concat(
            [_with_outlines(cut, half, before.crs) for half in _halves(cut["geometry_delivered"].to_numpy())]
        )
        numbers = pl.Series([str(10**9 + k) for k in range(len(edited))])
        edited = edited.with_columns(bsm=numbers, patch_no=numbers)
    return pl.concat([frame.filter(rest), edited.select(frame.columns)])


def _moved(wkb: NDArray[np.object_]) -> NDArray[np.object_]:
    """Outlines with the second vertex of their first ring aside."""
    import shapely

    def one(shape: Any) -> Any:
        points = shapely.get_coordinates(shape)
        along = points[2] - points[0]
        points[1] += MOVED_M * along[::-1] * (1, -1) / (along**2).sum() ** 0.5
        return shapely.set_coordinates(shape, points)

    return np.array([one(shape) for shape in shapely.from_wkb(wkb)], dtype=np.object_)


def _halves(wkb: NDArray[np.object_]) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """What lies to the left and to the right of the middle of each outline."""
    import shapely

    shapes = shapely.from_wkb(wkb)
    west, south, east, north = shapely.bounds(shapes).T
    middle = (west + east) / 2
    sides = (shapely.box(west - 1, south - 1, middle, north + 1), shapely.box(middle, south - 1, east + 1, north + 1))
    left, right = (shapely.intersection(shapes, side) for side in sides)
    return left, right


def _with_outlines(frame: Any, shapes: NDArray[np.object_], crs: str) -> Any:
    """Rows with other outlines, given in the plane of delivery."""
    import polars as pl
    import shapely

    from jintu.foundation.layers.placing import system_delivered

    turn = system_delivered(crs).lonlat
    shapes = np.array([shapely.MultiPolygon(getattr(one, "geoms", [one])) for one in shapes], dtype=np.object_)
    placed = shapely.transform(shapes, lambda p: np.column_stack(turn(*p.T)))
    columns = {"geometry": placed, "geometry_delivered": shapes}
    return frame.with_columns(
        pl.Series(name, list(shapely.to_wkb(values, byte_order=1)), dtype=pl.Binary) for name, values in columns.items()
    )


def _written(before: LayerVersion, name: str, frame: Any) -> LayerVersion:
    import polars as pl

    from jintu.foundation.layers import content, lake
    from jintu.foundation.layers.models import LayerVersion

    schema = before.schema
    day = FIRST_DAY.replace(year=FIRST_DAY.year + KINDS.index(name))
    table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    del frame
    version = LayerVersion.objects.get(pk=before.pk)
    version.pk, version.name, version.valid_from, version._state.adding = None, name, day, True
    with lake.incoming() as draft:
        written = content.write(draft, table, schema=schema.name, crs=before.crs, key=schema.key)
        version.manifest_hash = lake.write_manifest(draft, {"hash": written.hash})
        version.hash, version.rows = written.hash, written.rows
        version.key = f"{day.isoformat()}-{written.hash.partition(':')[2][:8]}"
        version.west, version.south, version.east, version.north = written.bbox
        version.state = LayerVersion.State.WITHDRAWN
        lake.settle(draft, version.directory)
        version.save()
    return version
