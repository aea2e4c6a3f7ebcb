"""Persons, and what they present."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.db import models

from server.core import clock
from server.people import derived


class Category(models.Model):
    """Members of one tariff; `open`: spans of minutes of the week in which they may start, None for always."""

    name = models.CharField(primary_key=True, max_length=200, blank=True)
    open = models.JSONField(null=True, blank=True)


class Organisation(models.Model):
    """A body that pays for people, or sends them."""

    id = models.CharField(primary_key=True, max_length=64)
    name = models.CharField(max_length=200, blank=True)


class Member(models.Model):
    """A person. `until`: the last day of the membership; payer: an organisation's or a member's id, "" for self.

    folded, place: made of id and name, for searching and sorting.
    """

    id = models.CharField(primary_key=True, max_length=64)
    name = models.CharField(max_length=200, blank=True)
    category = models.CharField(max_length=200, blank=True)
    payer = models.CharField(max_length=200, blank=True)
    until = models.DateField(null=True, blank=True)
    excluded = models.BooleanField(default=False)
    folded = derived.Searched(editable=False, default="", db_default="")
    place = derived.Place(editable=False, default=b"", db_default=b"")

    objects: ClassVar[models.Manager[Member]] = models.Manager.from_queryset(derived.Members)()

    class Meta:
        """Searched in the order in which they are shown: what is looked at for that lies side by side. Found by end."""

        indexes: ClassVar = [
            models.Index(fields=["place", "folded"], name="member_place"),
            models.Index(fields=["until"], name="member_until"),
        ]

    def save(self, *, update_fields: Iterable[str] | None = None, **how: Any) -> None:  # noqa: ANN401 - Django's
        """Write it; with a name goes all that is made of it."""
        if update_fields is not None and "name" in update_fields:
            update_fields = {*update_fields, "folded", "place"}
        super().save(update_fields=update_fields, **how)


class Particulars(models.Model):
    """What the server alone knows of a member, as far as they said it; no controller is ever sent any of it.

    guardian, rules, photos, letters: the day on which a guardian agreed, the house rules were signed, the member
    agreed to be in pictures and to get letters. letters_ended: the day on which they took that back; email: where those
    go; language: in which, "" where they said none. insurance: the last day of it.
    """

    member = models.CharField(primary_key=True, max_length=64)
    birth_year = models.PositiveSmallIntegerField(null=True, blank=True)
    commune = models.CharField(max_length=200, blank=True)
    guardian = models.DateField(null=True, blank=True)
    rules = models.DateField(null=True, blank=True)
    insurance = models.DateField(null=True, blank=True)
    photos = models.DateField(null=True, blank=True)
    letters = models.DateField(null=True, blank=True)
    letters_ended = models.DateField(null=True, blank=True)
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

    class Meta:
        """Spares are a handful of all that there are."""

        indexes: ClassVar = [models.Index(fields=["hash"], condition=models.Q(kind="spare"), name="badge_spare")]


class BadgeNote(models.Model):
    """What the server alone knows of a badge: what it looks like, and its technology, where somebody said so."""

    hash = models.CharField(primary_key=True, max_length=32)
    label = models.CharField(max_length=60, blank=True)
    technology = models.CharField(max_length=20, blank=True)


class Pin(models.Model):
    """What is kept of a member's PIN: a salt, the badge key's fingerprint, and a slow hash under both."""

    member = models.CharField(primary_key=True, max_length=64)
    salt = models.CharField(max_length=32, blank=True)
    under = models.CharField(max_length=16, blank=True)
    hash = models.CharField(max_length=64, blank=True)


class MergedMember(models.Model):
    """An id that is another member's now: journals go on saying it, and `merging.aliases` says whose it is.

    kept: the member that it was merged into, who may have been merged since; edit: what put the rows, None once the
    history is too old to be taken back. snapshot: what separating them needs (`merging.merge.Snapshot`).
    """

    gone = models.CharField(primary_key=True, max_length=64)
    kept = models.CharField(max_length=64, db_index=True)
    at = models.DateTimeField(default=clock.now)
    by = models.CharField(max_length=200, blank=True)
    edit = models.ForeignKey("edits.Edit", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    snapshot = models.JSONField(default=dict, blank=True)


class NotTheSame(models.Model):
    """Two members of whom somebody said that they are not one person; one: the smaller id."""

    one = models.CharField(max_length=64)
    other = models.CharField(max_length=64, db_index=True)
    at = models.DateTimeField(default=clock.now)
    by = models.CharField(max_length=200, blank=True)

    class Meta:
        """Said once of each two."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["one", "other"], name="not_the_same")]


class UnknownBadge(models.Model):
    """A badge that nobody knew, tapped on some reader: the latest time.

    at: when the server heard of it; tapped: when it was tapped, milliseconds since 1970, None where no clock was set.
    """

    hash = models.CharField(primary_key=True, max_length=32)
    machine = models.CharField(max_length=64)
    at = models.DateTimeField()
    tapped = models.BigIntegerField(null=True, blank=True)
