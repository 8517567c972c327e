"""One Map in a browser: what it loads until it is drawn, and how long the page is busy while somebody moves about.

Headless Chromium opens ``/map/`` on a served node with an empty cache; each response counts with its size under gzip,
images and fonts as they are. The limit is 1.8 MB for everything together. Then the map is zoomed and dragged: for every
step the tasks of the main thread that took longer than 50 ms (the browser's own measure of a page that stutters), the
processor time of that thread, and the time until the map is still; of a drag also the time until the button is let go,
and that the map went with the mouse: a drag that moved nothing is an error, not a figure. The second map, ``large``, is
of the one version of the `tiles` benchmark with its pyramid: 1.36 million patches at full scale. There is no graphics
card: what the card does elsewhere, the processor does here, in another process.
"""

from __future__ import annotations

import gzip
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness import DATA, in_new_process, report

LIMIT_MB = 1.8
PATCHES = {"small": 10_000, "full": 10_000}
PATIENCE_S = 120
QUIET_MS = 3_000
"""The map is drawn when it has tiles and nothing was loaded for so long."""
TAKEN = (1000, 500)
"""Where the mouse takes the map, in pixels of the window."""
FLAGS = ("--no-sandbox", "--enable-unsafe-swiftshader")
"""A browser without a graphics card as it is by itself: SwiftShader paints the canvas of the map and nothing else, and
each picture of it goes through the main thread to the page."""
ALL_BY_SWIFTSHADER = ("--use-gl=angle", "--use-angle=swiftshader")
"""A browser that takes SwiftShader for a graphics card, as on a virtual desktop: it paints the page around, too.
Opening takes three times the processor time, moving less of the main thread."""
STORED = (".png", ".jpg", ".webp", ".woff2", ".woff", ".pmtiles")
"""Compressed already."""


def run(scale: str) -> dict[str, Any]:
    from benchmarks import tiles
    from benchmarks.supervise import _county

    small, large = str(_county(PATCHES[scale])), str(_large(scale))
    figures = in_new_process("mapview", small)
    size = figures.get("total_mb")
    others = {
        "card": in_new_process("mapview", small, *ALL_BY_SWIFTSHADER),
        "large": in_new_process("mapview", large),
        "large_card": in_new_process("mapview", large, *ALL_BY_SWIFTSHADER),
    }
    return {
        "size": {"patches": PATCHES[scale], "large": tiles.PATCHES[scale]},
        "jintu": figures | {f"{name}_{n}": value for name, found in others.items() for n, value in found.items()},
        "peers": {},
        "ratio": {"to_limit": round(size / LIMIT_MB, 2)} if size else {},
        "agreement": float(bool(size) and size <= LIMIT_MB and figures["tiles"] > 0),
    }


def _large(scale: str) -> Path:
    """The node of the `tiles` benchmark, made and its pyramid built where they are missing."""
    where = DATA / f"tiles-{scale}"
    if not (where / "patches.fgb").is_file():
        in_new_process("tiles", "make", scale)
    if not any(where.glob("lake/*/*/*/tiles.pmtiles")):
        in_new_process("tiles", "build", scale)
    return where


def measure(node: Path, *flags: str) -> None:
    if not (node / "jintu.toml").is_file():  # of another benchmark, which needed no server
        from jintu.config.commands.node import make_node

        make_node(node, division="990121", level="county", name="示例县", business_date="2026-06-30")
    os.environ |= {
        "JINTU_DATA": str(node),
        "DJANGO_SETTINGS_MODULE": "jintu.config.settings",
        "DJANGO_ALLOW_ASYNC_UNSAFE": "true",  # Playwright's loop runs in this thread
    }
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    cookie = _session(node)
    port = _free_port()
    command = [sys.executable, "-m", "jintu.cli", "--data", str(node), "serve", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(port)
        loaded, seconds, steps = _load(f"http://127.0.0.1:{port}", cookie, flags)
    finally:
        server.terminate()
        server.wait(timeout=30)
    kinds: dict[str, float] = {}
    for kind, size in loaded:
        kinds[kind] = kinds.get(kind, 0) + size / 1e6
    for kind, size in sorted(kinds.items(), key=lambda pair: -pair[1]):
        print(f"{kind:10s} {size:7.3f} MB")
    report(
        total_mb=round(sum(kinds.values()), 3),
        requests=len(loaded),
        tiles=sum(1 for kind, _size in loaded if kind == "tile"),
        by_kind={k: round(v, 3) for k, v in kinds.items()},
        until_drawn_s=round(seconds, 1),
        steps=steps,
    )


def _load(
    base: str, cookie: tuple[str, str], flags: Sequence[str]
) -> tuple[list[tuple[str, int]], float, dict[str, Any]]:
    """[(kind, bytes under gzip)] of every response, seconds until the last one, and what each step took."""
    from playwright.sync_api import sync_playwright

    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    answers: list[Any] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *flags])
        context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="zh-CN")
        context.add_cookies([{"name": cookie[0], "value": cookie[1], "url": base}])
        page = context.new_page()
        page.add_init_script(WATCH)
        busy = _Busy(page)
        page.on("response", lambda answer: answers.append(answer))
        began = last = time.monotonic()
        page.goto(f"{base}/map/", wait_until="load", timeout=PATIENCE_S * 1000)
        seen = len(answers)
        while time.monotonic() - began < PATIENCE_S:
            page.wait_for_timeout(250)
            has_tiles = any(_kind(a) == "tile" for a in answers)
            if has_tiles and time.monotonic() - last > QUIET_MS / 1000:
                break
            if len(answers) > seen:
                seen, last = len(answers), time.monotonic()
        if not page.url.endswith("/map/"):
            raise RuntimeError(f"the browser was sent to {page.url}")
        failed = sorted({a.url for a in answers if a.status >= 400})
        if failed:
            raise RuntimeError(f"could not be loaded: {', '.join(failed[:5])}")
        found = [(_kind(a), _size(a)) for a in answers if a.status < 300]
        steps = {"open": busy.since(began, last)} | _move(page, busy, answers)
        browser.close()
    return found, last - began, steps


