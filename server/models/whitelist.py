"""Who may use what, and who changed it: the whitelist of the whole network, and its history."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Category(models.Model):
    """Members of one tariff; `open`: spans of minutes of the week in which they may start, None for always."""

    name = models.CharField(primary_key=True, max_length=200, blank=True)
    open = models.JSONField(null=True, blank=True)


class Member(models.Model):
    """A person. `until` is the last day of the membership."""

    id = models.CharField(primary_key=True, max_length=64)
    name = models.CharField(max_length=200, blank=True)
    category = models.CharField(max_length=200, blank=True)
    payer = models.CharField(max_length=200, blank=True)
    until = models.DateField(null=True, blank=True)
    excluded = models.BooleanField(default=False)


class Badge(models.Model):
    """What a person presents, by the keyed hash of its number."""

    hash = models.CharField(primary_key=True, max_length=32)
    member = models.CharField(max_length=64, db_index=True)
    kind = models.CharField(max_length=10, default="member")
    since = models.DateField(null=True, blank=True)
    until = models.DateField(null=True, blank=True)
    blocked = models.BooleanField(default=False)


class Training(models.Model):
    """What a person is trained for; a retired one is offered no more."""

    id = models.CharField(primary_key=True, max_length=64)
    name = models.CharField(max_length=200, blank=True)
    retired = models.BooleanField(default=False)


class Certification(models.Model):
    """This member has this training, from one day to another, both included."""

    member = models.CharField(max_length=64)
    training = models.CharField(max_length=64, db_index=True)
    level = models.PositiveSmallIntegerField(default=2)
    since = models.DateField(null=True, blank=True)
    until = models.DateField(null=True, blank=True)

    class Meta:
        """One row for each."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["member", "training"], name="one_certification")]


class Machine(models.Model):
    """What is switched, what it asks for, and which controller switches it. requires: None where nobody has said."""

    id = models.CharField(primary_key=True, max_length=64)
    name = models.CharField(max_length=200, blank=True)
    requires = models.JSONField(null=True, blank=True)
    locked = models.CharField(max_length=200, blank=True)
    now = models.BooleanField(default=False)
    longest = models.PositiveIntegerField(null=True, blank=True)
    supervised = models.BooleanField(default=False)
    buddy = models.BooleanField(default=False)
    device = models.ForeignKey("Device", null=True, blank=True, on_delete=models.SET_NULL, related_name="machines")
    retired = models.BooleanField(default=False)
    state = models.JSONField(null=True, blank=True)
    # Hours of the controllers that switched it before, in milliseconds: a dead card takes none away.
    powered_before = models.BigIntegerField(default=0)


class Cut(models.Model):
    """What is to end now on a machine: one session, or every session of a member."""

    machine = models.CharField(max_length=64)
    member = models.CharField(max_length=64, blank=True)
    session = models.CharField(max_length=64, blank=True)
    by = models.CharField(max_length=200, blank=True)
    made = models.DateTimeField(auto_now_add=True)

    class Meta:
        """One row for each."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["machine", "member", "session"], name="one_cut")]


class Edit(models.Model):
    """What somebody did to the whitelist in one go: a person, or a device's own edit that was taken over.

    what: a word of `server.history`; about: what fills its sentence.
    """

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    account = models.ForeignKey("Account", null=True, blank=True, on_delete=models.SET_NULL)
    device = models.ForeignKey("Device", null=True, blank=True, on_delete=models.SET_NULL)
    by = models.CharField(max_length=200, blank=True)
    what = models.CharField(max_length=40)
    about = models.JSONField(default=dict)
    undone_by = models.ForeignKey("Edit", null=True, blank=True, on_delete=models.SET_NULL, related_name="undoes")


class Change(models.Model):
    """One row of the whitelist as it was before and after; None where there was none. Never changed, but to forget."""

    version = models.BigIntegerField(primary_key=True)
    edit = models.ForeignKey(Edit, on_delete=models.PROTECT, related_name="changes")
    key = models.CharField(max_length=300, db_index=True)
    before = models.TextField(null=True)
    after = models.TextField(null=True)
