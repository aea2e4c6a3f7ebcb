"""What a person should look at."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from server.core import clock


class Notice(models.Model):
    """Something for the inbox. what: a word of `notices.SENTENCES`; about: what fills its sentence; once: said once.

    subject: of which machine, where a controller says it of several; count: how often it was said while it waited, the
    last time at `last`. What is an alarm stands above all else.
    """

    at = models.DateTimeField(default=clock.now, db_index=True)
    what = models.CharField(max_length=40)
    about = models.JSONField(default=dict)
    device = models.ForeignKey("devices.Device", null=True, blank=True, on_delete=models.CASCADE)
    once = models.CharField(max_length=300, blank=True, db_index=True)
    subject = models.CharField(max_length=64, blank=True, db_default="")
    count = models.PositiveIntegerField(default=1, db_default=1)
    last = models.DateTimeField(default=clock.now, db_index=True)
    is_alarm = models.BooleanField(default=False, db_default=False)
    done = models.DateTimeField(null=True, blank=True, db_index=True)
    done_by = models.CharField(max_length=150, blank=True)

    class Meta:
        """What waits is asked for in its order, and by what it says."""

        indexes: ClassVar = [
            models.Index(fields=["-is_alarm", "-last"], condition=models.Q(done=None), name="notice_waiting"),
            models.Index(fields=["device", "what", "subject"], condition=models.Q(done=None), name="notice_again"),
        ]
