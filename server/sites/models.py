"""Workshops, and who runs them. There is one of each from the first day on."""

from __future__ import annotations

from typing import Final

from django.db import models

MAIN: Final = "main"  # the first of each


class Operator(models.Model):
    """Who runs one workshop or several."""

    id = models.CharField(primary_key=True, max_length=64)
    name = models.CharField(max_length=200, blank=True)


class Site(models.Model):
    """One workshop: its time zone, its currency, the days on which it is closed (ISO dates)."""

    id = models.CharField(primary_key=True, max_length=64)
    name = models.CharField(max_length=200, blank=True)
    operator = models.ForeignKey(Operator, on_delete=models.PROTECT, default=MAIN, db_default=MAIN)
    zone = models.CharField(max_length=64, blank=True)
    currency = models.CharField(max_length=3, default="EUR")
    holidays = models.JSONField(default=list)
