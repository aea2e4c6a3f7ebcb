"""Who may open which pages, and the record of what they did and looked at."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models

from common.texts import N_
from server.core import clock


class Role(models.TextChoices):
    """What an account is for; each may do what those after it may, members only look at themselves."""

    ADMINISTRATOR = "administrator", N_("administrator")
    FABMANAGER = "fabmanager", N_("fabmanager")
    TRAINER = "trainer", N_("trainer")
    MEMBER = "member", N_("member")


class Account(AbstractBaseUser):
    """Somebody who logs in. member: the id of the member that they are, where they are one; site: the one they see.

    email: where letters about the workshop go that they run, "" for nowhere.
    """

    username = models.CharField(max_length=150, unique=True)
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.MEMBER)
    member = models.CharField(max_length=64, blank=True)
    language = models.CharField(max_length=2, blank=True)
    site = models.ForeignKey("sites.Site", null=True, blank=True, on_delete=models.PROTECT)
    email = models.CharField(max_length=254, blank=True, default="", db_default="")
    is_active = models.BooleanField(default=True)
    made = models.DateTimeField(default=clock.now)

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = BaseUserManager["Account"]()

    def may(self, role: Role) -> bool:
        """Return whether this account may do what that role may."""
        order = list(Role)
        return order.index(Role(self.role)) <= order.index(role)


class AuditRecord(models.Model):
    """Somebody edited something, or looked at somebody's data."""

    at = models.DateTimeField(default=clock.now, db_index=True)
    account = models.CharField(max_length=150)
    what = models.CharField(max_length=40)
    about = models.CharField(max_length=300, blank=True)
