"""Every URL name and every template that code or templates mention exists; every model has its migration.

Domains and floors refer to one another by such names, so that no import is needed: this test stands in for the
compiler.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.core.management import call_command
from django.template.loader import get_template
from django.urls import URLPattern, URLResolver, get_resolver

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "jintu"
_URL_TAG = re.compile(r"""\{%-?\s*url\s+["']([^"']+)["']""")
_TEMPLATE_TAG = re.compile(r"""\{%-?\s*(?:extends|include)\s+["']([^"']+)["']""")


@cache
def names_of_urls() -> frozenset[str]:
    def walk(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[str]:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                inner = f"{prefix}{pattern.namespace}:" if pattern.namespace else prefix
                yield from walk(pattern.url_patterns, inner)
            elif pattern.name:
                yield prefix + pattern.name

    return frozenset(walk(get_resolver().url_patterns, ""))


def templates() -> list[Path]:
    return sorted(p for p in SOURCE.rglob("templates/**/*") if p.is_file() and p.suffix in {".html", ".txt", ".svg"})


def modules() -> list[Path]:
    return sorted(p for p in SOURCE.rglob("*.py") if "tests" not in p.parts and "migrations" not in p.parts)


def relative(path: Path) -> str:
    return str(path.relative_to(SOURCE))


@pytest.mark.parametrize("path", templates(), ids=relative)
def test_template(path: Path) -> None:
    """It compiles, and the URLs and templates it names exist."""
    text = path.read_text(encoding="utf-8")
    unknown = set(_URL_TAG.findall(text)) - names_of_urls()
    assert unknown == set(), f"unknown URL names in {relative(path)}"
    for name in _TEMPLATE_TAG.findall(text):
        get_template(name)
    if path.suffix == ".html":
        get_template(str(path).rpartition("/templates/")[2])


def called(tree: ast.AST) -> Iterator[tuple[str, str, int]]:
    """(function, first constant string argument, line) of calls that take a URL name, and of template names."""
    positions = {"reverse": 0, "reverse_lazy": 0, "redirect": 0, "render": 1, "get_template": 0, "render_to_string": 0}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        position = positions.get(function)
        if position is None or len(node.args) <= position:
            continue
        argument = node.args[position]
        for choice in (argument.body, argument.orelse) if isinstance(argument, ast.IfExp) else (argument,):
            if isinstance(choice, ast.Constant) and isinstance(choice.value, str):
                yield function, choice.value, node.lineno


@pytest.mark.parametrize("path", modules(), ids=relative)
def test_module(path: Path) -> None:
    wrong = []
    for function, value, line in called(ast.parse(path.read_text(encoding="utf-8"))):
        if function in {"reverse", "reverse_lazy"} or (function == "redirect" and re.fullmatch(r"[\w:]+", value)):
            if value not in names_of_urls():
                wrong.append(f"line {line}: no URL is named {value}")
        elif value.endswith(".html"):
            try:
                get_template(value)
            except Exception as error:  # whatever is wrong with it is the finding
                wrong.append(f"line {line}: {value}: {type(error).__name__}: {error}")
    assert wrong == []


def test_the_places_of_the_rail_exist() -> None:
    from django.test import RequestFactory

    from jintu.config.context import frame

    assert {name for name, *_ in frame(RequestFactory().get("/"))["rail"]} <= names_of_urls()


@pytest.mark.django_db
def test_every_model_has_its_migration() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_django_has_nothing_to_object() -> None:
    call_command("check", "--fail-level", "WARNING")


def test_no_template_runs_script_or_style_of_its_own() -> None:
    """A strict content policy: no inline script, style or handler. JSON for scripts is data, not code."""
    wrong = []
    inline = re.compile(
        r"<style|\sstyle=|<script(?![^>]*\ssrc=)(?![^>]*application/json)|\son[a-z]+=|\shx-on|javascript:",
        re.IGNORECASE,
    )
    for path in templates():
        if path.suffix == ".html":
            text = path.read_text(encoding="utf-8")
            wrong += [f"{relative(path)}: {m.group(0)}" for m in inline.finditer(text)]
    assert wrong == []


def test_no_page_asks_the_internet() -> None:
    outside = re.compile(r"""(?:src|href|action)=["'](?:https?:)?//""", re.IGNORECASE)
    wrong = [relative(p) for p in templates() if p.suffix == ".html" and outside.search(p.read_text(encoding="utf-8"))]
    assert wrong == []
