"""The lake: layer versions as files that never change.

::

    lake/survey.DLTB/990121/2026-05-31-a3f9c2d1/
        data.parquet     GeoParquet 1.1 in Hilbert order, WKB lon/lat (EPSG:4490), bbox covering, row groups of 16 384
        low.parquet      the generalised picture for small scales, derived from it
        digests.parquet  what each row says in 32 bytes (`digests`), derived from it
        manifest.json    hash of the canonical content, schema, CRS, source, counts, quality, hashes of the files
        tiles.pmtiles    tiles built after publishing, and tiles.json that says what they are (`tileset`)

Here are the places, the manifest, reading with checks, and moving into place; `content` writes the data.
A version is written into ``lake/.incoming`` and renamed into its place when every byte is on the disc; readers see all
of it or nothing. What a killed process leaves in ``.incoming`` is removed by `sweep`.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import socket
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from django.conf import settings

from jintu.kernel import hashing
from jintu.kernel.errors import Missing, Refused

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "DATA",
    "DELIVERED",
    "DIGESTS",
    "LOW",
    "MANIFEST",
    "add",
    "changed",
    "check_parts",
    "directory",
    "incoming",
    "meets",
    "read",
    "root",
    "settle",
    "stamp",
    "sweep",
]

DATA, LOW, MANIFEST, DIGESTS = "data.parquet", "low.parquet", "manifest.json", "digests.parquet"
GEOMETRY, DELIVERED, BBOX = "geometry", "geometry_delivered", "bbox"
FORMAT = "jintu-layer/1"


def root() -> Path:
    return Path(settings.NODE.lake)


def directory(layer: str, division: str, key: str) -> Path:
    """Where a version lies."""
    return root() / layer / division / key


# --- manifest ----------


def write_manifest(target: Path, facts: Mapping[str, Any]) -> str:
    """Write ``manifest.json``; returns its hash.

    It has the hashes of the other files, and of each row group of the data: what is read can be checked by itself.
    """
    algorithm = getattr(settings, "JINTU_HASH", "sha256")
    files = {
        p.name: {"bytes": p.stat().st_size, "hash": hashing.of_file(p, algorithm)}
        for p in sorted(target.iterdir())
        if p.name != MANIFEST
    }
    if DATA in files:
        files[DATA]["parts"] = _part_hashes(target / DATA, algorithm)
    text = json.dumps({"format": FORMAT, **facts, "files": files}, ensure_ascii=False, sort_keys=True, indent=1)
    (target / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return hashing.of_file(target / MANIFEST, algorithm)


def _parts(path: Path) -> list[tuple[int, int]]:
    """Byte ranges of the row groups of a Parquet file, and of its footer last."""
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(path)
    starts = []
    for g in range(metadata.num_row_groups):
        column = metadata.row_group(g).column(0)
        starts.append(min(o for o in (column.dictionary_page_offset, column.data_page_offset) if o))
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(-8, os.SEEK_END)
        footer = size - 8 - int.from_bytes(stream.read(4), "little")
    edges = [*starts, footer, size]
    return list(itertools.pairwise(edges))


def _part_hashes(path: Path, algorithm: str) -> list[str]:
    with path.open("rb") as stream:
        return [_hash_of(stream, part, algorithm) for part in _parts(path)]


def _hash_of(stream: IO[bytes], part: tuple[int, int], algorithm: str) -> str:
    stream.seek(part[0])
    return hashing.of_bytes(stream.read(part[1] - part[0]), algorithm)


def manifest(where: Path) -> dict[str, Any]:
    """The manifest of a version. Raises `Missing` when its files are gone."""
    try:
        return json.loads((where / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Missing(
            "The files of the version are missing: {path}.",
            remedy="Restore the lake from a backup.",
            path=str(where.relative_to(root()) if where.is_relative_to(root()) else where.name),
        ) from None


# --- atomic ----------


@contextmanager
def incoming() -> Iterator[Path]:
    """A directory to write a version into; removed at the end unless `settle` has moved it to its place."""
    target = root() / ".incoming" / f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex}"
    target.mkdir(parents=True)
    try:
        yield target
    finally:
        shutil.rmtree(target, ignore_errors=True)


def settle(draft: Path, where: Path) -> None:
    """Move a finished draft to its place, with every byte on the disc first.

    What an interrupted attempt may have left in that place is replaced: the caller has made sure that no version of the
    database lives there.
    """
    for file in draft.iterdir():
        with file.open("rb") as stream:
            os.fsync(stream.fileno())
    _fsync(draft)
    where.parent.mkdir(parents=True, exist_ok=True)
    if where.exists():
        shutil.rmtree(where)
    draft.rename(where)
    _fsync(where.parent)


def add(draft: Path, where: Path) -> None:
    """Move the files of a draft into a version's directory, in the order of their names, over others of those names.

    For what is derived from a version; its own files are never touched.
    """
    for file in sorted(draft.iterdir()):
        if file.name in (DATA, LOW, MANIFEST, DIGESTS):
            raise ValueError(f"{file.name} of a version never changes")
        with file.open("rb") as stream:
            os.fsync(stream.fileno())
        file.replace(where / file.name)
    _fsync(where)


def _fsync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(*, minutes: float = 60) -> list[str]:
    """Remove what killed processes left: drafts of dead processes of this host, drafts and unknown versions of other
    origin older than ``minutes``. Returns the paths removed, relative to the lake."""
    from .models import LayerVersion

    removed: list[str] = []
    old = time.time() - minutes * 60
    for draft in (root() / ".incoming").glob("*"):
        host, _, rest = draft.name.rpartition("-")[0].rpartition("-")
        dead = host == socket.gethostname() and rest.isdigit() and not _alive(int(rest))
        if dead or draft.stat().st_mtime < old:
            shutil.rmtree(draft, ignore_errors=True)
            removed.append(str(draft.relative_to(root())))
    known = {(v.layer, v.division, v.key) for v in LayerVersion.objects.only("layer", "division", "key")}
    for where in root().glob("*/*/*"):
        parts = where.relative_to(root()).parts
        if parts[0].startswith(".") or tuple(parts) in known:
            continue
        if where.stat().st_mtime < old:
            shutil.rmtree(where, ignore_errors=True)
            removed.append("/".join(parts))
    return removed


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


# --- reading ----------


def read(
    where: Path,
    columns: Sequence[str] | None = None,
    bbox: tuple[float, float, float, float] | None = None,
    manifest_hash: str = "",
) -> pa.Table:
    """Columns of a version; ``bbox`` (west, south, east, north) skips row groups, then rows, that do not meet it.

    Without ``columns`` everything but ``bbox`` and ``geometry_delivered``. With ``manifest_hash`` (of the manifest, as
    the database has it) what is read is checked against what was published. Raises `Missing`, and `Refused` for a file
    that was changed.
    """
    import pyarrow.parquet as pq

    try:
        if manifest_hash:
            check_parts(where, manifest_hash, ())
        file = pq.ParquetFile(where / DATA, memory_map=True)
    except FileNotFoundError:
        manifest(where)
        raise
    with file:
        names = list(columns) if columns is not None else _plain(file.schema_arrow.names)
        if unknown := set(names) - set(file.schema_arrow.names):
            raise Missing(
                "The version has no column {name}; there are: {names}.",
                name=", ".join(sorted(unknown)),
                names=", ".join(_plain(file.schema_arrow.names)),
            )
        if bbox is None or BBOX not in file.schema_arrow.names:  # what lies nowhere is not cut
            if manifest_hash:
                check_parts(where, manifest_hash, range(file.num_row_groups))
            return file.read(names).replace_schema_metadata(None)
        groups = [g for g in range(file.num_row_groups) if meets(file.metadata.row_group(g), bbox)]
        if manifest_hash:
            check_parts(where, manifest_hash, groups)
        wanted = file.read_row_groups(groups, [*names, BBOX]) if groups else None
        if wanted is None:
            return file.schema_arrow.remove_metadata().empty_table().select(names)
        return wanted.filter(_meeting(wanted.column(BBOX), bbox)).select(names).replace_schema_metadata(None)


def _meeting(covering: pa.ChunkedArray, bbox: tuple[float, float, float, float]) -> pa.BooleanArray:
    """Which boxes meet another one. Without `pyarrow.compute`, which would import pandas for numbers of Python."""
    import numpy as np
    import pyarrow as pa

    from jintu.kernel.overlay.columns import to_numpy

    boxes = covering.combine_chunks()
    side = dict(zip((f.name for f in boxes.type), map(to_numpy, boxes.flatten()), strict=True))  # nowhere is NaN
    west, south, east, north = bbox
    met = (side["xmin"] <= east) & (side["xmax"] >= west) & (side["ymin"] <= north) & (side["ymax"] >= south)
    bits = pa.py_buffer(np.packbits(met, bitorder="little"))
    return pa.Array.from_buffers(pa.bool_(), len(met), [None, bits])


_checked: dict[tuple[Any, ...], set[int]] = {}
"""Parts found right in this process, by path, manifest, and time and size of the files."""


def check_parts(where: Path, manifest_hash: str, groups: Iterable[int]) -> None:
    """Hash the footer and some row groups of the data again, each once in a process.

    Raises `Refused` where they are not what was published, `FileNotFoundError` where there is no file. Versions from
    before parts were hashed are let through: `versions.verify` hashes their files.
    """
    path = where / DATA
    facts = stamp(where)
    right = _checked.setdefault((str(path), manifest_hash, *facts), set())
    wanted = sorted({-1, *groups} - right)
    if not wanted:
        return
    published, ranges = _published(where, manifest_hash, facts)
    if published is None:
        return
    with path.open("rb") as stream:
        for part in wanted:  # the footer is the last one
            if _hash_of(stream, ranges[part], published[part].partition(":")[0]) != published[part]:
                raise changed(path)
            right.add(part)


def stamp(where: Path) -> tuple[tuple[int, int], ...]:
    """Time and size of the data and of the manifest. Raises `FileNotFoundError`."""
    return tuple((f.st_mtime_ns, f.st_size) for f in ((where / DATA).stat(), (where / MANIFEST).stat()))


@lru_cache(maxsize=64)
def _published(
    where: Path, manifest_hash: str, facts: tuple[tuple[int, int], ...]
) -> tuple[list[str] | None, list[tuple[int, int]]]:
    """The hashes of the parts as published, None where there are none, and the ranges of the parts. ``facts``: of the
    files, so that what was exchanged is looked at again."""
    import pyarrow as pa

    if hashing.of_file(where / MANIFEST, manifest_hash.partition(":")[0]) != manifest_hash:
        raise changed(where / MANIFEST)
    published = manifest(where)["files"][DATA].get("parts")
    try:
        ranges = _parts(where / DATA)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise changed(where / DATA) from error
    if published is not None and len(ranges) != len(published):
        raise changed(where / DATA)
    return published, ranges


def changed(path: Path) -> Refused:
    return Refused(
        "{file} of layer version {version} was changed after it was published.",
        remedy="Restore the version from a backup; nothing can be computed from it.",
        file=path.name,
        version=path.parent.name,
    )


def _plain(names: Sequence[str]) -> list[str]:
    return [n for n in names if n not in (BBOX, DELIVERED)]


def meets(group: Any, bbox: tuple[float, float, float, float]) -> bool:
    """By the statistics of the covering; a group without statistics is read."""
    limits: dict[str, tuple[float, float]] = {}
    for i in range(group.num_columns):
        column = group.column(i)
        if column.path_in_schema.startswith(f"{BBOX}.") and column.statistics is not None:
            limits[column.path_in_schema[5:]] = (column.statistics.min, column.statistics.max)
    if len(limits) < 4:
        return True
    west, south, east, north = bbox
    return (
        limits["xmin"][0] <= east
        and limits["xmax"][1] >= west
        and limits["ymin"][0] <= north
        and limits["ymax"][1] >= south
    )
