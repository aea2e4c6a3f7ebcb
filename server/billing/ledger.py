"""The ledger: accounts by double entry, which is only ever appended to.

Accounts are words: "payer/ID" for a person or an organisation, "machine/ID" for what a machine earned, "holder/ID" for
what is due to who owns a part of it, "plan/ID", "pool" for time, "outside" for what came from or went to a till or a
bank. What a payer owes is below 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Final

import msgspec
from django.db import transaction
from django.db.models import Sum

from common.errors import LoquetError
from common.texts import N_
from server.billing.models import Balance, Closing, Posting, Transfer
from server.core import clock
from server.people.merging import aliases

EUR: Final = "EUR"
TIME: Final = "TIME"
POINT_S: Final = 900
POOL: Final = "pool"
OUTSIDE: Final = "outside"
BATCH: Final = 200
MOST: Final = 10**12  # cents or seconds in one posting


class LedgerError(LoquetError, ValueError):
    """What cannot be posted."""


class Leg(msgspec.Struct, frozen=True):
    """How much one account gets."""

    account: str
    amount: int
    unit: str = EUR


def payer(who: str) -> str:
    """Return the account of a person or an organisation."""
    return f"payer/{who}"


def machine(which: str) -> str:
    """Return the account of what a machine earned."""
    return f"machine/{which}"


def month_of(day: date) -> str:
    """Return the month of a day, as the ledger names it: 2026-11."""
    return f"{day:%Y-%m}"


def after(month: str) -> str:
    """Return the month that follows one."""
    year, number = map(int, month.split("-"))
    return f"{year + number // 12:04}-{number % 12 + 1:02}"


def last_closed() -> str:
    """Return the last month that is closed; "" where none is."""
    return Closing.objects.order_by("-month").values_list("month", flat=True).first() or ""


def open_months() -> list[str]:
    """Return the months in which something was posted that is not closed; of ten years they are a few."""
    closed = last_closed()
    ends = Transfer.objects.filter(month__gt=closed).order_by("month").values_list("month", flat=True)
    first, last = ends.first(), ends.last()
    if first is None or last is None:
        return []
    found = [first]
    while found[-1] < last:
        found.append(after(found[-1]))
    return found


def open_month(wanted: str) -> str:
    """Return the month to which something belongs that is of this one: it, or the first that is open still."""
    closed = last_closed()
    return wanted if wanted > closed else after(closed)


def post(cause: str, what: str, month: str, legs: Iterable[Leg], **said: Any) -> Transfer | None:  # noqa: ANN401 - the model's own
    """Post a transfer, once; None where its cause was posted before.

    month: of what it is about; where that is closed, it goes on the one that is open. Raises LedgerError where the legs
    do not sum to 0 in each unit.
    """
    wanted = [leg for leg in legs if leg.amount]
    for unit in {leg.unit for leg in wanted}:
        if sum(leg.amount for leg in wanted if leg.unit == unit):
            raise LedgerError(N_("these postings do not sum to 0; nothing was posted"))
    if any(abs(leg.amount) > MOST for leg in wanted):
        raise LedgerError(N_("such an amount is not posted"))
    with transaction.atomic():
        made, is_new = Transfer.objects.get_or_create(
            cause=cause, defaults={"what": what, "month": open_month(month), **said}
        )
        if not is_new:
            return None
        Posting.objects.bulk_create(
            Posting(transfer=made, account=leg.account, unit=leg.unit, amount=leg.amount, month=made.month)
            for leg in wanted
        )
    return made


def balances(accounts: Iterable[str], unit: str = EUR) -> dict[str, int]:
    """Return what accounts have: what was closed, and what was posted since."""
    wanted = list(accounts)
    found = dict.fromkeys(wanted, 0)
    for account, amount in Balance.objects.filter(account__in=wanted, unit=unit).values_list("account", "amount"):
        found[account] += amount
    since = Posting.objects.filter(account__in=wanted, unit=unit, month__gt=last_closed())
    for account, amount in since.values("account").annotate(sum=Sum("amount")).values_list("account", "sum").order_by():
        found[account] += int(amount)
    return found


def balance_of(who: str, unit: str = EUR) -> int:
    """Return what a payer has, under every id that was theirs."""
    return totals([who, *aliases.below(who)]).get(unit, 0)


def totals(ids: Iterable[str], closed: str | None = None) -> dict[str, int]:
    """Return what the accounts of some ids have together, by unit. closed: the last month that is, if it is known."""
    closed = last_closed() if closed is None else closed
    accounts = [payer(each) for each in ids]
    found: dict[str, int] = {}
    before = Balance.objects.filter(account__in=accounts).values_list("unit", "amount")
    since = Posting.objects.filter(account__in=accounts, month__gt=closed)
    opened = since.values("unit").annotate(sum=Sum("amount")).values_list("unit", "sum").order_by()
    for unit, amount in [*before, *opened]:
        found[unit] = found.get(unit, 0) + int(amount)
    return found


def every_balance(unit: str = EUR) -> dict[str, int]:
    """Return what each payer has."""
    return every_account().get(unit, {})


def every_account(through: str = "") -> dict[str, dict[str, int]]:
    """Return what each payer has, by unit, or had at the end of a month; those of merged members as one."""
    head = payer("")
    closed = Balance.objects.filter(account__startswith=head).values_list("unit", "account", "amount")
    months = [month for month in open_months() if not through or month <= through]
    since = Posting.objects.filter(month__in=months)
    sums = since.values("unit", "account").annotate(sum=Sum("amount")).values_list("unit", "account", "sum").order_by()
    named = [(unit, account.removeprefix(head), int(amount)) for unit, account, amount in [*closed, *sums]
             if account.startswith(head)]  # fmt: skip
    now = aliases.resolve(each for _unit, each, _amount in named)
    made: dict[str, dict[str, int]] = {}
    for unit, each, amount in named:
        of_unit, to = made.setdefault(unit, {}), now.get(each, each)
        of_unit[to] = of_unit.get(to, 0) + amount
    return made


def move_balances(month: str) -> None:
    """Take a month that is being closed into the balances."""
    known = Balance.objects.values_list("account", "unit", "amount")
    found = {(account, unit): amount for account, unit, amount in known}
    sums = Posting.objects.filter(month=month).values("account", "unit").annotate(sum=Sum("amount")).order_by()
    for each in sums:
        key = each["account"], each["unit"]
        found[key] = found.get(key, 0) + int(each["sum"])
    Balance.objects.bulk_create(
        (Balance(account=account, unit=unit, amount=amount) for (account, unit), amount in found.items()),
        update_conflicts=True, unique_fields=["account", "unit"], update_fields=["amount"], batch_size=BATCH,
    )  # fmt: skip


# --- what people enter ---


def pay(who: str, cents: int, receipt: str, day: date, by: str) -> Transfer | None:
    """Credit what somebody paid elsewhere: Loquet takes no money. None where that receipt was entered before."""
    if not receipt.strip():
        raise LedgerError(N_("say the number of its receipt: a payment is entered once"))
    legs = [Leg(payer(who), cents), Leg(OUTSIDE, -cents)]
    note = f"{receipt} · {by}"[:200]
    return post(f"payment/{receipt.strip()}", "payment", month_of(day), legs, payer=who, note=note, day=day)


def give_time(who: str, seconds: int, word: str, why: str) -> Transfer | None:
    """Credit hours that somebody gave the workshop. word: the form's own, so that it is entered once."""
    legs = [Leg(payer(who), seconds, TIME), Leg(POOL, -seconds, TIME)]
    return post(f"given/{word}", "given", month_of(clock.today()), legs, payer=who, note=why[:200])


def pass_time(sender: str, to: str, seconds: int, word: str, why: str) -> Transfer | None:
    """Pass time to another member, from free balance only. Raises LedgerError."""
    if sender == to or seconds <= 0:
        raise LedgerError(N_("say whom to pass it to, and how much"))
    with transaction.atomic():
        aliases.hold()
        if balance_of(sender, TIME) < seconds:
            raise LedgerError(N_("there is less than that on the account"))
        legs = [Leg(payer(sender), -seconds, TIME), Leg(payer(to), seconds, TIME)]
        return post(f"passed/{word}", "passed", month_of(clock.today()), legs, payer=sender, note=why[:200])


def at_site(ms: int) -> datetime:
    """Return a moment on the clock of the site's wall."""
    return clock.local(datetime.fromtimestamp(ms / 1000, clock.now().tzinfo))
