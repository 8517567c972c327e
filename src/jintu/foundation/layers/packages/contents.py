"""What the viewer of a package is given: the map's configuration, words, and layers in parts that scripts can carry.

Browsers fetch nothing from ``file://``: tiles and rows are script files that call ``JINTU_PART`` with base64.
"""

from __future__ import annotations

import base64
import gzip
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext as _

from jintu.foundation.layers import finding, lake, onemap, tileset
from jintu.foundation.layers.models import LayerVersion, OfflinePackage
from jintu.foundation.layers.streams import row_groups

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["PART", "layer_facts", "map_config", "provenance", "words", "write_rows", "write_tiles"]

PART = 768 << 10
"""Bytes of an archive in one script: a mebibyte of base64."""
RUN = 2_000
"""Rows in one script."""
HEAP = 16 * RUN
"""Rows sorted in memory at a time."""
RANK = "rank"

Going = Callable[[], None]


def words() -> dict[str, str]:
    """What the viewer says, by its English."""
    return {
        "Layers": _("Layers"),
        "Provenance": _("Provenance"),
        "This package": _("This package"),
        "Number of a feature": _("Number of a feature"),
        "Search": _("Search"),
        "No number begins so.": _("No number begins so."),
        "Nothing is here.": _("Nothing is here."),
        "The map is being read…": _("The map is being read…"),
        "Zoom in to ask about single features.": _("Zoom in to ask about single features."),
        "The package is not whole:": _("The package is not whole:"),
    }


def provenance(version: LayerVersion) -> list[tuple[str, str]]:
    """Where a version comes from, as a person reads it."""
    schema = version.schema
    return [
        (_("Version"), f"{version.name} ({version.division})"),
        (_("Valid from"), version.valid_from.isoformat()),
        (_("Features"), f"{version.rows:,}"),
        (_("Schema"), f"{schema.table} {version.schema_version} · {schema.standard}"),
        (_("Source file"), version.source_name),
        (_("Hash of the file"), version.source_hash),
        (_("Hash of the content"), version.hash),
        (_("Delivered coordinate system"), version.crs[:80]),
    ]


def package_facts(package: OfflinePackage) -> list[tuple[str, str]]:
    return [
        (_("Number"), package.number),
        (_("Recipient"), package.recipient),
        (_("Purpose"), package.purpose),
        (_("Approval number"), package.approval),
        (_("Approved by"), package.approved_by),
        (_("Made"), timezone.localtime(package.created_at).date().isoformat()),
    ]


def layer_id(version: LayerVersion) -> str:
    return f"{version.layer}@{version.division}@{version.key}"


def layer_facts(version: LayerVersion, folder: str, runs: list[str]) -> dict[str, Any]:
    """A layer as the viewer finds its parts; ``runs``: the first number of each run of rows."""
    tiles = None
    if not version.schema.is_table:
        tiles = {"bytes": (version.directory / tileset.TILES).stat().st_size, "part": PART}
    columns = [{"name": a.name, "label": a.label} for a in columns_of(version)]
    return {
        "id": layer_id(version),
        "title": f"{version.schema.label} {version.name}",
        "folder": folder,
        "tiles": tiles,
        "rows": {"first": runs, "columns": columns},
        "facts": provenance(version),
    }


def columns_of(version: LayerVersion) -> list[Any]:
    """The columns that are handed out: none about persons."""
    return [a for a in version.schema.attributes if not a.personal and not a.serial]


def map_config(versions: list[LayerVersion]) -> dict[str, Any]:
    """The map of the package: the layers as One Map draws them, their tiles from the package."""
    layers = []
    drawn = [v for v in versions if not v.schema.is_table]
    for number, version in enumerate(drawn):
        layer = onemap.layer_of(version.schema, [version], version.valid_from, [])
        said = tileset.facts(version) or {}
        layer["id"] = layer_id(version)
        layer["title"] = f"{version.schema.label} {version.name}"
        layer["visible"] = number == 0 or layer["visible"]
        layer["source"] |= {
            "tiles": f"package://{layer_id(version)}/{{z}}/{{x}}/{{y}}",
            "maxzoom": said.get("max_zoom", layer["source"]["maxzoom"]),
        }
        if layer.get("label_from", 0) > layer["source"]["maxzoom"]:  # names begin beyond what is packed
            for key in ("label", "label_from"):
                layer.pop(key)
            layer["source"].pop("labels")
        layers.append(layer)
    bounds = onemap.union([v.bbox for v in drawn])
    return {"groups": [{"id": "package", "title": "", "layers": layers}], **({"bounds": bounds} if bounds else {})}


