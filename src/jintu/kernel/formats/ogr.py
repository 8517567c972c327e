"""What GeoPackage, file geodatabase and GeoJSON share: reading through pyogrio's Arrow stream."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jintu.kernel.errors import InputError, Place, Unsupported
from jintu.kernel.formats.contents import choice_of
from jintu.kernel.formats.source import GEOMETRY, ROW, Field, Limits, Source, arrow_type, sha256_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["crs_text", "flatten", "layers", "open_source", "write"]

KINDS = {
    "OFTInteger": "integer",
    "OFTInteger64": "integer",
    "OFTReal": "number",
    "OFTString": "text",
    "OFTDate": "date",
    "OFTDateTime": "datetime",
    "OFTTime": "time",
    "OFTBinary": "binary",
}


def layers(path: Path) -> list[str]:
    """Names of the layers and tables of the file."""
    import pyogrio

    try:
        return [str(name) for name, _ in pyogrio.list_layers(path)]
    except (pyogrio.errors.DataSourceError, RuntimeError) as error:
        raise InputError(
            "The file cannot be opened: {reason}.",
            place=Place(file=path.name),
            remedy="Check that it opens in a GIS and export it again.",
            reason=_reason(error),
        ) from error


def described(path: Path, most: int) -> list[dict[str, Any]]:
    """name, geometry, count and crs of the first ``most`` layers (`contents.Member`), without hashing the file."""
    import pyogrio

    found = []
    for name in layers(path)[:most]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                info = pyogrio.read_info(path, layer=name, force_feature_count=True)
                crs = crs_text(info["crs"]) if info["crs"] else None
            except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, RuntimeError) as error:
                problem = InputError(
                    "The layer cannot be opened: {reason}.",
                    place=Place(file=path.name, layer=name),
                    remedy="Check that it opens in a GIS and export it again.",
                    reason=_reason(error),
                )
                found.append({"name": name, "problem": problem})
                continue
            except Unsupported:
                crs = info["crs"]
        count, geometry = int(info["features"]), info["geometry_type"] or ""
        found.append({"name": name, "geometry": geometry, "count": count, "crs": crs})
    return found


def _reason(error: Exception) -> str:
    """GDAL's message without the path of our temporary files and without its own advice."""
    return str(error).split(";")[0].split("'")[-1].strip(" .;") or type(error).__name__


def open_source(
    path: Path,
    kind: str,
    *,
    layer: str | None,
    limits: Limits,
    row_is: str,
    options: dict[str, str] | None = None,
    parts: list[Path] | None = None,
) -> Source:
    """Open one layer. Raises InputError that lists the layers when there are several and none was named."""
    import pyogrio

    names = layers(path)
    if not names:
        raise InputError("The file holds no layer.", place=Place(file=path.name))
    if layer is None:
        if len(names) > 1:
            raise choice_of(names, path, "The file holds {count} layers.")
        layer = names[0]
    elif layer not in names:
        raise InputError(
            "There is no layer {layer}.",
            place=Place(file=path.name),
            remedy="The layers are: {names}.",
            layer=layer,
            names=", ".join(names),
        )
    digest, files = sha256_of(parts or [path])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            info = pyogrio.read_info(path, layer=layer, force_feature_count=True, **(options or {}))
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, RuntimeError) as error:
        raise InputError(
            "The layer cannot be opened: {reason}.",
            place=Place(file=path.name, layer=layer),
            remedy="Check that it opens in a GIS and export it again.",
            reason=_reason(error),
        ) from error
    source = Source(path, kind, layer, [], digest, _batches, row_is=row_is, files=files, limits=limits)
    source.metadata = {f"open:{key}": value for key, value in (options or {}).items()}
    source.has_geometry = info["geometry_type"] is not None
    source.geometry_type = info["geometry_type"] or ""
    source.crs = crs_text(info["crs"]) if info["crs"] else None
    source.count = int(info["features"])
    for name, ogr_type, subtype in zip(info["fields"], info["ogr_types"], info["ogr_subtypes"], strict=True):
        if subtype == "OFSTBoolean":
            shape = "boolean"
        elif ogr_type in KINDS:
            shape = KINDS[ogr_type]
        else:
            shape = "text"
            source.notice("The column {name} holds lists; they are read as JSON text.", name=str(name))
        source.fields.append(Field(str(name), shape))
    if not source.count:
        source.notice("The layer has no rows.")
    return source


