"""Pages: what they show, how much they ask of the database, how they treat two people at once."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import shapely
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from jintu.foundation.operations import jobs
from jintu.foundation.registers import search
from jintu.foundation.registers.models import Attachment, Batch, ImportMapping, SavedView

from .plots import Note, Plot
from .test_importing import plot as line
from .test_importing import write

pytestmark = pytest.mark.django_db

MOST_QUERIES = 15
MOST_BYTES = 120_000


@pytest.fixture
def filled(plots):
    """Sixty plots, one with an outline, notes and a link."""
    rows = Plot.objects.bulk_create(
        Plot(
            plot_no=f"P-{i:04d}", name=f"柳河镇农产品冷链物流中心 {i}", kind="ab"[i % 2],
            area=Decimal(10_000 + i), price=Decimal("4261200"), signed_on=date(2026, 1, 1 + i % 28),
            holder="示例置业有限公司", division="990121003", use_code="061",
        )
        for i in range(60)
    )  # fmt: skip
    Plot.objects.filter(plot_no="P-0000").update(geom=shapely.box(113.1, 30.1, 113.11, 30.11), approval="P-0001")
    Note.objects.bulk_create(
        Note(note_no=f"N{i}", plot_no="P-0000", text="记录", division="990121003") for i in range(3)
    )
    search.index(plots, rows)
    return Plot.objects.get(plot_no="P-0000")


def get(client, name, *args, query="", **headers):
    with CaptureQueriesContext(
        connection,
    ) as asked:
        answer = client.get(reverse(f"registers:{name}", args=args) + query, **headers)
    answer.queries = len([q for q in asked.captured_queries if "SAVEPOINT" not in q["sql"]])
    return answer


@pytest.mark.parametrize(
    ("name", "args"),
    [("index", []), ("list", ["test.plot"]), ("create", ["test.plot"]), ("import", ["test.plot"]),
     ("detail", ["test.plot", "uid"]), ("history", ["test.plot", "uid"]), ("edit", ["test.plot", "uid"]),
     ("correct", ["test.plot", "uid"]), ("withdraw", ["test.plot", "uid"]), ("geometry", ["test.plot", "uid"]),
     ("search", [])],
)  # fmt: skip
def test_pages_answer_with_few_queries(filled, signed_in, name, args):
    client = signed_in()
    answer = get(
        client, name, *[filled.uid if a == "uid" else a for a in args], query="?q=冷链" if name == "search" else ""
    )
    assert answer.status_code == 200
    assert answer.queries <= MOST_QUERIES, answer.queries
    text = answer.content.decode()
    assert "style=" not in text.replace("<style", "")
    assert "onclick" not in text


def test_a_list_is_small_and_says_what_it_counts(filled, signed_in):
    answer = get(signed_in(), "list", "test.plot")
    assert len(answer.content) <= MOST_BYTES
    text = answer.content.decode()
    assert text.count("<tr><td") == 50
    assert "1.0059" in text  # ha
    assert "after=" in text
    assert "60.1770" in text  # the sum, ha


def test_the_next_page_is_the_rest(filled, signed_in):
    client = signed_in()
    first = client.get(reverse("registers:list", args=["test.plot"]))
    second = client.get(reverse("registers:list", args=["test.plot"]) + f"?after={first.context['page'].after}")
    assert len(second.context["body"]) == 10
    assert second.context["page"].after == ""


def test_a_viewer_sees_no_names_and_no_verbs(filled, signed_in):
    client = signed_in("viewer")
    text = client.get(reverse("registers:detail", args=["test.plot", filled.uid])).content.decode()
    assert "示例置业" not in text
    assert reverse("registers:edit", args=["test.plot", filled.uid]) not in text
    assert client.get(reverse("registers:edit", args=["test.plot", filled.uid])).status_code == 403
    assert (
        "示例置业"
        in signed_in("director").get(reverse("registers:detail", args=["test.plot", filled.uid])).content.decode()
    )


def test_the_neighbour_gets_not_found(filled, signed_in):
    client = signed_in("clerk", "990122")
    assert client.get(reverse("registers:detail", args=["test.plot", filled.uid])).status_code == 404
    assert len(client.get(reverse("registers:list", args=["test.plot"])).context["body"]) == 0


def test_strangers_sign_in_first(filled, client):
    assert client.get(reverse("registers:list", args=["test.plot"])).status_code == 302


@pytest.mark.parametrize("query", ["?area__gte=many", "?after=forged", "?sort=nothing", "?division=x"])
def test_a_bad_address_says_what_is_wrong(filled, signed_in, query):
    answer = signed_in().get(reverse("registers:list", args=["test.plot"]) + query)
    assert answer.status_code == 422


def form_data(row=None, **more):
    base = {"division": "990121", "data_level": "1", "plot_no": "F-1", "name": "新地块", "kind": "b", "area": "1.5",
            "price": "", "signed_on": "2026-06-01"}  # fmt: skip
    if row is not None:
        base = {"division": row.division, "data_level": "1", "plot_no": row.plot_no, "name": row.name,
                "kind": row.kind, "use_code": row.use_code, "area": "1", "price": "426.12",
                "signed_on": row.signed_on.isoformat(), "holder": row.holder, "approval": row.approval,
                "row_version": str(row.row_version)}  # fmt: skip
    return base | more


def test_a_record_is_filed_in_display_units(filled, signed_in):
    answer = signed_in().post(reverse("registers:create", args=["test.plot"]), form_data(price="10.5"))
    assert answer.status_code == 302, answer.context["form"].errors
    row = Plot.objects.get(plot_no="F-1")
    assert (row.area, row.price) == (Decimal("15000.00"), Decimal("105000.00"))


def test_a_record_is_filed_with_pasted_points(filled, signed_in):
    points = "J1,113.2,30.2\n113.21 30.2\n113.21，30.21"
    answer = signed_in().post(reverse("registers:create", args=["test.plot"]), form_data(text=points))
    assert answer.status_code == 302
    assert Plot.objects.get(plot_no="F-1").geom.geom_type == "Polygon"


@pytest.mark.parametrize(
    ("change", "field"), [({"area": "x"}, "area"), ({"name": ""}, "name"), ({"signed_on": "2026-02-31"}, "signed_on"),
                          ({"kind": "a", "people": "4"}, "people"), ({"plot_no": "P-0001"}, "plot_no")]
)  # fmt: skip
def test_errors_stand_under_their_field(filled, signed_in, change, field):
    answer = signed_in().post(reverse("registers:create", args=["test.plot"]), form_data(**change))
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not Plot.objects.filter(plot_no="F-1").exists()


def test_an_untouched_form_changes_nothing(filled, signed_in):
    client = signed_in()
    url = reverse("registers:edit", args=["test.plot", filled.uid])
    form = client.get(url).context["form"]
    data = {name: form[name].value() for name in form.fields}
    data = {k: ("" if v is None else v) for k, v in data.items()} | {"row_version": "1"}
    assert client.post(url, data).status_code == 302
    assert Plot.objects.get(pk=filled.pk).row_version == 1


def test_two_people_meet_on_the_merge_page(filled, signed_in):
    client = signed_in()
    url = reverse("registers:edit", args=["test.plot", filled.uid])
    assert client.post(url, form_data(filled, price="500")).status_code == 302
    answer = client.post(url, form_data(filled, price="600", people="", name="改名"))
    assert answer.status_code == 409
    shown = {f["name"]: (f["theirs"], f["mine"]) for f in answer.context["fields"]}
    assert shown["price"] == ("500.00", "600.00")
    # choosing "mine" on the merge page saves over the version it shows
    fields = {f["name"]: f["mine_raw"] for f in answer.context["fields"] if f["name"] not in {"name"}}
    merged = dict(answer.context["rest"]) | fields | {"row_version": str(answer.context["row"].row_version)}
    assert client.post(url, merged | {"name": filled.name}).status_code == 302
    row = Plot.objects.get(pk=filled.pk)
    assert row.price == Decimal("6000000.00")
    assert row.row_version == 3


def test_what_only_the_other_changed_is_not_asked_on_the_merge_page(filled, signed_in):
    """Opened by both; the other changed the price, this one the name: their price must not be undone unseen."""
    client = signed_in()
    url = reverse("registers:edit", args=["test.plot", filled.uid])
    form = client.get(url).context["form"]
    untouched = {n: form[n].value() for n in form.fields}
    opened = {n: "" if v is None else str(v) for n, v in untouched.items()} | {"row_version": "1"}
    assert client.post(url, opened | {"price": "500"}).status_code == 302
    answer = client.post(url, opened | {"name": "改名"})
    assert answer.status_code == 409
    assert [(f["name"], f["both"]) for f in answer.context["fields"]] == [("name", False)]
    chosen = dict(answer.context["rest"]) | {"name": "改名", "row_version": str(answer.context["row"].row_version)}
    assert client.post(url, chosen).status_code == 302
    row = Plot.objects.get(pk=filled.pk)
    assert (row.price, row.name) == (Decimal("5000000.00"), "改名")


def test_a_ring_that_crosses_itself_is_told_in_the_readers_words(filled, signed_in):
    client = signed_in()
    url = reverse("registers:geometry", args=["test.plot", filled.uid])
    bowtie = "113.1 30.1\n113.2 30.2\n113.2 30.1\n113.1 30.2"
    answer = client.post(url, {"text": bowtie, "row_version": "1"}, headers={"accept-language": "zh-hans"})
    assert answer.status_code == 422
    (error,) = answer.context["outline"].non_field_errors()
    assert error.startswith("第 1 圈，第 1 点：") and "geom" not in error, error
    assert "000000" not in error


def test_history_shows_who_changed_what(filled, signed_in):
    client = signed_in()
    client.post(reverse("registers:edit", args=["test.plot", filled.uid]), form_data(filled, price="500", area="1"))
    text = client.get(reverse("registers:history", args=["test.plot", filled.uid])).content.decode()
    assert "426.12" in text
    assert "500.00" in text
    assert "陈敏" in text


def test_correct_and_withdraw_ask_for_a_reason(filled, signed_in):
    client = signed_in()
    url = reverse("registers:correct", args=["test.plot", filled.uid])
    assert client.post(url, form_data(filled, plot_no="P-9999")).status_code == 422
    assert client.post(url, form_data(filled, plot_no="P-9999", reason="编号有误")).status_code == 302
    row = Plot.objects.get(pk=filled.pk)
    assert row.plot_no == "P-9999"
    url = reverse("registers:withdraw", args=["test.plot", filled.uid])
    assert client.post(url, {"row_version": row.row_version}).status_code == 422
    assert client.post(url, {"row_version": row.row_version, "reason": "重复录入"}).status_code == 302
    assert Plot.objects.get(pk=filled.pk).status == "withdrawn"


def test_an_outline_is_uploaded(filled, signed_in):
    row = Plot.objects.get(plot_no="P-0002")
    geojson = json.dumps({"type": "Polygon", "coordinates": [[[113, 30], [113.1, 30], [113.1, 30.1], [113, 30]]]})
    answer = signed_in().post(
        reverse("registers:geometry", args=["test.plot", row.uid]),
        {"row_version": "1", "file": SimpleUploadedFile("a.geojson", geojson.encode())},
    )
    assert answer.status_code == 302
    assert Plot.objects.get(pk=row.pk).geom is not None


def test_a_file_is_attached_read_and_withdrawn(filled, signed_in, person):
    client = signed_in()
    upload = SimpleUploadedFile("合同.pdf", b"%PDF-1.4 sample")
    client.post(reverse("registers:attach", args=["test.plot", filled.uid]), {"file": upload, "title": "出让合同"})
    kept = Attachment.objects.get()
    url = reverse("registers:attachment", args=["test.plot", kept.pk])
    assert b"".join(client.get(url).streaming_content) == b"%PDF-1.4 sample"
    client.post(reverse("registers:detach", args=["test.plot", kept.pk]), {"reason": "传错文件"})
    assert Attachment.objects.get().withdrawn_reason == "传错文件"
    client.force_login(person("clerk", "990122"))
    assert client.get(url).status_code == 404


def test_a_view_is_saved_and_shared(filled, signed_in, person):
    client = signed_in()
    url = reverse("registers:save_view", args=["test.plot"])
    client.post(url, {"title": "建设用地", "query": "kind=b&sort=-area", "shared": "1"})
    view = SavedView.objects.get()
    client.force_login(person("clerk", "990121"))
    page = client.get(reverse("registers:list", args=["test.plot"]) + f"?view={view.pk}")
    assert len(page.context["body"]) == 30
    assert page.context["page"].sort.param == "-area"
    client.post(reverse("registers:drop_view", args=["test.plot", view.pk]))
    assert SavedView.objects.exists()  # not one's own


@pytest.mark.parametrize(("kind", "magic"), [("xlsx", b"PK"), ("csv", b"\xef\xbb\xbf"), ("gpkg", b"SQLite")])
def test_exports_follow_filter_scope_and_masking(filled, signed_in, tmp_path, kind, magic):
    from jintu.kernel import formats

    url = reverse("registers:export", args=["test.plot"]) + f"?format={kind}&kind=b"
    data = b"".join(signed_in("reviewer").get(url).streaming_content)
    assert data.startswith(magic)
    path = tmp_path / f"x.{kind}"
    path.write_bytes(data)
    table = formats.read(path).table()
    assert table.num_rows == 30
    names = {n.lower() for n in table.column_names}
    assert ("plot no." in names) if kind == "xlsx" else ("dkh" in names)


def test_an_export_for_a_viewer_is_not_allowed(filled, signed_in):
    assert signed_in("viewer").get(reverse("registers:export", args=["test.plot"])).status_code == 403


def test_what_was_exported_can_be_imported_again(filled, signed_in, tmp_path, actor):
    from jintu.foundation.registers import importing

    data = b"".join(
        signed_in().get(reverse("registers:export", args=["test.plot"]) + "?format=csv&kind=b").streaming_content
    )
    path = tmp_path / "back.csv"
    path.write_bytes(data)
    before = {p.plot_no: (p.area, p.price, p.signed_on) for p in Plot.objects.filter(kind="b")}
    result = importing.import_file("test.plot", path, actor=actor, division="990121", duplicates="update")
    assert result.updated == 30, result.reasons
    after = {p.plot_no: (p.area, p.price, p.signed_on) for p in Plot.objects.visible().filter(kind="b")}
    assert after == before


def test_tiles_hold_what_the_filter_leaves(filled, signed_in):
    import mapbox_vector_tile

    from jintu.kernel.formats import mvt

    x, y = mvt.tile_of(13, 113.105, 30.105)
    client = signed_in()
    url = reverse("registers:tile", args=["test.plot", 13, x, y])
    answer = client.get(url)
    tile = mapbox_vector_tile.decode(answer.content)
    (feature,) = tile["test.plot"]["features"]
    assert feature["properties"]["key"] == "P-0000"
    assert client.get(url + "?kind=b").status_code == 204
    assert signed_in("clerk", "990122").get(url).status_code == 204


def upload(client, path, **more):
    with Path(path).open("rb") as stream:
        answer = client.post(
            reverse("registers:import", args=["test.plot"]),
            {"file": stream, "division": "990121", "duplicates": "refuse"} | more,
        )
    assert answer.status_code == 302, answer.content[-2000:]
    return answer.url


def accepted_mapping(page, **changes):
    """What the browser would send back of the mapping page."""
    data = {}
    for item in page.context["lines"]:
        data[f"from.{item['name']}"] = item["from"]
        data[f"unit.{item['name']}"] = item["unit"]
    proposed = page.context["proposed"]
    data["division.from"] = proposed.division.get("from", "")
    data["geometry.from"] = proposed.geometry.get("from", "")
    data["geometry.crs"] = proposed.geometry.get("crs", "")
    return data | changes


def test_the_wizard_from_file_to_rows_and_back(plots, signed_in, tmp_path):
    client = signed_in()
    path = write(tmp_path / "五月.csv", line("A"), line("B", name="柳河镇"))
    columns = upload(client, path)
    page = client.get(columns)
    assert page.status_code == 200
    assert page.context["about"]["encoding"]
    answer = client.post(columns, accepted_mapping(page, save_as="月报"))
    assert ImportMapping.objects.get().name == "月报"
    state = answer.url
    assert b"hx-get" in client.get(state).content
    jobs.work_off()
    page = client.get(state)
    assert page.context["checked"], page.context["told"]
    batch = Batch.objects.get()
    assert (batch.rows_staged, Plot.objects.count()) == (2, 0)
    client.post(reverse("registers:import_load", args=["test.plot", batch.pk]))
    jobs.work_off()
    assert Plot.objects.visible().count() == 2
    assert client.get(state).context["can_revert"]
    client.post(reverse("registers:import_revert", args=["test.plot", batch.pk]), {"reason": "文件错误"})
    jobs.work_off()
    assert not Plot.objects.visible().exists()


def test_the_wizard_says_in_chinese_what_the_reader_decided(plots, signed_in, tmp_path):
    path = write(tmp_path / "五月.csv", line("A"))
    path.write_text("".join(f"{row}{',' * (at == 0)}\n" for at, row in enumerate(path.read_text().splitlines())))
    client = signed_in()
    columns = upload(client, path)
    told = client.get(columns, headers={"Accept-Language": "zh-hans"}).context["about"]["notices"]
    assert told
    assert not [n for n in told if "column" in n or "row" in n]


def test_division_names_hold_at_a_day_the_clerk_can_read(plots, signed_in, tmp_path):
    client = signed_in()
    page = client.get(upload(client, write(tmp_path / "names.csv", line("A"))))
    days = page.context["named_at"]
    assert [words for value, words, chosen in days if chosen] == ["Signed on"], days


def test_the_wizard_counts_the_kinds_of_fault(plots, signed_in, tmp_path):
    client = signed_in()
    bad = [line(f"B{i}", day="2026-02-31") for i in range(70)]
    columns = upload(client, write(tmp_path / "many-faults.csv", *bad))
    state = client.post(columns, accepted_mapping(client.get(columns))).url
    jobs.work_off()
    page = client.get(state)
    assert page.context["more"] == 10
    assert [n for n, _, _ in page.context["kinds"]] == [70]
    assert "2026-02-31" in page.context["kinds"][0][2]


def test_the_wizard_tells_faults_and_loads_the_good_rows(plots, signed_in, tmp_path):
    from jintu.kernel import formats

    client = signed_in()
    columns = upload(client, write(tmp_path / "a.csv", line("A"), line("B", day="2026-02-31")))
    state = client.post(columns, accepted_mapping(client.get(columns))).url
    jobs.work_off()
    page = client.get(state)
    assert [(p["row"], p["value"]) for p in page.context["problems"]] == [(3, "2026-02-31")]
    batch = Batch.objects.get()
    sheet = client.get(reverse("registers:import_problems", args=["test.plot", batch.pk]))
    path = tmp_path / "faults.xlsx"
    path.write_bytes(b"".join(sheet.streaming_content))
    assert formats.read(path).table().num_rows == 1
    load = reverse("registers:import_load", args=["test.plot", batch.pk])
    assert client.post(load).status_code == 409
    client.post(load, {"good_only": "1"})
    jobs.work_off()
    assert [p.plot_no for p in Plot.objects.visible()] == ["A"]


def test_an_unreadable_file_says_so(plots, signed_in, tmp_path):
    client = signed_in()
    path = tmp_path / "a.csv"
    path.write_bytes(b"plot_no\n")
    columns = upload(client, path)
    answer = client.get(columns)
    assert answer.status_code in (200, 422)
    state = client.post(columns, accepted_mapping(answer)).url if answer.status_code == 200 else ""
    if state:
        jobs.work_off()
        assert client.get(state).context["told"].sentence


def test_an_import_is_cancelled(plots, signed_in, tmp_path):
    client = signed_in()
    columns = upload(client, write(tmp_path / "a.csv", line("A")))
    state = client.post(columns, accepted_mapping(client.get(columns))).url
    jobs.work_off()
    batch = Batch.objects.get()
    client.post(reverse("registers:import_load", args=["test.plot", batch.pk]))
    job = jobs.Job.objects.get(pk=Batch.objects.get().job)
    jobs.Job.objects.filter(pk=job.pk).update(cancel_asked=True)
    jobs.work_off()
    assert Batch.objects.get().state == "failed"
    assert not Plot.objects.exists()
    assert client.get(state).status_code == 200


def test_the_neighbour_does_not_see_the_import(plots, signed_in, tmp_path):
    columns = upload(signed_in(), write(tmp_path / "a.csv", line("A")))
    assert signed_in("clerk", "990122").get(columns).status_code == 404
