"""The scope: which division, which data level, which verb."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jintu.foundation.identity.models import Organisation, User
from jintu.foundation.identity.scope import ADMINISTRATORS, BUSINESS_VERBS, Role, Scope, prefix_of, role_conflict

codes = st.from_regex(r"\d{6}(\d{3}){0,2}", fullmatch=True)


@pytest.mark.parametrize(
    ("code", "prefix"),
    [("990000", "99"), ("990100", "9901"), ("990121", "990121"), ("990121003", "990121003"), ("", "")],
)
def test_a_code_without_its_zeros_is_the_prefix_of_all_inside(code, prefix):
    assert prefix_of(code) == prefix


@given(codes)
def test_a_division_covers_itself_and_what_is_below_it(code):
    scope = Scope(divisions=(prefix_of(code),), verbs=frozenset({"view"}))
    assert scope.covers(code)
    assert scope.covers(code + "001")


def test_a_county_does_not_cover_its_neighbour_or_its_city():
    scope = Scope(divisions=("990121",), verbs=frozenset({"view"}))
    assert not scope.covers("990122")
    assert not scope.covers("990100")


def test_nothing_is_seen_without_the_verb_view():
    assert Scope(divisions=("99",), verbs=frozenset({"edit"})).rows() == Scope.nothing().rows()


def test_unknown_verbs_are_a_mistake_of_the_programmer():
    with pytest.raises(ValueError, match="unknown verb"):
        Scope.everything().can("frobnicate")


@pytest.mark.parametrize("role", sorted(ADMINISTRATORS))
def test_administrators_have_no_business_verb_and_no_division(role):
    user = User(username="a", roles=[role], must_change_password=False)
    user.organisation = Organisation(code="x", division="990121", name="x")
    scope = Scope.of(user)
    assert not scope.verbs & BUSINESS_VERBS
    assert scope.divisions == ()


def test_the_three_administrators_are_three_persons():
    assert role_conflict([Role.SYSTEM_ADMIN, Role.AUDIT_ADMIN])
    assert role_conflict([Role.SYSTEM_ADMIN, Role.CLERK])
    assert not role_conflict([Role.CLERK, Role.DIRECTOR])


def test_a_first_password_opens_nothing():
    user = User(username="a", roles=[Role.CLERK], must_change_password=True)
    assert Scope.of(user).verbs == frozenset()
