"""Filters and tags of the console."""

from __future__ import annotations

import datetime as dt
import doctest
import re
from decimal import Decimal
from pathlib import Path

import pytest
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import translation

from jintu.ui import choropleth, csp, figures, naming

PACKAGE = Path(__file__).resolve().parents[2]
SPRITE = PACKAGE / "ui" / "static" / "dist" / "icons.svg"


def render(source: str, **context: object) -> str:
    return Template(source).render(Context(context))


@pytest.mark.parametrize("module", [choropleth, csp, figures])
def test_doctests(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type]
    assert result.attempted and not result.failed


@pytest.mark.parametrize(
    ("filter_", "value", "shown"),
    [
        ("ha", Decimal("36525.50"), "3.6526"),
        ("ha", 0, "0.0000"),
        ("ha", None, "—"),
        ("m2", 7550.315, "7\u00a0550.32"),
        ("m2", Decimal("-0.004"), "0.00"),
        ("mu", Decimal("10000"), "15.00"),
        ("mu", "", "—"),
        ("wan", Decimal("8766200"), "876.62"),
        ("wan", Decimal("73373100.00"), "7\u00a0337.31"),
        ("num", 212846, "212\u00a0846"),
        ("num:2", 1 / 3, "0.33"),
        ("num", "n/a", "n/a"),
        ("num:1", -1234.56, "−1\u00a0234.6"),
        ("capped", 10_000, "10\u00a0000+"),
        ("capped", 9_999, "9\u00a0999"),
        ("day", dt.date(2026, 6, 15), "2026-06-15"),
        ("day", None, "—"),
        ("day", dt.datetime(2026, 6, 14, 20, 0, tzinfo=dt.UTC), "2026-06-15"),
    ],
)
def test_figures_as_written(filter_: str, value: object, shown: str) -> None:
    assert render(f"{{{{ v|{filter_} }}}}", v=value) == shown


def test_an_area_that_is_no_number_is_shown_as_it_is() -> None:
    assert render("{{ v|mu }}", v="unknown") == "unknown"


def test_a_severity_carries_its_character() -> None:
    with translation.override("en"):
        html = render('{% severity "red" %}')
    assert 'class="jt-sev r"' in html and ">R<" in html


def test_a_severity_may_be_an_object_with_a_word() -> None:
    class Level:
        word = "blue"

    assert "jt-sev b" in render("{% severity s %}", s=Level())


def test_an_unknown_severity_is_escaped() -> None:
    assert "<b>" not in render("{% severity s %}", s="<b>")


def test_a_share_is_a_bar_without_a_style_attribute() -> None:
    html = render("{% share 25 200 %}")
    assert 'width="12.50%"' in html and "style=" not in html
    assert 'width="100.00%"' in render("{% share 3 2 %}")
    assert 'width="0.00%"' in render("{% share None 0 %}")


def test_division_names_come_from_whoever_knows_them() -> None:
    before = naming._resolver[0]
    try:
        naming.use(lambda code: {"990121001": "城关街道"}.get(code, code))
        assert render("{{ c|division_name }}", c="990121001") == "城关街道"
        assert render("{{ c|division_name }}", c="990121999") == "990121999"
        assert render("{{ c|division_name }}", c=None) == ""
    finally:
        naming.use(before)


def test_places_leave_out_unknown_names_and_mark_the_current_one() -> None:
    request = RequestFactory().get("/")
    rail = (
        ("identity:login", "In", "key"),
        ("no:such", "Nowhere", "x"),
        ("identity:system", "System", "settings"),
    )

    class Match:
        view_name = "identity:users"
        namespaces = ["identity"]

    request.resolver_match = Match()  # type: ignore[assignment]
    html = render(
        "{% places as p %}{% for x in p %}{{ x.label }}:{{ x.current }};{% endfor %}", request=request, rail=rail
    )
    assert html == "In:True;System:True;"


def test_places_of_business_are_not_offered_to_administrators() -> None:
    request = RequestFactory().get("/")

    class Scope:
        verbs = frozenset({"configure"})

    request.scope = Scope()  # type: ignore[attr-defined]
    rail = (("checks:findings", "Findings", "x"), ("identity:system", "System", "settings"))
    assert render("{% places as p %}{{ p|length }}{{ p.0.label }}", request=request, rail=rail) == "1System"


def test_process_picture_keeps_the_order_of_the_life_cycle() -> None:
    boxes = [
        {"stage": "inspect", "label": "patches", "icon": "satellite", "n": 3, "url": "/x", "due": []},
        {
            "stage": "approve",
            "label": "approvals",
            "icon": "file-check",
            "n": 12000,
            "area_m2": 10_000,
            "url": "/a",
            "due": [
                {"label": "late", "n": 2, "url": "/late", "urgent": True},
                {"label": "soon", "n": 0, "url": "/soon", "urgent": True},
            ],
        },
    ]
    html = render('{% include "ui/process.html" %}', boxes=boxes)
    assert html.index("approvals") < html.index("patches")
    assert "12\u00a0000" in html and "1.0000" in html
    assert 'href="/late" class="urgent"' in html
    assert 'href="/soon" class="none"' in html  # nothing due is not red
    assert html.count('class="jt-lane') == 2


def test_policy_forbids_everything_inline() -> None:
    assert "unsafe" not in csp.policy()
    with pytest.raises(csp.ImproperlyConfigured):
        csp.policy(("https://a.example; script-src *",))
    with pytest.raises(csp.ImproperlyConfigured):
        csp.policy(("*",))


def _icon_names() -> set[str]:
    used = set()
    for path in PACKAGE.rglob("*.html"):
        used |= set(re.findall(r"\{%\s*icon \"([a-z0-9-]+)\"", path.read_text(encoding="utf-8")))
    return used


def test_every_icon_a_template_names_is_in_the_sprite() -> None:
    if not SPRITE.exists():
        pytest.skip("the front end is not built")
    known = set(re.findall(r'<symbol id="i-([a-z0-9-]+)"', SPRITE.read_text(encoding="utf-8")))
    names = _icon_names()
    assert len(names) > 20
    assert names <= known, sorted(names - known)


def test_no_template_breaks_the_content_policy() -> None:
    """No inline style, script or handler in any template of the product."""
    bad = re.compile(r"\sstyle=|\son[a-z]+=\"|\shx-on|<style|<script(?![^>]*\s(src=|type=\"application/json\"))", re.I)
    found = [
        f"{path.relative_to(PACKAGE)}: {match.group(0).strip()}"
        for path in PACKAGE.rglob("templates/**/*.html")
        for match in bad.finditer(path.read_text(encoding="utf-8"))
    ]
    assert not found
