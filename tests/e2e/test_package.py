"""An offline package opened from file://, without a server: map, legend, identify, search, provenance, watermark."""

from __future__ import annotations

import os
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from jintu.foundation.layers import importing
from jintu.foundation.layers.packages import checking, ledger
from jintu.foundation.layers.tests import grid

SAID = {"recipient": "示例县水利局", "purpose": "防洪规划", "approval": "示自然资函〔2026〕7号", "approved_by": "左远"}


@pytest.fixture
def disc(transactional_db: None, tmp_path: Path) -> Path:
    day = date(2024, 12, 31)
    blocks = [("010", grid.cell(0, 0, 2, 5)), ("020", grid.cell(2, 0, 1, 5)), ("040", grid.cell(3, 0, 3, 5))]
    made = [
        importing.import_layer("DLTB", grid.dltb(tmp_path / "dltb.gpkg"), "990121", day).version,
        importing.import_layer("XZQ", grid.villages(tmp_path / "xzq.gpkg"), "990121", day).version,
        importing.import_layer("JSYDGZQ", grid.zones(tmp_path / "z.gpkg", "JSYDGZQ", blocks), "990121", day).version,
    ]
    entry = ledger.open_entry(made, **SAID)
    ledger.make(entry, tmp_path / "disc")
    # away from where it was made: nothing may lead back
    return Path(shutil.move(tmp_path / "disc", tmp_path / "elsewhere 光盘"))


def test_the_viewer_works_from_a_disc(chromium: Any, disc: Path) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, offline=True, locale="zh-CN")
    page = context.new_page()
    page.set_default_timeout(60_000)
    wrong: list[str] = []
    asked: list[str] = []
    page.on("console", lambda m: wrong.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: wrong.append(str(e)))
    page.on("request", lambda r: asked.append(r.url))
    try:
        page.goto((disc / "index.html").as_uri())
        page.locator(".canvas[data-idle]").wait_for()
        assert page.locator("[data-layer]").count() == 3
        assert "耕地" in page.locator(".legend:visible").first.inner_text()
        assert SAID["recipient"] in page.locator(".mark").inner_text()
        assert SAID["approval"] in page.locator("aside").inner_text()
        shot(page, "package")

        # something of the layer is painted: not one colour all over
        colours = page.locator("canvas").evaluate(
            """c => { const g = c.getContext('webgl2'), p = new Uint8Array(4), seen = new Set();
            for (let i = 1; i < 40; i++) { g.readPixels(c.width * i / 40, c.height / 2, 1, 1, g.RGBA, g.UNSIGNED_BYTE, p);
            seen.add(p.join()); } return seen.size; }"""
        )
        assert colours > 2

        box = page.locator(".canvas").bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.locator(".card").first.wait_for()
        assert "地类编码" in page.locator(".answer").inner_text() or "图斑编号" in page.locator(".answer").inner_text()
        shot(page, "package-identify")

        page.get_by_role("searchbox").fill("1")
        page.get_by_role("searchbox").press("Enter")
        page.locator(".hit, .card").first.wait_for()
        page.locator(".hit").first.click()
        page.locator(".card").first.wait_for()
        page.locator("[data-layer] summary").first.click()
        assert "sha256:" in page.locator("[data-layer] .about").first.inner_text()
        page.locator(".canvas[data-idle]").wait_for()
        shot(page, "package-search")
    finally:
        context.close()
    assert not wrong, wrong
    assert all(u.startswith(("file:", "blob:", "data:")) for u in asked), asked
    assert checking.verify(disc).ok


def shot(page: Any, name: str) -> None:
    if directory := os.environ.get("JINTU_TEST_SHOTS"):
        page.screenshot(path=str(Path(directory) / f"{name}.png"))


def test_a_click_before_the_tiles_are_there_waits_for_them(chromium: Any, disc: Path) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, offline=True, locale="zh-CN")
    page = context.new_page()
    page.set_default_timeout(60_000)
    try:
        page.goto((disc / "index.html").as_uri(), wait_until="commit")
        box = page.locator(".canvas canvas").bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.locator(".card").first.wait_for()
    finally:
        context.close()
