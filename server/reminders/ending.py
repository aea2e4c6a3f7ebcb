"""What ends soon, and of which members that they have not been told of yet."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

import msgspec
from django.db.models import Exists, OuterRef, Q, QuerySet

from server.people.models import Member, Particulars
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
    found: dict[str, None] = {}
    for each in _due(plan, today):
        if len(found) >= most:
            break
        found |= dict.fromkeys(each[:most])
    return list(found)[:most]


def count_due(plan: Plan, today: date) -> int:
    """Return how many members are to be written to."""
    # Not by a union in the database: PostgreSQL took half a minute for it where a thousand letters had just gone out.
    return len({member for each in _due(plan, today) for member in each.iterator(chunk_size=5_000)})


def _due(plan: Plan, today: date) -> list[QuerySet[Any, str]]:
    """Return, by span and kind, the members whom nobody has told of it within that span or a shorter one."""
    found: list[QuerySet[Any, str]] = []
    for span, first, last in plans.windows(plan, today):
        mine = memberships(first, last).filter(_is_reachable("pk", today), ~_was_told(span, "pk"))
        theirs = certifications(first, last).filter(_is_reachable("member", today), ~_was_told(span, "member"))
        found += [mine.values_list("pk", flat=True), theirs.values_list("member", flat=True).distinct()]
    return found


def _is_reachable(member: str, today: date) -> Exists:
    return Exists(Particulars.objects.filter(may_be_written_to(today), pk=OuterRef(member)))


def _was_told(span: int, member: str) -> Exists:
    training: Any = "" if member == "pk" else OuterRef("training")
    told = Reminder.objects.filter(member=OuterRef(member), training=training, end=OuterRef("until"), span__lte=span)
    return Exists(told)


def untold(plan: Plan, today: date, members: Collection[Member]) -> dict[str, list[tuple[End, int]]]:
    """Return what each of them is to be told of, with the span that it lies within; three queries for all of them."""
    _span, _first, last = plans.windows(plan, today)[-1]
    ids = [each.pk for each in members]
    ends = [End(each.until, each.pk) for each in members if each.until is not None]
    held = certifications(today, last).filter(member__in=ids).values_list("until", "member", "training")
    ends += [End(day, member, training) for day, member, training in held if day is not None]
    told: dict[End, int] = {}
    marks = Reminder.objects.filter(member__in=ids, end__gte=today).values_list("end", "member", "training", "span")
    for day, member, training, within in marks:
        end = End(day, member, training)
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
