"""What plans cost and give, month by month: pure sums, and their postings."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from typing import Final

from django.db import transaction

from protocol.price import TIMES
from protocol.rows import Meter
from server.billing import ledger
from server.billing.ledger import Leg
from server.billing.models import Plan, Subscription, Transfer
from server.inbox.notices import notify
from server.people import payers

FEE: Final = "fee"
INCLUDED: Final = "included"
TOLD_BEFORE: Final = timedelta(days=14)


def days_of(month: str) -> tuple[date, date]:
    """Return the first and the last day of a month."""
    year, number = map(int, month.split("-"))
    return date(year, number, 1), date(year, number, calendar.monthrange(year, number)[1])


def fee_of(plan: Plan, since: date | None, until: date | None, month: str) -> int:
    """Return what a plan costs in a month, in cents: its days of it where that is asked for, rounded half up.

    A yearly fee is due in the month in which each year of it begins.
    """
    first, last = days_of(month)
    begins, ends = max(since or first, first), min(until or last, last)
    if begins > ends:
        return 0
    if plan.yearly:
        anniversary = (since or first).month
        return plan.fee if anniversary == first.month else 0
    if not plan.pro_rata:
        return plan.fee
    days, whole = (ends - begins).days + 1, (last - first).days + 1
    return (2 * plan.fee * days + whole) // (2 * whole)


def post_fees(month: str) -> int:
    """Post what each subscription costs in a month, once; return how many were."""
    known = {each.pk: each for each in Plan.objects.all()}
    count = 0
    for each in Subscription.objects.order_by("member", "plan"):
        plan = known.get(each.plan)
        cents = 0 if plan is None else fee_of(plan, each.since, each.until, month)
        if plan is None or not cents:
            continue
        cents = (2 * cents * (10_000 + plan.vat) + 10_000) // 20_000
        legs = [Leg(ledger.payer(each.member), -cents), Leg(f"plan/{plan.pk}", cents)]
        whose = {"payer": each.member, "member": each.member, "note": plan.name or plan.pk}
        count += ledger.post(f"{FEE}/{each.member}/{plan.pk}/{month}", FEE, month, legs, **whose) is not None
    return count


def post_included(month: str) -> int:
    """Credit, against what was billed in a month, the time that each plan includes; return for how many."""
    known = {each.pk: each for each in Plan.objects.filter(included__gt=0)}
    first, last = days_of(month)
    count = 0
    for each in Subscription.objects.filter(plan__in=known).order_by("member", "plan"):
        plan = known[each.plan]
        if (each.since or first) > last or (each.until or last) < first:
            continue
        with transaction.atomic():
            cents, seconds, machines = _covered(plan, each.member, month)
            if not cents:
                continue
            legs = [Leg(ledger.payer(each.member), cents)]
            legs += [Leg(ledger.machine(which), -part) for which, part in machines.items()]
            note = f"{plan.name or plan.pk}: {seconds // 60} min"
            whose = {"payer": each.member, "member": each.member, "note": note}
            cause = f"{INCLUDED}/{each.member}/{plan.pk}/{month}"
            count += ledger.post(cause, INCLUDED, month, legs, **whose) is not None
    return count


def _covered(plan: Plan, member: str, month: str) -> tuple[int, int, dict[str, int]]:
    """Return the cents and seconds of a member's sessions that a plan's time covers, and the cents by machine."""
    left, cents = plan.included, 0
    by_machine: dict[str, int] = {}
    mine = Transfer.objects.filter(member=member, payer=member, month=month, what__in=["session", "correction"])
    times = {meter.value for meter in TIMES}
    seen: set[str] = set()
    for transfer in mine.order_by("pk"):
        # Of a session that was corrected the last word counts.
        if (plan.machines and transfer.machine not in plan.machines) or transfer.session in seen:
            continue
        seen.add(transfer.session)
        lines = mine.filter(session=transfer.session).order_by("-pk").values_list("lines", flat=True)[0]
        for line in lines:
            if line["per"] in times and line["per"] != Meter.BOOKED and line["billed"]:
                covered = min(left, line["billed"])
                part = (2 * line["cents"] * covered + line["billed"]) // (2 * line["billed"])
                left, cents = left - covered, cents + part
                by_machine[transfer.machine] = by_machine.get(transfer.machine, 0) + part
    return cents, plan.included - left, by_machine


def tell_of_ends(today: date) -> None:
    """Tell a person of each subscription that ends within two weeks, once."""
    names = {each.pk: each.name or each.pk for each in Plan.objects.all()}
    soon = Subscription.objects.filter(until__gte=today, until__lte=today + TOLD_BEFORE).order_by("until", "member")
    known = payers.called(each.member for each in soon)
    for each in soon:
        once = f"plan_ends/{each.member}/{each.plan}/{each.until}"
        who = known.get(each.member, each.member)
        about = {"member": who, "why": names.get(each.plan, each.plan), "kind": f"{each.until:%Y-%m-%d}"}
        notify("plan_ends", None, once=once, subject=f"{each.member}/{each.plan}", **about)


def pass_until(given_s: int, owed_s: int, month: str) -> date | None:
    """Return until when hours given in a month open what asks for them: to the end of the next one; None: not."""
    return days_of(ledger.after(month))[1] if given_s >= owed_s > 0 else None