def crs_text(crs: str) -> str:
    """ "EPSG:n" when the definition is that of a registered system, otherwise the WKT as it is."""
    if crs.upper().startswith("EPSG:"):
        return crs.upper()
    if crs.upper() == "OGC:CRS84":
        return "EPSG:4326"  # coordinates are x = longitude everywhere in a Source, so the two are the same
    import pyproj

    try:
        parsed = pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError as error:
        raise Unsupported(
            "The coordinate reference system cannot be understood: {text}.",
            remedy="Give it by its EPSG code.",
            text=crs[:120],
        ) from error
    for part in (parsed, *parsed.sub_crs_list):  # compound: the horizontal part counts, heights are dropped
        if not part.is_vertical and (authority := part.to_authority(min_confidence=70)):
            name = f"{authority[0]}:{authority[1]}"
            return "EPSG:4326" if name == "OGC:CRS84" else name
    return crs


def _batches(source: Source, size: int, geometry: bool) -> Iterator[pa.Table]:
    import numpy as np
    import pyarrow as pa
    import pyogrio

    options = {key.removeprefix("open:"): value for key, value in source.metadata.items() if key.startswith("open:")}
    number = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with pyogrio.raw.open_arrow(
                source.path,
                layer=source.layer,
                read_geometry=geometry,
                return_fids=True,
                batch_size=size,
                use_pyarrow=True,
                **options,
            ) as (meta, stream):
                fid = meta["fid_column"] or "OGC_FID"
                shape = meta["geometry_name"] or "wkb_geometry"
                for batch in stream:
                    ids = batch.column(fid) if fid in batch.schema.names else None
                    if source.row_is == "fid" and ids is not None:
                        rows = ids.cast(pa.int64())
                    else:
                        rows = pa.array(np.arange(number + 1, number + 1 + len(batch), dtype=np.int64))
                    number += len(batch)
                    columns = [rows, *(_plain(batch.column(f.name), f.kind) for f in source.fields)]
                    names = [ROW, *(f.name for f in source.fields)]
                    keep = None
                    if geometry:
                        wkb, keep = flatten(source, batch.column(shape), rows)
                        columns.append(wkb)
                        names.append(GEOMETRY)
                    table = pa.table(columns, names=names)
                    yield table.filter(keep) if keep is not None else table
        except (pyogrio.errors.DataSourceError, pyogrio.errors.FeatureError, RuntimeError, pa.ArrowException) as error:
            raise InputError(
                "Reading stopped after {count} rows: {reason}.",
                place=source.place(),
                remedy="Check that the file is complete and export it again.",
                count=number,
                reason=_reason(error),
            ) from error


def _plain(column: pa.Array, kind: str) -> pa.Array:
    """A column in the type of its kind: dictionaries decoded, empty strings kept, time zones dropped to UTC."""
    import json

    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_nested(column.type):
        return pa.array(
            [None if v is None else json.dumps(v, ensure_ascii=False) for v in column.to_pylist()], pa.string()
        )
    return column if column.type == arrow_type(kind) else column.cast(arrow_type(kind), safe=kind != "datetime")


