"""What is forgotten of reminders: with a member, and with the years."""

from __future__ import annotations

from datetime import date

from server.mail.models import Letter
from server.reminders import letters
from server.reminders.models import Digest, Reminder


def forget(member: str, **_signal: object) -> None:
    """Have no mark of a member, and no digest that names them; one that waits to go out is made anew."""
    Reminder.objects.filter(member=member).delete()
    naming = Digest.objects.filter(letter__body__contains=f"{letters.path(member)}\n")
    gone = list(naming.values_list("letter", flat=True))
    naming.filter(letter__sent=None, letter__due__isnull=False).delete()
    Letter.objects.filter(pk__in=gone).delete()


def purge(before: date) -> None:
    """Delete what was reminded of ends before a day, and which digests were made before it."""
    Reminder.objects.filter(end__lt=before).delete()
    Digest.objects.filter(day__lt=before).delete()
