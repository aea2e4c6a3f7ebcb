"""Persons, and what they present."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from server.core import clock


class Category(models.Model):
    """Members of one tariff; `open`: spans of minutes of the week in which they may start, None for always."""

    name = models.CharField(primary_key=True, max_length=200, blank=True)
    open = models.JSONField(null=True, blank=True)


class Organisation(models.Model):
    """A body that pays for people, or sends them."""

    id = models.CharField(primary_key=True, max_length=64)
    name = models.CharField(max_length=200, blank=True)


class Member(models.Model):
    """A person. `until`: the last day of the membership; payer: an organisation's or a member's id, "" for self."""

    id = models.CharField(primary_key=True, max_length=64)
    name = models.CharField(max_length=200, blank=True)
    category = models.CharField(max_length=200, blank=True)
    payer = models.CharField(max_length=200, blank=True)
    until = models.DateField(null=True, blank=True)
    excluded = models.BooleanField(default=False)

    class Meta:
        """Whose membership ends soon is asked for."""

        indexes: ClassVar = [models.Index(fields=["until"], name="member_until")]


class Particulars(models.Model):
    """What the server alone knows of a member, as far as they said it; no controller is ever sent any of it.

    guardian, rules, photos, letters: the day on which a guardian agreed, the house rules were signed, the member
    agreed to be in pictures and to get letters. email: where those go; language: in which, "" where they said none.
    insurance: the last day of it.
    """

    member = models.CharField(primary_key=True, max_length=64)
    birth_year = models.PositiveSmallIntegerField(null=True, blank=True)
    commune = models.CharField(max_length=200, blank=True)
    guardian = models.DateField(null=True, blank=True)
    rules = models.DateField(null=True, blank=True)
    insurance = models.DateField(null=True, blank=True)
    photos = models.DateField(null=True, blank=True)
    letters = models.DateField(null=True, blank=True)
    email = models.CharField(max_length=254, blank=True, default="", db_default="")
    language = models.CharField(max_length=2, blank=True, default="", db_default="")


class Badge(models.Model):
    """What a person presents, by the keyed hash of its number.

    former: the hash under which it was known before a controller read it under the badge key in force; nobody has
    looked at it since. Each badge is read anew once.
    """

    hash = models.CharField(primary_key=True, max_length=32)
    member = models.CharField(max_length=64, db_index=True)
    kind = models.CharField(max_length=10, default="member")
    since = models.DateField(null=True, blank=True)
    until = models.DateField(null=True, blank=True)
    blocked = models.BooleanField(default=False)
    former = models.CharField(max_length=32, null=True, blank=True, unique=True)


class Pin(models.Model):
    """What is kept of a member's PIN: a salt, the badge key's fingerprint, and a slow hash under both."""

    member = models.CharField(primary_key=True, max_length=64)
    salt = models.CharField(max_length=32, blank=True)
    under = models.CharField(max_length=16, blank=True)
    hash = models.CharField(max_length=64, blank=True)


class Draft(models.Model):
    """A sheet that was read and not yet taken over; rows: what it would put, packed. Gone within the hour.

    state: read, running (since `begun`), done (as `edit`), failed (by `error`).
    """

    token = models.CharField(primary_key=True, max_length=16)
    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE)
    name = models.CharField(max_length=100)
    rows = models.BinaryField()
    of = models.PositiveIntegerField()
    version = models.BigIntegerField()
    made = models.DateTimeField(default=clock.now, db_index=True)
    state = models.CharField(max_length=10, default="read")
    begun = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=1_000, blank=True)
    edit = models.ForeignKey("edits.Edit", null=True, blank=True, on_delete=models.SET_NULL)


class UnknownBadge(models.Model):
    """A badge that nobody knew, tapped on some reader: the latest time, by when the server heard of it."""

    hash = models.CharField(primary_key=True, max_length=32)
    machine = models.CharField(max_length=64)
    at = models.DateTimeField()
