"""Bookmarks and links of One Map."""

from __future__ import annotations

import html
import json
import re

import pytest

from jintu.foundation.journal.models import Entry
from jintu.foundation.layers.models import MapBookmark

VIEW = {
    "center": [118.7, 36.24],
    "zoom": 12.5,
    "box": [118.6, 36.2, 118.8, 36.3],
    "layers": ["survey.DLTB", "land.supply"],
    "opacity": {"survey.DLTB": 0.5},
    "as_of": "2025-01-01",
    "theme": "",
}


def start_of(page: str) -> dict:
    return json.loads(re.search(r'<script id="onemap"[^>]*>(.*?)</script>', page, re.S).group(1))["start"]


@pytest.fixture
def kept(county, director) -> MapBookmark:
    answer = director.post("/map/bookmarks/save/", {"name": "大营镇", "view": json.dumps(VIEW)})
    assert answer.status_code == 200 and "大营镇" in answer.content.decode()
    return MapBookmark.objects.get()


def link_of(director, kept) -> str:
    page = director.post(f"/map/bookmarks/{kept.uid}/link/").content.decode()
    return html.unescape(re.search(r'value="([^"]*link=[^"]*)"', page).group(1))


def test_a_view_is_kept_and_opened_again(kept, director) -> None:
    start = start_of(director.get("/map/", {"bookmark": kept.uid}).content.decode())
    assert (start["center"], start["zoom"], start["opacity"]) == (VIEW["center"], 12.5, {"survey.DLTB": 0.5})
    assert director.post("/map/bookmarks/save/", {"name": "大营镇", "view": json.dumps(VIEW)}).status_code == 409
    assert director.post("/map/bookmarks/save/", {"name": "x", "view": "{}"}).status_code == 422


def test_bookmarks_are_ones_own(kept, townsman) -> None:
    assert townsman.get("/map/", {"bookmark": kept.uid}).status_code == 404
    assert townsman.post(f"/map/bookmarks/{kept.uid}/link/").status_code == 404
    assert townsman.post(f"/map/bookmarks/{kept.uid}/remove/").status_code == 404
    assert "大营镇" not in townsman.get("/map/bookmarks/").content.decode()


def test_a_link_is_journaled_and_carries_no_rights(kept, director, neighbour, client) -> None:
    address = link_of(director, kept)
    (entry,) = Entry.objects.filter(act="map.link")
    assert entry.facts["until"]
    assert client.get(address).status_code == 302  # to sign in
    page = neighbour.get(address).content.decode()
    start = start_of(page)
    assert any("Land-use" in name for name in start["missing"])
    assert kept.state["layers"][0] not in re.search(r'"groups": (.*?)"start"', page, re.S).group(1)


def test_a_link_runs_out_and_cannot_be_made_up(kept, director, settings) -> None:
    address = link_of(director, kept)
    assert director.get(address).status_code == 200
    assert director.get(address[:-2] + "xx").status_code == 404
    settings.JINTU_LINK_DAYS = -1
    assert director.get(address).status_code == 409
    settings.JINTU_LINK_DAYS = 30
    director.post(f"/map/bookmarks/{kept.uid}/remove/")
    assert director.get(address).status_code == 404
