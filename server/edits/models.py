"""Every edit of the whitelist: who made it, and each row before and after."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from server.core import clock


class Edit(models.Model):
    """What somebody did to the whitelist in one go: a person, or a device's own edit that was taken over.

    what: a word of `server.edits.sentences`; about: what fills its sentence.
    """

    at = models.DateTimeField(default=clock.now, db_index=True)
    account = models.ForeignKey("accounts.Account", null=True, blank=True, on_delete=models.SET_NULL)
    device = models.ForeignKey("devices.Device", null=True, blank=True, on_delete=models.SET_NULL)
    by = models.CharField(max_length=200, blank=True)
    what = models.CharField(max_length=40)
    about = models.JSONField(default=dict)
    undone_by = models.ForeignKey("Edit", null=True, blank=True, on_delete=models.SET_NULL, related_name="undoes")

    class Meta:
        """The latest of a kind are looked at."""

        indexes: ClassVar = [models.Index(fields=["what", "id"], name="edit_of_kind")]


class Change(models.Model):
    """One row of the whitelist as it was before and after; None where there was none. Never changed, but to forget."""

    version = models.BigIntegerField(primary_key=True)
    edit = models.ForeignKey(Edit, on_delete=models.PROTECT, related_name="changes")
    key = models.CharField(max_length=300, db_index=True)
    before = models.TextField(null=True)
    after = models.TextField(null=True)
