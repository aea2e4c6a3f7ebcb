"""What two members are as one: pure, the same for the page that shows it and for what is done."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

import msgspec

from protocol.rows import Badge, Certification, ForcedEnd, Member, Pin, Row, Subscription
from server.core import clock

UNNAMED: Final = "new-"  # what a controller calls whoever is let in at its reader


class Choice(msgspec.Struct, frozen=True):
    """Who is kept, and whose name, category and end of membership: ids of one of the two, "" for what is usual."""

    kept: str
    gone: str
    name: str = ""
    category: str = ""
    until: str = ""


class Union(msgspec.Struct, frozen=True):
    """What a merging puts and drops; has_pin_left: whether the PIN of the one who goes is dropped."""

    member: Member
    put: tuple[Row, ...]
    drop: tuple[str, ...]
    has_pin_left: bool = False


def later(one: date | None, other: date | None) -> date | None:
    """Return the later end; None, no end, is the latest."""
    return None if one is None or other is None else max(one, other)


def earlier(one: date | None, other: date | None) -> date | None:
    """Return the earlier beginning; None, from ever on, is the earliest."""
    return None if one is None or other is None else min(one, other)


def certifications_as_one(one: Certification, other: Certification) -> Certification:
    """Return the first with what the second gives: the higher level, from the earlier day, to the later.

    One that is over adds nothing to one that is in force: else a trainer of years ago is a trainer again.
    """
    today = clock.today()
    for mine, theirs in ((one, other), (other, one)):
        if _is_over(mine, today) and not _is_over(theirs, today):
            return msgspec.structs.replace(theirs, member=one.member, training=one.training)
    level = max(one.level, other.level)
    since, until = earlier(one.since, other.since), later(one.until, other.until)
    return msgspec.structs.replace(one, level=level, since=since, until=until)


def subscriptions_as_one(rows: Iterable[Subscription]) -> Subscription:
    """Return one subscription for all those of the last one's plan: from the earliest day to the latest."""
    *others, found = rows
    for each in others:
        if each.plan == found.plan:
            since, until = earlier(found.since, each.since), later(found.until, each.until)
            found = msgspec.structs.replace(found, since=since, until=until)
    return found


def _is_over(row: Certification, today: date) -> bool:
    return row.until is not None and row.until < today


def usual(kept: Member, gone: Member) -> Choice:
    """Return whose name, category and end of membership are proposed: of the one who is kept, where they have any."""
    name = gone.id if gone.name and not kept.name else kept.id
    category = gone.id if gone.category and not kept.category else kept.id
    # No end most often means that nobody spoke of one: a day is proposed where one of them has any.
    gone_is_later = gone.until is not None and (kept.until is None or gone.until > kept.until)
    return Choice(kept.id, gone.id, name, category, gone.id if gone_is_later else kept.id)


def as_one(kept: Member, gone: Member, choice: Choice) -> Member:
    """Return the member that two are as one; excluded if either is."""
    of = {kept.id: kept, gone.id: gone}
    proposed = usual(kept, gone)
    payer = next((each for each in (kept.payer, gone.payer) if each and each not in of), "")
    return msgspec.structs.replace(
        kept,
        name=of.get(choice.name, of[proposed.name]).name,
        category=of.get(choice.category, of[proposed.category]).category,
        until=of.get(choice.until, of[proposed.until]).until,
        payer=payer,
        excluded=kept.excluded or gone.excluded,
    )


def united(kept: Member, gone: Member, theirs: Iterable[Row], paid_for: Iterable[Member], choice: Choice) -> Union:
    """Return what merging puts and drops. theirs: the rows of both; paid_for: for whom the one who goes pays."""
    found = list(theirs)
    mine = {row.own_key.partition("/")[2]: row for row in _of(found, Certification, kept.id)}
    has_pin = any(row.hash for row in _of(found, Pin, kept.id))
    member = as_one(kept, gone, choice)
    put: dict[str, Row] = {member.key: member}
    drop = [gone.key]
    for row in found:
        if getattr(row, "member", "") != gone.id:
            continue
        match row:
            case Certification():
                before = mine.get(row.training)
                moved: Row = msgspec.structs.replace(row, member=kept.id)
                moved = moved if before is None else certifications_as_one(before, moved)  # type: ignore[arg-type]
            case Badge() | ForcedEnd():
                moved = msgspec.structs.replace(row, member=kept.id)
            case Subscription():
                theirs_now = msgspec.structs.replace(row, member=kept.id)
                moved = subscriptions_as_one([*_of(found, Subscription, kept.id), theirs_now])
            case Pin() if not has_pin:
                moved = msgspec.structs.replace(row, member=kept.id)
            case _:
                drop.append(row.key)
                continue
        put[moved.key] = moved
        if moved.key != row.key:
            drop.append(row.key)
    for each in paid_for:
        if each.id not in {kept.id, gone.id}:
            put[each.key] = msgspec.structs.replace(each, payer=kept.id)
    return Union(member, tuple(put.values()), tuple(drop), has_pin and any(_of(found, Pin, gone.id)))


def _of(found: list[Row], kind: type[Row], member: str) -> list[Any]:
    return [row for row in found if isinstance(row, kind) and getattr(row, "member", "") == member]


def particulars_as_one(kept: dict[str, Any], gone: dict[str, Any]) -> dict[str, Any]:
    """Return what is known of one of whom two things were known: of the one who is kept, where anything is.

    Letters that either ended stay so, but for an agreement of a later day. Days are as JSON has them.
    """
    found = {name: value if value not in {None, ""} else gone.get(name, value) for name, value in kept.items()}
    ended = max(each.get("letters_ended") or "" for each in (kept, gone))
    if ended:
        agreed = max(each.get("letters") or "" for each in (kept, gone))
        found["letters"], found["letters_ended"] = (agreed, None) if agreed > ended else (None, ended)
    return found
