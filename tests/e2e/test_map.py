"""The map: layers, identify, drawing, upload, search, dates, two versions, evidence."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import shapely

from .conftest import DESK, PHONE
from .site import SUPPLY

pytestmark = pytest.mark.urls("tests.e2e.site")


COLOURS = """([x, y, width, height]) => {
  const map = document.querySelector(".jt-map canvas"), box = map.getBoundingClientRect();
  const copy = new OffscreenCanvas(width, height).getContext("2d"), k = map.width / box.width;
  copy.drawImage(map, (x - box.x) * k, (y - box.y) * k, width * k, height * k, 0, 0, width, height);
  const { data } = copy.getImageData(0, 0, width, height), found = {};
  for (let i = 0; i < data.length; i += 4) {
    const name = "#" + [data[i], data[i + 1], data[i + 2]].map((c) => (c >> 4).toString(16)).join("");
    found[name] = (found[name] || 0) + 1;
  }
  return Object.keys(found).filter((name) => found[name] > 8);
}"""


def colours(page: Any, box: tuple[int, int, int, int]) -> set[str]:
    """Colours of a part of the map, in steps of 16: what is drawn there, not how."""
    return set(page.evaluate(COLOURS, list(box)))


def ready(page: Any) -> Any:
    page.locator(".jt-map[data-idle]").wait_for(timeout=60_000)
    page.wait_for_timeout(300)
    return page


@pytest.fixture
def onemap(visit: Any, people: Any) -> Any:
    v = visit(people["director"])
    v.allowed = ("GPU stall due to ReadPixels", "GroupMarkerNotSet")
    ready(v.open("/e2e/map/"))
    return v


@pytest.mark.parametrize(("size", "theme"), [(DESK, "light"), (DESK, "dark"), (PHONE, "light")])
def test_the_map_draws_its_layers(visit: Any, people: Any, size: tuple[int, int], theme: str) -> None:
    v = visit(people["director"], size, theme)
    v.allowed = ("GPU stall due to ReadPixels", "GroupMarkerNotSet")
    page = ready(v.open("/e2e/map/"))
    v.shot("onemap")
    v.no_sideways_scroll()
    ground = {"light": "#ffe", "dark": "#122"}[theme]
    middle = colours(page, (size[0] // 2 - 80, 300, 160, 160))
    assert len(middle) >= 4, middle  # patches of several classes, hatching, outlines
    assert middle != {ground}
    assert page.locator(".jt-status").text_content().startswith(("100", "200", "500", "1", "2", "5"))
    assert re.search(r"1:\d", page.locator(".jt-status").text_content())


def test_first_view_is_light_enough(visit: Any, people: Any) -> None:
    """Everything of the first map view below 1.8 MB as it would travel, gzip."""
    import gzip

    v = visit(people["director"])
    v.allowed = ("GPU stall due to ReadPixels", "GroupMarkerNotSet")
    sizes: list[int] = []
    v.page.on("response", lambda r: sizes.append(len(gzip.compress(r.body())) if r.status == 200 else 0))
    ready(v.open("/e2e/map/"))
    assert 300_000 < sum(sizes) < 1_800_000


def test_a_layer_is_switched_off_and_made_pale(onemap: Any) -> None:
    page = onemap.page
    assert page.locator("[data-map-count]").text_content() == "已开 3"
    before = colours(page, (640, 300, 160, 160))
    page.locator(".tree label", has_text="地类图斑").locator("input").uncheck()
    assert page.locator("[data-map-count]").text_content() == "已开 2"
    page.wait_for_timeout(800)
    after = colours(page, (640, 300, 160, 160))
    assert before != after
    page.click("[data-map-reset]")
    assert page.locator("[data-map-count]").text_content() == "已开 3"
    page.locator(".tree .more").nth(1).click()
    slider = page.locator(".tree .facts:not([hidden]) input[type=range]")
    slider.fill("40")
    assert page.locator(".tree .facts:not([hidden]) .num").text_content() == "40%"


def test_boundaries_lie_over_land_use(onemap: Any) -> None:
    """The administrative areas are the last group of the tree; their lines are seen all the same."""
    page = onemap.page
    window = page.locator(".jt-map").bounding_box()
    whole = (int(window["x"]) + 60, int(window["y"]) + 60, int(window["width"]) - 120, int(window["height"]) - 120)
    assert not dark(colours(page, whole))
    page.locator(".tree label", has_text="行政区").locator("input").check()
    page.wait_for_timeout(1500)
    onemap.shot("boundaries")
    assert dark(colours(page, whole))


def dark(found: set[str]) -> set[str]:
    """Colours of the boundary's ink, which no land use and no outline has."""
    return {c for c in found if max(int(digit, 16) for digit in c[1:]) <= 5}


