"""Whatever answers GET answers HEAD (RFC 9110 §9.3.2): link checkers, caches and load balancers ask by it."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from uuid import UUID

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.director import signed_in

SAMPLES = {"IntConverter": 1, "UUIDConverter": UUID(int=1)}


def addresses() -> Iterator[tuple[str, dict[str, object]]]:
    """(name, arguments that its pattern takes) of every URL pattern."""

    def walk(patterns: list[URLPattern | URLResolver], prefix: str, given: dict[str, object]) -> Iterator:
        for entry in patterns:
            own = given | {
                name: SAMPLES.get(type(converter).__name__, "x") for name, converter in entry.pattern.converters.items()
            }
            if isinstance(entry, URLResolver):
                inner = f"{prefix}{entry.namespace}:" if entry.namespace else prefix
                yield from walk(entry.url_patterns, inner, own)
            else:
                assert entry.name, f"{entry.pattern} has no name"
                yield prefix + entry.name, own

    return walk(get_resolver().url_patterns, "", {})


@pytest.fixture
def director(db) -> Client:
    return signed_in(Client(raise_request_exception=False))


def test_head_is_allowed_wherever_get_is(director):
    """A method is refused before rights and arguments are looked at, so that made-up ones do."""
    wrong, walked = [], 0
    for name, given in addresses():
        path = reverse(name, kwargs=given)
        if director.get(path).status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            continue
        walked += 1
        if director.head(path).status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            wrong.append(name)
    assert not wrong
    assert walked > 80


@pytest.mark.parametrize("name", ["home", "layers:onemap", "layers:config"])
def test_head_says_what_get_would_without_its_body(director, name):
    got, asked = director.get(reverse(name)), director.head(reverse(name))
    assert asked.status_code == got.status_code == HTTPStatus.OK
    assert asked.content == b"" != got.content
    assert asked.headers["Content-Type"] == got.headers["Content-Type"]
