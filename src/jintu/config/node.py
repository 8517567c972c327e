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
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from jintu.kernel.errors import Refused

__all__ = ["Node", "node"]


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
    config = data / "jintu.toml"
    if config.is_file():
        values = tomllib.loads(config.read_text(encoding="utf-8"))
    for f in fields(Node):
        raw = os.environ.get(f"JINTU_{f.name.upper()}")
        if raw is not None:
            values[f.name] = raw
    values["data"] = data
    for flag in ("debug", "https"):
        values[flag] = str(values.get(flag, "")).lower() in {"1", "true", "yes"}
    known = {f.name for f in fields(Node)}
    return Node(**{k: v for k, v in values.items() if k in known})  # type: ignore[arg-type]
