"""The overlay benchmark in PostGIS: GiST indexes, ANALYZE, two parallel workers.

``JINTU_BENCH_PG=postgres://user:password@host:port/database`` names a database that may be written to; the tables go
into a schema of their own, which is dropped afterwards.
"""

from __future__ import annotations

import os
import sys
import time

import numpy as np

from benchmarks.harness import DATA, best, report
from benchmarks.landscape import CLASSES, files
from benchmarks.overlay import save_answer

SETTINGS = """
    SET search_path = jintu_bench, public;
    SET max_parallel_workers_per_gather = 2;
    SET parallel_setup_cost = 0;
    SET parallel_tuple_cost = 0;
    SET min_parallel_table_scan_size = 0;
    SET work_mem = '256MB';
    SET maintenance_work_mem = '1GB';
    SET jit = off;
"""
# a patch wholly inside a parcel needs no cutting: the usual advice, and faster than cutting always
QUERY = """
    SELECT p.id, c.class, sum(
        CASE WHEN ST_CoveredBy(c.geometry, p.geometry) THEN ST_Area(c.geometry)
             ELSE ST_Area(ST_Intersection(p.geometry, c.geometry)) END)
    FROM parcels p JOIN patches c ON ST_Intersects(p.geometry, c.geometry)
    GROUP BY p.id, c.class
"""


def main(scale: str) -> None:
    address = os.environ.get("JINTU_BENCH_PG")
    if not address:
        print("not run: needs JINTU_BENCH_PG=postgres://user:password@host:port/database")
        sys.exit(1)
    begin = time.perf_counter()
    import psycopg
    import pyarrow.parquet as pq

    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS postgis")
        connection.execute("DROP SCHEMA IF EXISTS jintu_bench CASCADE")
        connection.execute("CREATE SCHEMA jintu_bench")
        connection.execute(SETTINGS)
        for name, path, classes in zip(("patches", "parcels"), files(DATA, scale), (True, False), strict=True):
            table = pq.read_table(path, columns=["id", *(["class"] if classes else []), "geometry"])
            more = "class int," if classes else ""
            connection.execute(f"CREATE UNLOGGED TABLE {name} (id int, {more} geometry geometry(Geometry, 4490))")
            with connection.cursor().copy(f"COPY {name} FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(["int4", "int4", "bytea"] if classes else ["int4", "bytea"])
                for batch in table.to_batches(10_000):
                    for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                        copy.write_row((*row[:-1], _with_srid(row[-1])))
            connection.execute(f"CREATE INDEX ON {name} USING gist (geometry)")
            connection.execute(f"ANALYZE {name}")
        read = time.perf_counter() - begin
        rows = connection.execute(QUERY).fetchall()
        total = time.perf_counter() - begin
        resident = best(lambda: connection.execute(QUERY).fetchall(), 2 if scale == "small" else 1)
        count = connection.execute("SELECT count(*) FROM parcels").fetchone()[0]
        plan = "\n".join(line for (line,) in connection.execute("EXPLAIN " + QUERY))
        version = connection.execute("SELECT postgis_lib_version() || ', GEOS ' || postgis_geos_version()").fetchone()[
            0
        ]
        connection.execute("DROP SCHEMA jintu_bench CASCADE")
    table = np.zeros((count, CLASSES))
    for parcel, cls, area in rows:
        table[parcel, cls] = area
    save_answer(scale, "postgis", table)
    report(
        read_s=read,
        compute_s=total - read,
        total_s=total,
        resident_s=min(resident, total - read),
        version=version,
        parallel="Workers Planned: 2" in plan,
        rss_mb=None,
    )


def _with_srid(wkb: bytes) -> bytes:
    """Extended WKB: what the binary COPY of a geometry column takes."""
    kind = int.from_bytes(wkb[1:5], "little") | 0x20000000
    return wkb[:1] + kind.to_bytes(4, "little") + (4490).to_bytes(4, "little") + wkb[5:]


if __name__ == "__main__":
    main(sys.argv[1])