# --- script files ----------


def _script(path: Path, name: str, data: bytes) -> None:
    path.write_text(f'JINTU_PART({json.dumps(name)},"{base64.b64encode(data).decode()}")\n', encoding="ascii")


def write_tiles(version: LayerVersion, root: Path, folder: str, going: Going) -> None:
    """The archive as script files of `PART` bytes each."""
    with (version.directory / tileset.TILES).open("rb") as stream:
        for number, data in enumerate(iter(lambda: stream.read(PART), b"")):
            going()
            name = f"{folder}/tiles-{number}"
            _script(root / f"{name}.js", name, data)


def write_rows(version: LayerVersion, root: Path, folder: str, going: Going) -> list[str]:
    """The rows by number as script files, without columns about persons; returns the first number of each.

    Sorted outside of memory: of all rows only their numbers are held, the rest is one row group, then one `HEAP`.
    """
    with tempfile.TemporaryDirectory(prefix="jintu-rows-") as scratch:
        heaps = _heaped(version, Path(scratch), going)
        first: list[str] = []
        for heap in heaps:
            table = _in_order(heap)
            for start in range(0, table.num_rows, RUN):
                going()
                rows = _rows(version, table.slice(start, RUN))
                name = f"{folder}/rows-{len(first)}"
                text = json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()
                _script(root / f"{name}.js", name, gzip.compress(text, 6, mtime=0))
                first.append(rows[0][0])
        return first


def _heaped(version: LayerVersion, scratch: Path, going: Going) -> list[Path]:
    """The rows on disk in heaps, each holding the next `HEAP` numbers; within a heap as they came, with their rank."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    schema = version.schema
    keys = pa.concat_tables(row_groups(version, [schema.key])).column(0)
    order = pc.sort_indices(keys).to_numpy()
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    del keys, order
    names = list(dict.fromkeys([schema.key, *(a.name for a in columns_of(version))]))
    paths: dict[int, Path] = {}
    writers: dict[int, Any] = {}
    at = 0
    try:
        for table in row_groups(version, [*names, *([] if schema.is_table else [lake.BBOX])]):
            going()
            ranks = rank[at : at + table.num_rows]
            at += table.num_rows
            table = table.append_column(RANK, pa.array(ranks))
            heaps = ranks // HEAP
            for heap in np.unique(heaps).tolist():
                if heap not in writers:
                    paths[heap] = scratch / f"{heap}.arrow"
                    writers[heap] = pa.ipc.new_file(paths[heap], table.schema)
                writers[heap].write_table(table.take(np.flatnonzero(heaps == heap)))
    finally:
        for writer in writers.values():
            writer.close()
    return [paths[heap] for heap in sorted(paths)]


def _in_order(heap: Path) -> pa.Table:
    import pyarrow as pa

    with pa.ipc.open_file(heap) as file:
        return file.read_all().sort_by(RANK)


def _rows(version: LayerVersion, table: pa.Table) -> list[list[Any]]:
    """Number, box and values as a person reads them, of each row; a value that occurs often is written once."""
    import numpy as np
    import pyarrow.compute as pc

    values = []
    for attribute in columns_of(version):
        coded = pc.dictionary_encode(table.column(attribute.name), null_encoding="encode").combine_chunks()
        words = [finding.shown(attribute, v) for v in coded.dictionary.to_pylist()]
        values.append([words[i] for i in coded.indices.to_pylist()])
    boxes: Any = [None] * table.num_rows
    if lake.BBOX in table.column_names:
        struct = table.column(lake.BBOX).combine_chunks()
        sides = [np.asarray(pc.struct_field(struct, s)) for s in ("xmin", "ymin", "xmax", "ymax")]
        boxes = np.round(np.column_stack(sides), 7).tolist()
    keys = [str(k) for k in table.column(version.schema.key).to_pylist()]
    return [[key, box, list(row)] for key, box, row in zip(keys, boxes, zip(*values, strict=True), strict=True)]
