"""Opening a version in the browser, and what the public sees then: no script, nothing from elsewhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from jintu.foundation.layers import importing
from jintu.foundation.layers.tests import grid

from .conftest import DESK, PHONE

pytestmark = pytest.mark.urls("tests.e2e.site")
GPU = ("GPU stall due to ReadPixels", "GroupMarkerNotSet")


def test_a_director_opens_a_version_and_everybody_reads_it(
    people: Any, visit: Any, settings: Any, tmp_path: Path
) -> None:
    settings.NODE = replace(settings.NODE, map_approval_no="样图审字（2026）第1号")
    version = importing.import_layer("DLTB", grid.dltb(tmp_path / "a.gpkg"), "990121", date(2024, 12, 31)).version
    desk = visit(people["director"])
    page = desk.open(f"/openings/{version.pk}/")
    desk.shot("open-switch")
    page.get_by_role("button", name="向公众开放").click()
    page.get_by_text("该版本现已向公众开放").wait_for()
    desk.open("/openings/")
    desk.shot("open-list")
    for size in (DESK, PHONE):
        public = visit(size=size)
        page = public.open("/open")
        public.no_sideways_scroll()
        public.shot("open-landing")
        page.get_by_role("link", name="地类图斑").click()
        page.get_by_role("link", name="要素").first.wait_for()
        public.no_sideways_scroll()
        public.shot("open-collection")
        page.get_by_role("link", name="要素").first.click()
        page.get_by_role("cell", name="水田").first.wait_for()
        public.no_sideways_scroll()
        public.shot("open-items")
        page.get_by_role("link", name="English").click()
        page.get_by_role("heading", name="Features").wait_for()
    desk.open(f"/openings/{version.pk}/")
