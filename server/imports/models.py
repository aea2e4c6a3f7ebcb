"""Sheets on their way in, what is remembered of those before, and where one lies that is read each night."""

from __future__ import annotations

from django.db import models

from server.core import clock


class Source(models.Model):
    """A sheet that is read by itself: a file's name, or an address. what it says is proposed, and never taken over.

    whole: whoever it lacks is to lose access; digest: of what it held when it was last read; error: why it was not.
    """

    site = models.ForeignKey("sites.Site", on_delete=models.CASCADE)
    place = models.CharField(max_length=500)
    whole = models.BooleanField(default=False)
    read = models.DateTimeField(null=True, blank=True)
    digest = models.CharField(max_length=32, blank=True)
    error = models.JSONField(null=True, blank=True)


class Draft(models.Model):
    """A sheet that was read and not yet taken over: its tables, what the columns of one mean, what a person answered.

    rows: what it would put, packed, with ids still to be made for those that `plan` names. Gone within a day.
    state: asking (something has to be said first), read, running (since `begun`), done (`edit`), failed (`error`).
    """

    token = models.CharField(primary_key=True, max_length=16)
    account = models.ForeignKey("accounts.Account", null=True, blank=True, on_delete=models.CASCADE)
    source = models.ForeignKey(Source, null=True, blank=True, on_delete=models.CASCADE)
    name = models.CharField(max_length=100)
    tables = models.BinaryField()
    worksheet = models.PositiveSmallIntegerField(default=0)
    columns = models.JSONField(default=dict)
    answers = models.JSONField(default=dict)
    plan = models.JSONField(default=dict)
    rows = models.BinaryField()
    of = models.PositiveIntegerField(default=0)
    version = models.BigIntegerField(default=0)
    made = models.DateTimeField(default=clock.now, db_index=True)
    state = models.CharField(max_length=10, default="asking")
    begun = models.DateTimeField(null=True, blank=True)
    error = models.JSONField(null=True, blank=True)
    edit = models.ForeignKey("edits.Edit", null=True, blank=True, on_delete=models.SET_NULL)


class Filled(models.Model):
    """What an import filled of members' particulars, by member and field: what is taken back with it."""

    edit = models.OneToOneField("edits.Edit", primary_key=True, on_delete=models.CASCADE, related_name="+")
    values = models.JSONField(default=dict)


class Remembered(models.Model):
    """What the columns of a sheet meant last, by heading, and its words for trainings. headings: all of them."""

    headings = models.CharField(primary_key=True, max_length=32)
    columns = models.JSONField(default=dict)
    trainings = models.JSONField(default=dict)
    used = models.DateTimeField(default=clock.now)
