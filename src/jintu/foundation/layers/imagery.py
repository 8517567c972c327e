"""The operator's own imagery: kept and switched by the system, journaled, never shipped."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from jintu.foundation.journal import Actor, append
from jintu.kernel.errors import Missing

from .models import ImagerySource

__all__ = ["save", "switch"]


def save(name: str, *, actor: Actor | None = None, **facts: Any) -> ImagerySource:
    """Add a source, or change the one of that name; a new one is off."""
    with transaction.atomic():
        source, _made = ImagerySource.objects.update_or_create(name=name, defaults=facts)
        append("layer.imagery", actor=actor, objects=[("layers.imagery", str(source.pk))], facts={"kind": source.kind})
    return source


def switch(name: str, enabled: bool, *, actor: Actor | None = None) -> ImagerySource:
    """Turn a source on or off. Raises `Missing`."""
    with transaction.atomic():
        source = ImagerySource.objects.filter(name=name).first()
        if source is None:
            raise Missing("There is no imagery called {name}.", name=name)
        source.enabled = enabled
        source.save(update_fields=["enabled"])
        append("layer.imagery", actor=actor, objects=[("layers.imagery", str(source.pk))], facts={"enabled": enabled})
    return source
