"""The pyramid of a county: building it, asking for its tiles, and tiles made on demand.

The landscape of the overlay benchmarks is put into the lake of a node of its own as a version of DLTB. Peers make the
same from the same patches: GDAL's MVT driver builds zooms 12 to 14 (what it does below is no generalisation of classes,
so it is left out: an advantage to GDAL), PostGIS answers ``ST_AsMVT`` for the same tiles that are made on demand here.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.harness import DATA, in_new_process, report

PATCHES = {"small": 50_000, "full": 1_300_000}
ASKED = 400
"""Tiles asked for, drawn at random over the county, the same ones for everybody."""
LIVE_ZOOMS = (15, 16)
MOST_FEATURES = 2_000
CODES = ("011", "012", "013", "021", "022", "023", "031", "032", "033", "041", "042", "043", "101", "102", "104", "111")
CODES += ("113", "114", "117", "118", "122", "123", "203", "204")


def run(scale: str) -> dict[str, Any]:
    made = in_new_process("tiles", "make", scale)
    if "failed" in made:
        return {"size": {}, "jintu": made, "peers": {}}
    build, served = in_new_process("tiles", "build", scale), in_new_process("tiles", "serve", scale)
    cold = in_new_process("tiles", "cold", scale)
    gdal, postgis = in_new_process("tiles", "gdal", scale), in_new_process("tiles", "postgis", scale)
    ratio = {}
    if build.get("features_cpu_s") and gdal.get("cpu_s"):
        ratio["gdal_build_cpu"] = round(gdal["cpu_s"] / build["features_cpu_s"], 2)
    if cold.get("live_p50_ms") and postgis.get("p50_ms"):
        ratio["postgis_tile_p50"] = round(postgis["p50_ms"] / cold["live_p50_ms"], 2)
    return {
        "size": {"patches": made["patches"], "parquet_mb": made["parquet_mb"]},
        "jintu": {k: v for f in (build, served, cold) for k, v in f.items()} | {"rss_mb": build.get("rss_mb")},
        "peers": {"gdal": gdal, "postgis": postgis},
        "ratio": ratio,
        "agreement": float(served.get("empty", 1) == 0),
    }


def _node(scale: str) -> Path:
    where = DATA / f"tiles-{scale}"
    os.environ |= {"JINTU_DATA": str(where), "DJANGO_SETTINGS_MODULE": "jintu.config.settings", "JINTU_DATABASE": ""}
    where.mkdir(parents=True, exist_ok=True)
    import django

    django.setup()
    return where


def _version() -> Any:
    from jintu.foundation.layers.models import LayerVersion

    return LayerVersion.objects.get(layer="survey.DLTB")


def make(scale: str) -> None:
    """The node with its one version, and the same patches as a FlatGeobuf for GDAL."""
    shutil.rmtree(DATA / f"tiles-{scale}", ignore_errors=True)
    where = _node(scale)
    import pyarrow as pa
    import pyogrio
    import shapely
    from django.core.management import call_command

    from benchmarks.landscape import landscape
    from jintu.foundation.layers import content, generalise, lake, schemas
    from jintu.foundation.layers.models import LayerVersion

    call_command("migrate", verbosity=0)
    made = landscape(PATCHES[scale])
    shapes = made.polygons.to_shapely()
    schema = schemas.get("survey.DLTB")
    table = pa.table(
        {
            schema.key: [str(n) for n in range(len(shapes))],
            schema.classes: [CODES[c] for c in made.classes.tolist()],
            "geometry": pa.array(shapely.to_wkb(shapes, byte_order=1), pa.large_binary()),
        }
    )
    pyogrio.write_arrow(
        table, where / "patches.fgb", geometry_name="geometry", geometry_type="MultiPolygon", crs="EPSG:4490"
    )
    with lake.incoming() as draft:
        written = content.write(draft, table, schema=schema.name, crs="EPSG:4490", key=schema.key)
        generalise.write_low(draft, schema)
        manifest = lake.write_manifest(draft, {"hash": written.hash})
        west, south, east, north = written.bbox
        version = LayerVersion(layer=schema.name, division="990121", name="bench", key="bench", rows=written.rows)
        version.valid_from, version.state = date(2025, 12, 31), LayerVersion.State.PUBLISHED
        version.hash, version.manifest_hash, version.area = written.hash, manifest, 0
        version.west, version.south, version.east, version.north = west, south, east, north
        lake.settle(draft, version.directory)
        version.save()
    report(patches=written.rows, parquet_mb=round((version.directory / lake.DATA).stat().st_size / 1e6))


def build(scale: str) -> None:
    _node(scale)
    from jintu.foundation.layers import drawing, pyramid, tileset

    version = _version()
    begin, started = time.process_time(), time.perf_counter()
    done = pyramid.build(version)
    cpu, wall = time.process_time() - begin, time.perf_counter() - started
    low = time.process_time()
    for _place, _data in pyramid._low_tiles(version, drawing.finest(version), lambda: None):
        pass
    low = time.process_time() - low
    report(
        build_cpu_s=cpu,
        build_wall_s=wall,
        features_cpu_s=cpu - low,
        tiles=done.tiles,
        pmtiles_mb=round(done.bytes / 1e6, 1),
        to_zoom=tileset.facts(version)["max_zoom"],
    )


def _tiles(version: Any, zooms: tuple[int, ...]) -> list[tuple[int, int, int]]:
    from jintu.kernel.formats import mvt

    draw = random.Random(1)
    west, south, east, north = version.bbox
    zoom = [zooms[n % len(zooms)] for n in range(ASKED)]
    return [(z, *mvt.tile_of(z, draw.uniform(west, east), draw.uniform(south, north))) for z in zoom]


def _spent(work: Any, asked: list[tuple[int, int, int]]) -> tuple[list[float], int]:
    """Milliseconds of each, sorted, and how many were empty."""
    spent, empty = [], 0
    for at in asked:
        begin = time.perf_counter()
        empty += not work(at)
        spent.append((time.perf_counter() - begin) * 1000)
    return sorted(spent), empty


def _quantiles(name: str, spent: list[float]) -> dict[str, float]:
    return {f"{name}p50_ms": spent[len(spent) // 2], f"{name}p95_ms": spent[len(spent) * 95 // 100]}


def serve(scale: str) -> None:
    """Tiles of the archive, through the row of the database as a page asks for them: first cold, then warm."""
    _node(scale)
    from jintu.foundation.layers import pyramid, tiles

    version = _version()
    asked = _tiles(version, tuple(range(9, pyramid.BUILT_TO + 1)))

    def ask(at: tuple[int, int, int]) -> bytes:
        return tiles.tile([_version()], *at)

    begin = time.perf_counter()
    ask(asked[0])
    first = (time.perf_counter() - begin) * 1000
    cold, _ = _spent(ask, asked)
    warm, empty = _spent(ask, asked)
    report(first_ms=first, **_quantiles("unchecked_", cold), **_quantiles("warm_", warm), empty=empty)


def cold(scale: str) -> None:
    """Tiles beyond the archive, each asked for the first time.

    ``first_live_ms`` in a new process; ``live_`` of a server that has made others (row groups are kept as far as there
    is room); ``live_large_`` those of zoom 13 and 14 with at most 2 000 features; ``unread_`` where not one row group
    is in memory; ``live_resident_`` where all are.
    """
    begin = time.perf_counter()
    _node(scale)
    from django.conf import settings

    from jintu.foundation.layers import drawing, rowgroups, versions

    version = _version()
    asked = _tiles(version, LIVE_ZOOMS)

    def ask(at: tuple[int, int, int]) -> bytes:
        return drawing.packed(drawing.encoded([version], *at))

    def unread(at: tuple[int, int, int]) -> bytes:
        rowgroups._kept.clear()
        return ask(at)

    started = time.perf_counter()
    ask(asked[0])
    figures = {"start_ms": (started - begin) * 1000, "first_live_ms": (time.perf_counter() - started) * 1000}
    figures |= _cold("live_", ask, asked)
    counts = {at: _features(version, at) for at in _tiles(version, (13, 14))}
    large = [at for at, count in counts.items() if 0 < count <= MOST_FEATURES][:100]
    figures |= _cold("live_large_", ask, large) | {"large_features": max(counts[at] for at in large)}
    figures |= _cold("live_large_unread_", unread, large) | _cold("live_unread_", unread, asked[:100])
    peak = {"live_kept_mb": settings.JINTU_TILE_BYTES >> 20}
    versions.resident(version)
    report(**figures, **peak, **_cold("live_resident_", ask, asked), live_rss_mb=None)


def _cold(name: str, work: Any, asked: list[tuple[int, int, int]]) -> dict[str, float]:
    """Wall-clock quantiles, and CPU time each: the machine may be busy with others."""
    begin = time.process_time()
    spent, _ = _spent(work, asked)
    return _quantiles(name, spent) | {f"{name}cpu_ms": (time.process_time() - begin) * 1000 / len(asked)}


def _features(version: Any, at: tuple[int, int, int]) -> int:
    from jintu.foundation.layers import drawing, rowgroups
    from jintu.kernel.formats import mvt

    return len(rowgroups.near(version, drawing.columns_of(version.schema), mvt.bounds(*at, mvt.BUFFER / mvt.EXTENT)))


def gdal(scale: str) -> None:
    if shutil.which("ogr2ogr") is None:
        print("not run: needs ogr2ogr")
        sys.exit(1)
    where = DATA / f"tiles-{scale}"
    target = where / "gdal.mbtiles"
    target.unlink(missing_ok=True)
    options = ["FORMAT=MBTILES", "MINZOOM=12", "MAXZOOM=14", "MAX_SIZE=50000000", "MAX_FEATURES=1000000"]
    command = ["ogr2ogr", "-f", "MVT", str(target), str(where / "patches.fgb")]
    for option in options:
        command += ["-dsco", option]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"GDAL_NUM_THREADS": "2"})
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print_size = round(target.stat().st_size / 1e6, 1)
    report(
        cpu_s=used.ru_utime + used.ru_stime,
        wall_s=time.perf_counter() - started,
        mbtiles_mb=print_size,
        rss_mb=round(used.ru_maxrss / 1024),
    )
    target.unlink()


def postgis(scale: str) -> None:
    address = os.environ.get("JINTU_BENCH_PG")
    if not address:
        print("not run: needs JINTU_BENCH_PG=postgres://user:password@host:port/database")
        sys.exit(1)
    _node(scale)
    import psycopg

    version = _version()
    table = version.table(["bsm", "land_use_code", "geometry"])
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS postgis")
        connection.execute("DROP SCHEMA IF EXISTS jintu_bench_tiles CASCADE")
        connection.execute("CREATE SCHEMA jintu_bench_tiles")
        connection.execute("SET search_path = jintu_bench_tiles, public")
        connection.execute("CREATE UNLOGGED TABLE patches (key text, code text, geometry geometry(Geometry, 4326))")
        connection.execute("CREATE UNLOGGED TABLE raw (key text, code text, wkb bytea)")
        with connection.cursor().copy("COPY raw FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["text", "text", "bytea"])
            for batch in table.to_batches(10_000):
                for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    copy.write_row(row)
        # projected beforehand, as a map server would: an advantage to PostGIS
        connection.execute("ALTER TABLE patches ALTER COLUMN geometry TYPE geometry(Geometry, 3857)")
        connection.execute(
            "INSERT INTO patches SELECT key, code, ST_Transform(ST_GeomFromWKB(wkb, 4326), 3857) FROM raw"
        )
        connection.execute("CREATE INDEX ON patches USING gist (geometry)")
        connection.execute("VACUUM ANALYZE patches")
        query = """
            SELECT ST_AsMVT(t, 'survey.DLTB', 4096, 'geom') FROM (
                SELECT key, code, ST_AsMVTGeom(geometry, ST_TileEnvelope(%(z)s, %(x)s, %(y)s), 4096, 64, true) AS geom
                FROM patches WHERE geometry && ST_TileEnvelope(%(z)s, %(x)s, %(y)s, margin => 64.0 / 4096)
            ) t WHERE geom IS NOT NULL
        """

        def ask(at: tuple[int, int, int]) -> bytes:
            row = connection.execute(query, dict(zip("zxy", at, strict=True))).fetchone()
            return bytes(row[0]) if row else b""

        asked = _tiles(version, LIVE_ZOOMS)
        ask(asked[0])
        spent, empty = _spent(ask, asked)
        connection.execute("DROP SCHEMA jintu_bench_tiles CASCADE")
    report(**_quantiles("", spent), empty=empty, rss_mb=None)


if __name__ == "__main__":
    {f.__name__: f for f in (make, build, serve, cold, gdal, postgis)}[sys.argv[1]](sys.argv[2])
