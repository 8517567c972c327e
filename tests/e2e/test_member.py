"""A file of several layers is handed in by a browser: the layer is chosen from a list, at a desk and on a phone."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import DESK, PHONE


@pytest.mark.parametrize(("size", "language"), [(DESK, "zh"), (PHONE, "zh"), (DESK, "en"), (PHONE, "en")])
def test_a_layer_is_chosen_and_its_columns_are_matched(
    visit: Any, people: Any, tmp_path: Any, size: tuple[int, int], language: str
) -> None:
    from jintu.foundation.layers.tests import grid

    path = grid.dltb(tmp_path / "DLTB.gpkg")
    data, shapes = grid.patches()
    grid.write(path, {k: v[:6] for k, v in data.items()}, shapes[:6], layer="图斑_2009年以前的一个名字很长的图层")
    v = visit(people["director"], size=size, language=language)
    page = v.open("/map/versions/import/?layer=survey.DLTB")
    page.set_input_files("input[name=file]", str(path))
    page.fill("#valid_from", "2024-12-31")
    page.locator("button[value=match]").click()
    page.wait_for_url("**/import/member/**")
    assert page.locator("input[name=member]:checked").get_attribute("value") == "DLTB"
    assert "EPSG:4528" in page.locator("table").inner_text()
    v.no_sideways_scroll()
    v.shot(f"member-{language}")
    page.locator("input[name=member]").last.check()
    page.locator("button[value=match]").click()
    page.wait_for_url("**/import/match/**")
    v.no_sideways_scroll()
    v.shot(f"match-{language}")
    page.locator("button.btn-primary").click()
    page.wait_for_url("**/jobs/**")
