"""One Map on real versions: difference, thematic map, sheet, bookmark."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from jintu.foundation.layers import importing
from jintu.foundation.layers.tests import grid

from .conftest import DESK, LAPTOP, PHONE

NOISE = ("GPU stall due to ReadPixels", "GroupMarkerNotSet")


@pytest.fixture
def states(transactional_db: None, tmp_path: Any) -> None:
    """Two states of a small county; one patch becomes a village."""
    data, shapes = grid.patches()
    importing.import_layer("DLTB", grid.write(tmp_path / "a.gpkg", data, shapes), "990121", date(2023, 12, 31))
    data, shapes = grid.patches(DLBM={0: "203"}, DLMC={0: "村庄"}, GDPDJ={0: None}, GDLX={0: None}, TKXS={0: 0.0})
    importing.import_layer("DLTB", grid.write(tmp_path / "b.gpkg", data, shapes), "990121", date(2024, 12, 31))


def opened(v: Any) -> Any:
    v.allowed = NOISE
    page = v.open("/map/")
    page.locator(".jt-map[data-idle]").wait_for(timeout=60_000)
    return page


def ask(page: Any, name: str) -> None:
    """A button at the foot of the tree, which on a narrow screen must be opened first."""
    if page.viewport_size["width"] < 1181:
        page.locator(".jt-map button[aria-label='图层'], .jt-map button[aria-label='Layers']").click()
    page.locator(f"[data-map-ask={name}]").click()
    # the tree makes way for the panel it would cover
    page.wait_for_function("!document.querySelector('.om').classList.contains('layers-open')")


@pytest.mark.parametrize(
    ("size", "theme", "language"), [(DESK, "light", "zh"), (LAPTOP, "dark", "en"), (PHONE, "light", "zh")]
)
def test_a_layer_is_coloured_by_an_attribute(
    visit: Any, people: Any, states: None, size: Any, theme: str, language: str
) -> None:
    v = visit(people["director"], size, theme, language)
    page = opened(v)
    ask(page, "theme")
    page.locator("select[name=attribute]").wait_for()
    page.select_option("select[name=attribute]", page.evaluate(AREA))
    page.locator(".om-histogram rect").first.wait_for()
    assert page.locator(".om-scroll.tall tbody tr").count() >= 1
    page.locator(".tree details").first.locator(".layer").wait_for(state="attached")
    page.wait_for_timeout(1500)
    v.shot(f"theme-{language}")
    v.no_sideways_scroll()


AREA = """() => [...document.querySelector("select[name=attribute]").options].map(o => o.value)
  .find(v => v.includes("area"))"""


@pytest.mark.parametrize(("size", "theme", "language"), [(DESK, "dark", "zh"), (PHONE, "light", "en")])
def test_a_change_is_listed_and_flown_to(
    visit: Any, people: Any, states: None, size: Any, theme: str, language: str
) -> None:
    v = visit(people["director"], size, theme, language)
    page = opened(v)
    page.locator("[data-map-difference]").click()
    change = page.locator(".om-changes button").first
    change.wait_for()
    page.wait_for_timeout(1000)  # the map flies to all that changed
    page.locator(".jt-map button[aria-label='回到全图'], .jt-map button[aria-label^='Back to']").click()
    page.wait_for_timeout(1000)
    before = page.locator(".jt-status").text_content()
    change.focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(1200)
    assert page.locator(".jt-status").text_content() != before
    v.shot(f"difference-{language}")
    page.locator(".om-kind:enabled").first.click()
    page.locator(".om-h3 .om-link").wait_for()
    v.no_sideways_scroll()


def test_a_sheet_is_ordered_and_a_view_kept(visit: Any, people: Any, states: None) -> None:
    v = visit(people["director"])
    page = opened(v)
    ask(page, "print")
    page.locator("form[action$='sheet.pdf'] button[type=submit]").wait_for()
    v.shot("print")
    ask(page, "bookmarks")
    page.fill("form[hx-post$='/save/'] input[name=name]", "全县")
    page.keyboard.press("Enter")
    page.locator(".om-go", has_text="全县").wait_for()
    page.locator(".om-x").first.click()
    assert "link=" in page.locator("[data-map-link]").input_value()
    v.shot("bookmarks")
    page.locator(".om-go").click()
    page.locator(".jt-map[data-idle]").wait_for(timeout=60_000)


def test_without_layers_the_panels_say_so(visit: Any, people: Any) -> None:
    v = visit(people["director"])
    v.allowed = NOISE
    page = v.open("/map/")
    page.locator(".jt-map[data-ready]").wait_for(timeout=60_000)
    ask(page, "theme")
    page.locator("[data-map-panel] p.t3").wait_for()
    v.shot("theme-empty")
