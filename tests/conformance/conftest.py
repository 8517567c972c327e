"""Personas: what each may do is written here by hand, from the job descriptions, not taken from the code."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest


@dataclass(frozen=True)
class Persona:
    name: str
    role: str
    division: str
    level: str
    sees: frozenset[str] = field(default_factory=frozenset)
    """Divisions of the two test counties whose rows the persona sees."""
    verbs: frozenset[str] = field(default_factory=frozenset)

    def __str__(self) -> str:
        return self.name


BOTH, OWN, OTHER = frozenset({"990121", "990122"}), frozenset({"990121"}), frozenset({"990122"})
CLERK = frozenset({"view", "create", "edit", "import", "export", "attach"})
DIRECTOR = CLERK | {"withdraw"}
LOOK = frozenset({"view"})

PERSONAS = (
    Persona("county clerk", "clerk", "990121", "county", OWN, CLERK),
    Persona("county director", "director", "990121", "county", OWN, DIRECTOR),
    Persona("neighbour's clerk", "clerk", "990122", "county", OTHER, CLERK),
    Persona("township viewer", "viewer", "990121009", "township", frozenset(), LOOK),
    Persona("city reviewer", "reviewer", "990100", "city", BOTH, LOOK | {"export", "attach"}),
    Persona("province director", "director", "990000", "province", BOTH, DIRECTOR),
    Persona("ministry inspector", "inspector", "", "ministry", BOTH, LOOK | {"export"}),
    Persona("auditor", "auditor", "990121", "county", OWN, LOOK),
    Persona("system administrator", "system_admin", "990121", "county"),
    Persona("security administrator", "security_admin", "990121", "county"),
    Persona("audit administrator", "audit_admin", "990121", "county"),
)


@pytest.fixture(params=PERSONAS, ids=str)
def persona(request):
    return request.param


@pytest.fixture
def as_persona(client, db):
    """Sign a persona in: ``as_persona(persona)`` is the client."""
    from django.utils import timezone

    from jintu.foundation.identity.models import Organisation, User

    def sign_in(persona):
        unit = Organisation.objects.create(
            code=f"c-{persona.name}"[:30], name=persona.name, level=persona.level, division=persona.division
        )
        user = User.objects.create(
            username=persona.name, name=persona.name, organisation=unit, roles=[persona.role],
            must_change_password=False, password_changed_at=timezone.now(),
        )  # fmt: skip
        client.force_login(user)
        return client

    return sign_in
