"""Template tags of the console."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

register = template.Library()


@register.simple_tag
def icon(name: str, size: str = "") -> SafeString:
    return format_html(
        '<svg class="i{}" aria-hidden="true"><use href="#i-{}"/></svg>', f" i-{size}" if size else "", name
    )


@register.simple_tag
def severity(word: str) -> SafeString:
    marks = {"red": ("r", _("red")), "orange": ("o", _("orange")), "yellow": ("y", _("yellow")), "blue": ("b", _("blue"))}
    letter, label = marks.get(word, ("", word))
    return format_html('<span class="jt-sev {}" title="{}">{}</span>', letter, label, label[:1])


def _number(value: Any, places: int, divide: int = 1) -> str:
    if value is None or value == "":
        return "—"
    try:
        exact = (Decimal(str(value)) / divide).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    except (ArithmeticError, ValueError):
        return str(value)
    return f"{exact:,}".replace(",", "\u00a0")


@register.filter
def ha(value: Any) -> str:
    return _number(value, 4, 10_000)


@register.filter
def m2(value: Any) -> str:
    return _number(value, 2)


@register.filter
def mu(value: Any) -> str:
    if value is None or value == "":
        return "—"
    return _number(Decimal(str(value)) * 3 / 2000, 2)


@register.filter
def wan(value: Any) -> str:
    return _number(value, 2, 10_000)


@register.filter
def num(value: Any, places: int = 2) -> str:
    return _number(value, int(places))


@register.filter
def day(value: Any) -> str:
    return value.strftime("%Y-%m-%d") if isinstance(value, date) else "—"
