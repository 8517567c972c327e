"""Long forms and what they must not lose; names and contrast of everything on the main pages."""

from __future__ import annotations

from typing import Any

import pytest

from . import reach
from .conftest import DESK

pytestmark = pytest.mark.urls("tests.e2e.site")

PAGES = ("/", "/registers/", "/registers/land.supply/", "/registers/land.supply/new/", "/findings/", "/dashboard/")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_field_has_a_name_and_every_text_stands_out(visit: Any, people: Any, theme: str) -> None:
    v = visit(people["director"], DESK, theme)
    for path in (*PAGES, "/registers/land.supply/import/", "/findings/rules/", "/map/versions/", "/account/password/"):
        page = v.open(path)
        assert reach.unnamed(page) == [], path
        assert reach.faint(page) == [], path


def test_the_measure_of_reach_finds_what_is_wrong(visit: Any, people: Any) -> None:
    page = visit(people["director"]).open("/registers/")
    page.evaluate(
        "const i = document.createElement('input'), p = document.createElement('p');"
        "p.textContent = 'pale'; p.style.color = '#999'; p.style.background = '#fff';"
        "document.querySelector('main').append(i, p)"
    )
    assert len(reach.unnamed(page)) == 1
    assert [f for f in reach.faint(page) if "pale" in f]


def test_nothing_is_lost_when_the_session_ends_in_a_form(visit: Any, people: Any) -> None:
    from django.contrib.sessions.models import Session

    v = visit(people["director"])
    v.allowed = ("Failed to load resource",)  # 422: the form is not complete
    page = v.open("/registers/land.supply/new/")
    page.fill("[name=project_name]", "未提交的项目")
    Session.objects.all().delete()
    page.click("main form .btn-primary")
    page.locator("dialog[open]").wait_for()
    assert "登录已失效" in page.locator("dialog[open]").text_content()
    v.shot("session-ended")
    page.keyboard.press("Escape")
    assert page.input_value("[name=project_name]") == "未提交的项目"
    v.sign_in(people["director"])  # on another page
    page.click("main form .btn-primary")
    page.locator(".jt-jumps a").first.wait_for()  # sent, and answered with what is missing
    assert page.input_value("[name=project_name]") == "未提交的项目"


def test_the_summary_of_errors_leads_to_the_field(visit: Any, people: Any) -> None:
    v = visit(people["director"])
    v.allowed = ("Failed to load resource",)
    page = v.open("/registers/land.supply/new/")
    page.click("main form .btn-primary")
    link = page.locator(".jt-jumps a").first
    link.click()
    target = link.get_attribute("href").removeprefix("#")
    assert page.locator(f"#{target}").is_visible()
    assert page.evaluate("document.activeElement.id") == target
