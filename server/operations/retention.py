"""How long what is kept: passages and refusals, usage, traces; billed usage lives apart, later."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.db.models import F, QuerySet

from server.accounts.models import AuditRecord
from server.core import clock
from server.core.configuration import Configuration
from server.edits.models import Change
from server.inbox.models import Notice
from server.journal.models import Entry, Stream
from server.usage.models import Session

DAY_MS: Final = 86_400_000
BATCH: Final = 2_000


def purge(configuration: Configuration) -> int:
    """Delete what is older than it may be kept; return how many entries of journals went.

    Entries go by when they came: whatever a controller's clock said, they are kept for long enough here.
    """
    now = clock.ms()
    gone = 0
    if configuration.passages is not None:
        gone = _entries(now - configuration.passages * DAY_MS)
    if configuration.usage is not None:
        _in_batches(Session.objects.filter(ended=True, started__lt=now - configuration.usage * DAY_MS))
    if configuration.traces is not None:
        old = clock.now() - timedelta(days=configuration.traces)
        _in_batches(AuditRecord.objects.filter(at__lt=old))
        _in_batches(Notice.objects.filter(done__lt=old))
        _in_batches(Change.objects.filter(edit__at__lt=old, version__lt=_kept_changes()))
    return gone


def _in_batches(found: QuerySet[Any]) -> None:
    """Delete so, in transactions that keep nobody waiting."""
    while keys := list(found.values_list("pk", flat=True)[:BATCH]):
        found.model._default_manager.filter(pk__in=keys).delete()  # noqa: SLF001 - Django's documented way


def _entries(before: int) -> int:
    """Delete entries that came before, of journals that are read out; what they said of usage stands in the sessions.

    Those of a journal came in the order of their numbers: the first that is not old ends the search.
    """
    gone = 0
    for stream in Stream.objects.filter(processed_seq__gte=F("acknowledged_seq")).order_by("pk"):
        while True:
            rows = Entry.objects.filter(stream=stream).order_by("seq").values_list("seq", "came")[:BATCH]
            old = [seq for seq, came in rows if came < before]
            if old:
                gone += Entry.objects.filter(stream=stream, seq__lte=old[-1], came__lt=before).delete()[0]
            if len(old) < BATCH:
                break
    return gone


def _kept_changes() -> int:
    """Changes that controllers may still be told from stay."""
    last = Change.objects.order_by("-version").values_list("version", flat=True).first() or 0
    return last - 20_000
