"""Controllers: who they are, how they are, and how they came in."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from server.core import clock
from server.sites.models import MAIN


class Device(models.Model):
    """A controller. key, sealing: its public keys; report: how it said it is; whole: below it, it gets all anew.

    holds: the version that it is known to have in force, since it asked for what comes after; sent: the last that it
    was sent. is_held: since it did what is suspicious, what it says of others waits for a person.

    By stick: knows: which kinds of row beyond the first it said that it knows; stick_came: when a file of its was last
    read here; stick_told, stick_version: when the last was made for it, and with which version of the list;
    asked_by_stick: it was taken in so.
    """

    id = models.CharField(primary_key=True, max_length=64)
    name = models.CharField(max_length=200, blank=True)
    key = models.CharField(max_length=43, unique=True)
    sealing = models.CharField(max_length=43)
    enrolled = models.DateTimeField(default=clock.now)
    seen = models.DateTimeField(null=True, blank=True)
    report = models.JSONField(null=True, blank=True)
    settings = models.TextField(blank=True)
    whole = models.BigIntegerField(default=0)
    holds = models.BigIntegerField(default=0)
    sent = models.BigIntegerField(default=0, db_default=0)
    is_held = models.BooleanField(default=False, db_default=False)
    retired = models.BooleanField(default=False)
    site = models.ForeignKey("sites.Site", on_delete=models.PROTECT, default=MAIN, db_default=MAIN)
    knows = models.CharField(max_length=1_000, blank=True, default="", db_default="")
    stick_came = models.DateTimeField(null=True, blank=True)
    stick_told = models.DateTimeField(null=True, blank=True)
    stick_version = models.BigIntegerField(default=0, db_default=0)
    asked_by_stick = models.BooleanField(default=False, db_default=False)
    replaced_by = models.ForeignKey("Device", null=True, blank=True, on_delete=models.SET_NULL)


class GivenName(models.Model):
    """A name that somebody at a controller gave a member, until the edit is read out that it belongs to."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE)
    member = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    at = models.DateTimeField(default=clock.now, db_index=True)

    class Meta:
        """One of each member from each controller."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["device", "member"], name="one_given_name")]


class EnrolCode(models.Model):
    """A code that takes one controller in, once, until it expires; replaces: whose place it takes."""

    code = models.CharField(primary_key=True, max_length=4)
    secret = models.CharField(max_length=16)
    name = models.CharField(max_length=200, blank=True)
    expires = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    site = models.ForeignKey("sites.Site", on_delete=models.CASCADE, default=MAIN, db_default=MAIN)
    replaces = models.ForeignKey(Device, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    used_by = models.ForeignKey(Device, null=True, blank=True, on_delete=models.CASCADE, related_name="+")


class Proposal(models.Model):
    """A row that a controller would have: of the whitelist that it kept alone, or edited there since (epoch, seq).

    An edit of a machine's stays in force there, and there alone, until somebody here has decided. row: empty to drop.
    """

    device = models.ForeignKey(Device, on_delete=models.CASCADE)
    key = models.CharField(max_length=300)
    row = models.TextField(blank=True)
    epoch = models.CharField(max_length=16, blank=True)
    seq = models.BigIntegerField(default=0)

    class Meta:
        """Asked for by controller and row."""

        indexes: ClassVar = [models.Index(fields=["device", "key"], name="proposal_of_row")]
