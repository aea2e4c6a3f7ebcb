"""What follows from a member's particulars: from when to when they fulfil a condition."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import Final

import msgspec

from common.folding import fold
from protocol.rows import Certification
from server.people.models import Particulars
from server.whitelist.models import Condition

ADULT: Final = 18


class Held(msgspec.Struct, frozen=True):
    """From when to when a member fulfils a condition; None for no bound."""

    since: date | None = None
    until: date | None = None


def _age(known: Particulars, asked: str) -> Held | None:
    """By the year alone: whoever turns that age in a year has it for certain from the next one on."""
    return None if known.birth_year is None else Held(since=date(known.birth_year + int(asked) + 1, 1, 1))


def _guardian(known: Particulars, _asked: str) -> Held | None:
    return Held(since=known.guardian) if known.guardian else _age(known, str(ADULT))


def _commune(known: Particulars, asked: str) -> Held | None:
    wanted = {fold(each) for each in asked.split(",")}
    return Held() if fold(known.commune) in wanted - {""} else None


def _insurance(known: Particulars, _asked: str) -> Held | None:
    return Held(until=known.insurance) if known.insurance else None


def _said_on(field: str) -> Callable[[Particulars, str], Held | None]:
    def held(known: Particulars, _asked: str) -> Held | None:
        day = getattr(known, field)
        return Held(since=day) if day else None

    return held


FULFILLED: Final[dict[str, Callable[[Particulars, str], Held | None]]] = {
    "age": _age,
    "guardian": _guardian,
    "rules": _said_on("rules"),
    "insurance": _insurance,
    "commune": _commune,
    "photos": _said_on("photos"),
    "letters": _said_on("letters"),
}


def made_of(known: Particulars, condition: Condition) -> Certification | None:
    """Return the certification that somebody has for a condition; None where they do not fulfil it."""
    held = FULFILLED[condition.what](known, condition.asked)
    return None if held is None else Certification(known.pk, condition.pk, since=held.since, until=held.until)


def settled(rows: Iterable[Certification]) -> list[Certification]:
    """Return certifications as they are kept here: for a condition, what follows stands, whoever gives what."""
    asked = list(rows)
    conditions = {each.pk: each for each in Condition.objects.filter(pk__in={row.training for row in asked})}
    if not conditions:
        return asked
    members = {row.member for row in asked if row.training in conditions}
    known = {each.pk: each for each in Particulars.objects.filter(pk__in=members)}
    kept = (
        made_of(known.get(row.member, Particulars(pk=row.member)), conditions[row.training])
        if row.training in conditions
        else row
        for row in asked
    )
    return [row for row in kept if row is not None]
