"""Tags of the map's fragments."""

from __future__ import annotations

import json
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

_ESCAPES = {ord(">"): "\\u003E", ord("<"): "\\u003C", ord("&"): "\\u0026"}


@register.simple_tag
def overlay_json(features: Any, how: str = "") -> SafeString:
    """GeoJSON for the map in a data block the content policy allows; ``how`` "still" does not move the map."""
    text = json.dumps(features, ensure_ascii=False).translate(_ESCAPES)
    return format_html(
        '<script type="application/json" data-map-overlay="{}">{}</script>',
        how,
        mark_safe(text),  # noqa: S308 - the three characters that could end the element are escaped above
    )


@register.simple_tag
def json_text(facts: Any) -> SafeString:
    """JSON for a data block whose element the template writes."""
    return mark_safe(json.dumps(facts, ensure_ascii=False).translate(_ESCAPES))  # noqa: S308 - escaped as above
