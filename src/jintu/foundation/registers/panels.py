"""A slot on the page of a record: floors above registers put cards there without registers knowing of them.

A provider is called with the request, the register and the row the person may see; it returns a `Panel` or nothing.
Providers are connected in `config.hooks`, like the listeners of hooks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from .descriptor import Register

__all__ = ["Panel", "Provider", "of", "provide"]


@dataclass(frozen=True)
class Panel:
    """One card: the template of its inside and what that template shows, under the name ``panel``."""

    template: str
    shown: dict[str, Any]


Provider = Callable[[HttpRequest, Register, Any], Panel | None]

_providers: list[Provider] = []


def provide(provider: Provider) -> None:
    """Connect a provider; the same one twice counts once."""
    if provider not in _providers:
        _providers.append(provider)


def of(request: HttpRequest, register: Register, row: Any) -> list[Panel]:
    """The panels for one row, in the order their providers were connected."""
    return [panel for provider in _providers if (panel := provider(request, register, row)) is not None]
