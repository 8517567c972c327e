"""Template tags and filters of the console; built into every template."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Any

from django import template
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from jintu.ui import figures, naming

register = template.Library()


# -- marks


@register.simple_tag
def icon(name: str, size: str | int = "") -> SafeString:
    """A Tabler outline icon of the sprite; ``size`` 16, 22 or 32, 18 px without."""
    return _icon(str(name), str(size))


@lru_cache(maxsize=1024)
def _icon(name: str, size: str) -> SafeString:
    """Made once: a page shows some fifty, and the address of the sprite is worked out anew for each."""
    return format_html(
        '<svg class="i{}" aria-hidden="true"><use href="{}#i-{}"/></svg>',
        f" i-{size}" if size else "",
        static("dist/icons.svg"),
        name,
    )


def _severities() -> dict[str, tuple[str, str, str]]:
    # the first is the CSS class, the second the character a colour never goes without
    return {
        "red": ("r", _("R"), _("red")),
        "orange": ("o", _("O"), _("orange")),
        "yellow": ("y", _("Y"), _("yellow")),
        "blue": ("b", _("B"), _("blue")),
    }


@register.simple_tag
def severity(level: Any) -> SafeString:
    """The mark of a severity: "red", "orange", "yellow", "blue" or an object with such a ``word``."""
    word = str(getattr(level, "word", level))
    css, mark, label = _severities().get(word, ("", word[:1], word))
    return format_html(
        '<span class="jt-sev {}" role="img" aria-label="{}" title="{}">{}</span>', css, label, label, mark
    )


@register.simple_tag
def share(part: Any, whole: Any = 100, css: str = "") -> SafeString:
    """A bar as wide as ``part`` of ``whole``; SVG, because a style attribute would break the content policy."""
    try:
        percent = 100 * float(part or 0) / float(whole)
    except (TypeError, ValueError, ZeroDivisionError):
        percent = 0.0
    width = f"{min(100.0, max(0.0, percent)):.2f}%"
    return format_html(
        '<svg class="jt-share {}" aria-hidden="true" preserveAspectRatio="none"><rect width="{}" height="100%"/></svg>',
        css,
        width,
    )


# -- figures


@register.filter
def ha(value: Any) -> str:
    """m² as hectares, four digits."""
    return figures.area_ha(value)


@register.filter
def m2(value: Any) -> str:
    """m², two digits."""
    return figures.figure(value, 2)


@register.filter
def mu(value: Any) -> str:
    """m² as 亩, two digits."""
    return figures.area_mu(value)


@register.filter
def wan(value: Any) -> str:
    """Yuan as 万元, two digits."""
    return figures.figure(value, 2, Decimal("0.0001"))


@register.filter
def num(value: Any, places: int = 0) -> str:
    """A number with fixed digits."""
    return figures.figure(value, int(places))


@register.filter
def capped(value: Any, limit: int = 10_000) -> str:
    """A count that was not counted to the end: "10 000+" from the limit on."""
    if value is None:
        return figures.NOTHING
    return figures.figure(limit, 0) + "+" if int(value) >= int(limit) else figures.figure(value, 0)


@register.filter
def day(value: Any) -> str:
    """2026-06-15, or a dash."""
    return figures.day(value)


@register.filter
def division_name(code: Any) -> str:
    """The name of a division code, or the code."""
    return naming.division_name(str(code or ""))


@register.filter
def kind_name(name: Any) -> str:
    """What people call a register or a layer, or its name."""
    return naming.kind_name(str(name or ""))


# -- the frame

LETTERS = {
    "home": "h",
    "layers:onemap": "m",
    "registers:index": "r",
    "checks:findings": "f",
    "dashboard": "d",
    "operations:jobs": "j",
    "identity:system": "s",
}
"""The key that goes to a place after `g`."""

BUSINESS = {"layers:onemap", "registers:index", "checks:findings", "dashboard"}
OWN = {"identity:notices", "identity:account", "identity:password", "identity:second_factor"}
"""Pages of the person, reached from the top bar: no place of the rail is theirs."""
AT_HAND = 4
"""Places at the bottom of a phone; the rest is under "More"."""


@register.simple_tag(takes_context=True)
def places(context: template.Context) -> list[dict[str, Any]]:
    """The places of the rail this person may enter, the current one marked. Unknown URL names are left out."""
    request = context.get("request")
    scope = getattr(request, "scope", None)
    match = getattr(request, "resolver_match", None)
    here = match.view_name if match else ""
    found: list[dict[str, Any]] = []
    for name, label, symbol in context.get("rail") or ():
        if name in BUSINESS and scope is not None and "view" not in scope.verbs:
            continue
        try:
            url = reverse(name)
        except NoReverseMatch:
            continue
        spaces = name.partition(":")[0] if ":" in name else ""
        current = here == name or bool(spaces and match and spaces in match.namespaces and here not in OWN)
        place = {"url": url, "label": label, "icon": symbol, "current": current, "letter": LETTERS.get(name, "")}
        found.append(place | {"wide": len(found) >= AT_HAND})
    return found


@register.simple_tag
def languages(codes: Any) -> list[dict[str, Any]]:
    """The other languages of the console, each under its own name."""
    own = {"zh-hans": "中文", "en": "English"}
    now = get_language() or ""
    return [
        {"code": c, "name": own.get(c, str(n)), "short": "中" if c.startswith("zh") else c[:2].upper()}
        for c, n in codes or ()
        if c != now
    ]


@register.simple_tag
def stages(boxes: Any) -> list[dict[str, Any]]:
    """The boxes of a process picture by stage of the life cycle, in its order; stages without a box are left out."""
    words = (
        ("approve", _("A"), _("Approval")),
        ("supply", _("S"), _("Supply")),
        ("use", _("U"), _("Use")),
        ("compensate", _("C"), _("Compensation")),
        ("inspect", _("I"), _("Inspection")),
    )
    lanes = [
        {"stage": stage, "mark": mark, "label": label, "boxes": [b for b in boxes or () if b.get("stage") == stage]}
        for stage, mark, label in words
    ]
    most = max((len(lane["boxes"]) for lane in lanes), default=0)
    return [lane | {"rows": most} for lane in lanes if lane["boxes"]]


@register.filter
def tone(level: Any) -> str:
    """CSS class of a notice for the tags of a Django message."""
    words = str(level).split()
    return "r" if "error" in words else "o" if "warning" in words else "g" if "success" in words else ""
