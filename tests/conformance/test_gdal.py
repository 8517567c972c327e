"""What leaves the node opens in GDAL with every column: the running database, the snapshot, every export of a layer.

Two readers: Debian's command line, an older GDAL, and the one pyogrio carries.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from datetime import date
from pathlib import Path

import pytest
from django.db import connection

from jintu.foundation.identity.scope import Scope
from jintu.foundation.layers import exporting as layer_exporting
from jintu.foundation.layers import importing, schemas
from jintu.foundation.layers.tests import grid
from jintu.foundation.registers import descriptor, exporting
from jintu.foundation.registers.db.tests.apart import apart

from .rows import row

pytestmark = pytest.mark.django_db
needs_gdal = pytest.mark.skipif(not shutil.which("ogrinfo"), reason="no GDAL command line: install gdal-bin")
READERS = [pytest.param("ogrinfo", marks=needs_gdal), "pyogrio"]
OPENED_BY_GDAL = ("shp", "gpkg", "fgdb", "csv")


def columns_of(reader: str, path: Path, layer: str) -> tuple[set[str], int]:
    """Columns and number of features of a layer, opened read-only."""
    if reader == "pyogrio":
        import pyogrio

        where = f"/vsizip/{path}" if ".zip" in str(path) else path
        info = apart(pyogrio.read_info, where, layer=layer or None)
        return set(info["fields"]), info["features"]
    where = f"/vsizip/{path}" if ".zip" in str(path) else str(path)
    command = ["ogrinfo", "-ro", "-so", where, *([layer] if layer else ["-al"])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    names = re.findall(r"^([^\s:]+): (?:String|Integer|Integer64|Real|Date|DateTime|Binary)\b", done.stdout, re.M)
    return set(names), int(re.search(r"Feature Count: (\d+)", done.stdout)[1])  # type: ignore[index]


@pytest.mark.parametrize("reader", READERS)
def test_every_register_in_the_running_database(reader: str) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the database is a server's: nothing opens it as a file")
    file = Path(connection.settings_dict["NAME"])
    spatial = [r for r in descriptor.catalogue() if r.geometry]
    assert spatial
    for register in spatial:
        meta = register.model._meta
        wanted = {f.column for f in meta.concrete_fields} - {meta.pk.column, register.geometry}
        found, _ = columns_of(reader, file, meta.db_table)
        assert wanted <= found, register.name


@pytest.mark.parametrize("reader", READERS)
def test_the_snapshot_of_all_registers(reader: str, tmp_path: Path) -> None:
    for register in descriptor.catalogue():
        row(register)
    path = tmp_path / "all.gpkg"
    counts = exporting.snapshot(path, Scope.everything(), persons=True)
    for register in descriptor.catalogue():
        found, rows = columns_of(reader, path, register.name.replace(".", "_"))
        assert rows == counts[register.name] == 1
        assert set(register.columns) - {register.geometry} <= found, register.name


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", OPENED_BY_GDAL)
def test_every_export_of_a_layer(reader: str, kind: str, tmp_path: Path) -> None:
    version = importing.import_layer("DLTB", grid.dltb(tmp_path / "in.gpkg"), "990121", date(2024, 12, 31)).version
    path = tmp_path / layer_exporting.file_name(version, kind)
    layer_exporting.write(version, path, kind)
    if kind == "fgdb":  # a directory in the archive
        (inside,) = {name.partition("/")[0] for name in zipfile.ZipFile(path).namelist()}
        path = path / inside
    found, rows = columns_of(reader, path, "")
    assert rows == 30
    assert {a.code for a in schemas.get("DLTB").attributes} <= found


def test_what_gdal_here_cannot_read_says_what_it_is(tmp_path: Path) -> None:
    """GeoParquet: neither reader has the driver; the file has every column and the metadata its readers go by."""
    import json

    import pyarrow.parquet as pq

    version = importing.import_layer("DLTB", grid.dltb(tmp_path / "in.gpkg"), "990121", date(2024, 12, 31)).version
    path = tmp_path / "out.parquet"
    layer_exporting.write(version, path, "geoparquet")
    schema = pq.read_schema(path)
    assert {a.code for a in schemas.get("DLTB").attributes} <= set(schema.names)
    facts = json.loads(schema.metadata[b"geo"])
    assert facts["version"] == "1.1.0" and facts["columns"][facts["primary_column"]]["encoding"] == "WKB"
