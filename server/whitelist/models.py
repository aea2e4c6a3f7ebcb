"""What may be used, by whom, and what is to end."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from server.core import clock


class Training(models.Model):
    """What a person is trained for; a retired one is offered no more."""

    id = models.CharField(primary_key=True, max_length=64)
    name = models.CharField(max_length=200, blank=True)
    retired = models.BooleanField(default=False)


class Condition(models.Model):
    """A training that nobody gives: it follows from a member's particulars. what: a word of `conditions.FULFILLED`."""

    training = models.CharField(primary_key=True, max_length=64)
    what = models.CharField(max_length=20)
    asked = models.CharField(max_length=200, blank=True)


class Certification(models.Model):
    """This member has this training, from one day to another, both included."""

    member = models.CharField(max_length=64)
    training = models.CharField(max_length=64, db_index=True)
    level = models.PositiveSmallIntegerField(default=2)
    since = models.DateField(null=True, blank=True)
    until = models.DateField(null=True, blank=True)

    class Meta:
        """One row for each; what ends soon is asked for."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["member", "training"], name="one_certification")]
        indexes: ClassVar = [models.Index(fields=["until"], name="certification_until")]


class Machine(models.Model):
    """What is switched, what it asks for, and which controller switches it. requires: None where nobody has said.

    became: the id under which it goes on, where a controller brought it under another one; its sessions count there.
    """

    id = models.CharField(primary_key=True, max_length=64)
    name = models.CharField(max_length=200, blank=True)
    requires = models.JSONField(null=True, blank=True)
    locked = models.CharField(max_length=200, blank=True)
    now = models.BooleanField(default=False)
    longest = models.PositiveIntegerField(null=True, blank=True)
    supervised = models.BooleanField(default=False)
    buddy = models.BooleanField(default=False)
    device = models.ForeignKey(
        "devices.Device", null=True, blank=True, on_delete=models.SET_NULL, related_name="machines"
    )
    retired = models.BooleanField(default=False)
    state = models.JSONField(null=True, blank=True)
    # Hours of the controllers that switched it before, in milliseconds: a dead card takes none away.
    powered_before = models.BigIntegerField(default=0)
    became = models.CharField(max_length=64, blank=True, default="", db_default="")


class Sheet(models.Model):
    """How a machine is shown. drawing: one of `symbols.DRAWINGS`, "" where its name says which."""

    machine = models.CharField(primary_key=True, max_length=64)
    drawing = models.CharField(max_length=20, blank=True)


class ForcedEnd(models.Model):
    """What is to end now on a machine: one session, or every session of a member."""

    machine = models.CharField(max_length=64)
    member = models.CharField(max_length=64, blank=True)
    session = models.CharField(max_length=64, blank=True)
    by = models.CharField(max_length=200, blank=True)
    made = models.DateTimeField(default=clock.now)

    class Meta:
        """One row for each."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["machine", "member", "session"], name="one_forced_end")
        ]
