"""``jintu user``: accounts from the command line of the node (for the first administrators and for rescue)."""

from __future__ import annotations

import secrets

import click
from django.utils.translation import gettext as _

from jintu.config.commands import echo_json, setup

__all__ = ["user"]


@click.group()
def user() -> None:
    """Accounts: list, add, password."""


@user.command("list")
@click.option("--json", "as_json", is_flag=True)
def list_users(as_json: bool) -> None:
    """All accounts with their roles."""
    setup()
    from jintu.foundation.identity.models import User

    rows = [
        {
            "account": u.username,
            "organisation": u.organisation.code if u.organisation else "",
            "division": u.division or (u.organisation.division if u.organisation else ""),
            "roles": u.roles,
            "active": u.is_active,
        }
        for u in User.objects.select_related("organisation").order_by("username")
    ]
    if as_json:
        echo_json(rows)
        return
    for row in rows:
        state = "" if row["active"] else f" ({_('off')})"
        click.echo(f"{row['account']:<20} {row['division'] or '-':<12} {','.join(row['roles'])}{state}")


@user.command()
@click.argument("account")
@click.option("--name", default="", help="Name shown on pages; defaults to the account.")
@click.option("--organisation", default="", help="Code of the organisation.")
@click.option("--role", "roles", multiple=True, required=True)
@click.option("--division", default="", help="Narrower than the organisation's.")
@click.option("--data-level", type=int, default=1)
def add(account: str, name: str, organisation: str, roles: tuple[str, ...], division: str, data_level: int) -> None:
    """Make an account with a random first password, printed once."""
    setup()
    from django.db import transaction

    from jintu.foundation.identity.models import Organisation, User
    from jintu.foundation.identity.scope import Role, role_conflict
    from jintu.foundation.journal import append
    from jintu.kernel.errors import Missing, Refused

    unknown = [r for r in roles if r not in Role._value2member_map_]
    if unknown:
        raise Missing("There is no role {role}; there are: {known}.", role=unknown[0], known=", ".join(Role))
    if role_conflict(list(roles)):
        raise Refused("An administrator may hold one administrator's role and no other.")
    if User.objects.filter(username=account).exists():
        raise Refused("The account {account} exists already.", account=account)
    unit = None
    if organisation:
        unit = Organisation.objects.filter(code=organisation).first()
        if unit is None:
            raise Missing("There is no organisation {code}.", code=organisation)
    first = secrets.token_urlsafe(12) + "-9a"
    with transaction.atomic():
        made = User.objects.create_user(
            account,
            first,
            name=name or account,
            organisation=unit,
            roles=list(roles),
            division=division,
            data_level=data_level,
        )
        append("identity.account_create", objects=[("identity.user", str(made.pk))], facts={"roles": list(roles)})
    click.echo(f"{account}  {first}")


@user.command()
@click.argument("account")
def password(account: str) -> None:
    """Give an account a new first password and end its second factor; printed once."""
    setup()
    from django.db import transaction

    from jintu.foundation.identity import passwords
    from jintu.foundation.identity.models import User
    from jintu.foundation.journal import append
    from jintu.kernel.errors import Missing

    person = User.objects.filter(username=account).first()
    if person is None:
        raise Missing("There is no account {account}.", account=account)
    first = secrets.token_urlsafe(12) + "-9a"
    with transaction.atomic():
        passwords.change_password(person, first, by_user=False)
        User.objects.filter(pk=person.pk).update(mfa_secret=None)
        append("identity.password_reset", objects=[("identity.user", str(person.pk))])
    click.echo(f"{account}  {first}")
