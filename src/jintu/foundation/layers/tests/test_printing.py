"""Printed map sheets."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from jintu.foundation.journal.models import Entry
from jintu.foundation.layers.atlas import drawing, printing, themes
from jintu.foundation.layers.atlas.sheet import Sheet, nice_scale
from jintu.foundation.operations import jobs
from jintu.foundation.operations.models import Job
from jintu.kernel.errors import InputError, Refused

LAYERS = ["survey.DLTB", "survey.XZQ", "survey.JBNTTB"]


def view_of(version) -> str:
    return json.dumps({"box": version.bbox, "layers": LAYERS, "theme": ""})


def text_of(data: bytes, tmp_path) -> str:
    path = tmp_path / "sheet.pdf"
    path.write_bytes(data)
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed")
    return subprocess.run(["pdftotext", "-layout", str(path), "-"], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(("paper", "orientation"), [("A3", "landscape"), ("A4", "portrait")])
def test_a_sheet_says_what_it_shows(county, director, tmp_path, paper, orientation) -> None:
    form = {"view": view_of(county["DLTB"]), "title": "示例图", "paper": paper, "orientation": orientation}
    answer = director.post("/map/print/sheet.pdf", form)
    assert answer.status_code == 200 and answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF")
    text = text_of(answer.content, tmp_path)
    for words in ("示例图", "Legend", "1:", county["DLTB"].hash.partition(":")[2][:16], "CGCS2000", "director", "km"):
        assert words in text, words
    (entry,) = Entry.objects.filter(act="map.print")
    assert entry.facts["file"].startswith("sha256:") and entry.facts["paper"] == paper


def test_the_form_opens_with_what_the_map_shows(county, director) -> None:
    page = director.get("/map/print/", {"view": view_of(county["DLTB"]), "as_of": "2025-01-01"}).content.decode()
    assert 'name="title"' in page and "2025-01-01" in page
    assert director.get("/map/print/", {"view": "{}"}).status_code == 422


def test_a_neighbour_prints_nothing_of_the_county(county, neighbour) -> None:
    answer = neighbour.post("/map/print/sheet.pdf", {"view": view_of(county["DLTB"]), "title": "x", "paper": "A4"})
    assert answer.status_code == 404


def test_too_much_for_a_sheet_is_said_with_what_to_do(county, settings) -> None:
    from jintu.foundation.identity.scope import Scope

    settings.JINTU_PRINT_FEATURES = 5
    order = printing.Order("x", county["DLTB"].bbox, tuple(LAYERS), date(2025, 1, 1))
    with pytest.raises(Refused, match="sheet holds 5"):
        printing.pdf(order, Scope.everything(), "x")


def test_a_large_sheet_is_a_job(county, director, settings) -> None:
    settings.JINTU_PRINT_AT_ONCE = 1
    form = {"view": view_of(county["DLTB"]), "title": "大图", "paper": "A4", "orientation": "landscape"}
    assert director.post("/map/print/sheet.pdf", form).status_code == 302
    (job,) = Job.objects.filter(kind="atlas.print")
    jobs.execute(job.pk)
    answer = director.get(f"/map/print/{job.pk}/")
    assert b"".join(answer.streaming_content).startswith(b"%PDF")


@hypothesis_settings(deadline=None)  # the first of a projection is slow
@given(st.floats(75, 135), st.floats(-60, 60), st.sampled_from([1000, 10_000, 100_000]), st.booleans())
def test_places_on_paper_are_at_scale(lon, lat, scale, landscape) -> None:
    """A hundred metres along the grid are 100 000 mm over the scale, and the centre is in the middle."""
    sheet = Sheet("A4", landscape, (lon, lat), scale)
    _left, _top, width, height = sheet.frame
    x, y = sheet.project(lon, lat)
    there = np.array([[lon, lat], sheet.unproject(x + 100, y)])
    (a, b) = sheet.on_paper(there)
    assert a == pytest.approx([width / 2, height / 2], abs=1e-4)
    assert b[0] - a[0] == pytest.approx(100_000 / scale, rel=1e-4)


@hypothesis_settings(deadline=None)
@given(st.sampled_from([500, 1000, 8000, 25_000, 80_000, 1_000_000]))
def test_grid_lines_say_where_they_are(scale) -> None:
    sheet = Sheet("A3", True, (118.7, 36.2), scale)
    west = sheet.extent[0]
    for line in sheet.grid()["x"]:
        assert float(line["text"]) * 1000 == pytest.approx(west + line["at"] * scale / 1000, abs=0.01)
    assert 40 <= sheet.grid_step * 1000 / scale <= 100


@hypothesis_settings(deadline=None)
@given(st.sampled_from(["A3", "A4"]), st.booleans(), st.integers(100, 20_000_000))
def test_the_scale_bar_fits_its_column(paper, landscape, scale) -> None:
    """As `sheet.typ` lays it out: the column of a landscape sheet, the middle one of three below a portrait one."""
    sheet = Sheet(paper, landscape, (118.7, 36.2), scale)
    left, _top, width, _height = sheet.frame
    column = sheet.size[0] - (left + width + 11.5) - 16 if landscape else (width + 11 - 6 - 10) / 3.15
    bar = sheet.scale_bar()
    assert 4 * bar["part"] + 9 <= column
    assert bar["part"] >= 5 or scale < 500  # whole metres below


@given(st.floats(100, 1e7))
def test_scales_are_round_and_never_smaller(least) -> None:
    found = nice_scale(least)
    assert least * (1 - 1e-9) <= found <= least * 2


def test_the_legend_of_a_thematic_map_counts_every_feature(county) -> None:
    from jintu.foundation.identity.scope import Scope

    version = county["DLTB"]
    low, high = float(version.area) / version.rows, float(version.area) / version.rows * (1 + 1e-9)
    theme = themes.Theme("survey.DLTB", version.schema.area, "manual", breaks=(low, high))
    sheet = printing.Order("x", version.bbox, (), date(2025, 1, 1)).sheet
    (group,) = drawing.draw(sheet, Scope.everything(), [], date(2025, 1, 1), theme).legend
    counts = [int(e["count"].replace("\u202f", "")) for e in group["entries"]]
    assert sum(counts) == version.rows and counts[0] and counts[2]
    texts = [e["text"] for e in group["entries"]]
    assert len(set(texts)) == 3 and group["note"]
    first, last = texts[0].split(" ")[1], texts[2].split(" ")[1]
    assert first != last, "near limits are written apart"


def test_what_is_no_sheet_is_refused() -> None:
    for box, paper in (((118, 36, 117, 37), "A3"), ((118, 36, 119, 37), "A0")):
        with pytest.raises(InputError):
            Sheet.around(box, paper, True)
