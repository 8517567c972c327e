"""Geometry and exact decimals as values: what goes in comes out, on either database."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import shapely
from django.core.exceptions import ValidationError
from django.db import NotSupportedError, connection, models
from django.db.migrations import operations as ops
from django.db.models import Avg, Count, F, Max, Min, Sum
from django.db.models.functions import Coalesce, Round
from hypothesis import given, settings
from hypothesis import strategies as st

from jintu.foundation.registers.db import AreaField, ExactDecimalField, GeometryField, MoneyField

from .lab import Lab

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def parcel() -> Iterator[Any]:
    lab = Lab()
    lab.apply(
        ops.CreateModel(
            "Lot",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("kind", models.CharField(max_length=5, default="a")),
                ("area", AreaField(null=True)),
                ("price", MoneyField(null=True)),
                ("rate", ExactDecimalField(max_digits=9, decimal_places=4, null=True)),
                ("place", GeometryField(null=True)),
            ],
        )
    )
    yield lab.model("lot")
    lab.clean()


SHAPES = {
    "point": shapely.Point(117.5, 30.25),
    "line": shapely.LineString([(117, 30), (118, 31), (118, 32)]),
    "hole": shapely.Polygon([(0, 0), (9, 0), (9, 9), (0, 9)], [[(2, 2), (2, 3), (3, 3), (3, 2)]]),
    "multi": shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(2, 2, 3, 3)]),
    "collection": shapely.GeometryCollection([shapely.Point(1, 1), shapely.box(0, 0, 1, 1)]),
    "empty": shapely.Polygon(),
    "every digit": shapely.Point(117.12345678901234, 30.98765432109876),
}


@pytest.mark.parametrize("name", SHAPES)
def test_geometry_comes_back_as_it_was(parcel: Any, name: str) -> None:
    one = parcel.objects.create(place=SHAPES[name])
    back = parcel.objects.get(pk=one.pk).place
    assert shapely.equals_identical(shapely.set_srid(back, 0), SHAPES[name])


def test_null_height_and_other_spellings(parcel: Any) -> None:
    assert parcel.objects.get(pk=parcel.objects.create().pk).place is None
    high = parcel.objects.create(place=shapely.Point(1, 2, 3))
    assert not parcel.objects.get(pk=high.pk).place.has_z
    point = shapely.Point(1, 2)
    for spelling in ("POINT (1 2)", "SRID=4490;POINT (1 2)", '{"type":"Point","coordinates":[1,2]}', point.wkb):
        assert parcel.objects.get(pk=parcel.objects.create(place=spelling).pk).place.equals(point)
    for wrong in ("POINT (1", "nonsense", {"type": "Cube"}, b"\x01\x02", "{}"):
        with pytest.raises(ValidationError, match=r"not a geometry|不是"):
            parcel._meta.get_field("place").to_python(wrong)


def test_lookups_agree_with_shapely(parcel: Any) -> None:
    grid = [shapely.box(x, y, x + 1, y + 1) for x in range(8) for y in range(8)]
    parcel.objects.bulk_create([parcel(place=g) for g in grid])
    parcel.objects.create(place=None)
    big = shapely.Point(4, 4).buffer(2.1)
    tests = {
        "intersects": shapely.intersects(grid, big),
        "coveredby": shapely.covered_by(grid, big),
        "bbox_overlaps": shapely.intersects(grid, shapely.box(*big.bounds)),
    }
    for lookup, wanted in tests.items():
        found = parcel.objects.filter(**{f"place__{lookup}": big}).count()
        assert found == wanted.sum(), lookup
    small = shapely.box(2.2, 2.2, 2.4, 2.4)
    assert parcel.objects.filter(place__covers=small).count() == 1
    near = shapely.Point(-1, 0.5)
    for distance, wanted in ((0.99, 0), (1.0, 1), (1.2, 2)):
        assert parcel.objects.filter(place__dwithin=(near, distance)).count() == wanted


def test_exclude_and_empty_constant(parcel: Any) -> None:
    parcel.objects.bulk_create([parcel(place=shapely.box(0, 0, 1, 1)), parcel(place=shapely.box(5, 5, 6, 6)), parcel()])
    assert parcel.objects.exclude(place__intersects=shapely.Point(0.5, 0.5)).count() == 2
    assert parcel.objects.filter(place__intersects=shapely.Polygon()).count() == 0
    assert parcel.objects.exclude(place__intersects=shapely.Polygon()).count() == 3
    assert parcel.objects.filter(place__isnull=True).count() == 1


def test_the_index_is_used(parcel: Any) -> None:
    parcel.objects.bulk_create([parcel(place=shapely.box(i, 0, i + 0.5, 1)) for i in range(2000)])
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {parcel._meta.db_table}")
    plan = parcel.objects.filter(place__intersects=shapely.Point(1000.25, 0.5)).explain()
    assert ("Index Scan" in plan) if connection.vendor == "postgresql" else ("VIRTUAL TABLE INDEX" in plan)


# -- exact decimals


def test_sums_that_floats_get_wrong(parcel: Any) -> None:
    values = ["90071992547409.93", "0.10", "0.20", "0.30", "-0.01", "123456789012345.67"]
    parcel.objects.bulk_create([parcel(area=Decimal(v), price=Decimal(v)) for v in values])
    exact = sum(map(Decimal, values))
    assert sum(map(float, values)) != float(exact) or float(exact) != exact  # the reason for the field
    assert parcel.objects.aggregate(s=Sum("area"))["s"] == exact
    assert parcel.objects.aggregate(s=Sum("price"))["s"] == exact
    found = parcel.objects.aggregate(low=Min("area"), high=Max("area"), n=Count("area"))
    assert found == {"low": Decimal("-0.01"), "high": Decimal("123456789012345.67"), "n": 6}
    assert isinstance(found["low"], Decimal)


@given(st.lists(st.decimals(min_value=-(10**12), max_value=10**12, places=2), min_size=1, max_size=20))
@settings(max_examples=25, deadline=None)
def test_any_sum_is_exact(values: list[Decimal]) -> None:
    lab = Lab()
    lab.apply(ops.CreateModel("Sum", [("id", models.BigAutoField(primary_key=True)), ("area", AreaField())]))
    try:
        model = lab.model("sum")
        model.objects.bulk_create([model(area=v) for v in values])
        assert model.objects.aggregate(s=Sum("area"))["s"] == sum(values)
        assert sorted(values) == list(model.objects.order_by("area").values_list("area", flat=True))
    finally:
        lab.clean()


def test_filters_orders_groups(parcel: Any) -> None:
    for kind, area in (("a", "9.99"), ("a", "100.00"), ("b", "100.01"), ("b", "20")):
        parcel.objects.create(kind=kind, area=Decimal(area))
    parcel.objects.create(kind="c")
    areas = list(parcel.objects.exclude(area=None).order_by("area").values_list("area", flat=True))
    assert areas == [Decimal(a) for a in ("9.99", "20", "100", "100.01")]  # by value, not by text
    assert parcel.objects.filter(area__gt=Decimal("100")).count() == 1
    assert parcel.objects.filter(area__gt=Decimal("100.005")).count() == 1
    assert parcel.objects.filter(area__gte=Decimal("100.005")).count() == 1
    assert parcel.objects.filter(area__lt=Decimal("100.005")).count() == 3
    assert parcel.objects.filter(area=100).get().area == Decimal("100.00")
    assert parcel.objects.filter(area__in=[Decimal("9.99"), 20]).count() == 2
    assert parcel.objects.filter(area__range=("9.99", "20")).count() == 2
    grouped = dict(parcel.objects.values_list("kind").annotate(s=Sum("area")).order_by("kind"))
    assert grouped == {"a": Decimal("109.99"), "b": Decimal("120.01"), "c": None}
    assert parcel.objects.values("kind").annotate(s=Sum("area")).filter(s__gt=110).count() == 1


def test_average_and_default_of_sum(parcel: Any) -> None:
    assert parcel.objects.aggregate(s=Sum("area", default=Decimal(0)))["s"] == 0
    parcel.objects.bulk_create([parcel(area=Decimal("0.01")), parcel(area=Decimal("0.02"))])
    assert parcel.objects.aggregate(a=Avg("area"))["a"] == pytest.approx(Decimal("0.015"))
    zero = models.Value(Decimal("1.50"), output_field=AreaField())
    assert parcel.objects.annotate(x=Coalesce("price", zero, output_field=AreaField())).first().x == Decimal("1.50")


def test_rounding_is_that_of_numeric(parcel: Any) -> None:
    for given_, stored in (("1.005", "1.01"), ("-1.005", "-1.01"), ("2.344999", "2.34"), ("7", "7.00")):
        one = parcel.objects.create(area=Decimal(given_))
        assert parcel.objects.get(pk=one.pk).area == Decimal(stored)
        parcel.objects.filter(pk=one.pk).update(area=Decimal(given_))
        assert parcel.objects.get(pk=one.pk).area == Decimal(stored)
    rate = parcel.objects.create(rate=Decimal("0.12345"))
    assert parcel.objects.get(pk=rate.pk).rate == Decimal("0.1235")


def test_arithmetic_is_refused_instead_of_wrong(parcel: Any) -> None:
    parcel.objects.create(area=1, price=2)
    for expression in (F("area") * 2, F("area") + F("price"), F("area") / Decimal("1.5"), 2 - F("area")):
        with pytest.raises(NotSupportedError, match="compute in Python"):
            list(parcel.objects.annotate(x=expression).values("x"))
    if connection.vendor == "sqlite":  # where it would be wrong by the scale
        with pytest.raises(NotSupportedError):
            parcel.objects.update(area=F("area") + 1)
        with pytest.raises(NotSupportedError, match="scaled integer"):
            list(parcel.objects.annotate(x=Round("area")).values("x"))


def test_more_than_18_digits_are_an_error() -> None:
    field = ExactDecimalField(max_digits=20, decimal_places=2)
    field.set_attributes_from_name("area")
    assert [e.id for e in field.check()] == ["jintu.E002"]
