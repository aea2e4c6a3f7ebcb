"""What was used: a projection of the journals, which can be made anew, and what the server itself knows of it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from server.core import clock
from server.sites.models import MAIN


class Session(models.Model):
    """One use of a machine. Times in milliseconds since 1970, None where no clock was ever set; began: boot-time.

    said: the member as the journal says; member: whose that id is now, for members are merged and separated again.
    """

    device = models.ForeignKey("devices.Device", on_delete=models.CASCADE)
    session = models.CharField(max_length=64)
    machine = models.CharField(max_length=64, db_index=True)
    member = models.CharField(max_length=64, db_index=True)
    said = models.CharField(max_length=64, blank=True, default="", db_default="", db_index=True)
    badge = models.CharField(max_length=32, blank=True)
    level = models.PositiveSmallIntegerField(default=2)
    boot = models.CharField(max_length=64)
    began = models.BigIntegerField()
    started = models.BigIntegerField(null=True)
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
    site = models.CharField(max_length=64, blank=True, default=MAIN, db_default=MAIN, db_index=True)
    bracket = models.CharField(max_length=10, blank=True, default="", db_default="")
    commune = models.CharField(max_length=200, blank=True, default="", db_default="")

    class Meta:
        """A session is one controller's."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["device", "session"], name="one_session")]
        indexes: ClassVar = [
            models.Index(fields=["device", "boot"], name="session_of_boot"),
            # All that a period's figures are made of, in one place.
            models.Index(
                fields=["started", "machine", "member", "purpose", "category", "payer", "powered", "energy"],
                name="session_figures",
            ),
            models.Index(fields=["machine", "started", "powered"], name="session_hours"),
            models.Index(fields=["member", "started"], name="session_of_member"),
            models.Index(fields=["badge", "started"], name="session_by_badge"),
            models.Index(fields=["device"], condition=models.Q(ended=False), name="session_runs"),
        ]


class Refusal(models.Model):
    """A tap that opened nothing, as a controller's journal tells it. at: milliseconds since 1970, None without a clock.

    boot, began: the same on the controller's own clock; came: when the server heard of it. member: as the journal says.
    wants, day, note: what would help, as in `access.Denied`.
    """

    device = models.ForeignKey("devices.Device", on_delete=models.CASCADE)
    machine = models.CharField(max_length=64)
    member = models.CharField(max_length=64, blank=True)
    badge = models.CharField(max_length=32, blank=True)
    reason = models.CharField(max_length=30)
    wants = models.JSONField(default=list)
    day = models.DateField(null=True, blank=True)
    note = models.CharField(max_length=200, blank=True)
    boot = models.CharField(max_length=64)
    began = models.BigIntegerField()
    at = models.BigIntegerField(null=True)
    came = models.DateTimeField(default=clock.now)

    class Meta:
        """Asked for by the time, the latest first; by boot, once its clock is known; by member, and by age."""

        indexes: ClassVar = [
            models.Index(fields=["at"], name="refusal_at"),
            models.Index(fields=["device", "boot"], name="refusal_of_boot"),
            models.Index(fields=["member"], condition=~models.Q(member=""), name="refusal_of_member"),
            models.Index(fields=["came"], name="refusal_came"),
        ]


class Correction(models.Model):
    """What somebody at the server says better of a session. Appended, never changed; None: as it was before.

    powered: milliseconds.
    """

    device = models.ForeignKey("devices.Device", on_delete=models.CASCADE)
    session = models.CharField(max_length=64)
    at = models.DateTimeField(default=clock.now)
    by = models.CharField(max_length=200)
    note = models.CharField(max_length=200)
    powered = models.BigIntegerField(null=True, blank=True)
    purpose = models.CharField(max_length=20, null=True, blank=True)
    organisation = models.CharField(max_length=200, null=True, blank=True)
    people = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        """Asked for by session."""

        indexes: ClassVar = [models.Index(fields=["device", "session"], name="correction_of_session")]


class Circumstance(models.Model):
    """Where a session was, and of which public its member, as the server knew it when it first heard of it.

    Appended once, whatever moves later: a report of last year says the same next year. bracket: of age.
    """

    device = models.ForeignKey("devices.Device", on_delete=models.CASCADE)
    session = models.CharField(max_length=64)
    site = models.CharField(max_length=64, default=MAIN, db_default=MAIN)
    bracket = models.CharField(max_length=10, blank=True, default="", db_default="")
    commune = models.CharField(max_length=200, blank=True, default="", db_default="")

    class Meta:
        """One for each session."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["device", "session"], name="one_circumstance")]


class Forgotten(models.Model):
    """A member who was forgotten: of their sessions stays what usage adds up from, whenever they are made again."""

    member = models.CharField(primary_key=True, max_length=64)
    at = models.DateTimeField(default=clock.now)
