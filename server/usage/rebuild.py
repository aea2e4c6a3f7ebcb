"""Making every session again from the journals: what the book says is what usage is.

In slices, so that pages and controllers wait for none; cut short, it is simply begun again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

import msgspec
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from common.errors import LoquetError
from common.texts import NP_
from server.devices.models import Device
from server.journal import book, processing
from server.journal.book import Said
from server.people.merging import aliases
from server.usage import sessions
from server.usage.models import Session
from server.usage.projection import begins

SLICE: Final = 200
Progress = Callable[[int, int], None]


class GoneError(LoquetError, ValueError):
    """Entries that sessions were made of are gone."""


class Rebuilt(msgspec.Struct):
    """What became of it: sessions gone through, and those that came out otherwise."""

    sessions: int = 0
    changed: int = 0


def rebuild(
    since: datetime | None = None, *, dry: bool = False, progress: Progress = lambda _done, _of: None
) -> Rebuilt:
    """Make the sessions again that began since then, and those without a date whose entries are there.

    dry: only count what would come out otherwise. Raises GoneError, having changed nothing, where entries of that span
    are gone.
    """
    limit = None if since is None else int(since.timestamp() * 1000)
    _hold_to_the_book(limit)
    made, done, total = Rebuilt(), 0, Session.objects.count()
    for names in _slices():
        with transaction.atomic():
            aliases.hold()
            _rebuild(names, limit, made, dry=dry)
        done += len(names)
        progress(min(done, total), total)
    return made


def make_all() -> int:
    """Make every session that the journals speak of, where there are none yet; return how many there are then."""
    processing.catch_up()
    rebuild()
    return Session.objects.count()


def _of_span(limit: int | None) -> Q:
    return Q() if limit is None else Q(started__gte=limit)


def _hold_to_the_book(limit: int | None) -> None:
    """Refuse a span of which entries are gone: what stands in its sessions could not be made again."""
    gone: list[int] = []
    last = 0
    while found := list(Session.objects.filter(_of_span(limit), pk__gt=last).order_by("pk")[:SLICE]):
        last = found[-1].pk
        said = book.said_of_many([each.session for each in found])
        gone += [each.started or 0 for each in found if _is_gone(each, said.get((each.device_id, each.session), []))]
    if gone:
        # Those without a date are left as they are, from whatever day on.
        after = datetime.fromtimestamp(max(gone) / 1000, timezone.get_current_timezone()) + timedelta(days=1)
        raise GoneError(
            NP_(
                "the entries of {count} session are gone: say --since {day}. Nothing was changed",
                "the entries of {count} sessions are gone: say --since {day}. Nothing was changed",
            ),
            count=len(gone),
            day=f"{after:%Y-%m-%d}",
        )


def _is_gone(found: Session, said: list[Said]) -> bool:
    """Return whether entries are gone that a session was made of: its beginning, or all; one may never have had one."""
    return not said or (bool(found.said) and not begins(said))


def _is_past(found: Session, said: list[Said], limit: int) -> bool:
    """Return whether a session is none of the span: it began before, or has no date and cannot be made again."""
    return _is_gone(found, said) if found.started is None else found.started < limit


def _slices() -> Iterable[list[str]]:
    """Return the names of all sessions that there are, or that entries speak of."""
    after = ""
    while True:
        here = Session.objects.filter(session__gt=after).order_by("session").values_list("session", flat=True)
        names = sorted({*book.names(after, SLICE), *here.distinct()[:SLICE]})[:SLICE]
        if not names:
            return
        yield names
        after = names[-1]


def _rebuild(names: list[str], limit: int | None, made: Rebuilt, *, dry: bool) -> None:
    spoken_of = {device for device, _name in book.said_of_many(names)}
    devices = spoken_of | set(Session.objects.filter(session__in=names).values_list("device_id", flat=True))
    for device in Device.objects.filter(pk__in=devices).order_by("pk"):
        facts = sessions.Facts(device, names)
        for name in names:
            found, new = facts.found.get(name), sessions.made_of(facts, name)
            if found is not None and limit is not None and _is_past(found, facts.said[name], limit):
                continue
            if new is None and found is None:
                continue
            made.sessions += 1
            if new is not None and found is not None and not sessions.differs(found, new):
                continue
            made.changed += 1
            if not dry:
                sessions.make(device, name)
