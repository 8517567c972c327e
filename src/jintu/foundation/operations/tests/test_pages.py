"""Pages of jobs: whose jobs one sees, and what one may do to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from jintu.foundation.identity.models import Organisation
from jintu.foundation.operations.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def english(settings: Any) -> Iterator[None]:
    settings.LANGUAGE_CODE = "en"
    yield


def person(name: str, role: str, division: str = "990121") -> tuple[Client, int]:
    unit, _ = Organisation.objects.get_or_create(
        code=division, defaults={"name": division, "level": "county", "division": division}
    )
    user = get_user_model().objects.create_user(
        name, "Correct-horse-9", name=name, roles=[role], organisation=None if role.endswith("_admin") else unit
    )
    user.must_change_password, user.password_changed_at = False, timezone.now()
    user.save()
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    return client, user.pk


def job(**facts: Any) -> Job:
    return Job.objects.create(kind="x.y", title="Import", **facts)


def test_one_sees_the_jobs_of_ones_division_and_ones_own() -> None:
    clerk, me = person("clerk", "clerk")
    neighbour, _ = person("neighbour", "clerk", "990122")
    admin, _ = person("admin", "system_admin")
    viewer, _ = person("viewer", "viewer")
    here, elsewhere, mine, none = (
        job(division="990121003"),
        job(division="990122"),
        job(division="990122", user=me),
        job(),
    )

    def seen(client: Client) -> set[int]:
        return {j.pk for j in client.get(reverse("operations:jobs")).context["jobs"]}

    assert seen(clerk) == {here.pk, mine.pk}
    assert seen(neighbour) == {elsewhere.pk, mine.pk}
    assert seen(admin) == {here.pk, elsewhere.pk, mine.pk, none.pk}
    assert viewer.get(reverse("operations:jobs")).status_code == 403
    assert clerk.get(reverse("operations:job", args=[elsewhere.pk])).status_code == 404
    assert clerk.get(reverse("operations:job_progress", args=[elsewhere.pk])).status_code == 404
    assert Client().get(reverse("operations:jobs")).status_code == 302


def test_the_page_polls_until_the_job_is_over() -> None:
    clerk, me = person("clerk", "clerk")
    one = job(division="990121", user=me, state="running", done=3, total=4, message="rows")
    url = reverse("operations:job_progress", args=[one.pk])
    page = clerk.get(reverse("operations:job", args=[one.pk])).content.decode()
    assert f'hx-get="{url}"' in page
    assert "75%" in page
    assert "HX-Refresh" not in clerk.get(url).headers
    Job.objects.update(
        state="failed",
        error={
            "code": "input",
            "sentence": "Area {value} is negative.",
            "params": {"value": "-1"},
            "place": {"file": "a.csv", "row": 3},
            "remedy": "",
        },
    )
    answer = clerk.get(url)
    assert answer.headers["HX-Refresh"] == "true"
    text = answer.content.decode()
    assert "hx-get" not in text
    assert "-1" in text
    assert "a.csv" in text


def test_a_queued_job_says_how_many_are_ahead() -> None:
    clerk, me = person("clerk", "clerk")
    job(division="990121", state="running")
    job(division="990122")
    mine = job(division="990121", user=me)
    assert clerk.get(reverse("operations:job", args=[mine.pk])).context["ahead"] == 2


def test_only_its_owner_or_the_administrator_cancels_a_job() -> None:
    clerk, me = person("clerk", "clerk")
    other, _ = person("other", "clerk")
    admin, _ = person("admin", "system_admin")
    first, second = (job(division="990121", user=me) for _ in range(2))
    url = reverse("operations:job_cancel", args=[first.pk])
    assert other.post(url).status_code == 403
    assert clerk.get(url).status_code == 405
    assert clerk.post(url).status_code == 302
    assert admin.post(reverse("operations:job_cancel", args=[second.pk])).status_code == 302
    assert set(Job.objects.values_list("state", flat=True)) == {"cancelled"}
    assert clerk.post(url).status_code == 409


def test_the_list_goes_on_by_key_and_narrows_by_state() -> None:
    admin, _ = person("admin", "system_admin")
    Job.objects.bulk_create([Job(kind="x.y", title="Import", state="done") for _ in range(55)])
    job(state="failed")
    answer = admin.get(reverse("operations:jobs"))
    assert len(answer.context["jobs"]) == 50
    rest = admin.get(reverse("operations:jobs"), {"before": answer.context["older"]})
    assert len(rest.context["jobs"]) == 6
    assert rest.context["older"] is None
    assert len(admin.get(reverse("operations:jobs"), {"state": "failed"}).context["jobs"]) == 1
