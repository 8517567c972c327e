"""People, organisations, roles and scope."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest

    from jintu.foundation.journal import Actor

__all__ = ["actor_of", "organisation_names"]


def organisation_names(codes: Iterable[str]) -> dict[str, str]:
    """Names by code of the organisations a journal or a time line mentions, in one query."""
    from .models import Organisation

    wanted = {code for code in codes if code}
    return dict(Organisation.objects.filter(code__in=wanted).values_list("code", "name")) if wanted else {}


def actor_of(request: HttpRequest) -> Actor:
    """The person of a request as plain values for the journal."""
    from jintu.foundation.journal import Actor

    user = request.user
    if not user.is_authenticated:
        return Actor(address=request.META.get("REMOTE_ADDR", ""))
    organisation = user.organisation
    return Actor(
        user=user.pk,
        organisation=organisation.code if organisation else "",
        roles=",".join(user.roles),
        division=user.division or (organisation.division if organisation else ""),
        address=request.META.get("REMOTE_ADDR", ""),
    )
