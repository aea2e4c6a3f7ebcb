"""What controllers sent: their journals as they wrote them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from server.core import clock


class Stream(models.Model):
    """One journal of one controller: acknowledged, and processed, up to an entry's number.

    booked_seq: up to which entry those of usage are marked; sifted_seq: up to which those that are not were deleted.
    day_entries, day_bytes: how much came on that day, in days since 1970.
    """

    device = models.ForeignKey("devices.Device", on_delete=models.CASCADE)
    epoch = models.CharField(max_length=16)
    acknowledged_seq = models.BigIntegerField(default=0)
    processed_seq = models.BigIntegerField(default=0)
    booked_seq = models.BigIntegerField(db_default=0)
    sifted_seq = models.BigIntegerField(db_default=0)
    day = models.IntegerField(db_default=0)
    day_entries = models.IntegerField(db_default=0)
    day_bytes = models.BigIntegerField(db_default=0)
    closed = models.BooleanField(default=False)  # another payload came under a number: it goes on in a new epoch

    class Meta:
        """One row for each."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["device", "epoch"], name="one_stream")]


class Entry(models.Model):
    """One entry as it was written: boot-time in milliseconds of its boot; `came`: when, milliseconds since 1970.

    session: what it says usage of, or the clock of which boot; None for all others, and until it is processed.
    """

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, db_index=False)
    seq = models.BigIntegerField()
    boot = models.CharField(max_length=64)
    at = models.BigIntegerField()
    came = models.BigIntegerField()
    body = models.TextField()
    session = models.CharField(max_length=64, null=True, blank=True)

    class Meta:
        """A number names one entry."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["stream", "seq"], name="one_entry")]
        indexes: ClassVar = [
            models.Index(fields=["session"], condition=models.Q(session__isnull=False), name="entry_of_session")
        ]


class Gap(models.Model):
    """Numbers that a controller had purged before the server could have them."""

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE)
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    at = models.DateTimeField(default=clock.now)


class ClockReading(models.Model):
    """On this boot, wall time = boot-time + offset (milliseconds), as sure as `quality` says; by which entry."""

    device = models.ForeignKey("devices.Device", on_delete=models.CASCADE)
    boot = models.CharField(max_length=64)
    at = models.BigIntegerField()
    offset = models.BigIntegerField()
    quality = models.CharField(max_length=16)
    stream = models.ForeignKey(Stream, null=True, blank=True, on_delete=models.CASCADE, db_index=False)
    seq = models.BigIntegerField(null=True, blank=True)

    class Meta:
        """Asked for by boot."""

        indexes: ClassVar = [
            models.Index(fields=["device", "boot", "quality", "stream", "seq"], name="reading_by_quality")
        ]
