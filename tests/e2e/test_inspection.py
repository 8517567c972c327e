"""The inspection of a layer in the browser: errors, fly to one, mark one, the version that waits, a phone."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from .conftest import DESK, PHONE

GPU = ("GPU stall due to ReadPixels", "GroupMarkerNotSet")


@pytest.fixture
def version(people: Any, tmp_path: Any) -> Any:
    """A draft of the grid county whose first patch has a net area that does not follow from its parts."""
    from jintu.foundation.layers import importing
    from jintu.foundation.layers.tests import grid

    path = grid.dltb(tmp_path / "dltb.gpkg", TBDLMJ={0: 1.0, 1: 2.0}, QSDWMC={2: "很长的单位名称" * 8})
    return importing.import_layer("DLTB", path, "990121", date(2024, 12, 31), draft=True).version


@pytest.fixture
def inspection(version: Any) -> Any:
    from jintu.foundation.checks.inspection import keeping

    return keeping.inspect_version(version)


@pytest.mark.parametrize(("size", "language"), [(DESK, "zh"), (PHONE, "zh"), (DESK, "en"), (PHONE, "en")])
def test_an_inspection_is_read_at_a_desk_and_on_a_phone(
    visit: Any, people: Any, inspection: Any, size: tuple[int, int], language: str
) -> None:
    v = visit(people["director"], size=size, language=language)
    v.allowed = GPU
    page = v.open(f"/findings/inspections/{inspection.pk}/")
    assert "Q5105" in page.locator(".card-title").first.inner_text()
    v.no_sideways_scroll()
    v.shot(f"inspection-{language}")
    v.open(f"/findings/inspections/version/{inspection.version_id}/")
    v.no_sideways_scroll()
    v.shot(f"inspections-{language}")
    page = v.open(f"/map/versions/{inspection.version_id}/")
    v.no_sideways_scroll()
    v.shot(f"held-version-{language}")
    v.open("/findings/inspections/rules/")
    v.no_sideways_scroll()
    v.shot(f"quality-rules-{language}")


def test_an_error_is_flown_to_and_marked_by_hand(visit: Any, people: Any, inspection: Any) -> None:
    from jintu.foundation.checks.inspection.models import InspectionMark

    v = visit(people["director"])
    v.allowed = GPU
    page = v.open(f"/findings/inspections/{inspection.pk}/?rule=Q5105")
    fly = page.locator("[data-map-fly]").first
    fly.click()
    page.wait_for_timeout(1500)
    v.shot("inspection-flown")
    page.locator("tbody details summary").first.click()
    form = page.locator("tbody details[open] form").first
    v.shot("inspection-marking")
    form.locator("select").select_option("exempt")
    form.locator("input[name=reason]").fill("实地复核无误")
    form.locator("button").click()
    page.wait_for_load_state("networkidle")
    made = InspectionMark.objects.get()
    assert (made.rule, made.state, made.reason) == ("Q5105", "exempt", "实地复核无误")
    v.shot("inspection-marked")


def test_a_clerk_reads_and_does_not_mark_and_a_stranger_signs_in(visit: Any, people: Any, inspection: Any) -> None:
    v = visit(people["clerk"])
    v.allowed = GPU
    page = v.open(f"/findings/inspections/{inspection.pk}/")
    assert page.locator("tbody form").count() == 0
    stranger = visit()
    page = stranger.open(f"/findings/inspections/{inspection.pk}/")
    assert "/login" in page.url or page.locator("input[type=password]").count() == 1
