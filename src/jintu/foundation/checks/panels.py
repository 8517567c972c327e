"""The findings of one record, for the page of that record."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.db.models import Case, When
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import get_language

from jintu.foundation.registers.descriptor import Register
from jintu.foundation.registers.panels import Panel

from . import rules
from .models import Finding, Severity
from .queries import UNSETTLED

SHOWN = 10


def row_findings_url(register: str, key: str) -> str:
    """Where the findings of one row are listed, settled ones included."""
    every = [("state", state) for state in Finding.State.values]
    return f"{reverse('checks:findings')}?{urlencode([('register', register), ('key', key), *every])}"


def row_findings(request: HttpRequest, register: Register, row: Any) -> Panel | None:
    """Findings about a row that are within the person's scope, unsettled ones first; none for dated tables."""
    if register.table:
        return None
    scope = request.scope  # type: ignore[attr-defined]
    key = str(getattr(row, register.key))
    names = {rule.id: rule.name[1 if (get_language() or "").startswith("en") else 0] for rule in rules.catalogue()}
    about = Finding.objects.filter(scope.rows(), about__register=register.name, about__key=key)
    settled = Case(When(state__in=UNSETTLED, then=0), default=1)
    found = about.defer("geom", "values", "objects_json").order_by(settled, "-severity", "-pk")[: SHOWN + 1]
    lines = [(finding, names.get(finding.rule, finding.rule), Severity(finding.severity).word) for finding in found]
    return Panel(
        "checks/_panel.html",
        {"lines": lines[:SHOWN], "more": len(lines) > SHOWN, "url": row_findings_url(register.name, key)},
    )
