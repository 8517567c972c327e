"""Who may read the journal, and what the filters find."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import Client
from django.urls import reverse

from jintu.foundation.identity.models import Organisation
from jintu.foundation.journal import Actor, append

pytestmark = pytest.mark.django_db


def person(name: str, role: str, division: str = "990121") -> Client:
    unit, _ = Organisation.objects.get_or_create(
        code=division, defaults={"name": "示例县自然资源局", "level": "county", "division": division}
    )
    administrator = role.endswith("_admin")
    user = get_user_model().objects.create_user(
        name, "Correct-horse-9", name=name, roles=[role], organisation=None if administrator else unit
    )
    from django.utils import timezone

    user.must_change_password, user.password_changed_at = False, timezone.now()
    user.save()
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def acts() -> None:
    with transaction.atomic():
        for number in range(60):
            append(
                "register.edit" if number % 2 else "findings.close",
                actor=Actor(user=number % 3, organisation="o"),
                division="990121001" if number % 2 else "990122001",
                objects=[("land.supply", f"S{number}")],
            )


def rows(client: Client, **query: str) -> list[Any]:
    answer = client.get(reverse("journal:list"), query)
    assert answer.status_code == 200
    return [entry for entry, _ in answer.context["rows"]]


def test_only_auditors_read_it(acts: None) -> None:
    for role, status in (("clerk", 403), ("system_admin", 403), ("security_admin", 403), ("audit_admin", 200)):
        assert person(role, role).get(reverse("journal:list")).status_code == status, role
    assert Client().get(reverse("journal:list")).status_code == 302


def test_an_auditor_sees_the_divisions_in_scope(acts: None) -> None:
    assert {e.division for e in rows(person("auditor", "auditor"))} == {"990121001"}


def test_pages_go_on_by_key(acts: None) -> None:
    client = person("a", "audit_admin")
    first = rows(client)
    answer = client.get(reverse("journal:list"))
    second = rows(client, before=str(answer.context["older"]))
    assert (len(first), len(second)) == (50, 10)
    numbers = [e.pk for e in first + second]
    assert numbers == sorted(numbers, reverse=True)


def test_filters(acts: None) -> None:
    client = person("a", "audit_admin")
    assert {e.act for e in rows(client, act="findings.close")} == {"findings.close"}
    assert {e.act for e in rows(client, act="register.")} == {"register.edit"}
    assert [e.objects_json for e in rows(client, object="S7")] == [[["land.supply", "S7"]]]
    assert len(rows(client, object="land.supply S7")) == 1
    assert rows(client, object="land.approval S7") == []
    assert rows(client, account="nobody") == []
    assert rows(client, since="2999-01-01") == []
    assert rows(client, until="2000-01-01") == []
    assert client.get(reverse("journal:list"), {"since": "31 February"}).status_code == 422
