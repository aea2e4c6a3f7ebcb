"""Correcting a session at the server: a second fact beside what the journal says, with who and why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import msgspec
from django.db import transaction

from common.texts import N_
from protocol import entries
from server.core import clock
from server.core.forms import FormError
from server.journal import book
from server.journal.clocks import offset
from server.people.merging import aliases
from server.usage import sessions
from server.usage.models import Correction, Session
from server.usage.projection import FIXED, Fix, Use, corrected, project


class Step(msgspec.Struct, frozen=True):
    """What was said of a session, by whom and when; changes: what it was before and after, by field."""

    at: datetime | None
    by: str
    note: str
    changes: tuple[tuple[str, Any, Any], ...]


LABELS: Final = {
    "powered": N_("minutes powered"),
    "purpose": N_("purpose"),
    "organisation": N_("organisation"),
    "people": N_("people"),
}


def correct(session: Session, by: str, said: dict[str, Any]) -> None:
    """Keep what is better, and make the session with it. Raises FormError where nothing is, or it changed meanwhile."""
    with transaction.atomic():
        aliases.hold()
        locked = Session.objects.select_for_update(of=("self",)).get(pk=session.pk)
        if not locked.ended:
            raise FormError(N_("this session is not over yet"))
        mine = Correction.objects.filter(device=locked.device_id, session=locked.session)
        if said["seen"] is not None and mine.count() != said["seen"]:
            raise FormError(N_("somebody else has changed this meanwhile; look again"))
        wanted = {
            "powered": None if said["minutes"] is None else said["minutes"] * 60_000,
            "purpose": said["purpose"] or None,
            "organisation": said["organisation"] or None,
            "people": said["people"],
        }
        better = {name: value for name, value in wanted.items() if value is not None and value != _now(locked, name)}
        if not better:
            raise FormError(N_("say what to correct: as it stands, that is what the session is"))
        Correction.objects.create(
            device=locked.device, session=locked.session, by=by[:200], note=said["note"], **better
        )
        sessions.make(locked.device, locked.session)


def _now(session: Session, name: str) -> Any:  # noqa: ANN401 - the field's own
    value = getattr(session, name)
    # Pages show whole minutes: what was not touched is no correction.
    return value // 60_000 * 60_000 if name == "powered" else value


def history(session: Session) -> Iterator[Step]:
    """Return what was said of a session after it ended, the oldest first, each with what was before."""
    said = book.said_of(session.device, session.session)
    for number, each in enumerate(said):
        if isinstance(each.entry, entries.Corrected) and (before := project(said[:number])) is not None:
            after = project(said[: number + 1])
            assert after is not None  # noqa: S101 - a correction takes no session away
            shift, _quality = offset(session.device, each.boot)
            at = None if shift is None else datetime.fromtimestamp((each.at + shift) / 1000, tz=clock.now().tzinfo)
            yield Step(at, each.entry.by, each.entry.note, _changes(before, after))
    use = project(said)
    for mine in Correction.objects.filter(device=session.device, session=session.session).order_by("pk"):
        fix = Fix(mine.by, mine.powered, mine.purpose, mine.organisation, mine.people)
        before, use = use, None if use is None else corrected(use, fix)
        changes = () if before is None or use is None else _changes(before, use)
        yield Step(mine.at, mine.by, mine.note, changes)


def _changes(before: Use, after: Use) -> tuple[tuple[str, Any, Any], ...]:
    pairs = ((name, getattr(before, name), getattr(after, name)) for name in FIXED)
    return tuple((name, was, now) for name, was, now in pairs if was != now)
