"""The frame of every page: sign-in, places, theme, language, keyboard, tables, errors."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import DESK, LAPTOP, PASSWORD, PHONE

pytestmark = pytest.mark.urls("tests.e2e.site")


@pytest.mark.parametrize(("size", "theme"), [(DESK, "light"), (DESK, "dark"), (LAPTOP, "light"), (PHONE, "light")])
def test_signing_in_by_the_form(visit: Any, people: Any, size: tuple[int, int], theme: str) -> None:
    v = visit(size=size, theme=theme)
    page = v.open("/login/?next=/e2e/rows/")
    v.shot("login")
    v.no_sideways_scroll()
    page.fill("#username", "director")
    page.fill("#password", PASSWORD)
    page.click(".jt-login-form .btn-primary")
    page.wait_for_url("**/e2e/rows/")
    assert page.locator(".jt-user b").text_content() == "左远"


@pytest.mark.parametrize(("size", "theme"), [(DESK, "light"), (DESK, "dark"), (LAPTOP, "light"), (PHONE, "light")])
def test_pages_keep_the_policy_at_every_width(visit: Any, people: Any, size: tuple[int, int], theme: str) -> None:
    v = visit(people["director"], size, theme)
    for path in ("/", "/findings/", "/dashboard/", "/registers/", "/registers/land.supply/", "/account/"):
        v.open(path)
        v.shot(path.strip("/").replace("/", "_") or "home")
        v.no_sideways_scroll()


def test_the_theme_is_remembered_and_set_before_the_first_paint(visit: Any, people: Any) -> None:
    v = visit(people["director"], theme="light")
    page = v.open("/e2e/rows/")
    html = page.locator("html")
    assert html.get_attribute("data-bs-theme") == "light"
    page.click("[data-theme-toggle]")
    assert html.get_attribute("data-bs-theme") == "dark"
    page.reload()
    assert html.get_attribute("data-bs-theme") == "dark"


def test_the_other_language_is_one_click_away(visit: Any, people: Any) -> None:
    v = visit(people["director"])
    page = v.open("/e2e/rows/")
    assert page.locator("html").get_attribute("lang") == "zh-Hans"
    page.click("header button[name=language][value=en]")
    page.wait_for_selector("html[lang=en]")
    assert page.locator(".jt-rail nav a").first.text_content().strip() == "Home"


def test_keyboard(visit: Any, people: Any) -> None:
    v = visit(people["director"])
    page = v.open("/e2e/behaviour/")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "jt-q"
    page.keyboard.press("g")  # typed into the field, goes nowhere
    page.keyboard.press("f")
    assert page.input_value("#jt-q") == "gf"
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    assert page.locator("#jt-help").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#jt-help").is_visible()
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent") == "宗地 2"
    page.keyboard.press("k")
    page.keyboard.press("x")
    assert page.is_checked("input[value='1']")
    page.keyboard.press("g")
    page.keyboard.press("f")
    page.wait_for_url("**/findings/")


def test_ticked_rows_are_counted_and_summed_and_an_act_is_confirmed(visit: Any, people: Any) -> None:
    v = visit(people["director"])
    page = v.open("/e2e/behaviour/")
    assert page.locator("[data-bulk]").is_hidden()
    page.check("input[value='2']")
    page.locator("input[value='4']").click(modifiers=["Shift"])
    assert page.locator("[data-bulk-count]").text_content() == "已选 3 条"
    assert page.locator("[data-sum]").text_content() == "10.5000"
    page.click("[data-bulk] .btn-danger")
    v.shot("confirm")
    page.click(".jt-dialog .foot .btn:first-child")
    assert page.url.endswith("/behaviour/")
    page.click("[data-bulk] .btn-danger")
    page.click(".jt-dialog .btn-danger")
    page.wait_for_url("**/e2e/act/")
    assert page.locator("#acted").text_content() == "2,3,4"


def test_a_refused_request_is_said_where_it_can_be_read(visit: Any, people: Any) -> None:
    v = visit(people["director"])
    page = v.open("/e2e/behaviour/")
    v.allowed = ("Failed to load resource", "Response Status Error Code 409")
    page.click("#broken")
    toast = page.locator(".jt-toasts .jt-note.r")
    toast.wait_for()
    said = toast.text_content()
    assert "a.csv" in said and "7" in said and len(said) > 20
    v.shot("toast")
    toast.locator(".close").click()
    assert page.locator(".jt-toasts .jt-note").count() == 0


@pytest.mark.parametrize(("path", "status"), [("/nowhere/", 404), ("/registers/no.such/", 404)])
def test_an_error_page_says_what_and_what_next(visit: Any, people: Any, path: str, status: int) -> None:
    v = visit(people["director"])
    page = v.open(path, status)
    assert page.locator("[data-error] h1").text_content().strip()
    assert page.locator("[data-error] p").count() >= 1
    v.shot(f"error-{status}")


def test_a_phone_has_four_places_at_hand_and_the_rest_under_more(visit: Any, people: Any) -> None:
    v = visit(people["director"], PHONE)
    page = v.open("/e2e/behaviour/")
    assert page.locator(".jt-rail nav a:visible").count() == 4
    page.click(".jt-rail .more")
    assert page.locator("#jt-more a").last.is_visible()
    v.shot("more")
    # a dense table is a list of cards: the figure says what it is
    assert page.locator("tbody tr").first.locator("td").last.get_attribute("data-l") == "面积"


def test_an_administrator_sees_no_business_places(visit: Any, people: Any) -> None:
    v = visit(people["sysadmin"])
    page = v.open("/e2e/rows/")
    links = page.locator(".jt-rail nav a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    assert "/findings/" not in links and "/system/" in links


def test_without_script_a_page_is_whole_and_dark_follows_the_system(chromium: Any, live_server: Any) -> None:
    context = chromium.new_context(java_script_enabled=False, color_scheme="dark")
    page = context.new_page()
    page.goto(live_server.url + "/login/")
    background = page.locator(".side").evaluate("e => getComputedStyle(e).backgroundColor")
    context.close()
    assert background == "rgb(22, 29, 28)"
