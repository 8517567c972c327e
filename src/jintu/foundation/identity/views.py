"""Pages of sign-in, one's own account, accounts and organisations."""

from __future__ import annotations

import base64
import secrets
from typing import Any

from django.contrib import messages
from django.contrib.auth import login, logout, update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from jintu.foundation.journal import append
from jintu.kernel.errors import NotAllowed

from . import actor_of, mfa, passwords
from .access import needs
from .forms import ROLE_LABELS, AccountForm, CodeForm, GrantForm, OrganisationForm, PasswordForm, SignInForm
from .login import sign_in
from .models import Notice, Organisation, User
from .notices import KINDS as notice_kinds

PAGE = 50


@never_cache
def login_page(request: HttpRequest) -> HttpResponse:
    form = SignInForm(request.POST or None)
    answer = None
    if request.method == "POST" and form.is_valid():
        facts = form.cleaned_data
        answer = sign_in(facts["username"], facts["password"], request.META.get("REMOTE_ADDR", ""), facts["code"])
        if answer.user is not None:
            login(request, answer.user, backend="django.contrib.auth.backends.ModelBackend")
            return redirect(_next(request))
    status = 403 if answer is not None and answer.why == "locked" else 200
    context = {
        "form": form,
        "answer": answer,
        "next": _next(request, default=""),
        "expired": "expired" in request.GET,
        "ask_code": answer is not None and answer.why == "code_needed",
    }
    return render(request, "identity/login.html", context, status=status)


