"""Lists: visibility, scope, filters, pages by key, capped counts, sums."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.http import QueryDict
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from jintu.foundation.identity.scope import Scope
from jintu.foundation.registers import filters, listing, search
from jintu.foundation.registers.models import Batch, RowStatus
from jintu.kernel.errors import InputError

from .plots import PLOT, Plot

pytestmark = pytest.mark.django_db


def make(n=1, **facts):
    rows = []
    for i in range(n):
        data = {
            "plot_no": f"P-{i:04d}",
            "name": f"地块 {i}",
            "area": Decimal(1000 + i),
            "division": "990121001",
        } | facts
        rows.append(Plot(**data))
    return Plot.objects.bulk_create(rows)


def asked(text, scope=None, **kwargs):
    return listing.asked(PLOT, scope or Scope.everything(), QueryDict(text), **kwargs)[1]


def walk(rows, sort, size=7):
    """All rows by following "next", and again by following "previous" from the end."""
    forward, after = [], ""
    while True:
        page = listing.page(PLOT, rows, sort=sort, after=after, size=size)
        forward += [r.pk for r in page.rows]
        if not page.after:
            break
        after = page.after
    backward = list(reversed([r.pk for r in page.rows]))
    before = page.before
    while before:
        page = listing.page(PLOT, rows, sort=sort, before=before, size=size)
        backward += reversed([r.pk for r in page.rows])
        before = page.before
    return forward, list(reversed(backward))


@pytest.mark.parametrize("sort", ["id", "-id", "area", "-area", "-signed_on", "signed_on", "plot_no", "-division"])
def test_pages_meet_without_gap_or_overlap(plots, sort):
    make(40)
    for i, row in enumerate(Plot.objects.order_by("pk")):
        day = None if i % 3 == 0 else date(2026, 1, 1) + timedelta(days=i // 6)
        Plot.objects.filter(pk=row.pk).update(signed_on=day, area=Decimal(i // 5))
    order = listing.sort_of(PLOT, sort)
    rows = Plot.objects.visible()
    forward, backward = walk(rows, order)
    assert len(forward) == len(set(forward)) == 40
    assert forward == backward

    def key(row):
        value = getattr(row, order.name)
        return (value is not None, value if value is not None else 0, row.pk)

    expected = sorted(Plot.objects.all(), key=key, reverse=order.descending)
    assert forward == [r.pk for r in expected]


def test_a_row_added_meanwhile_shifts_no_page(plots):
    make(20)
    rows, sort = Plot.objects.visible(), listing.sort_of(PLOT, "plot_no")
    first = listing.page(PLOT, rows, sort=sort, size=5)
    Plot.objects.create(plot_no="P-0000a", name="x", area=1, division="990121001")
    second = listing.page(PLOT, rows, sort=sort, after=first.after, size=5)
    assert second.rows[0].plot_no == "P-0005"


@pytest.mark.parametrize("text", ["", "x", "bnVsbA", "W10", "WyJpZCIsIm5vIiwieCJd"])
def test_a_forged_cursor_is_refused(plots, text):
    make(3)
    if not text:
        return
    with pytest.raises(InputError):
        listing.page(PLOT, Plot.objects.visible(), sort=listing.sort_of(PLOT, "-area"), after=text)


def test_a_count_stops_at_the_cap(plots, monkeypatch):
    make(12)
    monkeypatch.setattr(listing, "CAP", 10)
    assert str(listing.count(Plot.objects.visible())) == "10+"
    assert str(listing.count(Plot.objects.filter(plot_no="P-0001"))) == "1"


def test_sums_are_exact_and_left_out_beyond_the_cap(plots, monkeypatch):
    make(3, area=Decimal("0.10"))
    everything = Scope.everything()
    assert listing.look(PLOT, everything, QueryDict(""), names=["area", "name"]).sums == {"area": Decimal("0.30")}
    monkeypatch.setattr(listing, "CAP", 2)
    looked = listing.look(PLOT, everything, QueryDict(""), names=["area"])
    assert (looked.sums, str(looked.count)) == ({}, "2+")


@pytest.mark.parametrize("sort", ["id", "-id", "-area", "signed_on", "-signed_on", "plot_no", "-division"])
@pytest.mark.parametrize("query", ["", "kind=a", "division=990121"])
def test_few_and_many_rows_are_paged_alike(plots, monkeypatch, sort, query):
    make(23)
    for i, row in enumerate(Plot.objects.order_by("pk")):
        day = None if i % 4 == 0 else date(2026, 1, 1 + i // 5)
        Plot.objects.filter(pk=row.pk).update(signed_on=day, area=Decimal(i // 5))

    def walk():
        seen, cursors, after = [], [], ""
        while True:
            text = f"{query}&sort={sort}&size=5&after={after}"
            looked = listing.look(PLOT, Scope.everything(), QueryDict(text))
            seen += [r.pk for r in looked.page.rows]
            cursors.append((looked.page.before, looked.page.after))
            after = looked.page.after
            if not after:
                break
        text = f"{query}&sort={sort}&size=5&before={looked.page.before}"
        seen += [r.pk for r in listing.look(PLOT, Scope.everything(), QueryDict(text)).page.rows]
        return seen, cursors

    few = walk()
    monkeypatch.setattr(listing, "CAP", 10)
    many = walk()
    assert few == many
    assert len(set(few[0])) == 23


@pytest.mark.parametrize("sort", ["-id", "-area", "signed_on", "-signed_on", "plot_no"])
@pytest.mark.parametrize("cap", [10, 100])
def test_a_page_goes_on_where_a_row_is_gone(plots, monkeypatch, sort, cap):
    make(23)
    for i, row in enumerate(Plot.objects.order_by("pk")):
        day = None if i % 4 == 0 else date(2026, 1, 1 + i // 5)
        Plot.objects.filter(pk=row.pk).update(signed_on=day, area=Decimal(i // 5))
    monkeypatch.setattr(listing, "CAP", cap)

    def page(after=""):
        return listing.look(PLOT, Scope.everything(), QueryDict(f"sort={sort}&size=5&after={after}")).page

    first = page()
    rest = [r.pk for r in page(first.after).rows]
    Plot.objects.filter(pk=first.rows[-1].pk).delete()
    assert [r.pk for r in page(first.after).rows] == rest


def test_only_rows_within_the_scope_are_listed(plots, county):
    make(2)
    Plot.objects.create(plot_no="N-1", name="邻县地块", area=1, division="990122001")
    Plot.objects.create(plot_no="S-1", name="秘密", area=1, division="990121001", data_level=2)
    assert {r.plot_no for r in asked("", county)} == {"P-0000", "P-0001"}


def test_rows_of_a_batch_appear_with_it_and_the_replaced_ones_go(plots):
    make(1)
    old = Plot.objects.get()
    batch = Batch.objects.create(register="test.plot", state=Batch.State.LOADING, rows_updating=1)
    Plot.objects.filter(pk=old.pk).update(superseded_by=batch.pk)
    new = Plot.objects.create(plot_no="P-0000", uid=old.uid, name="新", area=2, division="990121001", batch=batch.pk)
    assert [r.pk for r in Plot.objects.visible()] == [old.pk]
    Batch.objects.filter(pk=batch.pk).update(state=Batch.State.VISIBLE)
    assert [r.pk for r in Plot.objects.visible()] == [new.pk]
    Batch.objects.filter(pk=batch.pk).update(state=Batch.State.REVERTED)
    assert [r.pk for r in Plot.objects.visible()] == [old.pk]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("kind=b", {"B"}),
        ("kind=a,b", {"A", "B", "C"}),
        ("kind=a&kind=b", {"A", "B", "C"}),
        ("area__gte=0.5ha", {"B", "C"}),
        ("area__gte=0.5&area__unit=ha", {"B", "C"}),
        ("area__lte=5000", {"A", "B"}),
        ("area=5000", {"B"}),
        ("signed_on__gte=2026-01-01", {"B"}),
        ("signed_on__empty=1", {"C"}),
        ("signed_on__empty=0", {"A", "B"}),
        ("plot_no__prefix=A", {"A"}),
        ("name=柳河", {"B"}),
        ("division=990121", {"A", "B"}),
        ("division=990121002", {"B"}),
        ("status=withdrawn", {"C"}),
        ("use_code=061", {"B"}),
        ("use_code__prefix=0", {"B"}),
    ],
)
def test_filters(plots, query, expected):
    Plot.objects.create(plot_no="A", name="一", area=100, division="990121001", signed_on=date(2025, 5, 1))
    Plot.objects.create(
        plot_no="B", name="柳河", area=5000, division="990121002", kind="b", signed_on=date(2026, 5, 1), use_code="061"
    )
    Plot.objects.create(plot_no="C", name="三", area=90000, division="990122001", status=RowStatus.WITHDRAWN)
    assert {r.plot_no for r in asked(query)} == expected


@pytest.mark.parametrize(
    "query",
    ["area__gte=many", "signed_on__gte=2026-02-30", "division=x", "status=gone", "batch=x", "uid=x", "bbox=1,2",
     "area=1e30", "people=1.5", "area__gte=3furlong", "sort=nothing"],
)  # fmt: skip
def test_a_filter_that_cannot_be_read_says_so(plots, query):
    with pytest.raises(InputError) as caught:
        listing.sort_of(PLOT, QueryDict(query).get("sort", ""))
        asked(query)
    assert caught.value.place.field


def test_an_unknown_filter_is_named(plots):
    made = filters.read(PLOT, QueryDict("colour=red&kind=a"))
    assert made.unknown == ["colour"]
    with pytest.raises(InputError):
        filters.read(PLOT, QueryDict("colour=red"), strict=True)


def test_a_box_finds_what_touches_it(plots):
    import shapely

    make(2)
    Plot.objects.filter(plot_no="P-0001").update(geom=shapely.box(113, 30, 113.1, 30.1))
    assert [r.plot_no for r in asked("bbox=113.05,30.05,114,31")] == ["P-0001"]
    assert not asked("bbox=10,10,11,11").exists()


def test_two_characters_find_a_chinese_word(plots, county, neighbour):
    rows = make(2, name="大营镇瑞丰包装二厂")
    Plot.objects.filter(pk=rows[0].pk).update(name="柳荫苑三期")
    search.index(PLOT, Plot.objects.all())
    assert {r.plot_no for r in asked("q=包装")} == {"P-0001"}
    assert {r.plot_no for r in asked("q=柳荫苑")} == {"P-0000"}
    assert {r.plot_no for r in asked("q=P-00")} == {"P-0000", "P-0001"}
    assert not asked("q=不存在").exists()
    found = search.find("瑞丰", county)
    assert [(g.register.name, [e.key for e in g.entries]) for g in found] == [("test.plot", ["P-0001"])]
    assert search.find("瑞丰", neighbour) == []


@pytest.mark.parametrize("query", ['"', "a OR b", "NEAR(", "*", "'; --", "\\", "柳*", ")("])
def test_what_people_type_is_no_operator(plots, query):
    make(1)
    search.index(PLOT, Plot.objects.all())
    data = QueryDict(mutable=True)
    data["q"] = query
    list(listing.asked(PLOT, Scope.everything(), data)[1])
    search.find(query, Scope.everything())


class Round(TestCase):
    """Filters written back as a query string mean the same."""

    @settings(max_examples=30, deadline=None)
    @given(
        st.dictionaries(
            st.sampled_from(["kind", "division", "status", "area__gte", "signed_on__lte", "plot_no__prefix"]),
            st.sampled_from(["a", "990121", "valid", "12.5", "2026-06-15", "P"]),
            max_size=4,
        )
    )
    def test_pairs_round_trip(self, data):
        from urllib.parse import urlencode

        try:
            made = filters.read(PLOT, QueryDict(urlencode(data)))
        except InputError:
            return
        again = filters.read(PLOT, QueryDict(made.query()))
        assert again.pairs() == made.pairs()
        assert [c.q for c in again.conditions] == [c.q for c in made.conditions]
