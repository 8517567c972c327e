"""The embedded file: its settings, and what other programs see of it and may do to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import shapely
from django.db import connection, connections, models, transaction
from django.db.migrations import operations as ops

from jintu.foundation.registers.db import AreaField, GeometryField
from jintu.kernel.errors import InputError

from .apart import apart
from .lab import Lab, columns_of

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="about the embedded file"),
]


@pytest.fixture
def lot() -> Iterator[Any]:
    lab = Lab()
    lab.apply(
        ops.CreateModel(
            "Lot",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("uid", models.UUIDField(null=True)),
                ("label", models.CharField(max_length=30)),
                ("note", models.TextField(blank=True)),
                ("count", models.PositiveIntegerField(default=0)),
                ("level", models.PositiveSmallIntegerField(default=1)),
                ("big", models.BigIntegerField(default=0)),
                ("ratio", models.FloatField(null=True)),
                ("is_new", models.BooleanField(default=True)),
                ("signed_on", models.DateField(null=True)),
                ("made_at", models.DateTimeField(auto_now_add=True)),
                ("facts", models.JSONField(default=dict)),
                ("area", AreaField(null=True)),
                ("place", GeometryField(null=True)),
            ],
        )
    )
    yield lab.model("lot")
    lab.clean()


def file_of_database() -> Path:
    return Path(connection.settings_dict["NAME"])


def test_settings_that_receipts_rely_on() -> None:
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "recursive_triggers": 1,
        "busy_timeout": 20000,
        "application_id": 0x47504B47,
        "user_version": 10300,
    }
    with connection.cursor() as cursor:
        found = {}
        for pragma in wanted:
            cursor.execute(f"PRAGMA {pragma}")
            found[pragma] = cursor.fetchone()[0]
    assert found == wanted
    assert connection.transaction_mode == "IMMEDIATE"


def test_atomic_takes_the_write_lock_at_once() -> None:
    other = connections.create_connection("default")
    other.settings_dict = {**connection.settings_dict, "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 0.1}}
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1")  # a reader, so far
            with pytest.raises(Exception, match="locked"), other.cursor() as second:
                second.execute("BEGIN IMMEDIATE")
    finally:
        other.close()


def test_every_column_has_a_type_of_the_standard(lot: Any) -> None:
    allowed = {"BOOLEAN", "SMALLINT", "INTEGER", "DOUBLE", "TEXT", "BLOB", "DATE", "DATETIME", "GEOMETRY"}
    types = columns_of(lot._meta.db_table)
    assert {t.split("(")[0] for t in types.values()} <= allowed
    assert types["label"] == "TEXT(30)"
    for model in __import__("django.apps", fromlist=["apps"]).apps.get_models():
        found = {t.split("(")[0] for t in columns_of(model._meta.db_table).values()}
        assert found <= allowed, (model, found - allowed)


def test_gdal_reads_every_column_of_the_running_file(lot: Any) -> None:
    import pyogrio

    made = lot.objects.create(
        label="甲",
        note="n",
        count=3,
        big=2**40,
        ratio=0.5,
        signed_on=date(2026, 6, 15),
        facts={"a": 1},
        area=Decimal("12.34"),
        place=shapely.box(117, 30, 118, 31),
    )
    lot.objects.create(label="乙")
    # seconds are floating-point numbers on the way, and the reader refuses those it rounds up to a whole one
    lot.objects.update(made_at=made.made_at.replace(microsecond=0))
    layer = lot._meta.db_table
    info = apart(pyogrio.read_info, file_of_database(), layer=layer)
    names = {f.column for f in lot._meta.concrete_fields} - {"id", "place"}
    assert set(info["fields"]) == names
    assert info["crs"] == "EPSG:4490"
    assert (info["fid_column"], info["geometry_name"]) == ("id", "place")
    assert info["features"] == 2
    meta, fids, geometries, values = apart(pyogrio.raw.read, file_of_database(), layer=layer, return_fids=True)
    row = dict(zip(meta["fields"], (v[list(fids).index(made.pk)] for v in values), strict=True))
    assert (row["label"], row["count"], row["big"], row["ratio"]) == ("甲", 3, 2**40, 0.5)
    assert str(row["signed_on"]) == "2026-06-15"
    assert bool(row["is_new"]) is True
    assert str(row["made_at"])[:10] == made.made_at.date().isoformat()
    assert row["area"] == 1234  # scaled; gpkg_data_columns says so
    assert shapely.from_wkb(geometries[list(fids).index(made.pk)]).equals(made.place)
    within = apart(pyogrio.raw.read, file_of_database(), layer=layer, bbox=(117.2, 30.2, 117.3, 30.3))
    assert len(within[2]) == 1


def test_accounts_and_sessions_are_no_layers() -> None:
    import pyogrio

    names = {name for name, _ in apart(pyogrio.list_layers, file_of_database())}
    assert not names & {"identity_user", "django_session", "journal_entry"}


def test_the_scale_of_exact_columns_is_said(lot: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT column_name, title FROM gpkg_data_columns WHERE table_name = %s", [lot._meta.db_table])
        assert cursor.fetchall() == [("area", "integer, to be divided by 100")]


@pytest.mark.parametrize(
    "write", ["INSERT INTO {t} (label) VALUES ('x')", "UPDATE {t} SET label = 'x'", "DELETE FROM {t}"]
)
def test_other_programs_cannot_write(lot: Any, write: str) -> None:
    lot.objects.create(label="mine")
    other = sqlite3.connect(file_of_database())
    try:
        with pytest.raises(sqlite3.OperationalError, match="jintu_writer"):
            other.execute(write.format(t=lot._meta.db_table))
    finally:
        other.close()
    assert lot.objects.get().label == "mine"


def test_gdal_cannot_write(lot: Any) -> None:
    import numpy as np
    import pyogrio

    lot.objects.create(label="mine", place=shapely.Point(1, 1))
    with pytest.raises(Exception, match=r"jintu_writer|constraint|insert|Failed|error"):
        apart(
            pyogrio.raw.write,
            file_of_database(),
            geometry=np.array([shapely.Point(2, 2).wkb], dtype=object),
            field_data=[np.array(["theirs"], dtype=object)],
            fields=["label"],
            layer=lot._meta.db_table,
            geometry_type="Point",
            crs="EPSG:4490",
            append=True,
            driver="GPKG",
        )
    assert [row.label for row in lot.objects.all()] == ["mine"]


def test_guards_stand_on_every_table() -> None:
    from django.apps import apps

    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'jintu_guard_%'")
        standing = {name for (name,) in cursor.fetchall()}
    there = set(connection.introspection.table_names())
    tables = {m._meta.db_table for m in apps.get_models(include_auto_created=True) if m._meta.managed} & there
    assert {"journal_entry", "operations_job", "django_session"} <= tables
    wanted = {f"jintu_guard_{t}_{e}" for t in tables for e in ("insert", "update", "delete")}
    assert wanted - standing == set()


def test_geopackage_headers_are_read_from_any_writer() -> None:
    from jintu.foundation.registers.db import codec

    shape = shapely.box(1, 2, 3, 4)
    blob = codec.encode(shape)
    assert blob[:4] == b"GP\x00\x03"
    assert codec.envelope(blob) == (1, 3, 2, 4)
    assert codec.decode(blob).equals(shape)
    bare = b"GP\x00\x01" + (4490).to_bytes(4, "little") + shape.wkb  # no envelope
    assert codec.envelope(bare) == (1, 3, 2, 4)
    assert codec.envelope(codec.encode(shapely.Polygon())) is None
    with pytest.raises(InputError, match="GeoPackage"):
        codec.decode(b"nothing of the kind")
