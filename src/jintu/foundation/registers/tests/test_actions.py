"""Filing, editing, correcting, withdrawing, giving an outline: what each does, refuses and leaves behind."""

from datetime import date
from decimal import Decimal

import pytest
import shapely

from jintu.foundation.journal import history
from jintu.foundation.journal.models import Entry, RecordVersion
from jintu.foundation.registers.actions import correct, create, edit, give_geometry, withdraw
from jintu.foundation.registers.actions.common import RowConflict
from jintu.foundation.registers.geometry_input import from_text
from jintu.foundation.registers.models import DeliveredGeometry, RowStatus, SearchEntry
from jintu.kernel.errors import InputError, Missing, NotAllowed, Refused

from .plots import NOTE, PLOT, Plot

pytestmark = pytest.mark.django_db

DATA = {
    "plot_no": "P-1", "name": "柳河镇冷链物流中心", "kind": "b", "area": Decimal("17755.00"), "division": "990121003",
    "signed_on": date(2026, 5, 27), "holder": "示例公司",
}  # fmt: skip


@pytest.fixture
def plot(plots, county, actor):
    return create.perform(PLOT, DATA, scope=county, actor=actor)


def test_a_filed_record_is_there_found_and_journaled(plot, county):
    row = Plot.objects.current().within(county).get(plot_no="P-1")
    assert (row.area, row.row_version, row.created_by) == (Decimal("17755.00"), 1, 7)
    assert SearchEntry.objects.get(register="test.plot", uid=row.uid).key == "P-1"
    entry = Entry.objects.get(act="register.create")
    assert entry.objects_json == [["test.plot", "P-1"]]
    assert entry.division == "990121003"


def test_the_journal_holds_no_name(plot):
    entry = Entry.objects.get(act="register.create")
    text = str(entry.facts) + str(entry.objects_json)
    assert "示例公司" not in text
    assert "柳河镇" not in text


def test_a_hash_in_the_journal_does_not_depend_on_a_person(plots, county, actor):
    a = create.perform(PLOT, DATA, scope=county, actor=actor)
    b = create.perform(PLOT, DATA | {"plot_no": "P-2"}, scope=county, actor=actor)
    assert a.uid != b.uid
    first, second = Entry.objects.filter(act="register.create").order_by("pk")
    assert first.facts["sha256"] != second.facts["sha256"]
    row = edit.perform(PLOT, a.uid, {"holder": "另一公司"}, row_version=1, scope=county, actor=actor)
    assert row.row_version == 2
    assert Entry.objects.get(act="register.edit").facts["sha256"] == first.facts["sha256"]


def test_a_number_is_given_once(plot, county, actor):
    with pytest.raises(InputError) as caught:
        create.perform(PLOT, DATA, scope=county, actor=actor)
    assert caught.value.place.field == "plot_no"
    assert Plot.objects.count() == 1


def test_without_its_number_a_record_gets_a_natural_key(plots, county, actor):
    row = create.perform(PLOT, DATA | {"plot_no": ""}, scope=county, actor=actor)
    assert row.plot_no.startswith("NK-")
    with pytest.raises(InputError):
        create.perform(PLOT, DATA | {"plot_no": ""}, scope=county, actor=actor)


def test_numbers_are_allotted_without_gaps(plots, county, actor):
    filed = []
    for text in ("one", "two"):
        filed.append(create.perform(NOTE, {"text": text, "division": "990121"}, scope=county, actor=actor).note_no)
    with pytest.raises(InputError):
        create.perform(NOTE, {"text": "x" * 400, "division": "990121"}, scope=county, actor=actor)
    filed.append(create.perform(NOTE, {"text": "three", "division": "990121"}, scope=county, actor=actor).note_no)
    serials = [int(n[-5:]) for n in filed]
    assert serials == [1, 2, 3]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"kind": "z"}, "kind"),
        ({"use_code": "9x"}, "use_code"),
        ({"area": Decimal("-1")}, "area"),
        ({"kind": "a", "people": 3}, "people"),
        ({"division": "9901"}, "division"),
    ],
)
def test_a_record_with_a_fault_is_refused_at_its_field(plots, county, actor, change, field):
    from jintu.foundation.identity.scope import Scope

    scope = county if "division" not in change else Scope.everything()
    with pytest.raises(InputError) as caught:
        create.perform(PLOT, DATA | change, scope=scope, actor=actor)
    assert [p.field for p in caught.value.problems] == [field]
    assert not Plot.objects.exists()
    assert not Entry.objects.filter(act="register.create").exists()


def test_nobody_files_for_another_county(plots, neighbour, actor):
    with pytest.raises(NotAllowed):
        create.perform(PLOT, DATA, scope=neighbour, actor=actor)


