"""Workshops, and who runs them. There is one of each from the first day on."""

from __future__ import annotations

from typing import Final

from django.db import models

MAIN: Final = "main"  # the first of each
EXCLUSIONS: Final = 3


class Operator(models.Model):
    """Who runs one workshop or several."""

    id = models.CharField(primary_key=True, max_length=64)
    name = models.CharField(max_length=200, blank=True)


class Site(models.Model):
    """One workshop: its time zone, its currency, the days on which it is closed (ISO dates).

    exclusions: how many people one controller may exclude or block in an hour before a person is asked.
    is_status_public: whether everybody may see which machines are free, in use or broken.
    """

    id = models.CharField(primary_key=True, max_length=64)
    name = models.CharField(max_length=200, blank=True)
    operator = models.ForeignKey(Operator, on_delete=models.PROTECT, default=MAIN, db_default=MAIN)
    zone = models.CharField(max_length=64, blank=True)
    currency = models.CharField(max_length=3, default="EUR")
    exclusions = models.PositiveSmallIntegerField(default=EXCLUSIONS, db_default=EXCLUSIONS)
    holidays = models.JSONField(default=list)
    is_status_public = models.BooleanField(default=False, db_default=False)
