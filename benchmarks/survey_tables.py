"""Summary tables and annual change of a county of a million patches: CPU seconds and peak memory.

The sample county is laid out again and again side by side, each copy with villages and identifiers of its own; the
tables are computed from its columns, the change between its last two versions from the patches that changed.
"""

from __future__ import annotations

import resource
import shutil
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.harness import DATA, in_new_process, report

PATCHES = {"small": 100_000, "full": 1_000_000}
SAMPLE = 4_000
YEARS = ("2024", "2025")


def run(scale: str) -> dict[str, Any]:
    made = in_new_process("survey_tables", "make", scale)
    if "failed" in made:
        return {"size": {}, "jintu": made, "peers": {}}
    tables = in_new_process("survey_tables", "tables", scale)
    changes = in_new_process("survey_tables", "changes", scale)
    return {
        "size": {"patches": made["patches"], "changed": changes.get("changed")},
        "jintu": {**{f"tables_{k}": v for k, v in tables.items()}, **{f"changes_{k}": v for k, v in changes.items()}},
        "peers": {},
    }


def folder(scale: str, year: str) -> Path:
    return DATA / f"survey-{scale}-{year}"


def make(scale: str) -> None:
    """Both versions as Parquet with the columns of the lake."""
    _setup()
    from jintu.sample.generate import generate

    count = 0
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "sample"
        generate(SAMPLE, 1, out, as_of=date(2026, 6, 15))
        for year in YEARS:
            count = _tiled(next(out.glob(f"*DLTB{year}.gpkg")), folder(scale, year), PATCHES[scale])
    report(patches=count)


def _tiled(file: Path, where: Path, wanted: int) -> int:
    import polars as pl
    import pyarrow.parquet as pq
    import pyogrio
    import shapely

    from jintu.foundation.layers import schemas
    from jintu.kernel import crs

    schema = schemas.get("survey.DLTB")
    _meta, table = pyogrio.read_arrow(file)
    frame = pl.DataFrame(pl.from_arrow(table))
    zone = crs.parse("EPSG:4528")
    shapes = np.array([crs.to_lonlat(s, zone) for s in shapely.from_wkb(frame["geom"].to_numpy())])
    frame = frame.select(
        *(
            (pl.col(a.code) if a.code in frame.columns else pl.lit(None))
            .cast({"Float": pl.Float64, "Date": pl.String}.get(a.type, pl.String))
            .alias(a.name)
            for a in schema.attributes
        )
    ).with_columns(pl.col("changed_on").str.to_date("%Y%m%d", strict=False))
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir(parents=True)
    writer = None
    copies = -(-wanted // len(frame))
    for n in range(copies):
        shift = np.array([n % 16 * 0.2, n // 16 * 0.2])
        moved = shapely.transform(shapes, lambda xy, shift=shift: xy + shift)
        # each copy is a set of villages of its own: the last three digits of the township are the copy's
        village = [pl.concat_str(pl.lit(f"990121{n:03d}"), pl.col(c).str.slice(9)).alias(c) for c in PLACES]
        part = frame.with_columns(
            *village,
            (pl.col("bsm").cast(pl.Int64) + n * 10_000_000).cast(pl.String),
            pl.Series("geometry", shapely.to_wkb(moved)),
        ).to_arrow()
        writer = writer or pq.ParquetWriter(where / "data.parquet", part.schema, compression="zstd")
        writer.write_table(part, row_group_size=16_384)
    assert writer is not None
    writer.close()
    return copies * len(frame)


PLACES = ("location_code", "owner_code")


def _setup() -> None:
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jintu.config.settings")
    import django

    django.setup()


def _version(scale: str, year: str) -> Any:
    from jintu.foundation.layers import schemas

    return SimpleNamespace(
        pk=int(year),
        layer="survey.DLTB",
        division="990121",
        name=year,
        hash=f"sha256:{year}",
        valid_from=date(int(year), 12, 31),
        directory=folder(scale, year),
        schema=schemas.get("survey.DLTB"),
    )


def _alone() -> None:
    """No database: the other layers are none."""
    from jintu.domains.survey.reports import summary

    summary.Summary.others = lambda self, layer: self.sources.get(layer, [])  # type: ignore[method-assign]


def tables(scale: str) -> None:
    _setup()
    _alone()
    from jintu.domains.survey.reports import summary

    version = _version(scale, YEARS[1])
    begin, started = time.process_time(), time.perf_counter()
    made = summary.Summary([version])
    made.grid("patches")
    cube = time.process_time() - begin
    facts = made.as_json()
    report(
        cube_cpu_s=cube,
        cpu_s=time.process_time() - begin,
        wall_s=time.perf_counter() - started,
        villages=len(made._rows),
        deviation_ha=made.deviation() / 100,
        balance=facts["identities"]["ok"],
    )


def changes(scale: str) -> None:
    _setup()
    _alone()
    from jintu.domains.survey.reports import change, summary

    old, new = (_version(scale, y) for y in YEARS)
    change.Changes.summaries = property(lambda self: tuple(summary.Summary([v]) for v in (self.old, self.new)))  # type: ignore[assignment,method-assign]
    begin, started = time.process_time(), time.perf_counter()
    made = change.Changes(old, new)
    matrix = made.matrix("", "first", "ha")
    flows = time.process_time() - begin
    pieces = len(made.pieces)
    report(
        flows_cpu_s=flows,
        cpu_s=time.process_time() - begin,
        wall_s=time.perf_counter() - started,
        changed=len(made._touched[1]),
        change_patches=pieces,
        unmeasured_m2=made.forced / 100,
        opening_ha=sum(matrix.opening.values()) / 100,
        system_s=resource.getrusage(resource.RUSAGE_SELF).ru_stime,
    )


if __name__ == "__main__":
    {"make": make, "tables": tables, "changes": changes}[sys.argv[1]](sys.argv[2])