def flatten(source: Source, column: Any, rows: Any) -> tuple[pa.Array, pa.Array | None]:
    """(2D WKB, mask of the rows to keep or None): Z and M go, curves and broken geometry become problems."""
    import numpy as np
    import pyarrow as pa
    import shapely

    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if column.type != pa.binary():
        column = column.cast(pa.binary())
    types = _types(column)
    base = np.where(types > 0x0FFF_FFFF, types & 0x1FFF_FFFF, types) % 1000
    curved = (base >= 8) & (base != 15) & (base != 16) & (base != 17)
    raised = (types >= 1000) | (types > 0x0FFF_FFFF)
    if not curved.any() and not raised.any():
        return column, None
    if raised.any():
        source.notice("Heights or measures of the coordinates are left out; geometry is plane.")
    values = np.array(column.to_pylist(), dtype=object)
    keep = ~curved
    for i in np.flatnonzero(curved):
        source.problem(
            InputError(
                "The geometry has circular arcs or curves.",
                place=source.place(int(rows[int(i)].as_py())),
                remedy="Densify the curves to straight segments within the survey's tolerance and export again.",
            )
        )
        values[i] = None
    return pa.array(shapely.to_wkb(shapely.force_2d(shapely.from_wkb(values))), pa.binary()), (
        None if keep.all() else pa.array(keep)
    )


def _types(column: pa.Array) -> Any:
    """Geometry type word of each WKB value, 0 for null; reads 4 bytes of each value, parses nothing."""
    import numpy as np

    types = np.zeros(len(column), np.uint32)
    if not len(column) or column.null_count == len(column):
        return types
    offsets = np.frombuffer(column.buffers()[1], np.int32)[column.offset : column.offset + len(column) + 1]
    data = np.frombuffer(column.buffers()[2], np.uint8)
    long = np.diff(offsets) >= 5
    start = offsets[:-1][long].astype(np.int64)
    word = np.stack([data[start + i] for i in range(1, 5)], axis=1)
    little = data[start] == 1
    types[long] = np.where(
        little, np.ascontiguousarray(word).view("<u4").ravel(), np.ascontiguousarray(word).view(">u4").ravel()
    )
    return types


def write(
    path: Path,
    tables: Iterator[pa.Table],
    driver: str,
    *,
    crs: str | None,
    layer: str | None = None,
    geometry_type: str | None = None,
    encoding: str | None = None,
    layer_options: dict[str, str] | None = None,
    dataset_options: dict[str, str] | None = None,
) -> None:
    """Write tables with a WKB column ``geometry`` through pyogrio; the geometry type is that of the first batch."""
    import pyarrow as pa
    import pyogrio
    import shapely

    append = False
    for table in tables:
        names = [name for name in table.column_names if name != ROW]
        table = table.select(names)
        spatial = GEOMETRY in names
        if spatial and geometry_type is None:
            kinds = {g.geom_type for g in shapely.from_wkb(table.column(GEOMETRY).to_pylist()) if g is not None}
            multi = {kind if kind.startswith("Multi") else f"Multi{kind}" for kind in kinds}
            geometry_type = (
                multi.pop() if len(multi) == 1 and len(kinds) > 1 else (kinds.pop() if len(kinds) == 1 else "Unknown")
            )
        if spatial:
            i = table.column_names.index(GEOMETRY)
            field = pa.field(GEOMETRY, pa.binary(), metadata={"ARROW:extension:name": "geoarrow.wkb"})
            table = table.set_column(i, field, table.column(i).cast(pa.binary()))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                pyogrio.raw.write_arrow(
                    table,
                    path,
                    layer=layer or path.stem,
                    driver=driver,
                    crs=crs if spatial else None,
                    geometry_name=GEOMETRY if spatial else None,
                    geometry_type=geometry_type if spatial else None,
                    append=append,
                    encoding=encoding,
                    layer_options=layer_options,
                    dataset_options=dataset_options if not append else None,
                )
            except (pyogrio.errors.DataSourceError, RuntimeError) as error:
                raise InputError(
                    "The file cannot be written: {reason}.", place=Place(file=path.name), reason=_reason(error)
                ) from error
        append = True
