"""What was used: a projection of the journals, which can be made anew."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Session(models.Model):
    """One use of a machine. Times in milliseconds since 1970, None where no clock was ever set; began: boot-time."""

    device = models.ForeignKey("devices.Device", on_delete=models.CASCADE)
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
