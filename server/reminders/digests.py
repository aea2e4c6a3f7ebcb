"""Who runs a workshop hears what ends soon there, and of whom nobody else is told."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from common.texts import N_, spoken
from server.accounts.models import Account, Role
from server.core import clock, configuration
from server.mail import post
from server.people.models import Member, Particulars
from server.reminders import ending, letters, plans
from server.reminders.ending import End
from server.reminders.letters import Ending, Line, Summary
from server.reminders.models import Digest, Plan
from server.sites.models import MAIN
from server.whitelist.columns import columns

LISTED: Final = 100  # what a digest says one by one
AT_ONCE: Final = 20
NO_ADDRESS: Final = N_("no address is known")
NOT_AGREED: Final = N_("has not agreed to letters")


def readers(site: str) -> QuerySet[Account]:
    """Return the accounts to which a workshop's digest goes."""
    mine = Account.objects.filter(is_active=True, role__in=[Role.ADMINISTRATOR, Role.FABMANAGER]).exclude(email="")
    of_site = mine.filter(site=site)
    return of_site | mine.filter(site=None) if site == MAIN else of_site


def make() -> bool:
    """Make some of the digests that are to be made; return whether there are more of them."""
    today, made = clock.today(), 0
    for plan in Plan.objects.filter(is_on=True).order_by("pk"):
        day = plans.digest_day(plan, today)
        if day is None:
            continue
        had = Digest.objects.filter(day=day).values("account")
        summaries: dict[str | None, Summary] = {}
        for account in readers(plan.pk).exclude(pk__in=had).order_by("pk"):
            if made == AT_ONCE:
                return True
            if account.site_id not in summaries:
                summaries[account.site_id] = summary(plan, account.site_id, today)
            _make(account, plan, day, summaries[account.site_id])
            made += 1
    return False


def _make(account: Account, plan: Plan, day: date, said: Summary) -> None:
    """Make one; where another process was quicker, nothing."""
    try:
        with transaction.atomic():
            mark = Digest.objects.create(account=account, day=day)
            if not said.endings:
                return
            with spoken(account.language or configuration.in_force().server.language):
                subject, body = letters.to_account(account.username, said, plan.pk, plan.digest)
            mark.letter = post.put(account.email, subject, body)
            mark.save(update_fields=["letter"])
    except IntegrityError:
        return


def summary(plan: Plan, site: str | None, today: date) -> Summary:
    """Return what ends within a plan's longest span, of all members and of a workshop's trainings (None: of all)."""
    _span, _first, last = plans.windows(plan, today)[-1]
    mine, held = ending.memberships(today, last), ending.certifications(today, last)
    if site is not None:
        held = held.filter(training__in=[each.id for each in columns(site=site)])
    ends = [End(day, member) for day, member in _first_of(mine, "until", "pk")]
    ends += [End(*each) for each in _first_of(held, "until", "member", "training")]
    shown = sorted(ends)[:LISTED]
    of = {end.member for end in shown}
    names = dict(Member.objects.filter(pk__in=of).values_list("pk", "name"))
    trainings = ending.called([end.training for end in shown])
    writes = plans.writes_to_members(plans.of_members())
    why = _why_not(of, today) if writes else {}
    endings = [
        Ending(
            Line(end.day, trainings.get(end.training, end.training)),
            end.member,
            names.get(end.member) or end.member,
            why.get(end.member, ""),
        )
        for end in shown
    ]
    return Summary(max(plan.spans), endings, mine.count() + held.count() - len(shown), writes)


def _first_of(found: QuerySet[Any], *fields: str) -> list[tuple[Any, ...]]:
    return list(found.order_by("until", "pk").values_list(*fields)[:LISTED])


def _why_not(members: set[str], today: date) -> dict[str, str]:
    """Return why nobody writes to some members."""
    known = {each.pk: each for each in Particulars.objects.filter(pk__in=members)}
    found: dict[str, str] = {}
    for member in members:
        each = known.get(member)
        if each is None or not each.email:
            found[member] = NO_ADDRESS
        elif each.letters is None or each.letters > today:
            found[member] = NOT_AGREED
    return found
