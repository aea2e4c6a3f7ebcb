"""Who logged in, from where, and who could not: kept by django-axes, and here for as long as passages are."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from axes.models import AccessAttempt, AccessFailureLog, AccessLog

TABLES = (AccessAttempt, AccessFailureLog, AccessLog)


def forget(usernames: Iterable[str]) -> None:
    """Have nothing of the logins of some accounts."""
    names = list(usernames)
    for each in TABLES:
        each.objects.filter(username__in=names).delete()


def purge(before: datetime) -> None:
    """Have nothing of logins before a moment."""
    for each in TABLES:
        each.objects.filter(attempt_time__lt=before).delete()
