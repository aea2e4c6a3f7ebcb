"""Machines that several own: what each holder has earned, was paid and is due. No cent is lost."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import msgspec
from django.db.models import Sum

from common.errors import LoquetError
from common.texts import N_
from server.billing import ledger
from server.billing.ledger import Leg
from server.billing.models import Posting, Share
from server.billing.parts import Part, split
from server.core import clock


class Due(msgspec.Struct, frozen=True):
    """What a holder has of a machine, in cents: earned since ever, paid out, and what is due now."""

    holder: str
    earned: int
    paid: int

    @property
    def due(self) -> int:
        """What is left to pay; below 0 where more was paid than was earned."""
        return self.earned - self.paid


def parts_at(machine: str) -> list[tuple[date, list[Part]]]:
    """Return who held which part of a machine, from which day on, the first first."""
    by_day: dict[date, list[Share]] = {}
    for each in Share.objects.filter(machine=machine).order_by("since", "holder"):
        by_day.setdefault(each.since, []).append(each)
    held: dict[str, Part] = {}
    found = []
    for since, shares in by_day.items():
        for share in shares:
            held[share.holder] = Part(share.holder, share.weight, share.is_rest)
        found.append((since, [part for part in held.values() if part.weight or part.is_rest]))
    return found


def incomes(machine: str, begins: Iterable[str]) -> list[int]:
    """Return what a machine was billed for in each span between months, the last one open."""
    months = list(begins)
    mine = Posting.objects.filter(account=ledger.machine(machine), unit=ledger.EUR)
    found = []
    for number, month in enumerate(months):
        span = mine.filter(month__gte=month) if number else mine
        if number + 1 < len(months):
            span = span.filter(month__lt=months[number + 1])
        found.append(int(span.aggregate(sum=Sum("amount"))["sum"] or 0))
    return found


def dues(machine: str) -> list[Due]:
    """Return what each holder of a machine has earned by now, and what was paid to them."""
    spans = parts_at(machine)
    if not spans:
        return []
    earned: dict[str, int] = {}
    for income, (_since, parts) in zip(incomes(machine, [f"{since:%Y-%m}" for since, _ in spans]), spans, strict=True):
        for holder, cents in split(income, parts).items():
            earned[holder] = earned.get(holder, 0) + cents
    paid = _paid(machine)
    return [Due(holder, cents, paid.get(holder, 0)) for holder, cents in earned.items()]


def _paid(machine: str) -> dict[str, int]:
    head = f"holder/{machine}/"
    mine = Posting.objects.filter(account__gte=head, account__lt=f"{head[:-1]}0", unit=ledger.EUR)
    sums = mine.values("account").annotate(sum=Sum("amount")).values_list("account", "sum").order_by()
    return {account.removeprefix(head): int(amount) for account, amount in sums}


def of_year(machine: str, year: int) -> list[tuple[str, int, dict[str, int]]]:
    """Return, for each month of a year, what a machine was billed for, and each holder's part of it.

    A part is what has been earned by that month's end, less what had been before: its cents add up to the year's.
    """
    spans = parts_at(machine)
    months = [f"{year}-{number:02}" for number in range(1, 13)]
    mine = Posting.objects.filter(account=ledger.machine(machine), unit=ledger.EUR, month__lte=months[-1])
    by_month = dict(mine.values("month").annotate(sum=Sum("amount")).values_list("month", "sum").order_by())
    before = _earned(spans, {month: cents for month, cents in by_month.items() if month < months[0]})
    found = []
    for number, month in enumerate(months, 1):
        until = {each: cents for each, cents in by_month.items() if each <= months[number - 1]}
        now = _earned(spans, until)
        parts = {holder: cents - before.get(holder, 0) for holder, cents in now.items()}
        found.append((month, int(by_month.get(month, 0)), parts))
        before = now
    return found


def _earned(spans: list[tuple[date, list[Part]]], by_month: dict[str, int]) -> dict[str, int]:
    """Return what each holder has earned of some months."""
    begins = [f"{since:%Y-%m}" for since, _parts in spans]
    found: dict[str, int] = {}
    for number, (_since, parts) in enumerate(spans):
        first, last = (begins[number] if number else ""), (begins[number + 1] if number + 1 < len(spans) else "9999")
        income = sum(int(cents) for month, cents in by_month.items() if first <= month < last)
        for holder, cents in split(income, parts).items():
            found[holder] = found.get(holder, 0) + cents
    return found


class ShareError(LoquetError, ValueError):
    """A part that cannot be held or paid out so."""


def hold(machine: str, holder: str, weight: int, since: date, *, is_rest: bool) -> None:
    """Have somebody hold a part of a machine from the first day of a month on. Raises ShareError."""
    since = since.replace(day=1)
    if f"{since:%Y-%m}" <= ledger.last_closed():
        raise ShareError(N_("that month is closed: let it begin later"))
    Share.objects.update_or_create(
        machine=machine, holder=holder, since=since, defaults={"weight": weight, "is_rest": is_rest}
    )
    if is_rest:  # one holder has what is left over
        Share.objects.filter(machine=machine, since=since).exclude(holder=holder).update(is_rest=False)


def pay_out(machine: str, holder: str, word: str, by: str) -> None:
    """Note that a holder was paid what is due. word: the form's own, so that it is noted once. Raises ShareError."""
    found = next((each for each in dues(machine) if each.holder == holder), None)
    if found is None or found.due <= 0:
        raise ShareError(N_("there is nothing due"))
    legs = [Leg(f"holder/{machine}/{holder}", found.due), Leg(ledger.OUTSIDE, -found.due)]
    month = ledger.month_of(clock.today())
    note = f"{holder} · {by}"[:200]
    ledger.post(f"share/{machine}/{holder}/{word}", "share", month, legs, machine=machine, note=note)
