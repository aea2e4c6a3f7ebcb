"""Who may open which pages, and the record of what they did and looked at."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Final

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models

from common.texts import N_
from server.core import clock

INVITED_FOR: Final = timedelta(days=7)


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


class Ending(models.TextChoices):
    """Why an invitation lets nobody in any more, before its time."""

    USED = "used"
    TAKEN_BACK = "taken back"


class Invitation(models.Model):
    """A link by which somebody sets the password of an account, once.

    digest: the hash of the link's word, which is kept nowhere; email: where it was sent, "" for nowhere; ending: "" for
    one that may still be used, until INVITED_FOR after it was made.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="invitations")
    digest = models.CharField(max_length=64, unique=True)
    email = models.CharField(max_length=254, blank=True)
    made = models.DateTimeField(default=clock.now, db_index=True)
    ending = models.CharField(max_length=10, choices=Ending.choices, blank=True)


class Identity(models.Model):
    """Whom a provider of OpenID Connect means by an account: by its issuer and what it calls them, for good.

    owes_second: linked by an invitation, of an account that has a second factor, and that was not shown since. Whoever
    has a link may be anybody: until then the provider's word does not stand for the second factor.
    """

    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="identity")
    issuer = models.CharField(max_length=300)
    subject = models.CharField(max_length=255)
    linked = models.DateTimeField(default=clock.now)
    owes_second = models.BooleanField(default=False, db_default=False)

    class Meta:
        """One person there is one account here."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["issuer", "subject"], name="one_account_a_person")]


class AuditRecord(models.Model):
    """Somebody edited something, or looked at somebody's data."""

    at = models.DateTimeField(default=clock.now, db_index=True)
    account = models.CharField(max_length=150)
    what = models.CharField(max_length=40)
    about = models.CharField(max_length=300, blank=True)
