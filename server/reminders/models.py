"""What each workshop wants to be sent, and what was."""

from __future__ import annotations

from typing import ClassVar, Final

from django.db import models

from common.texts import N_
from server.core import clock

SPANS: Final = (30, 7)


class Often(models.TextChoices):
    """How often a digest goes out."""

    NEVER = "never", N_("never")
    DAILY = "daily", N_("every day")
    WEEKLY = "weekly", N_("every week")


def first_spans() -> list[int]:
    """Return how many days before an end a new workshop reminds of it."""
    return list(SPANS)


class Plan(models.Model):
    """What a workshop wants to be sent; nothing at first.

    spans: so many days before an end, the most first; to_members: whether members get letters, of the main workshop's
    plan alone; weekday: 0 for Monday; since: the day from which its digests count, as it was said last.
    """

    site = models.OneToOneField("sites.Site", primary_key=True, on_delete=models.CASCADE, related_name="+")
    is_on = models.BooleanField(default=False)
    spans = models.JSONField(default=first_spans)
    to_members = models.BooleanField(default=True)
    digest = models.CharField(max_length=10, choices=Often, default=Often.WEEKLY)
    weekday = models.PositiveSmallIntegerField(default=0)
    since = models.DateField(null=True, blank=True)


class Reminder(models.Model):
    """A member was written to, within so many days (`span`) of an end. training: "" for the membership."""

    member = models.CharField(max_length=64)
    training = models.CharField(max_length=64, blank=True)
    end = models.DateField()
    span = models.PositiveSmallIntegerField()
    at = models.DateTimeField(default=clock.now)

    class Meta:
        """Nobody is reminded twice; what ended long ago is deleted."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["member", "training", "end", "span"], name="one_reminder")
        ]
        indexes: ClassVar = [models.Index(fields=["end"], name="reminder_end")]


class Digest(models.Model):
    """The digest of a day was made for an account. letter: None where there was nothing to say, or it was deleted."""

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="+")
    day = models.DateField(db_index=True)
    letter = models.ForeignKey("mail.Letter", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        """Nobody gets it twice."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["account", "day"], name="one_digest")]
