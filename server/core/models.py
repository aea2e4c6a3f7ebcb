"""What the server holds of itself."""

from __future__ import annotations

from django.db import models


class ServerState(models.Model):
    """One value: generation, version, when a backup last left the machine."""

    key = models.CharField(primary_key=True, max_length=40)
    value = models.TextField()