def _next(request: HttpRequest, default: str = "/") -> str:
    """Where to go after signing in: only places of this site."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
        return wanted
    return default


@require_POST
def logout_page(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        with transaction.atomic():
            append("identity.sign_out", actor=actor_of(request), objects=[("identity.user", str(request.user.pk))])
    logout(request)
    return redirect("identity:login")


@login_required
def password(request: HttpRequest) -> HttpResponse:
    """One's own password; also where a first or an expired one leads."""
    form = PasswordForm(request.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            passwords.change_password(request.user, form.cleaned_data["new"], by_user=True)
            append("identity.password", actor=actor_of(request), objects=[("identity.user", str(request.user.pk))])
        update_session_auth_hash(request, request.user)
        messages.success(request, _("The password is changed."))
        return redirect("home")
    return render(request, "identity/password.html", {"form": form, "first": request.user.must_change_password})


@login_required
def account(request: HttpRequest) -> HttpResponse:
    """One's own account: facts, roles and the second factor."""
    roles = [ROLE_LABELS[r] for r in ROLE_LABELS if request.user.has_role(r)]
    return render(request, "identity/account.html", {"roles": roles})


@login_required
def second_factor(request: HttpRequest) -> HttpResponse:
    """Switch the second factor on (after a code proved it works) or off (with a code)."""
    user = request.user
    form = CodeForm(request.POST or None)
    secret = None
    if not user.mfa_secret:
        held = request.session.get("mfa_new")
        secret = base64.b32decode(held) if held else mfa.new_secret()
        request.session["mfa_new"] = base64.b32encode(secret).decode()
    if request.method == "POST" and form.is_valid():
        if mfa.accept(user, form.cleaned_data["code"], secret):
            with transaction.atomic():
                user.mfa_secret = mfa.seal(secret) if secret else None
                user.save(update_fields=["mfa_secret"])
                act = "identity.mfa_on" if secret else "identity.mfa_off"
                append(act, actor=actor_of(request), objects=[("identity.user", str(user.pk))])
            request.session.pop("mfa_new", None)
            return redirect("identity:account")
        form.add_error("code", _("The code is not right. Check the clock of your device."))
    context: dict[str, Any] = {"form": form, "on": secret is None}
    if secret:
        context |= {"secret": base64.b32encode(secret).decode(), "uri": mfa.otpauth_uri(secret, user)}
    return render(request, "identity/second_factor.html", context)


@login_required
def notices(request: HttpRequest) -> HttpResponse:
    """What waits for this person; opening the page does not mark anything read."""
    rows = Notice.objects.filter(user=request.user).order_by(F("read_at").asc(nulls_first=True), "-made_at")
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    for notice in page:
        notice.facts = notice_kinds.get(notice.kind)
    return render(request, "identity/notices.html", {"page": page})


@require_POST
@login_required
def notice_open(request: HttpRequest, pk: int) -> HttpResponse:
    """Mark one read and go where it is dealt with; 0 marks all read."""
    mine = Notice.objects.filter(user=request.user, read_at__isnull=True)
    if pk == 0:
        mine.update(read_at=timezone.now())
        return redirect("identity:notices")
    notice = get_object_or_404(Notice, user=request.user, pk=pk)
    mine.filter(pk=pk).update(read_at=timezone.now())
    kind = notice_kinds.get(notice.kind)
    return redirect(kind.url(notice.target) if kind else "identity:notices")


@login_required
def system(request: HttpRequest) -> HttpResponse:
    """The places of the system menu that this person's roles open."""
    scope = request.scope  # type: ignore[attr-defined]
    places = [
        ("identity:users", _("Accounts and roles"), "users", ("accounts", "grant"), _("who may sign in, and as what")),
        (
            "identity:organisations",
            _("Organisations"),
            "building",
            ("configure",),
            _("bureaus, offices and their divisions"),
        ),
        (
            "checks:rules",
            _("Rule catalogue"),
            "list-check",
            ("view", "configure"),
            _("rules, their law and their thresholds"),
        ),
        ("checks:runs", _("Supervision runs"), "player-play", ("view",), _("official runs and what-if runs")),
        (
            "layers:versions",
            _("Layer versions"),
            "stack-2",
            ("view",),
            _("what is on One Map, since when, from which file"),
        ),
        ("operations:jobs", _("Jobs"), "progress", ("jobs",), _("imports, exports and runs under way and done")),
        ("journal:list", _("Journal"), "notebook", ("journal",), _("every act, in a sealed chain")),
        ("identity:account", _("My account"), "user", (), _("password, second factor")),
    ]
    shown = [p for p in places if not p[3] or any(scope.can(v) for v in p[3])]
    return render(request, "identity/system.html", {"places": shown})


@login_required
def users(request: HttpRequest) -> HttpResponse:
    _users_only(request)
    found = User.objects.select_related("organisation")
    words = request.GET.get("q", "").strip()
    if words:
        found = found.filter(username__icontains=words) | found.filter(name__icontains=words)
    page = Paginator(found.order_by("username"), PAGE).get_page(request.GET.get("page"))
    for user in page:
        user.role_labels = [ROLE_LABELS[r] for r in ROLE_LABELS if user.has_role(r)]
    return render(request, "identity/users.html", {"page": page, "q": words})


def _users_only(request: HttpRequest) -> None:
    scope = request.scope  # type: ignore[attr-defined]
    if not (scope.can("accounts") or scope.can("grant")):
        raise NotAllowed("Accounts are kept by the system and security administrators.", remedy="Ask one of them.")


@needs("accounts")
def user_create(request: HttpRequest) -> HttpResponse:
    """A new account: switched off and without roles until the security administrator enables it."""
    form = AccountForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        first = secrets.token_urlsafe(9) + "-9a"
        with transaction.atomic():
            user = form.save(commit=False)
            user.is_active, user.roles = False, []
            user.set_password(first)
            user.save()
            append("identity.account_create", actor=actor_of(request), objects=[("identity.user", str(user.pk))])
        return render(request, "identity/first_password.html", {"person": user, "first": first})
    return render(request, "identity/user_form.html", {"form": form, "person": None})


@login_required
def user_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """The system administrator edits who it is; the security administrator what they may do."""
    _users_only(request)
    person = get_object_or_404(User.objects.select_related("organisation"), pk=pk)
    scope = request.scope  # type: ignore[attr-defined]
    granting = scope.can("grant")
    form = (GrantForm if granting else AccountForm)(request.POST or None, instance=person)
    if request.method == "POST" and form.is_valid():
        if granting and person.pk == request.user.pk:
            raise NotAllowed("Nobody may give rights to themselves.", remedy="Ask another security administrator.")
        with transaction.atomic():
            form.save()
            append(
                "identity.grant" if granting else "identity.account_edit",
                actor=actor_of(request),
                objects=[("identity.user", str(person.pk))],
                facts={"roles": person.roles, "data_level": person.data_level, "active": person.is_active}
                if granting
                else {},
            )
        messages.success(request, _("Saved."))
        return redirect("identity:users")
    return render(request, "identity/user_form.html", {"form": form, "person": person, "granting": granting})


@require_POST
@needs("accounts")
def user_reset(request: HttpRequest, pk: int) -> HttpResponse:
    """A new first password, which also ends the second factor: both are told to the person face to face."""
    person = get_object_or_404(User, pk=pk)
    first = secrets.token_urlsafe(9) + "-9a"
    with transaction.atomic():
        passwords.change_password(person, first, by_user=False)
        User.objects.filter(pk=pk).update(mfa_secret=None)
        append("identity.password_reset", actor=actor_of(request), objects=[("identity.user", str(person.pk))])
    return render(request, "identity/first_password.html", {"person": person, "first": first})


@needs("configure")
def organisations(request: HttpRequest) -> HttpResponse:
    page = Paginator(Organisation.objects.select_related("parent").order_by("division", "code"), PAGE)
    return render(request, "identity/organisations.html", {"page": page.get_page(request.GET.get("page"))})


@needs("configure")
def organisation_edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    unit = get_object_or_404(Organisation, pk=pk) if pk else None
    form = OrganisationForm(request.POST or None, instance=unit)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            saved = form.save()
            append(
                "identity.organisation",
                actor=actor_of(request),
                division=saved.division,
                objects=[("identity.organisation", saved.code)],
            )
        messages.success(request, _("Saved."))
        return redirect("identity:organisations")
    return render(request, "identity/organisation_form.html", {"form": form, "unit": unit})
