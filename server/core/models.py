"""What the server holds of itself."""

from __future__ import annotations

from typing import Final

from django.db import models

from server.core import clock

LONGEST: Final = 2_000  # characters of an address: an id of 64 may take 12 each


class ServerState(models.Model):
    """One value: generation, version, when a backup last left the machine."""

    key = models.CharField(primary_key=True, max_length=40)
    value = models.TextField()


class SentForm(models.Model):
    """A form that was sent: by the word that it carried; where that led, "" while nobody knows."""

    word = models.CharField(primary_key=True, max_length=16)
    at = models.DateTimeField(default=clock.now, db_index=True)
    location = models.CharField(max_length=LONGEST, blank=True)
