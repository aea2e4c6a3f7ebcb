"""What controllers sent: their journals as they wrote them, and what is read out of them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from server.models.devices import Device


class Stream(models.Model):
    """One journal of one controller: acknowledged up to `high`, read out up to `told`."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE)
    epoch = models.CharField(max_length=16)
    high = models.BigIntegerField(default=0)
    told = models.BigIntegerField(default=0)
    closed = models.BooleanField(default=False)  # another payload came under a number: it goes on in a new epoch

    class Meta:
        """One row for each."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["device", "epoch"], name="one_stream")]


class Event(models.Model):
    """One entry as it was written: boot-time in milliseconds of its boot; `came`: when, milliseconds since 1970."""

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, db_index=False)
    seq = models.BigIntegerField()
    boot = models.CharField(max_length=64)
    at = models.BigIntegerField()
    came = models.BigIntegerField()
    body = models.TextField()

    class Meta:
        """A number names one entry."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["stream", "seq"], name="one_event")]


class Gap(models.Model):
    """Numbers that a controller had purged before the server could have them."""

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE)
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    at = models.DateTimeField(auto_now_add=True)


class ClockReading(models.Model):
    """On this boot, wall time = boot-time + offset (milliseconds), as sure as `quality` says."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE)
    boot = models.CharField(max_length=64)
    at = models.BigIntegerField()
    offset = models.BigIntegerField()
    quality = models.CharField(max_length=16)

    class Meta:
        """Asked for by boot."""

        indexes: ClassVar = [models.Index(fields=["device", "boot"])]


class Session(models.Model):
    """One use of a machine. Times in milliseconds since 1970, None where no clock was ever set; began: boot-time."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE)
    session = models.CharField(max_length=64)
    machine = models.CharField(max_length=64, db_index=True)
    member = models.CharField(max_length=64, db_index=True)
    badge = models.CharField(max_length=32, blank=True)
    level = models.PositiveSmallIntegerField(default=2)
    boot = models.CharField(max_length=64)
    began = models.BigIntegerField()
    started = models.BigIntegerField(null=True, db_index=True)
    quality = models.CharField(max_length=16)
    ended = models.BooleanField(default=False)
    powered = models.BigIntegerField(default=0)
    busy = models.BigIntegerField(null=True)
    meter = models.FloatField(null=True)  # watt-hours counted by the machine's plug when it began
    energy = models.BigIntegerField(null=True)  # watt-hours
    why = models.CharField(max_length=20, blank=True)
    ended_by = models.CharField(max_length=200, blank=True)
    purpose = models.CharField(max_length=20, default="own")
    category = models.CharField(max_length=200, blank=True)
    payer = models.CharField(max_length=200, blank=True)
    people = models.PositiveIntegerField(null=True)
    organisation = models.CharField(max_length=200, blank=True)
    corrected_by = models.CharField(max_length=200, blank=True)

    class Meta:
        """A session is one controller's."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["device", "session"], name="one_session")]
        indexes: ClassVar = [models.Index(fields=["device", "boot"], name="session_of_boot")]


class UnknownBadge(models.Model):
    """A badge that nobody knew, tapped on some reader: the latest time, by when the server heard of it."""

    hash = models.CharField(primary_key=True, max_length=32)
    machine = models.CharField(max_length=64)
    at = models.DateTimeField()