def test_identify_asks_for_the_place_and_the_visible_layers(onemap: Any) -> None:
    page = onemap.page
    page.mouse.click(700, 450)
    page.locator("#identified").wait_for()
    lon, lat = map(float, page.locator("#identified h2").text_content().split())
    assert 118.70 < lon < 118.75 and 36.20 < lat < 36.25
    assert page.locator("#identified p").text_content() == "land.supply,survey.JBNTTB,survey.DLTB"
    onemap.shot("identify")
    page.click("[data-map-close]")
    assert page.locator(".om.with-panel").count() == 0


WATCHED = """() => {
  const canvas = document.querySelector(".jt-map canvas");
  window.e2eWidths = new Set([canvas.width]);
  new MutationObserver(() => e2eWidths.add(canvas.width)).observe(canvas, { attributes: true, attributeFilter: ["width"] });
}"""


class Hand:
    """What a map did under somebody's hand: widths of its canvas in pixels, and whether it asked what is there."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.asked: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url) if "/identify" in request.url else None)
        page.evaluate(WATCHED)
        self.before = self.where()

    def widths(self) -> list[int]:
        return sorted(self.page.evaluate("[...e2eWidths]"))

    def where(self) -> str:
        """Scale and position as the status line says them: of the centre, or of where the mouse moved last."""
        return str(self.page.locator(".jt-status").text_content())

    def under(self, x: int, y: int) -> str:
        """The position under the mouse. It moves there from beside: where it is already it says nothing new."""
        self.page.mouse.move(x - 1, y)
        self.page.mouse.move(x, y)
        return self.where()

    def moved_and_asked_nothing(self) -> None:
        """Coarse meanwhile, sharp in the end, and no panel opened."""
        self.page.wait_for_timeout(200)
        ready(self.page)
        full = self.page.evaluate("document.querySelector('.jt-map canvas').clientWidth * devicePixelRatio")
        assert self.page.evaluate("document.querySelector('.jt-map canvas').width") == full
        assert self.page.evaluate("document.querySelector('.jt-map canvas').style.transform") == ""
        assert self.widths() == [full // 2, full]
        assert self.where() != self.before
        assert self.asked == []
        assert self.page.locator(".om.with-panel").count() == 0


def test_a_drag_moves_what_was_taken_and_asks_nothing(onemap: Any) -> None:
    page = onemap.page
    hand = Hand(page)
    taken = hand.under(900, 450)
    page.mouse.down()
    for x in range(900, 499, -20):
        page.mouse.move(x, 450)
        page.wait_for_timeout(20)
    page.wait_for_timeout(800)  # held still: longer than a map at rest waits
    assert max(hand.widths()) == page.evaluate("document.querySelector('.jt-map canvas').clientWidth")
    page.mouse.up()
    hand.moved_and_asked_nothing()
    assert hand.under(500, 450) == taken


def test_a_wheel_zooms_and_asks_nothing(onemap: Any) -> None:
    page = onemap.page
    hand = Hand(page)
    page.mouse.move(700, 450)
    for _ in range(4):
        page.mouse.wheel(0, -120)
        page.wait_for_timeout(60)
    hand.moved_and_asked_nothing()
    assert scale(hand.where()) < 0.7 * scale(hand.before)


def test_a_click_neither_moves_nor_blurs(onemap: Any) -> None:
    page = onemap.page
    hand = Hand(page)
    page.mouse.click(700, 450)
    page.locator("#identified").wait_for()
    page.wait_for_timeout(800)
    beside, alone = hand.widths()  # the panel took its place, and none was half of another
    assert alone / 2 < beside < alone
    assert scale(hand.where()) == scale(hand.before)


def touch(page: Any, *steps: list[tuple[int, int]]) -> None:
    """Fingers put down where the first step says, moved through the others and lifted."""
    session = page.context.new_cdp_session(page)
    for n, fingers in enumerate(steps):
        points = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(fingers)]
        session.send("Input.dispatchTouchEvent", {"type": "touchMove" if n else "touchStart", "touchPoints": points})
        page.wait_for_timeout(30)
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


@pytest.fixture
def phone(visit: Any, people: Any) -> Any:
    v = visit(people["director"], PHONE)
    v.allowed = ("GPU stall due to ReadPixels", "GroupMarkerNotSet")
    ready(v.open("/e2e/map/"))
    return v


def test_a_finger_moves_the_map(phone: Any) -> None:
    hand = Hand(phone.page)
    touch(phone.page, *([(300 - 10 * n, 400)] for n in range(16)))
    hand.moved_and_asked_nothing()
    assert scale(hand.where()) == scale(hand.before)
    phone.shot("finger")


def test_two_fingers_zoom_the_map(phone: Any) -> None:
    hand = Hand(phone.page)
    touch(phone.page, *([(170 - 8 * n, 400), (220 + 8 * n, 400)] for n in range(16)))
    hand.moved_and_asked_nothing()
    assert scale(hand.where()) < 0.5 * scale(hand.before)
    phone.shot("pinch")


def scale(status: str) -> float:
    return float(re.search(r"1:([\d\u00a0]+)", status).group(1).replace("\u00a0", ""))


def test_a_drawn_parcel_is_analysed_and_measured(onemap: Any) -> None:
    page = onemap.page
    page.get_by_role("button", name="画地块").click()
    page.locator(".jt-map .tip").wait_for()
    for x, y in ((620, 340), (820, 330), (840, 520), (640, 540)):
        page.mouse.move(x, y)
        page.mouse.click(x, y)
        page.wait_for_timeout(150)
    assert "公顷" in page.locator(".jt-map .tip").text_content()
    page.mouse.dblclick(640, 540)
    page.locator("#analysed").wait_for()
    assert page.locator("[data-corners]").text_content() == "4"
    page.wait_for_timeout(500)
    onemap.shot("drawn")
    page.click("[data-map-clear]")
    assert page.locator("#analysed").count() == 0


def test_a_measured_line_agrees_with_the_geodesic(onemap: Any) -> None:
    page = onemap.page
    page.get_by_role("button", name="量距离").click()
    page.locator(".jt-map .tip").wait_for()
    page.mouse.click(600, 400)
    page.mouse.move(900, 400)
    page.wait_for_timeout(200)
    page.mouse.click(900, 400)
    page.wait_for_timeout(200)
    shown = page.locator(".jt-map .tip").text_content()
    value, unit = re.search(r"([\d\u00a0.]+) (km|m)$", shown).groups()
    metres = float(value.replace("\u00a0", "")) * (1000 if unit == "km" else 1)
    # 300 pixels of 1/96 inch at the scale of the status line, which has two digits
    shown = scale(page.locator(".jt-status").text_content())
    assert abs(metres - 300 / 96 * 0.0254 * shown) < 0.06 * metres
    page.keyboard.press("Escape")


def test_an_uploaded_file_is_sent_and_its_outline_drawn(onemap: Any) -> None:
    page = onemap.page
    shape = json.dumps(shapely.geometry.mapping(shapely.box(118.71, 36.21, 118.711, 36.211)))
    page.set_input_files(
        ".jt-map input[type=file]",
        {"name": "地块.geojson", "mimeType": "application/geo+json", "buffer": shape.encode()},
    )
    page.locator("#uploaded").wait_for()
    assert page.locator("#uploaded").text_content() == "地块.geojson"
    page.wait_for_timeout(900)
    assert "118°42′3" in page.locator(".jt-status").text_content()  # the map flew there


def test_search_flies_to_what_it_found(onemap: Any) -> None:
    page = onemap.page
    page.fill("[data-map-search]", "99012120")
    page.locator(".om-search li button").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_timeout(900)
    x, y = SUPPLY.centroid.x, SUPPLY.centroid.y
    shown = page.locator(".jt-status").text_content()
    assert f"{int(x)}°{int(x % 1 * 60)}′" in shown and f"{int(y)}°{int(y % 1 * 60)}′" in shown
    onemap.shot("found")
    page.fill("[data-map-search]", "没有的")
    page.locator(".om-search li.none").wait_for()


def test_another_date_brings_other_versions(onemap: Any) -> None:
    page = onemap.page
    slider = page.locator(".om-time input[type=range]")
    assert slider.get_attribute("aria-valuetext") == "2026-06-15"
    slider.focus()
    with page.expect_response(re.compile(r"/e2e/tiles/survey\.DLTB/before/")):
        page.keyboard.press("Home")
    page.locator(".om-time output", has_text="2024-12-31").wait_for()
    shown = page.locator(".tree .layer", has_text="地类图斑").locator("small", has_text="2024-12")
    shown.wait_for()


def test_the_map_plays_its_states_and_stops_at_the_last(onemap: Any) -> None:
    page = onemap.page
    play = page.get_by_role("button", name="播放")
    play.focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="暂停").wait_for()
    seen = page.locator(".om-time output")
    for day in ("2024-12-31", "2025-12-31", "2026-06-15"):
        page.locator(".om-time output", has_text=day).wait_for()
    play.wait_for()
    assert seen.text_content() == "2026-06-15"


def test_a_failing_server_leaves_the_state_shown(onemap: Any) -> None:
    page = onemap.page
    onemap.allowed = (*onemap.allowed, "Failed to load resource")
    page.route("**/e2e/config/**", lambda route: route.fulfill(status=503, body=""))
    page.get_by_role("button", name="上一时点").click()
    page.locator(".jt-map .tip", has_text="503").wait_for()
    assert page.locator(".om-time output").text_content() == "2026-06-15"


def test_two_versions_are_compared_by_a_divider_that_keys_move(onemap: Any) -> None:
    page = onemap.page
    page.get_by_role("button", name="对比").click()
    divider = page.locator(".divider")
    divider.wait_for()
    page.wait_for_timeout(800)
    onemap.shot("swipe")
    divider.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert divider.get_attribute("aria-valuenow") == "46"
    assert "地类图斑 2024-12" in page.locator(".versions select").text_content()
    page.get_by_role("button", name="对比").click()
    assert page.locator(".divider").count() == 0


def test_evidence_shows_all_of_itself(visit: Any, people: Any) -> None:
    v = visit(people["director"])
    v.allowed = ("GPU stall due to ReadPixels", "GroupMarkerNotSet")
    page = ready(v.open("/e2e/evidence/"))
    v.shot("evidence")
    box = page.locator(".jt-map").bounding_box()
    edge = (int(box["x"]) + 4, int(box["y"]) + 4, int(box["width"]) - 60, 20)
    assert not {"#b21", "#b22"} & colours(page, edge)  # no outline touches the upper edge
    whole = (int(box["x"]), int(box["y"]), int(box["width"]), int(box["height"]))
    assert {"#b21", "#b22", "#c32"} & colours(page, whole)


def test_the_theme_repaints_the_map(onemap: Any) -> None:
    page = onemap.page
    light = colours(page, (640, 300, 160, 160))
    page.click("[data-theme-toggle]")
    page.wait_for_timeout(900)
    dark = colours(page, (640, 300, 160, 160))
    assert light != dark
    onemap.shot("onemap-toggled")
