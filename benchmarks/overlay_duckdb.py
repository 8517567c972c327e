"""The overlay benchmark in DuckDB with its spatial extension (offline wheel), one thread per core."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import DATA, best, report
from benchmarks.landscape import CLASSES, files
from benchmarks.overlay import save_answer

QUERY = """
    SELECT p.id, c.class, sum(ST_Area(ST_Intersection(p.geometry, c.geometry))) AS area
    FROM parcels p JOIN patches c ON ST_Intersects(p.geometry, c.geometry)
    GROUP BY p.id, c.class
"""


def connect() -> Any:
    import duckdb
    import duckdb_extension_spatial

    folder = Path(duckdb_extension_spatial.__file__).parent
    extension = next(folder.rglob("spatial.duckdb_extension*"))
    connection = duckdb.connect()
    connection.execute(f"LOAD '{extension}'")
    connection.execute(f"SET threads = {len(os.sched_getaffinity(0))}")
    # geometry stays WKB, to be read by ST_GeomFromWKB as in any file
    connection.execute("SET enable_geoparquet_conversion = false")
    return connection


def main(scale: str) -> None:
    begin = time.perf_counter()
    connection = connect()
    patches, parcels = files(DATA, scale)
    for name, path, column in (("patches", patches, "class,"), ("parcels", parcels, "")):
        connection.execute(
            f"CREATE TABLE {name} AS "
            f"SELECT id, {column} ST_GeomFromWKB(geometry) AS geometry FROM read_parquet('{path}')"
        )
    read = time.perf_counter() - begin
    rows = connection.execute(QUERY).fetchnumpy()
    total = time.perf_counter() - begin
    resident = best(lambda: connection.execute(QUERY).fetchnumpy(), 2)
    count = connection.execute("SELECT count(*) FROM parcels").fetchone()[0]
    table = np.zeros((count, CLASSES))
    table[rows["id"], rows["class"]] = rows["area"]
    save_answer(scale, "duckdb", table)
    version = connection.execute("SELECT version()").fetchone()[0]
    report(read_s=read, compute_s=total - read, total_s=total, resident_s=resident, version=version)


if __name__ == "__main__":
    main(sys.argv[1])
