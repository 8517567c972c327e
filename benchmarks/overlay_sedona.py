"""The overlay benchmark in SedonaDB, its own threads."""

from __future__ import annotations

import sys
import time

import numpy as np

from benchmarks.harness import DATA, best, report
from benchmarks.landscape import CLASSES, files
from benchmarks.overlay import save_answer

QUERY = """
    SELECT p.id, c.class, sum(ST_Area(ST_Intersection(p.geometry, c.geometry))) AS area
    FROM parcels p JOIN patches c ON ST_Intersects(p.geometry, c.geometry)
    GROUP BY p.id, c.class
"""


def main(scale: str) -> None:
    begin = time.perf_counter()
    import sedonadb

    session = sedonadb.connect()
    for name, path in zip(("patches", "parcels"), files(DATA, scale), strict=True):
        session.read_parquet(str(path)).to_view(f"{name}_file")
    # the end-to-end question goes to the files, as a user would put it; then the tables are kept in memory
    streamed = QUERY.replace("parcels p", "parcels_file p").replace("patches c", "patches_file c")
    rows = session.sql(streamed).to_arrow_table()
    total = time.perf_counter() - begin
    for name, columns in (("patches", "id, class, geometry"), ("parcels", "id, geometry")):
        session.sql(f"SELECT {columns} FROM {name}_file").to_memtable().to_view(name)
    resident = best(lambda: session.sql(QUERY).to_arrow_table(), 2)
    count = session.sql("SELECT count(*) AS n FROM parcels").to_arrow_table()["n"][0].as_py()
    table = np.zeros((count, CLASSES))
    table[rows["id"].to_numpy(), rows["class"].to_numpy()] = rows["area"].to_numpy()
    save_answer(scale, "sedonadb", table)
    report(compute_s=total, total_s=total, resident_s=resident, version=sedonadb.__version__)


if __name__ == "__main__":
    main(sys.argv[1])
