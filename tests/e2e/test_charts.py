"""Charts: drawn under the content policy, in both themes, with their figures for people who hear the page."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import DESK, PHONE

pytestmark = pytest.mark.urls("tests.e2e.site")


@pytest.mark.parametrize(("size", "theme"), [(DESK, "light"), (DESK, "dark"), (PHONE, "light")])
def test_charts_are_drawn(visit: Any, people: Any, size: tuple[int, int], theme: str) -> None:
    v = visit(people["director"], size, theme)
    page = v.open("/e2e/charts/")
    assert page.locator("[data-chart] canvas").count() == 5
    v.shot("charts")
    v.no_sideways_scroll()


def test_a_bar_opens_the_rows_behind_it(visit: Any, people: Any) -> None:
    v = visit(people["director"])
    page = v.open("/e2e/charts/")
    box = page.locator("[data-chart=bars]").bounding_box()
    # the tallest bar, in the second group from the left
    page.mouse.move(box["x"] + box["width"] * 0.225, box["y"] + box["height"] - 50)
    page.wait_for_timeout(200)
    v.shot("chart-tooltip")
    page.mouse.click(box["x"] + box["width"] * 0.225, box["y"] + box["height"] - 50)
    page.wait_for_url("**/e2e/rows/?year=2021")


def test_the_figures_are_a_table_for_people_who_hear_the_page(visit: Any, people: Any) -> None:
    v = visit(people["director"])
    page = v.open("/e2e/charts/")
    table = page.locator(".jt-sr table").first
    assert table.locator("caption").text_content() == "批准、供应与开工 (公顷)"
    assert table.locator("tbody tr").nth(1).locator("td").first.text_content() == "168"
    assert table.locator("a").first.get_attribute("href") == "/e2e/rows/?year=2020"


def test_a_band_opens_what_flowed(visit: Any, people: Any) -> None:
    v = visit(people["director"])
    page = v.open("/e2e/charts/")
    flows = page.locator(".jt-sr table", has_text="地类流向")
    assert flows.locator("tbody tr").first.text_content() == "耕地 → 城镇村及工矿用地132.10"
    chart = page.locator("[data-chart=change]")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.35, box["y"] + box["height"] * 0.25)
    page.wait_for_timeout(200)
    v.shot("sankey")
    page.mouse.click(box["x"] + box["width"] * 0.35, box["y"] + box["height"] * 0.25)
    page.wait_for_url("**/e2e/rows/?from=01&to=20")
