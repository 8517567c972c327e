"""Tables with geometry through every kind of migration: the index, its triggers and the guards are still there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import shapely
from django.db import connection, models
from django.db.migrations import operations as ops

from jintu.foundation.registers.db import AreaField, GeometryField

from .lab import Lab, assert_index_follows_changes, assert_index_is_right, columns_of, has_spatial_index, triggers_of

pytestmark = pytest.mark.django_db(transaction=True)
TABLE = "lab_parcel"
only_embedded = pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL rebuilds no tables")


@pytest.fixture
def lab() -> Iterator[Lab]:
    made = Lab()
    made.apply(
        ops.CreateModel(
            "Parcel",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("number", models.CharField(max_length=20)),
                ("area", AreaField(null=True)),
                ("place", GeometryField(null=True)),
            ],
        )
    )
    parcel = made.model("parcel")
    parcel.objects.bulk_create(
        [parcel(number=f"P{i}", area=i, place=shapely.box(i, 0, i + 1, 1)) for i in range(6)]
        + [parcel(number="no place"), parcel(number="empty", place=shapely.Polygon())]
    )
    yield made
    made.clean()


def guarded(table: str) -> bool:
    """Always true on PostgreSQL, whose roles do what the guard triggers do here."""
    if connection.vendor == "postgresql":
        return True
    return {f"jintu_guard_{table}_{event}" for event in ("insert", "update", "delete")} <= triggers_of(table)


def listed(table: str) -> tuple[int, int, int]:
    """Rows about the table in gpkg_contents, gpkg_geometry_columns, gpkg_extensions."""
    with connection.cursor() as cursor:
        counts = []
        for name in ("gpkg_contents", "gpkg_geometry_columns", "gpkg_extensions"):
            cursor.execute(f"SELECT count(*) FROM {name} WHERE table_name = %s", [table])
            counts.append(cursor.fetchone()[0])
    return tuple(counts)


def assert_whole(lab: Lab, *, model: str = "parcel", column: str = "place", **facts: object) -> None:
    found = lab.model(model)
    table = found._meta.db_table
    assert has_spatial_index(table, column)
    assert guarded(table)
    if connection.vendor == "sqlite":
        assert listed(table) == (1, 1, 1)
    assert_index_is_right(found, column)
    assert_index_follows_changes(found, column, **facts)


def test_a_created_table_is_whole(lab: Lab) -> None:
    assert_whole(lab, number="x")


@pytest.mark.parametrize(
    "operation",
    [
        ops.AddField("parcel", "note", models.CharField(max_length=10, null=True)),
        ops.AddField("parcel", "note", models.CharField(max_length=10, default="-")),
        ops.AddField("parcel", "paid", AreaField(null=True)),
        ops.AddField("parcel", "outline", GeometryField(null=True)),
        ops.AlterField("parcel", "number", models.CharField(max_length=40, db_index=True)),
        ops.AlterField("parcel", "number", models.TextField(null=True)),
        ops.AlterField("parcel", "place", GeometryField(null=True, help_text="where it is")),
        ops.RenameField("parcel", "number", "label"),
        ops.RemoveField("parcel", "area"),
        ops.AddIndex("parcel", models.Index(fields=["area"], name="lab_area")),
        ops.AddConstraint("parcel", models.CheckConstraint(condition=models.Q(area__gte=0), name="lab_area_positive")),
        ops.AddConstraint("parcel", models.UniqueConstraint(fields=["number"], name="lab_number")),
        ops.AlterUniqueTogether("parcel", {("number", "area")}),
    ],
    ids=lambda o: f"{type(o).__name__}-{getattr(o, 'name', '')}",
)
def test_altered_table_keeps_its_index(lab: Lab, operation: ops.base.Operation) -> None:
    before = lab.state
    lab.apply(operation)
    assert lab.model("parcel").objects.count() == 8
    assert_whole(lab)
    lab.undo(operation, before)
    assert lab.model("parcel").objects.count() == 8
    assert_whole(lab)


def test_second_geometry_has_its_own_index(lab: Lab) -> None:
    lab.apply(ops.AddField("parcel", "outline", GeometryField(null=True)))
    assert has_spatial_index(TABLE, "outline")
    assert_index_follows_changes(lab.model("parcel"), "outline", number="x")
    assert has_spatial_index(TABLE, "place")


def test_renamed_geometry_keeps_its_index(lab: Lab) -> None:
    lab.apply(ops.RenameField("parcel", "place", "site"))
    assert_whole(lab, column="site", number="x")
    if connection.vendor == "sqlite":
        assert not any(t.startswith(f"rtree_{TABLE}_place") for t in triggers_of(TABLE))


def test_renamed_table_keeps_its_index(lab: Lab) -> None:
    lab.apply(ops.RenameModel("Parcel", "Plot"))
    assert_whole(lab, model="plot", number="x")
    if connection.vendor == "sqlite":
        assert listed(TABLE) == (0, 0, 0)
        with connection.cursor() as cursor:
            cursor.execute("SELECT name FROM sqlite_master WHERE name LIKE %s", [f"%{TABLE}%"])
            assert cursor.fetchall() == []


def test_removed_geometry_leaves_nothing(lab: Lab) -> None:
    lab.apply(ops.RemoveField("parcel", "place"))
    assert not has_spatial_index(TABLE, "place")
    assert lab.model("parcel").objects.count() == 8
    assert guarded(TABLE)
    if connection.vendor == "sqlite":
        assert listed(TABLE) == (0, 0, 0)


def test_removed_table_leaves_nothing(lab: Lab) -> None:
    lab.apply(ops.DeleteModel("Parcel"))
    if connection.vendor == "sqlite":
        assert listed(TABLE) == (0, 0, 0)
        with connection.cursor() as cursor:
            cursor.execute("SELECT name FROM sqlite_master WHERE name LIKE %s", [f"%{TABLE}%"])
            assert cursor.fetchall() == []
    else:
        assert TABLE not in connection.introspection.table_names()


def test_spatial_index_is_dropped_and_built_on_demand(lab: Lab) -> None:
    lab.apply(ops.AlterField("parcel", "place", GeometryField(null=True, spatial_index=False)))
    assert not has_spatial_index(TABLE, "place")
    parcel = lab.model("parcel")
    assert parcel.objects.filter(place__intersects=shapely.Point(2.5, 0.5)).count() == 1
    assert parcel.objects.filter(place__bbox_overlaps=shapely.box(2.2, 0.2, 2.4, 0.4)).count() == 1
    lab.apply(ops.AlterField("parcel", "place", GeometryField(null=True)))
    assert_whole(lab, number="x")


@only_embedded
def test_rebuild_keeps_other_triggers(lab: Lab) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TRIGGER lab_keep BEFORE DELETE ON {TABLE} BEGIN SELECT RAISE(ABORT, 'kept for ever'); END"
        )
    lab.apply(ops.AlterField("parcel", "number", models.CharField(max_length=99)))
    assert columns_of(TABLE)["number"] == "TEXT(99)"
    with pytest.raises(Exception, match="kept for ever"):
        lab.model("parcel").objects.all().delete()
    lab.apply(ops.RenameModel("Parcel", "Plot"))
    with pytest.raises(Exception, match="kept for ever"):
        lab.model("plot").objects.all().delete()


@only_embedded
def test_rebuild_of_a_table_others_refer_to(lab: Lab) -> None:
    lab.apply(
        ops.CreateModel(
            "Payment",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("parcel", models.ForeignKey("lab.parcel", models.CASCADE)),
            ],
        )
    )
    parcel = lab.model("parcel").objects.get(number="P3")
    lab.model("payment").objects.create(parcel=parcel)
    lab.apply(ops.AlterField("parcel", "number", models.CharField(max_length=99, default="-")))
    assert lab.model("payment").objects.get().parcel.number == "P3"
    assert_whole(lab)