WATCH = """
window.benchLong = [];
new PerformanceObserver((list) => list.getEntries().forEach((task) => benchLong.push(task.duration)))
  .observe({ entryTypes: ["longtask"] });
window.benchFrames = 0;
requestAnimationFrame(function frame() { benchFrames += 1; requestAnimationFrame(frame); });
"""


class _Busy:
    """What the main thread of a page has done since it was asked before."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.session = page.context.new_cdp_session(page)
        self.session.send("Performance.enable", {"timeDomain": "threadTicks"})
        self.spent = 0.0

    def since(self, began: float, ended: float) -> dict[str, Any]:
        """Long tasks, their sum, milliseconds of the thread's processor time, frames, seconds from begin to end."""
        long, frames = self.page.evaluate("[benchLong.splice(0), [benchFrames, benchFrames = 0][0]]")
        metrics = {m["name"]: m["value"] for m in self.session.send("Performance.getMetrics")["metrics"]}
        before, self.spent = self.spent, metrics["TaskDuration"]
        return {
            "long_tasks": len(long),
            "long_ms": round(sum(long)),
            "longest_ms": round(max(long, default=0)),
            "main_thread_cpu_ms": round((self.spent - before) * 1000),
            "frames": frames,
            "until_still_s": round(ended - began, 2),
        }


def _move(page: Any, busy: _Busy, answers: list[Any]) -> dict[str, Any]:
    """Zoom in to single patches step by step, drag at three scales, and zoom out again."""
    page.locator(".jt-map canvas").first.focus()
    steps: dict[str, Any] = {}
    for name, work in (
        ("zoom_in_2", lambda: _press(page, "+", 2)),
        ("drag_far", lambda: _drag(page)),
        ("zoom_in_4", lambda: _press(page, "+", 2)),
        ("drag_middle", lambda: _drag(page)),
        ("zoom_in_6", lambda: _press(page, "+", 2)),
        ("drag_near", lambda: _drag(page)),
        ("zoom_out_6", lambda: _press(page, "-", 6)),
    ):
        seen, before = len(answers), _view(page)
        began = time.monotonic()
        work()
        worked = time.monotonic()
        page.locator(".jt-map[data-idle]").wait_for(timeout=PATIENCE_S * 1000)
        ended = time.monotonic()
        if _view(page) == before:
            raise RuntimeError(f"{name} moved nothing: {before}")
        tiles = sum(_kind(a) == "tile" and a.status == 200 for a in answers[seen:])
        own = {"dragging_s": round(worked - began, 2)} if name.startswith("drag") else {}
        steps[name] = busy.since(began, ended) | own | {"tiles": tiles}
    return steps


def _view(page: Any) -> str:
    """Scale and what lies under one point, as the status line says them: the position under the mouse is its."""
    page.mouse.move(TAKEN[0] - 1, TAKEN[1])
    page.mouse.move(*TAKEN)
    return str(page.locator(".jt-status").text_content())


def _press(page: Any, key: str, times: int) -> None:
    for _ in range(times):
        page.keyboard.press(key)
        page.wait_for_timeout(400)


def _drag(page: Any) -> None:
    """Half a screen to the west in a second, and let go."""
    x, y = TAKEN
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(0, 600, 20):
        page.mouse.move(x - step, y + (step % 40))
        page.wait_for_timeout(30)
    page.mouse.up()


def _kind(answer: Any) -> str:
    path = answer.url.partition("?")[0]
    if "/tiles/" in path or path.endswith((".mvt", ".pbf", ".pmtiles")):
        return "tile"
    return {".js": "script", ".css": "style", ".json": "data"}.get(Path(path).suffix, answer.request.resource_type)


def _size(answer: Any) -> int:
    if answer.status == 204:
        return 0
    try:
        body = answer.body()
    except Exception:  # of a large map the browser does not keep everything: what went over the wire, then
        return int(answer.request.sizes()["responseBodySize"])
    return len(body) if answer.url.partition("?")[0].endswith(STORED) else len(gzip.compress(body, 6))


def _session(node: Path) -> tuple[str, str]:
    """Cookie of a signed-in county director."""
    from django.conf import settings
    from django.test import Client

    from jintu.config.commands import demo
    from jintu.foundation.identity.models import User

    if not User.objects.filter(username="county-director").exists():
        demo._users(node)
    client = Client()
    client.force_login(User.objects.get(username="county-director"))
    return settings.SESSION_COOKIE_NAME, client.cookies[settings.SESSION_COOKIE_NAME].value


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def _wait(port: int) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.3)
    raise RuntimeError("the server did not start")


if __name__ == "__main__":
    measure(Path(sys.argv[1]), *sys.argv[2:])
