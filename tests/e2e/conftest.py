"""Browser tests: Debian's Chromium, a live server, and no mercy for a broken content policy.

Every page opened here fails its test on a violation of the policy, on an error in the console and on an uncaught
exception. ``JINTU_TEST_SHOTS=directory`` keeps screenshots, for people to look at.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

# Playwright's loop runs in the thread of the test: the ORM may be used beside it
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

HERE = Path(__file__).resolve().parent
BUILT = HERE.parents[1] / "src" / "jintu" / "ui" / "static" / "dist" / "app.js"
PASSWORD = "Sample-2026-pass"
DESK, LAPTOP, PHONE = (1440, 900), (1024, 768), (390, 844)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in Path(str(item.fspath)).parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    import shutil

    from playwright.sync_api import sync_playwright

    if not BUILT.exists():
        pytest.fail("the front end is not built: run `make front`")
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    # WebGL in software: there is no graphics card where tests run
    flags = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def people(transactional_db: None) -> dict[str, Any]:
    """A county's director and clerk, and the system administrator."""
    from jintu.foundation.identity.models import Organisation, User

    county = Organisation.objects.create(code="county", name="示例县自然资源局", level="county", division="990121")
    made = {}
    for account, name, role, organisation in (
        ("director", "左远", "director", county),
        ("clerk", "苗敏", "clerk", county),
        ("sysadmin", "文安", "system_admin", None),
    ):
        made[account] = User.objects.create_user(
            account,
            PASSWORD,
            name=name,
            roles=[role],
            organisation=organisation,
            must_change_password=False,
            password_changed_at=timezone.now(),
        )
    return made


class Visit:
    """A browser window that notes what went wrong in it."""

    def __init__(self, browser: Any, base: str, size: tuple[int, int], theme: str, language: str) -> None:
        self.base = base
        self.name = f"{size[0]}-{theme}"
        self.context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=theme,
            locale="en-GB" if language == "en" else "zh-CN",
            reduced_motion="reduce",
            has_touch=size[0] < 500,
        )
        self.wrong: list[str] = []
        self.allowed: tuple[str, ...] = ()
        self.asked: list[str] = []
        self.page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.wrong.append(f"uncaught: {error}"))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.add_init_script(
            "document.addEventListener('securitypolicyviolation', e => console.error('content policy: '"
            " + e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sourceFile + ':' + e.lineNumber + ':' + e.columnNumber))"
        )

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning") and not any(a in message.text for a in self.allowed):
            self.wrong.append(f"{message.type} at {self.page.url}: {message.text}")

    def sign_in(self, user: Any) -> None:
        """Signed in without the form, which has its own test."""
        client = Client()
        client.force_login(user)
        self.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": self.base}])

    def open(self, path: str, status: int = 200) -> Any:
        if status >= 400:
            self.allowed = (*self.allowed, "Failed to load resource")
        answer = self.page.goto(self.base + path)
        assert answer.status == status, f"{path}: {answer.status}"
        self.page.wait_for_load_state("networkidle")
        return self.page

    def shot(self, name: str) -> None:
        if directory := os.environ.get("JINTU_TEST_SHOTS"):
            Path(directory).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=str(Path(directory) / f"{name}-{self.name}.png"))

    def check(self) -> None:
        """Nothing went wrong, and nothing was asked of another host."""
        assert not self.wrong, "\n".join(self.wrong)
        elsewhere = [u for u in self.asked if not u.startswith((self.base, "data:", "blob:"))]
        assert not elsewhere, elsewhere

    def no_sideways_scroll(self) -> None:
        """The page itself is never wider than the window; tables scroll inside their own region."""
        # Asked of an element, which waits for one: between two pages a document has none.
        wide = self.page.locator("html").evaluate("e => e.scrollWidth - e.clientWidth")
        assert wide <= 0, f"{self.page.url} is {wide} px too wide"


@pytest.fixture
def visit(chromium: Any, live_server: Any) -> Iterator[Callable[..., Visit]]:
    """``visit(user=…, size=…, theme=…)`` opens a window; all are checked at the end of the test."""
    made: list[Visit] = []

    def new(user: Any = None, size: tuple[int, int] = DESK, theme: str = "light", language: str = "zh") -> Visit:
        one = Visit(chromium, live_server.url, size, theme, language)
        if user is not None:
            one.sign_in(user)
        made.append(one)
        return one

    yield new
    try:
        for one in made:
            one.check()
    finally:
        for one in made:
            one.context.close()
