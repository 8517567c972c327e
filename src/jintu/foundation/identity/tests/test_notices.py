"""Notices reach the nearest people who can act, and add up until they are read."""

import pytest
from django.urls import reverse

from jintu.foundation.identity import notices
from jintu.foundation.identity.models import Notice, Organisation, User
from jintu.foundation.operations.hooks import Act

pytestmark = pytest.mark.django_db


@pytest.fixture
def people():
    made = {}
    for code, level, division in (("xian", "county", "990121"), ("lin", "county", "990122"), ("shi", "city", "990100")):
        unit = Organisation.objects.create(code=code, name=code, level=level, division=division)
        for role in ("clerk", "reviewer"):
            made[code, role] = User.objects.create_user(
                f"{code}-{role}", "Right-pass-1", name="x", organisation=unit, roles=[role], must_change_password=False
            )
    return made


def test_a_dispatch_tells_the_countys_clerk_and_nobody_of_the_neighbour(people):
    notices.listen(Act(1, "finding.dispatch", "990121003", (("checks.finding", "YD-1"),)))
    assert list(Notice.objects.values_list("user__username", flat=True)) == ["xian-clerk"]


def test_unread_notices_of_one_kind_add_up(people):
    for n in (1, 2, 3):
        notices.listen(Act(n, "finding.dispatch", "990121003", (("checks.finding", f"YD-{n}"),)))
    notice = Notice.objects.get()
    assert (notice.count, notice.target) == (3, "YD-3")


def test_who_acted_is_not_told(people):
    clerk = people["xian", "clerk"]
    notices.listen(Act(1, "finding.dispatch", "990121", (("checks.finding", "YD-1"),), user=clerk.pk))
    assert not Notice.objects.filter(user=clerk).exists()


def test_opening_a_notice_marks_it_read_and_leads_there(client, people):
    notices.listen(Act(1, "finding.dispatch", "990121003", (("checks.finding", "YD-1"),)))
    notice = Notice.objects.get()
    client.force_login(people["lin", "clerk"])
    assert client.post(reverse("identity:notice_open", args=[notice.pk])).status_code == 404
    client.force_login(people["xian", "clerk"])
    answer = client.post(reverse("identity:notice_open", args=[notice.pk]))
    assert "state=dispatched" in answer["Location"]
    notice.refresh_from_db()
    assert notice.read_at is not None


@pytest.mark.parametrize(
    ("code", "expected"),
    [("990121003", ["990121003", "990121", "990100", "990000", ""]), ("990000", ["990000", ""])],
)
def test_ancestors(code, expected):
    assert notices.ancestors(code) == expected
