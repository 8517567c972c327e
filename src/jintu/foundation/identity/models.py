"""Organisations, posts, roles and users. A person's post gives their scope; their roles give their verbs."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .scope import Role

__all__ = ["LoginAttempt", "Notice", "Organisation", "User"]


class Organisation(models.Model):
    """A bureau, office or department; it administers one division, or several for an inspectorate bureau."""

    class Level(models.TextChoices):
        TOWNSHIP = "township", _("township")
        COUNTY = "county", _("county")
        CITY = "city", _("city")
        PROVINCE = "province", _("province")
        MINISTRY = "ministry", _("ministry")

    code = models.CharField(_("code"), max_length=30, unique=True)
    name = models.CharField(_("name"), max_length=120)
    level = models.CharField(_("level"), max_length=10, choices=Level)
    division = models.CharField(_("division"), max_length=12, blank=True)
    more_divisions = models.JSONField(_("further divisions"), default=list, blank=True)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="units")
    is_active = models.BooleanField(default=True)

    class Meta:
        db_table = "identity_organisation"
        ordering = ["division", "code"]

    def __str__(self) -> str:
        return self.name

    @property
    def divisions(self) -> tuple[str, ...]:
        """Division codes the organisation administers; the empty code is the whole country."""
        return (self.division, *self.more_divisions)


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        return self.select_related("organisation").get(username=username)

    def create_user(self, username: str, password: str | None = None, **facts: object) -> User:
        user = self.model(username=username, **facts)
        user.set_password(password)
        user.full_clean(exclude=["password"])
        user.save()
        return user


class User(AbstractBaseUser):
    """A person's account. Names stay here: journal and logs carry the number only."""

    username = models.CharField(_("account"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=60)
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, related_name="users", null=True, blank=True, verbose_name=_("organisation")
    )
    post = models.CharField(_("post"), max_length=60, blank=True)
    roles = models.JSONField(_("roles"), default=list)
    division = models.CharField(_("division"), max_length=12, blank=True)
    """Narrower than the organisation's when a person serves one township only; empty: the organisation's."""
    data_level = models.PositiveSmallIntegerField(_("data level"), default=1)
    is_active = models.BooleanField(_("active"), default=True)
    must_change_password = models.BooleanField(default=True)
    password_changed_at = models.DateTimeField(null=True, blank=True)
    old_passwords = models.JSONField(default=list, editable=False)
    """Hashes of the last five passwords, newest first."""
    mfa_secret = models.BinaryField(null=True, blank=True, editable=False)
    """TOTP secret, encrypted with a key derived from the node's secret."""
    mfa_last_step = models.BigIntegerField(default=0)
    """The last time step a code was used in: a code works once."""
    created_at = models.DateTimeField(default=timezone.now)

    objects = UserManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: list[str] = []

    class Meta:
        db_table = "identity_user"
        ordering = ["username"]

    def __str__(self) -> str:
        return self.name or self.username

    def has_role(self, *roles: Role | str) -> bool:
        return any(str(r) in self.roles for r in roles)


class LoginAttempt(models.Model):
    """Failed and successful log-ins by account and address: the lock-out must survive a restart and many processes."""

    username = models.CharField(max_length=60)
    address = models.CharField(max_length=45, blank=True)
    at = models.DateTimeField(default=timezone.now)
    succeeded = models.BooleanField(default=False)

    class Meta:
        db_table = "identity_login_attempt"
        indexes = [models.Index(fields=["username", "at"]), models.Index(fields=["address", "at"])]


class Notice(models.Model):
    """Something waits for a person. Notices of one kind add up until they are read: "12 findings dispatched"."""

    user = models.ForeignKey(User, models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=40)
    count = models.PositiveIntegerField(default=1)
    target = models.CharField(max_length=200, blank=True)
    """Key of the last thing it is about: a finding number, a job number."""
    made_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "identity_notice"
        indexes = [models.Index(fields=["user", "read_at", "-made_at"])]
