"""The language a command speaks: that of the terminal, unless ``JINTU_LANGUAGE`` says another.

What commands keep (findings, journal, names of things made) does not depend on it, nor do the keys and the sentences
of ``--json``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TypeVar

import click

from jintu.kernel.errors import JintuError

__all__ = ["activate", "in_language", "of", "sentence", "speaking"]

VARIABLES = ("JINTU_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
CHINESE, ENGLISH = "zh-hans", "en"
T = TypeVar("T")


def of(environment: Mapping[str, str]) -> str:
    """Either "zh-hans" or "en": the first variable that is set decides; zh* is Chinese, all else is English.

    >>> of({"LANG": "zh_CN.UTF-8"}), of({"LC_ALL": "C.UTF-8", "LANG": "zh_CN.UTF-8"}), of({})
    ('zh-hans', 'en', 'en')
    >>> of({"JINTU_LANGUAGE": "zh", "LC_ALL": "en_US.UTF-8"})
    'zh-hans'
    """
    said = next((value for name in VARIABLES if (value := environment.get(name, "").strip())), "")
    return CHINESE if said.lower().startswith("zh") else ENGLISH


def activate() -> None:
    """Translate what this command says; after ``django.setup()``. What programs read stays English."""
    from django.utils import translation

    translation.activate(_spoken())


def speaking() -> AbstractContextManager[None]:
    """What is said inside is of this command, and not of what it makes: see ``setup(speaks=False)``."""
    from django.utils import translation

    return translation.override(_spoken())


def _spoken() -> str:
    context = click.get_current_context(silent=True)
    for_programs = context is not None and context.params.get("as_json", False)
    return ENGLISH if for_programs else of(os.environ)


def in_language(pair: tuple[T, T]) -> T:
    """Of (Chinese, English), as rules carry their words."""
    return pair[0] if _spoken() == CHINESE else pair[1]


def sentence(error: JintuError) -> str:
    """An error for the person at the terminal; in English where Django is not started yet."""
    from django.apps import apps

    if not apps.ready:
        return str(error)
    from django.utils import translation

    from jintu.foundation.operations.errors import joined, tell

    with translation.override(_spoken()):  # also of commands that keep the node's language for what they make
        told = tell(error)
        said = joined(told.sentence, told.remedy)
    return f"{told.place}: {said}" if told.place else said
