"""One table from class to status, and one shape for pages, HTMX and programs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils import translation

from jintu.foundation.operations import errors
from jintu.kernel.errors import Conflict, InputError, JintuError, Missing, NotAllowed, Place, Refused, Unsupported

NEGATIVE = InputError(
    "Area {value} is negative.", place=Place(file="a.csv", row=7, field="area"), remedy="Mend {value}.", value=-3
)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (InputError, 422),
        (Unsupported, 415),
        (Refused, 409),
        (Conflict, 409),
        (NotAllowed, 403),
        (Missing, 404),
        (JintuError, 500),
    ],
)
def test_status(kind: type[JintuError], status: int) -> None:
    assert errors.status_of(kind("x")) == status


def answer(error: Exception, path: str = "/findings/", **headers: str) -> Any:
    request: HttpRequest = RequestFactory().get(path, headers=headers)
    return errors.ErrorMiddleware(lambda r: None).process_exception(request, error)  # type: ignore[arg-type,return-value]


def test_programs_get_json() -> None:
    for found in (answer(NEGATIVE, "/api/land.supply/"), answer(NEGATIVE, accept="application/json")):
        with translation.override("en"):
            assert found.status_code == 422
        told = json.loads(found.content)
        assert told["code"] == "input"
        assert "-3" in told["detail"]
        assert "7" in told["place"]


def test_places_and_values_are_filled_in() -> None:
    with translation.override("en"):
        told = errors.tell(NEGATIVE)
    assert (told.sentence, told.remedy) == ("Area -3 is negative.", "Mend -3.")
    assert told.place == "a.csv, row 7, field area"


def test_a_wrong_translation_does_not_hide_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errors, "_", lambda msgid: "面积 {wert} 为负" if msgid.startswith("Area") else msgid)
    assert errors.tell(NEGATIVE).sentence == "Area -3 is negative."


def test_other_errors_are_left_to_django() -> None:
    assert answer(ZeroDivisionError()) is None


def test_an_error_kept_by_a_job_reads_the_same() -> None:

    with translation.override("en"):
        assert errors.tell_kept(json.loads(json.dumps(errors.keep(NEGATIVE)))) == errors.tell(NEGATIVE)


@pytest.mark.django_db
def test_an_error_names_the_page_of_what_stands_in_the_way_on_this_node_alone() -> None:
    for see, shown in (("/map/versions/7/", "/map/versions/7/"), ("//elsewhere.example/", ""), ("javascript:1", "")):
        error = Conflict("There is one already.", see=see)
        assert errors.tell(error).see == errors.tell_kept(errors.keep(error)).see == shown


def test_people_get_a_page_and_htmx_a_notice() -> None:
    from django.contrib.auth.models import AnonymousUser

    from jintu.foundation.identity.scope import Scope

    for headers, whole in (({}, True), ({"HX-Request": "true"}, False)):
        request = RequestFactory().get("/findings/", headers=headers)
        request.user, request.scope = AnonymousUser(), Scope.nothing()  # type: ignore[attr-defined]
        found = errors.ErrorMiddleware(lambda r: None).process_exception(request, NEGATIVE)  # type: ignore[arg-type,return-value]
        assert found is not None
        text = found.content.decode()
        assert found.status_code == 422
        assert ("<html" in text) is whole
        assert "-3" in text
        assert "a.csv" in text


def test_the_api_handler() -> None:
    found = errors.api_exception(NEGATIVE, {})
    assert found.status_code == 422
    assert found.data["code"] == "input"
    assert errors.api_exception(ZeroDivisionError(), {}) is None


def test_an_error_inside_another_is_told_in_the_readers_language() -> None:
    inner = InputError("There is no file.", place=Place(file="b.csv", row=7))
    outer = InputError("There is no such job within your scope.", first=inner)
    outer.sentence = "{first}"
    with translation.override("zh-hans"):
        live, kept = errors.tell(outer).sentence, errors.tell_kept(json.loads(json.dumps(errors.keep(outer)))).sentence
        assert live == kept
        assert "第 7 行" in live
        assert "There" not in live


def test_a_readers_notice_is_told_in_the_readers_language() -> None:
    from jintu.kernel.formats.source import Notice

    notice = Notice("The empty last column (a trailing delimiter) is left out.", Place(file="b.csv", row=1))
    with translation.override("zh-hans"):
        live = errors.noticed(notice)
        assert live == errors.noticed(json.loads(json.dumps(errors.keep(notice))))
        assert live == "b.csv，第 1 行：末尾的空列（行末分隔符）未读取。"
    assert errors.noticed("kept long ago") == "kept long ago"
