"""Letters that wait, went out, or could not."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from server.core import clock


class Letter(models.Model):
    """A letter. due: when it is tried next, None once it went out or was given up; error: what the last try met.

    unsubscribe: an address that ends letters of its kind by one POST (RFC 8058); "" where there is none.
    passing: its text lets somebody in, and is kept here no longer than until it went out.
    """

    made = models.DateTimeField(default=clock.now)
    to = models.CharField(max_length=254)
    subject = models.CharField(max_length=200)
    body = models.TextField()
    due = models.DateTimeField(null=True, default=clock.now, db_index=True)
    tries = models.PositiveSmallIntegerField(default=0)
    sent = models.DateTimeField(null=True, blank=True, db_index=True)
    error = models.CharField(max_length=300, blank=True)
    unsubscribe = models.TextField(blank=True, default="", db_default="")
    passing = models.BooleanField(default=False, db_default=False)

    class Meta:
        """The latest are looked at, and the old ones deleted by when they were made."""

        indexes: ClassVar = [models.Index(fields=["made"], name="letter_made")]
