"""What controllers sent: their journals as they wrote them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from server.core import clock


class Stream(models.Model):
    """One journal of one controller: acknowledged, and processed, up to an entry's number."""

    device = models.ForeignKey("devices.Device", on_delete=models.CASCADE)
    epoch = models.CharField(max_length=16)
    acknowledged_seq = models.BigIntegerField(default=0)
    processed_seq = models.BigIntegerField(default=0)
    closed = models.BooleanField(default=False)  # another payload came under a number: it goes on in a new epoch

    class Meta:
        """One row for each."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["device", "epoch"], name="one_stream")]


class Entry(models.Model):
    """One entry as it was written: boot-time in milliseconds of its boot; `came`: when, milliseconds since 1970."""

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, db_index=False)
    seq = models.BigIntegerField()
    boot = models.CharField(max_length=64)
    at = models.BigIntegerField()
    came = models.BigIntegerField()
    body = models.TextField()

    class Meta:
        """A number names one entry."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["stream", "seq"], name="one_entry")]


class Gap(models.Model):
    """Numbers that a controller had purged before the server could have them."""

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE)
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    at = models.DateTimeField(default=clock.now)


class ClockReading(models.Model):
    """On this boot, wall time = boot-time + offset (milliseconds), as sure as `quality` says."""

    device = models.ForeignKey("devices.Device", on_delete=models.CASCADE)
    boot = models.CharField(max_length=64)
    at = models.BigIntegerField()
    offset = models.BigIntegerField()
    quality = models.CharField(max_length=16)

    class Meta:
        """Asked for by boot."""

        indexes: ClassVar = [models.Index(fields=["device", "boot"], name="reading_of_boot")]
