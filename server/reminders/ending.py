"""What ends soon, and of which members that they have not been told of yet."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

import msgspec
from django.db.models import Exists, OuterRef, Q, QuerySet

from server.people.merging import aliases
from server.people.models import Member, MergedMember, Particulars
from server.reminders import plans
from server.reminders.models import Plan, Reminder
from server.whitelist.models import Certification, Training


class End(msgspec.Struct, frozen=True, order=True):
    """A last day, of a member's training; training: "" for the membership. The earliest come first."""

    day: date
    member: str
    training: str = ""


def may_be_written_to(today: date) -> Q:
    """Return what holds of the particulars of those who agreed to letters and have an address."""
    return Q(letters__lte=today) & ~Q(email="")


def memberships(first: date, last: date) -> QuerySet[Member]:
    """Return members whose membership ends between two days."""
    return Member.objects.filter(excluded=False, until__range=(first, last))


def certifications(first: date, last: date) -> QuerySet[Certification]:
    """Return certifications that end between two days, of trainings that there still are and members who are let in."""
    return Certification.objects.filter(
        Exists(Member.objects.filter(pk=OuterRef("member"), excluded=False)),
        Exists(Training.objects.filter(pk=OuterRef("training"), retired=False)),
        until__range=(first, last),
    )


def due(plan: Plan, today: date, most: int) -> list[str]:
    """Return some members who are to be written to: so many at the most, and nobody only where there is nobody."""
    apart = _told_by_another_id(plan, today)
    found: dict[str, None] = dict.fromkeys(_due_of(plan, today, apart))
    for each in _due(plan, today, apart):
        if len(found) >= most:
            break
        found |= dict.fromkeys(each[:most])
    return list(found)[:most]


def count_due(plan: Plan, today: date) -> int:
    """Return how many members are to be written to."""
    # Not by a union in the database: PostgreSQL took half a minute for it where a thousand letters had just gone out.
    apart = _told_by_another_id(plan, today)
    found = {member for each in _due(plan, today, apart) for member in each.iterator(chunk_size=5_000)}
    return len(found.union(_due_of(plan, today, apart)))


def _told_by_another_id(plan: Plan, today: date) -> list[str]:
    """Return members who were told of something under an id that was merged into theirs: few, and looked at one by one.

    In the database every member would have to be followed through all mergings.
    """
    last = max((last for _span, _first, last in plans.windows(plan, today)), default=today)
    merged = MergedMember.objects.values("gone")
    told = Reminder.objects.filter(member__in=merged, end__range=(today, last)).values_list("member", flat=True)
    return sorted(set(aliases.resolve(told.distinct()).values()))


def _due_of(plan: Plan, today: date, ids: list[str]) -> list[str]:
    """Return which of some members are to be written to."""
    mine = Member.objects.filter(_is_reachable("pk", today), pk__in=ids, excluded=False) if ids else ()
    return list(untold(plan, today, list(mine))) if ids else []


def _due(plan: Plan, today: date, apart: list[str]) -> list[QuerySet[Any, str]]:
    """Return, by span and kind, the members whom nobody has told of it within that span or a shorter one.

    apart: who is not looked at.
    """
    found: list[QuerySet[Any, str]] = []
    for span, first, last in plans.windows(plan, today):
        mine = memberships(first, last).filter(_is_reachable("pk", today), ~_was_told(span, "pk"))
        theirs = certifications(first, last).filter(_is_reachable("member", today), ~_was_told(span, "member"))
        if apart:
            mine, theirs = mine.exclude(pk__in=apart), theirs.exclude(member__in=apart)
        found += [mine.values_list("pk", flat=True), theirs.values_list("member", flat=True).distinct()]
    return found


def _is_reachable(member: str, today: date) -> Exists:
    return Exists(Particulars.objects.filter(may_be_written_to(today), pk=OuterRef(member)))


def _was_told(span: int, member: str) -> Exists:
    training: Any = "" if member == "pk" else OuterRef("training")
    told = Reminder.objects.filter(member=OuterRef(member), training=training, end=OuterRef("until"), span__lte=span)
    return Exists(told)


def untold(plan: Plan, today: date, members: Collection[Member]) -> dict[str, list[tuple[End, int]]]:
    """Return what each of them is to be told of, with the span that it lies within; a few queries for all.

    What was told under an id that was merged into theirs was told.
    """
    _span, _first, last = plans.windows(plan, today)[-1]
    ids = [each.pk for each in members]
    ends = [End(each.until, each.pk) for each in members if each.until is not None]
    held = certifications(today, last).filter(member__in=ids).values_list("until", "member", "training")
    ends += [End(day, member, training) for day, member, training in held if day is not None]
    told: dict[End, int] = {}
    now = {each: each for each in ids} | aliases.all_below(ids)
    marks = Reminder.objects.filter(member__in=now, end__gte=today).values_list("end", "member", "training", "span")
    for day, member, training, within in marks:
        end = End(day, now[member], training)
        told[end] = min(within, told.get(end, within))
    found: dict[str, list[tuple[End, int]]] = {}
    for end in sorted(ends):
        span = plans.span_of(plan, today, end.day)
        if span is not None and told.get(end, span + 1) > span:
            found.setdefault(end.member, []).append((end, span))
    return found


def called(trainings: Collection[str]) -> dict[str, str]:
    """Return what trainings are called."""
    found = Training.objects.filter(pk__in=set(trainings) - {""}).values_list("pk", "name")
    return {training: name or training for training, name in found}
