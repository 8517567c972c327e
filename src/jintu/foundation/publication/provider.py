"""pygeoapi's view of an open version: a feature provider over the lake.

It is given the name of a collection and asks `opening.find` anew each time: a version closed a moment ago is gone even
for an API object made before.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import shapely
from pygeoapi.provider.base import BaseProvider, ProviderInvalidQueryError, ProviderItemNotFoundError

from jintu.kernel.errors import Missing

from . import asking, features, opening, reading

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from jintu.foundation.layers.schemas import Attribute

__all__ = ["LakeProvider"]

_TYPES = {"Float": {"type": "number"}, "Date": {"type": "string", "format": "date"}}
DEGREE_DIGITS, METRE_DIGITS = 8, 3
"""A millimetre."""


class LakeProvider(BaseProvider):
    """Read-only; ``data`` is the collection's name."""

    def __init__(self, provider_def: dict[str, Any]) -> None:
        super().__init__(provider_def)
        self.opening = opening.find(self.data)
        self.version = self.opening.version
        self.schema = self.version.schema
        self.id_field = self.schema.key
        self.get_fields()

    def get_fields(self) -> dict[str, Any]:
        """The open columns as JSON Schema."""
        self._fields = {n: self._described(self.schema.columns[n]) for n in self.opening.shown}
        return self._fields

    @staticmethod
    def _described(attribute: Attribute) -> dict[str, Any]:
        return {"title": attribute.label, **_TYPES.get(attribute.type, {"type": "string"})}

    def query(
        self,
        offset: int = 0,
        limit: int = 10,
        bbox: list[float] | None = None,
        datetime_: str | None = None,
        properties: list[tuple[str, str]] | None = None,
        select_properties: list[str] | None = None,
        skip_geometry: bool = False,
        crs_transform_spec: Any = None,
        **_other: Any,
    ) -> dict[str, Any]:
        """A GeoJSON page; ``links`` has the offsets of the pages beside it, for `features` to make addresses of."""
        further = features.further()
        asked = reading.Question(
            columns=[n for n in self._fields if not select_properties or n in select_properties or n == self.id_field],
            boxes=asking.boxes_of(bbox) if bbox else (),
            equal={name: self._value(name, text) for name, text in properties or []},
            offset=offset,
            limit=limit,
            where=further.where,
            order=further.order,
        )
        try:
            holds = datetime_ is None or asking.holds_on(datetime_, self.version.valid_from)
        except asking.BadRequest as error:
            raise ProviderInvalidQueryError(user_msg=str(error)) from error
        if not holds:
            return {"type": "FeatureCollection", "features": [], "numberMatched": 0, "numberReturned": 0, "links": []}
        page = reading.page(self.version, asked)
        found = self._features(page.table, select_properties, skip_geometry, crs_transform_spec)
        answer: dict[str, Any] = {"type": "FeatureCollection", "features": found, "numberReturned": len(found)}
        if page.matched is not None:
            answer["numberMatched"] = page.matched
        beside = {"next": offset + len(found) if page.more else None, "prev": max(0, offset - limit)}
        if not offset:
            del beside["prev"]
        answer["links"] = [{"rel": rel, "offset": at} for rel, at in beside.items() if at is not None]
        # pygeoapi makes no links of its own where there is a "next"; without one none is due
        answer["links"] = answer["links"] or [{"rel": "none"}]
        return answer

    def get(self, identifier: str, crs_transform_spec: Any = None, **_other: Any) -> dict[str, Any]:
        """One GeoJSON feature."""
        import pyarrow as pa

        try:
            row = reading.feature(self.version, list(self._fields), identifier)
        except Missing as error:
            raise ProviderItemNotFoundError(user_msg=str(error)) from error
        return self._features(pa.Table.from_pylist([row]), None, False, crs_transform_spec)[0]

    def _value(self, name: str, text: str) -> Any:
        """A query parameter as a value of the column."""
        kind = self.schema.columns[name].type
        try:
            if kind == "Date":
                from datetime import date

                return date.fromisoformat(text)
            return float(text) if kind == "Float" else text
        except ValueError as error:
            raise ProviderInvalidQueryError(user_msg=f"{name}: {text}") from error

    def _features(self, table: Any, select: list[str] | None, skip_geometry: bool, spec: Any) -> list[dict[str, Any]]:
        shapes = [None] * table.num_rows
        if not skip_geometry and table.num_rows:
            decoded = shapely.from_wkb(table.column("geometry").to_numpy(zero_copy_only=False))
            shapes = [json.loads(text) for text in shapely.to_geojson(_placed(decoded, spec))]
        found = []
        for row, shape in zip(table.drop_columns(["geometry"]).to_pylist(), shapes, strict=True):
            identifier = row[self.id_field]
            if select and self.id_field not in select:
                del row[self.id_field]
            found.append({"type": "Feature", "id": identifier, "geometry": shape, "properties": row})
        return found

    def __repr__(self) -> str:
        return f"<LakeProvider> {self.data}"


def _placed(shapes: NDArray[np.object_], spec: Any) -> Any:
    """In the coordinates and axis order asked for, to the millimetre."""
    import numpy as np
    import pyproj

    if spec is None:
        return shapely.transform(shapes, lambda points: np.round(points, DEGREE_DIGITS))
    target = pyproj.CRS.from_wkt(spec.target_crs_wkt)
    transformer = pyproj.Transformer.from_crs(pyproj.CRS.from_wkt(spec.source_crs_wkt), target)
    digits = METRE_DIGITS if target.is_projected else DEGREE_DIGITS
    return shapely.transform(
        shapes, lambda p: np.round(np.column_stack(transformer.transform(p[:, 0], p[:, 1])), digits)
    )
