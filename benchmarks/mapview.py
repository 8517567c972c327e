"""What a browser loads until One Map of the demonstration county is drawn: every response of ``/map/``, compressed.

Headless Chromium opens the page on a served node with an empty cache; each response counts with its size under gzip,
images and fonts as they are. The limit is 1.8 MB for everything together.
"""

from __future__ import annotations

import gzip
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.harness import in_new_process, report

LIMIT_MB = 1.8
PATCHES = {"small": 10_000, "full": 10_000}
PATIENCE_S = 120
QUIET_MS = 3_000
"""The map is drawn when it has tiles and nothing was loaded for so long."""
STORED = (".png", ".jpg", ".webp", ".woff2", ".woff", ".pmtiles")
"""Compressed already."""


def run(scale: str) -> dict[str, Any]:
    from benchmarks.supervise import _county

    figures = in_new_process("mapview", str(_county(PATCHES[scale])))
    size = figures.get("total_mb")
    return {
        "size": {"patches": PATCHES[scale]},
        "jintu": figures,
        "peers": {},
        "ratio": {"to_limit": round(size / LIMIT_MB, 2)} if size else {},
        "agreement": float(bool(size) and size <= LIMIT_MB and figures["tiles"] > 0),
    }


def measure(node: Path) -> None:
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
    cookie = _session()
    port = _free_port()
    command = [sys.executable, "-m", "jintu.cli", "--data", str(node), "serve", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(port)
        loaded, seconds = _load(f"http://127.0.0.1:{port}", cookie)
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
    )


def _load(base: str, cookie: tuple[str, str]) -> tuple[list[tuple[str, int]], float]:
    """[(kind, bytes under gzip)] of every response, and seconds until the last one."""
    from playwright.sync_api import sync_playwright

    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    flags = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    answers: list[Any] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="zh-CN")
        context.add_cookies([{"name": cookie[0], "value": cookie[1], "url": base}])
        page = context.new_page()
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
        browser.close()
    return found, last - began


def _kind(answer: Any) -> str:
    path = answer.url.partition("?")[0]
    if "/tiles/" in path or path.endswith((".mvt", ".pbf", ".pmtiles")):
        return "tile"
    return {".js": "script", ".css": "style", ".json": "data"}.get(Path(path).suffix, answer.request.resource_type)


def _size(answer: Any) -> int:
    if answer.status == 204:
        return 0
    body = answer.body()
    return len(body) if answer.url.partition("?")[0].endswith(STORED) else len(gzip.compress(body, 6))


def _session() -> tuple[str, str]:
    """Cookie of a signed-in county director."""
    from django.conf import settings
    from django.test import Client

    from jintu.foundation.identity.models import User

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
    measure(Path(sys.argv[1]))
