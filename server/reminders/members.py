"""Members are written to: a slice of them in one transaction, each letter with the marks that say so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from django.db import transaction

from common.texts import spoken
from server.core import clock
from server.mail import post
from server.people import particulars
from server.people.models import Member, Particulars
from server.reminders import consent, ending, letters, plans
from server.reminders.ending import End
from server.reminders.letters import Line
from server.reminders.models import Plan, Reminder

SLICE: Final = 50


def write() -> bool:
    """Write to some of those who are to be written to; return whether there may be more of them.

    Several processes may do so at once: members whom another one is writing to are passed over.
    """
    plan, today = plans.of_members(), clock.today()
    if not plans.writes_to_members(plan):
        return False
    waiting = ending.due(plan, today, SLICE)
    if waiting:
        with transaction.atomic():
            _write_to(waiting, plan, today)
    return len(waiting) == SLICE


def _write_to(ids: list[str], plan: Plan, today: date) -> None:
    """Write one letter to each member, about all that they were not told of; what is known of them is read anew."""
    mine = Member.objects.select_for_update(skip_locked=True).filter(pk__in=ids, excluded=False)
    members = {each.pk: each for each in mine.order_by("pk")}
    known = list(Particulars.objects.filter(ending.may_be_written_to(today), pk__in=members))
    untold = ending.untold(plan, today, list(members.values()))
    languages = particulars.languages(known)
    names = ending.called([end.training for found in untold.values() for end, _span in found])
    marks: list[Reminder] = []
    for each in known:
        found = untold.get(each.pk, [])
        if not found:
            continue
        lines = [_line(end, names) for end, _span in found]
        with spoken(languages[each.pk]):
            said = letters.to_member(members[each.pk].name or each.pk, lines, today, consent.link(each))
        post.put(each.email, *said, unsubscribe=consent.one_click(each))
        marks += [Reminder(member=each.pk, training=end.training, end=end.day, span=span) for end, span in found]
    Reminder.objects.bulk_create(marks)


def _line(end: End, names: Mapping[str, str]) -> Line:
    return Line(end.day, names.get(end.training, end.training))
