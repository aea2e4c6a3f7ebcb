"""What happened to machines, as their controllers' journals and people tell it."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from django.db import models
from django.db.models import Q

from server.core import clock


class What(StrEnum):
    """What keeps people from a machine."""

    LOCK = "lock"
    FAULT = "fault"


class Place(StrEnum):
    """Where a defect was told of: at the machine or its controller, on a page, or there without logging in."""

    MACHINE = "machine"
    PAGE = "page"
    STRANGER = "stranger"


class Downtime(models.Model):
    """A machine was locked or out of order. began, ended: milliseconds since 1970, None where no clock was ever set.

    boot, at and end_boot, end_at: the same on the controller's own clock; over: whether it is. by: who let it go on.
    """

    machine = models.CharField(max_length=64)
    device = models.CharField(max_length=64)
    what = models.CharField(max_length=10)
    why = models.CharField(max_length=300, blank=True)
    boot = models.CharField(max_length=64)
    at = models.BigIntegerField()
    began = models.BigIntegerField(null=True)
    end_boot = models.CharField(max_length=64, blank=True)
    end_at = models.BigIntegerField(null=True)
    ended = models.BigIntegerField(null=True)
    over = models.BooleanField(default=False)
    by = models.CharField(max_length=200, blank=True)

    class Meta:
        """Asked for by machine, the latest first; by boot, once its clock is known; and what is not over."""

        indexes: ClassVar = [
            models.Index(fields=["machine", "id"], name="downtime_of_machine"),
            models.Index(fields=["device", "boot"], name="downtime_of_boot"),
            models.Index(fields=["device", "end_boot"], name="downtime_of_end_boot"),
            models.Index(fields=["machine", "what"], condition=Q(over=False), name="downtime_now"),
            models.Index(fields=["ended"], condition=Q(over=True), name="downtime_over"),
        ]


class Defect(models.Model):
    """Something that is wrong with a machine, as somebody says. reported: milliseconds since 1970.

    device: the controller at which it was said, empty on a page; place: see Place. member: whose session it
    was. done: when it was dealt with, by whom, how.
    """

    machine = models.CharField(max_length=64)
    device = models.CharField(max_length=64, blank=True)
    place = models.CharField(max_length=10)
    boot = models.CharField(max_length=64, blank=True)
    at = models.BigIntegerField(null=True)
    reported = models.BigIntegerField(null=True)
    came = models.DateTimeField(default=clock.now)
    note = models.CharField(max_length=300, blank=True)
    by = models.CharField(max_length=200, blank=True)
    member = models.CharField(max_length=64, blank=True)
    done = models.DateTimeField(null=True, blank=True)
    done_by = models.CharField(max_length=200, blank=True)
    done_note = models.CharField(max_length=200, blank=True)

    class Meta:
        """Asked for by machine, the latest first; by boot; and those that wait."""

        indexes: ClassVar = [
            models.Index(fields=["machine", "id"], name="defect_of_machine"),
            models.Index(fields=["device", "boot"], name="defect_of_boot"),
            models.Index(fields=["machine"], condition=Q(done__isnull=True), name="defect_open"),
            models.Index(fields=["done"], name="defect_done"),
            models.Index(fields=["member"], condition=~Q(member=""), name="defect_of_member"),
        ]
