"""The node's own configuration: ``jintu.toml`` in the data directory, overridden by ``JINTU_*`` variables.

=====================  ===============================  =====================================================
key                    variable                         meaning
=====================  ===============================  =====================================================
data                   JINTU_DATA                       data directory (default ``var/node`` below the working dir)
database               JINTU_DATABASE                   ``postgres://user:pw@host:port/name``; empty: embedded file
secret_key             JINTU_SECRET_KEY                 signing key of sessions; made by ``jintu init``
division               JINTU_DIVISION                   division code of the node
level                  JINTU_LEVEL                      township, county, city, province, ministry
hosts                  JINTU_HOSTS                      host names served, comma separated
debug                  JINTU_DEBUG                      1 shows tracebacks; never in production
https                  JINTU_HTTPS                      1 when served behind TLS: secure cookies, HSTS
map_approval_no        JINTU_MAP_APPROVAL_NO            审图号, required before maps are published
business_date          JINTU_BUSINESS_DATE              a fixed date to reckon by (rehearsals); empty: today
=====================  ===============================  =====================================================

The rest are limits and terms with a default: ``docs/reference/settings.md`` lists them all (tested).
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import Field, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

from jintu.kernel.errors import InputError, Place, Refused

__all__ = ["Node", "node"]

FILE = "jintu.toml"


def _whole(default: int, least: int, most: int) -> Any:
    """A whole number within limits."""
    return field(default=default, metadata={"least": least, "most": most})


@dataclass(frozen=True)
class Node:
    data: Path
    database: str = ""
    secret_key: str = ""
    division: str = ""
    level: str = "county"
    hosts: str = "127.0.0.1,localhost"
    debug: bool = False
    https: bool = False
    map_approval_no: str = ""
    name: str = ""
    business_date: str = ""
    executor: str = "threads"
    hash: str = field(default="sha256", metadata={"one_of": ("sha256", "sm3")})
    imagery_hosts: str = ""
    file_limit_mb: int = _whole(2048, 1, 1 << 20)
    resident_mb: int = _whole(1024, 16, 1 << 20)
    tile_memory_mb: int = _whole(256, 1, 1 << 20)
    tile_cache_mb: int = _whole(4096, 16, 1 << 24)
    prebuild_tiles: bool = True
    tiles_max_zoom: int = _whole(14, 12, 16)
    link_days: int = _whole(30, 1, 3650)
    draft_days: int = _whole(0, 0, 36_500)
    retention_at: str = field(default="", metadata={"like": r"([01]\d|2[0-3]):[0-5]\d"})
    print_at_once: int = _whole(8_000, 0, 200_000)
    print_features: int = _whole(60_000, 100, 1_000_000)
    open_requests_per_minute: int = _whole(1_200, 1, 1_000_000)
    open_page_features: int = _whole(1_000, 1, 10_000)
    open_versions: int = _whole(500, 1, 10_000)

    def require_secret_key(self) -> None:
        """Raises `Refused` without a key: several processes that serve one node must sign alike."""
        if not self.secret_key:
            raise Refused(
                "The node in {data} has no secret key.",
                remedy="Make the node with jintu init, or set JINTU_SECRET_KEY.",
                data=str(self.data),
            )

    @property
    def embedded_file(self) -> Path:
        """The GeoPackage that is the database when no server is configured."""
        return self.data / "jintu.gpkg"

    @property
    def lake(self) -> Path:
        return self.data / "lake"

    @property
    def files(self) -> Path:
        return self.data / "files"


@cache
def node() -> Node:
    """The configuration of this process, read once."""
    data = Path(os.environ.get("JINTU_DATA") or "var/node").absolute()
    values: dict[str, object] = {}
    config = data / FILE
    if config.is_file():
        values = tomllib.loads(config.read_text(encoding="utf-8"))
    for f in fields(Node):
        raw = os.environ.get(f"JINTU_{f.name.upper()}")
        if raw is not None:
            values[f.name] = raw
    read = {f.name: _read(f, values[f.name]) for f in fields(Node) if f.name in values and f.name != "data"}
    return Node(data=data, **read)


def _read(what: Field[Any], value: object) -> Any:
    """A value of the file or the environment in the type of its key. Raises `InputError`."""
    text = str(value).strip()
    if isinstance(what.default, bool):
        return text.lower() in {"1", "true", "yes"}
    if isinstance(what.default, int):
        least, most = what.metadata["least"], what.metadata["most"]
        if not re.fullmatch(r"\d{1,9}", text) or not least <= int(text) <= most:
            raise _wrong(what.name, text, f"{least} … {most}")
        return int(text)
    if text and "one_of" in what.metadata and text not in what.metadata["one_of"]:
        raise _wrong(what.name, text, ", ".join(what.metadata["one_of"]))
    if text and "like" in what.metadata and not re.fullmatch(what.metadata["like"], text):
        raise _wrong(what.name, text, "02:30")
    return str(value)


def _wrong(name: str, value: str, allowed: str) -> InputError:
    return InputError(
        "The setting {name} cannot be {value}.",
        place=Place(file=FILE, field=name),
        remedy="Write {allowed} in jintu.toml, or in the variable JINTU_{variable}.",
        name=name,
        value=value[:60] or "“”",
        allowed=allowed,
        variable=name.upper(),
    )