def test_an_edit_keeps_the_old_values(plot, county, actor):
    row = edit.perform(PLOT, plot.uid, {"price": Decimal("4261200")}, row_version=1, scope=county, actor=actor)
    assert row.row_version == 2
    version = RecordVersion.objects.get(register="test.plot", uid=plot.uid)
    assert version.row_version == 1
    assert version.data["price"] is None
    steps = history("test.plot", plot.uid, "P-1")
    assert [s.act for s in steps] == ["register.edit", "register.create"]


def test_saving_without_a_change_leaves_no_trace(plot, county, actor):
    row = edit.perform(PLOT, plot.uid, {"price": None, "name": DATA["name"]}, row_version=1, scope=county, actor=actor)
    assert row.row_version == 1
    assert not Entry.objects.filter(act="register.edit").exists()


def test_the_second_of_two_edits_meets_a_conflict(plot, county, actor):
    edit.perform(PLOT, plot.uid, {"price": Decimal(1)}, row_version=1, scope=county, actor=actor)
    with pytest.raises(RowConflict) as caught:
        edit.perform(PLOT, plot.uid, {"price": Decimal(2)}, row_version=1, scope=county, actor=actor)
    assert caught.value.theirs.price == Decimal("1.00")
    assert Plot.objects.get(pk=plot.pk).price == Decimal("1.00")


def test_an_edit_does_not_renumber(plot, county, actor):
    with pytest.raises(InputError) as caught:
        edit.perform(PLOT, plot.uid, {"plot_no": "P-9"}, row_version=1, scope=county, actor=actor)
    assert caught.value.place.field == "plot_no"


def test_a_correction_renumbers_with_a_reason(plot, county, actor):
    row = correct.perform(
        PLOT, plot.uid, {"plot_no": "P-9"}, reason="编号录入有误", row_version=1, scope=county, actor=actor
    )
    assert (row.plot_no, row.status_reason, row.status) == ("P-9", "编号录入有误", RowStatus.VALID)
    assert RecordVersion.objects.get().data["plot_no"] == "P-1"


def test_a_correction_without_a_reason_is_refused(plot, county, actor):
    with pytest.raises(InputError):
        correct.perform(PLOT, plot.uid, {"plot_no": "P-9"}, reason=" ", row_version=1, scope=county, actor=actor)


def test_a_withdrawn_record_stays_and_counts_no_more(plot, county, actor):
    withdraw.perform(PLOT, plot.uid, reason="合同解除", row_version=1, scope=county, actor=actor)
    assert Plot.objects.visible().filter(plot_no="P-1").exists()
    assert not Plot.objects.current().exists()
    assert not SearchEntry.objects.exists()
    with pytest.raises(Refused):
        edit.perform(PLOT, plot.uid, {"price": Decimal(1)}, row_version=2, scope=county, actor=actor)


def test_a_record_gets_its_outline_later(plot, county, actor):
    outline = from_text("POLYGON((113.10 30.10,113.11 30.10,113.11 30.11,113.10 30.11,113.10 30.10))")
    row = give_geometry.perform(PLOT, plot.uid, outline, row_version=1, scope=county, actor=actor)
    assert row.plot_no == "P-1"
    found = Plot.objects.get(geom__intersects=shapely.box(113.105, 30.105, 113.106, 30.106))
    assert found.uid == plot.uid
    assert not DeliveredGeometry.objects.exists()


def test_delivered_coordinates_are_kept_beside_the_outline(plot, county, actor):
    # EPSG:4547: CGCS2000, 3-degree zone, central meridian 114
    outline = from_text("POLYGON((413000 3330000,414000 3330000,414000 3331000,413000 3330000))", "EPSG:4547")
    row = give_geometry.perform(PLOT, plot.uid, outline, row_version=1, scope=county, actor=actor)
    assert 113 < row.geom.bounds[0] < 114
    kept = DeliveredGeometry.objects.get(uid=plot.uid)
    assert kept.crs == "EPSG:4547"
    assert shapely.from_wkb(bytes(kept.wkb)).bounds == (413000, 3330000, 414000, 3331000)


@pytest.mark.parametrize(
    "wkt",
    [
        "POLYGON((30.1 113.1,30.1 113.2,30.2 113.2,30.1 113.1))",
        "POLYGON((113 30,114 31,114 30,113 31,113 30))",
        "POLYGON((0 0,0.001 0,0.001 0.001,0 0))",
    ],
    ids=["swapped axes", "bow-tie", "null island"],
)
def test_a_wrong_outline_is_refused(plot, county, actor, wkt):
    with pytest.raises(InputError):
        give_geometry.perform(PLOT, plot.uid, from_text(wkt), row_version=1, scope=county, actor=actor)
    assert Plot.objects.get(pk=plot.pk).geom is None


def test_the_neighbour_does_not_even_see_it(plot, neighbour, actor):
    with pytest.raises(Missing):
        edit.perform(PLOT, plot.uid, {"price": Decimal(1)}, row_version=1, scope=neighbour, actor=actor)
