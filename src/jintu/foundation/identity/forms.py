"""Forms of sign-in, passwords, accounts and organisations."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import password_validators_help_texts, validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from .models import Organisation, User
from .scope import Role, role_conflict

__all__ = ["ROLE_LABELS", "AccountForm", "CodeForm", "GrantForm", "OrganisationForm", "PasswordForm", "SignInForm"]

ROLE_LABELS = {
    Role.SYSTEM_ADMIN: _("system administrator"),
    Role.SECURITY_ADMIN: _("security administrator"),
    Role.AUDIT_ADMIN: _("audit administrator"),
    Role.CLERK: _("clerk"),
    Role.DIRECTOR: _("director"),
    Role.REVIEWER: _("reviewer of the upper level"),
    Role.INSPECTOR: _("inspector"),
    Role.AUDITOR: _("auditor"),
    Role.VIEWER: _("viewer"),
}


class SignInForm(forms.Form):
    username = forms.CharField(label=_("Account"), max_length=60)
    password = forms.CharField(label=_("Password"), max_length=200, strip=False, widget=forms.PasswordInput)
    code = forms.CharField(label=_("One-time code"), max_length=8, required=False)


class PasswordForm(forms.Form):
    old = forms.CharField(label=_("Present password"), strip=False, widget=forms.PasswordInput)
    new = forms.CharField(label=_("New password"), strip=False, max_length=200, widget=forms.PasswordInput)
    again = forms.CharField(label=_("New password again"), strip=False, max_length=200, widget=forms.PasswordInput)

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.rules = password_validators_help_texts()

    def clean_old(self) -> str:
        if not self.user.check_password(self.cleaned_data["old"]):
            raise ValidationError(_("This is not your present password."))
        return self.cleaned_data["old"]

    def clean_new(self) -> str:
        validate_password(self.cleaned_data["new"], self.user)
        return self.cleaned_data["new"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("new") and data.get("again") and data["new"] != data["again"]:
            self.add_error("again", _("The two entries differ."))
        return data


class CodeForm(forms.Form):
    code = forms.CharField(label=_("One-time code"), max_length=8)


class AccountForm(forms.ModelForm):
    """What the system administrator writes: who it is. It gives no right."""

    class Meta:
        model = User
        fields = ["username", "name", "organisation", "post", "division"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        organisation, division = data.get("organisation"), data.get("division")
        if division and organisation is not None and not _inside(division, organisation.divisions):
            self.add_error("division", _("This division is outside the organisation's."))
        return data


class GrantForm(forms.ModelForm):
    """What the security administrator decides: roles, data level, whether the account works."""

    roles = forms.MultipleChoiceField(
        label=_("Roles"),
        choices=[(str(r), label) for r, label in ROLE_LABELS.items()],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    data_level = forms.TypedChoiceField(
        label=_("Data level"), coerce=int, choices=[(0, _("public")), (1, _("internal")), (2, _("controlled"))]
    )

    class Meta:
        model = User
        fields = ["roles", "data_level", "is_active"]

    def clean_roles(self) -> list[str]:
        roles = self.cleaned_data["roles"]
        if role_conflict(roles):
            raise ValidationError(
                _("An administrator may hold one administrator's role and no other: choose another person.")
            )
        return roles


class OrganisationForm(forms.ModelForm):
    class Meta:
        model = Organisation
        fields = ["code", "name", "level", "division", "parent", "is_active"]

    def clean_division(self) -> str:
        code = self.cleaned_data["division"].strip()
        if code and not (code.isdigit() and len(code) in (6, 9, 12)):
            raise ValidationError(_("A division code has 6, 9 or 12 digits."))
        return code


def _inside(division: str, divisions: tuple[str, ...]) -> bool:
    from .scope import prefix_of

    return any(division.startswith(prefix_of(d)) for d in divisions)
