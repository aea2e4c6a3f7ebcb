"""How long what is kept: passages and refusals, usage, traces; billed usage lives apart, later."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Final

from django.db import connection
from django.utils import timezone

from server.configuration import Configuration
from server.models import Change, Notice, Session, Trace

DAY_MS: Final = 86_400_000
BATCH: Final = 2_000


def purge(configuration: Configuration) -> int:
    """Delete what is older than it may be kept; tell how many entries of journals went.

    Entries go by when they came: whatever a controller's clock said, they are kept for long enough here.
    """
    now = int(time.time() * 1000)
    gone = 0
    if configuration.passages is not None:
        gone = _events(now - configuration.passages * DAY_MS)
    if configuration.usage is not None:
        Session.objects.filter(ended=True, started__lt=now - configuration.usage * DAY_MS).delete()
    if configuration.traces is not None:
        old = timezone.now() - timedelta(days=configuration.traces)
        Trace.objects.filter(at__lt=old).delete()
        Notice.objects.filter(done__lt=old).delete()
        Change.objects.filter(edit__at__lt=old, version__lt=_kept_changes()).delete()
    return gone


def _events(before: int) -> int:
    """Delete entries that came before; what they said of usage stands in the sessions."""
    gone = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "delete from server_event where id in (select id from server_event where came < %s"
                " and stream_id not in (select id from server_stream where told < high) limit %s)",
                [before, BATCH],
            )
            count = int(cursor.rowcount)
            gone += count
            if count < BATCH:
                return gone


def _kept_changes() -> int:
    """Changes that controllers may still be told from stay."""
    last = Change.objects.order_by("-version").values_list("version", flat=True).first() or 0
    return last - 20_000
