"""A county director who has signed in."""

from __future__ import annotations

from django.test import Client
from django.utils import timezone

from jintu.foundation.identity.models import Organisation, User

__all__ = ["COUNTY", "signed_in"]

COUNTY = "990121"


def signed_in(client: Client) -> Client:
    """The client, signed in as the director of `COUNTY`."""
    unit = Organisation.objects.create(code="county", name="示例县自然资源局", level="county", division=COUNTY)
    user = User.objects.create_user(
        "director",
        "Sample-2026-pass",
        name="左远",
        roles=["director"],
        organisation=unit,
        must_change_password=False,
        password_changed_at=timezone.now(),
    )
    client.force_login(user)
    return client
