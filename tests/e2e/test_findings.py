"""A finding in the browser: the queue, evidence that comes by HTMX, the formula, dispatch, a phone."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import shapely

from .conftest import DESK, PHONE

pytestmark = pytest.mark.urls("tests.e2e.site")

GPU = ("GPU stall due to ReadPixels", "GroupMarkerNotSet")


@pytest.fixture
def findings(people: Any) -> list[Any]:
    """Three findings of the county, the gravest first; two have a part to show on the map."""
    from jintu.foundation.checks.models import Finding, Run, finding_key

    run = Run.objects.create(division="990121", as_of=date(2026, 6, 15), official=True, state=Run.State.COMPLETE)
    made = []
    for n, (rule, severity, area) in enumerate((("R03", 4, 7550), ("R25", 3, None), ("R04", 4, 700))):
        key = f"9901212026B0008{n}"
        made.append(
            Finding.objects.create(
                key=finding_key(rule, [("land.supply", key)]),
                number=f"YD-2026-{n + 1:06}",
                rule=rule,
                division="990121001",
                severity=severity,
                subject=f"标准厂房 {n + 1} 期",
                area_m2=area,
                geom=shapely.box(118.70 + n / 100, 36.20, 118.703 + n / 100, 36.202) if area else None,
                objects_json=[["land.supply", key]],
                values={"outside_m2": area, "tolerance_m2": 182.63} if area else {},
                first_run=run,
                last_run=run,
            )
        )
    return made


def test_a_finding_opens_beside_the_queue_with_its_map(visit: Any, people: Any, findings: list[Any]) -> None:
    v = visit(people["director"])
    v.allowed = GPU
    page = v.open("/findings/")
    assert page.locator(".fd-row").count() == 3
    page.locator(".fd-row a", has_text="标准厂房 3 期").click()
    page.wait_for_url(f"**/findings/{findings[2].uid}/**")
    page.locator(".jt-map[data-idle]").wait_for(timeout=60_000)
    assert page.locator("#detail h1").text_content()
    assert page.locator(".fd-row a[aria-current]").text_content().count("标准厂房 3 期") == 1
    v.shot("finding")
    # another one: the first map is gone, the second one lives; the one without an outline says so
    page.locator(".fd-row a", has_text="标准厂房 1 期").click()
    page.locator("#detail", has_text="YD-2026-000001").wait_for()
    page.locator(".jt-map[data-idle]").wait_for(timeout=60_000)
    assert page.locator(".jt-map canvas").count() == 1
    page.locator(".fd-row a", has_text="标准厂房 2 期").click()
    page.locator("#detail .jt-empty").wait_for()
    assert page.locator(".jt-map canvas").count() == 0
    page.go_back()
    page.locator("#detail", has_text="YD-2026-000001").wait_for()


def test_a_filter_answers_at_once_and_stays_in_the_address(visit: Any, people: Any, findings: list[Any]) -> None:
    v = visit(people["director"])
    v.allowed = GPU
    page = v.open("/findings/")
    page.locator(".jt-chip", has_text="橙").click()
    page.wait_for_url("**severity=orange**")
    assert page.locator(".fd-row").count() == 1
    assert "q=" not in page.url  # empty fields stay out


def test_dispatching_asks_for_the_day_and_says_what_became(visit: Any, people: Any, findings: list[Any]) -> None:
    from jintu.foundation.checks.models import Finding

    v = visit(people["director"])
    v.allowed = GPU
    page = v.open(f"/findings/{findings[0].uid}/")
    page.locator(".fd-step summary", has_text="下发").click()
    form = page.locator(".fd-step[open] form")
    form.locator("input[name=due_on]").fill("2026-06-30")
    v.shot("dispatch")
    form.locator("button[type=submit], button:not([type])").last.click()
    page.locator(".jt-toasts .jt-note.g").wait_for()
    assert "YD-2026-000001" in page.locator(".jt-toasts .jt-note.g").text_content()
    findings[0].refresh_from_db()
    assert findings[0].state == Finding.State.DISPATCHED


@pytest.mark.parametrize(("size", "theme"), [(DESK, "dark"), (PHONE, "light")])
def test_the_page_of_one_finding_at_every_width(
    visit: Any, people: Any, findings: list[Any], size: tuple[int, int], theme: str
) -> None:
    v = visit(people["director"], size, theme)
    v.allowed = GPU
    page = v.open(f"/findings/{findings[0].uid}/")
    page.locator(".jt-map[data-idle]").wait_for(timeout=60_000)
    v.shot("finding-page")
    v.no_sideways_scroll()
    if size == PHONE:  # one side at a time
        assert not page.locator(".fd-l").is_visible()
        page.click(".fd-back")
        assert page.locator(".fd-l").is_visible() and not page.locator(".fd-r").is_visible()


def test_rules_and_runs_keep_the_policy(visit: Any, people: Any, findings: list[Any]) -> None:
    v = visit(people["director"])
    for path in ("/findings/rules/", "/findings/rules/R03/", "/findings/runs/", "/jobs/", "/map/"):
        v.allowed = GPU
        v.open(path)
        v.no_sideways_scroll()
