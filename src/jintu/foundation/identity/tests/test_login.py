"""Signing in: lock-out, second factor, first password, idle sessions."""

import time

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.conf import settings
from django.urls import reverse

from jintu.foundation.identity import mfa
from jintu.foundation.identity.login import sign_in
from jintu.foundation.identity.models import LoginAttempt, Organisation, User
from jintu.foundation.journal.models import Entry

pytestmark = pytest.mark.django_db
PASSWORD = "Right-pass-1"


@pytest.fixture
def clerk():
    unit = Organisation.objects.create(code="xian", name="示例县局", level="county", division="990121")
    return User.objects.create_user(
        "zhao", PASSWORD, name="赵", organisation=unit, roles=["clerk"], must_change_password=False
    )


def test_the_right_password_signs_in(client, clerk):
    answer = client.post(reverse("identity:login"), {"username": "zhao", "password": PASSWORD})
    assert answer.status_code == 302
    assert client.session["_auth_user_id"] == str(clerk.pk)


def test_five_failures_lock_even_the_right_password(clerk):
    for _attempt in range(settings.JINTU_LOGIN["failures"]):
        assert sign_in("zhao", "wrong", "10.0.0.1").user is None
    answer = sign_in("zhao", PASSWORD, "10.0.0.2")
    assert answer.why == "locked"
    assert answer.until is not None


def test_a_success_resets_the_count(clerk):
    for _attempt in range(settings.JINTU_LOGIN["failures"] - 1):
        sign_in("zhao", "wrong", "10.0.0.1")
    assert sign_in("zhao", PASSWORD, "10.0.0.1").user == clerk
    assert sign_in("zhao", "wrong", "10.0.0.1").tries_left == settings.JINTU_LOGIN["failures"] - 1


def test_an_unknown_account_is_counted_and_answered_alike(clerk):
    answer = sign_in("nobody", "wrong", "10.0.0.1")
    assert answer.why == "wrong"
    assert LoginAttempt.objects.filter(username="nobody").count() == 1


def test_no_name_enters_the_journal(clerk):
    sign_in("zhao", "wrong", "10.0.0.1")
    entry = Entry.objects.latest("pk")
    assert "zhao" not in str(entry.__dict__)


def test_a_code_is_needed_when_the_second_factor_is_on_and_works_once(clerk):
    secret = mfa.new_secret()
    clerk.mfa_secret = mfa.seal(secret)
    clerk.save()
    assert sign_in("zhao", PASSWORD, "10.0.0.1").why == "code_needed"
    code = TOTP(secret, 6, hashes.SHA1(), 30).generate(int(time.time())).decode()
    assert sign_in("zhao", PASSWORD, "10.0.0.1", code).user == clerk
    assert sign_in("zhao", PASSWORD, "10.0.0.1", code).why == "wrong"


def test_a_first_password_must_be_changed_before_anything_else(client, clerk):
    User.objects.filter(pk=clerk.pk).update(must_change_password=True)
    client.force_login(clerk)
    answer = client.get(reverse("identity:system"))
    assert answer.status_code == 302
    assert answer["Location"] == reverse("identity:password")


def test_an_idle_session_ends_and_says_so(client, clerk):
    client.force_login(clerk)
    client.get(reverse("identity:account"))
    session = client.session
    session["seen"] = int(time.time()) - settings.JINTU_LOGIN["idle_minutes"] * 60 - 5
    session.save()
    answer = client.get(reverse("identity:account"))
    assert answer.status_code == 302
    assert "expired=1" in answer["Location"]


def test_after_sign_in_only_this_site_is_a_next_page(client, clerk):
    data = {"username": "zhao", "password": PASSWORD, "next": "https://evil.example/"}
    assert client.post(reverse("identity:login"), data)["Location"] == "/"


def test_a_clerk_may_not_open_the_accounts(client, clerk):
    client.force_login(clerk)
    assert client.get(reverse("identity:users")).status_code == 403


def test_a_security_administrator_may_not_grant_conflicting_roles_or_to_themselves(client, clerk):
    guard = User.objects.create_user("guard", PASSWORD, name="卫", roles=["security_admin"], must_change_password=False)
    client.force_login(guard)
    url = reverse("identity:user_edit", args=[clerk.pk])
    answer = client.post(url, {"roles": ["system_admin", "clerk"], "data_level": 1, "is_active": "on"})
    assert answer.status_code == 200
    clerk.refresh_from_db()
    assert clerk.roles == ["clerk"]
    own = reverse("identity:user_edit", args=[guard.pk])
    assert client.post(own, {"roles": ["security_admin"], "data_level": 2, "is_active": "on"}).status_code == 403


def test_a_new_account_is_off_until_it_is_granted(client):
    keeper = User.objects.create_user("keeper", PASSWORD, name="管", roles=["system_admin"], must_change_password=False)
    client.force_login(keeper)
    answer = client.post(
        reverse("identity:user_create"), {"username": "qian", "name": "钱", "post": "", "division": ""}
    )
    assert answer.status_code == 200
    made = User.objects.get(username="qian")
    assert not made.is_active
    assert made.roles == []


@pytest.mark.parametrize(
    "password, said",
    [
        ("Ab1-x", "不得少于 10 个字符"),
        ("8274651937", "不得全为数字"),
        ("Zhao", "不得与账号、姓名相似"),
        ("Password123", "不得是众所周知的常用口令"),
    ],
)
def test_each_password_rule_says_itself_in_chinese(client, clerk, password, said):
    client.force_login(clerk)
    answer = client.post(
        reverse("identity:password"),
        {"old": PASSWORD, "new": password, "again": password},
        headers={"accept-language": "zh-hans"},
    )
    errors = str(answer.context["form"].errors)
    assert said in errors
    assert "password" not in errors.lower().replace("auto_id", "")
