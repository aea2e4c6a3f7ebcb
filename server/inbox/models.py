"""What a person should look at."""

from __future__ import annotations

from django.db import models

from server.core import clock


class Notice(models.Model):
    """Something for the inbox. what: a word of `notices.SENTENCES`; about: what fills its sentence; once: said once."""

    at = models.DateTimeField(default=clock.now, db_index=True)
    what = models.CharField(max_length=40)
    about = models.JSONField(default=dict)
    device = models.ForeignKey("devices.Device", null=True, blank=True, on_delete=models.CASCADE)
    once = models.CharField(max_length=300, blank=True, db_index=True)
    done = models.DateTimeField(null=True, blank=True, db_index=True)
    done_by = models.CharField(max_length=150, blank=True)
