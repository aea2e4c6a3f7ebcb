"""What the server alone knows of a machine: what has to be done to it and when, and who is told."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from server.core import clock


class Task(models.Model):
    """Something that has to be done to a machine again and again: by its hours, the calendar, or whichever is first.

    hours: of power between two times; days: between two times; from_hours, from_day: since when both are counted.
    """

    machine = models.CharField(max_length=64, db_index=True)
    what = models.CharField(max_length=200)
    hours = models.PositiveIntegerField(null=True, blank=True)
    days = models.PositiveIntegerField(null=True, blank=True)
    from_hours = models.PositiveIntegerField(default=0)
    from_day = models.DateField()


class Done(models.Model):
    """It was done. machine, what: as they were then; counter: the machine's hours of power; note: of it."""

    machine = models.CharField(max_length=64)
    what = models.CharField(max_length=200)
    at = models.DateTimeField(default=clock.now, db_index=True)
    by = models.CharField(max_length=200)
    counter = models.PositiveIntegerField(default=0)
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        """Asked for by machine, the latest first."""

        indexes: ClassVar = [models.Index(fields=["machine", "id"], name="done_at_machine")]


class Listener(models.Model):
    """An account that gets a letter when something is reported of a machine."""

    machine = models.CharField(max_length=64, db_index=True)
    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE)

    class Meta:
        """Once each."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["machine", "account"], name="one_listener")]
