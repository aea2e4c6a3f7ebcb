"""A month is closed: fees and included time are posted, and each payer's statement is frozen, numbered and hashed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import datetime, time
from typing import Any, Final

import msgspec
from django.db import connection, transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone

from common.errors import LoquetError
from common.texts import N_
from server.billing import ledger, plans
from server.billing.models import Address, Closing, Posting, Series, Statement, Transfer
from server.core import clock, state
from server.devices.models import Device
from server.people import payers
from server.people.merging import aliases
from server.usage.models import Session

NUMBER: Final = re.compile(r"^[0-9]{4}-([A-Z]{1,3})-([0-9]{1,6})$")
BATCH: Final = 500
TRANSFERS: Final = Transfer._meta.db_table  # noqa: SLF001 - Django's documented way
SHOWN: Final = 200  # open sessions that are named
Progress = Callable[[int, int], None]


class ClosingError(LoquetError, ValueError):
    """A month that cannot be closed, or not yet."""


class Waiting(msgspec.Struct, frozen=True):
    """What a month waits for: a controller that was silent, a session that is open."""

    what: str
    name: str
    since: datetime | None = None
    backlog: int = 0


def waiting_for(month: str) -> list[Waiting]:
    """Return what may still come that belongs to a month."""
    ends = _end_of(month)
    found = []
    devices = list(Device.objects.order_by("name", "pk"))
    for device in (each for each in devices if not each.retired):
        backlog = int((device.report or {}).get("backlog") or 0)
        if device.seen is None or device.seen < ends or backlog:
            found.append(Waiting("silent", device.name or device.pk, device.seen, backlog))
    limit = int(ends.timestamp() * 1000)
    for session in Session.objects.filter(device__in=devices, ended=False).exclude(started__gte=limit)[:SHOWN]:
        began = None if session.started is None else ledger.at_site(session.started)
        found.append(Waiting("open", session.machine, began))
    return found


def _end_of(month: str) -> datetime:
    """Return the moment at which a month is over at the site."""
    first, _last = plans.days_of(ledger.after(month))
    return datetime.combine(first, time(), timezone.get_current_timezone())


def last_closed() -> str:
    """Return the last month that is closed; "" where none is."""
    return ledger.last_closed()


def is_over(month: str) -> bool:
    """Return whether a month is over at the site."""
    return clock.now() >= _end_of(month)


def asks_for_number() -> bool:
    """Return whether this server was restored since it issued a number: it asks for the last one that was."""
    return Series.objects.exists() and not Series.objects.filter(generation=state.get(state.GENERATION)).exists()


def next_month() -> str:
    """Return the month that is to be closed next: the first in which something was posted, or that follows the last."""
    closed = ledger.last_closed()
    if closed:
        return ledger.after(closed)
    return Transfer.objects.order_by("month").values_list("month", flat=True).first() or ledger.month_of(clock.today())


def close(
    month: str, by: str, *, anyway: bool = False, last_number: str = "", progress: Progress = lambda _done, _of: None
) -> Closing:
    """Close a month, and freeze a statement for each payer. Closing it again is no error, and changes nothing.

    anyway: though something may still come; it goes on the next month. last_number: the last that was issued before
    this server was restored. Raises ClosingError, having changed nothing.
    """
    done = Closing.objects.filter(pk=month).first()
    if done is not None:
        return done
    if month != next_month():
        raise ClosingError(N_("{month} is to be closed first"), month=next_month())
    if not is_over(month):
        raise ClosingError(N_("{month} is not over yet"), month=month)
    left_out = waiting_for(month)
    if left_out and not anyway:
        names = ", ".join(dict.fromkeys(each.name for each in left_out))
        template = N_("something may still come of {month}: {names}. Wait for it, or close the month all the same")
        raise ClosingError(template, month=month, names=names)
    with transaction.atomic():
        aliases.hold()
        plans.post_fees(month)
        plans.post_included(month)
        series = _series(last_number)
        made = _freeze(month, series, progress)
        ledger.move_balances(month)
        digest = hashlib.sha256("".join(each.digest for each in made).encode()).hexdigest()
        said = [msgspec.to_builtins(each) for each in left_out]
        sums = {"count": len(made), "total": sum(each.total for each in made)}
        return Closing.objects.create(month=month, by=by[:200], digest=digest, left_out=said, **sums)


def _series(last_number: str) -> Series:
    """Return the series of this server's numbers; one that was restored begins another. Raises ClosingError."""
    generation = state.get(state.GENERATION)
    found = Series.objects.filter(generation=generation).first()
    if found is not None:
        return found
    names = [each.name for each in Series.objects.all()]
    if names:
        said = NUMBER.fullmatch(last_number.strip().upper())
        if said is None:
            raise ClosingError(
                N_(
                    "this server was restored: say the number of the last statement that was issued before,"
                    " as {example}, so that none is given twice"
                ),
                example=f"{clock.today().year}-{max(names, key=_order)}-0042",
            )
        names.append(said[1])
    name = _following(max(names, key=_order)) if names else "A"
    return Series.objects.create(name=name, generation=generation, after=last_number.strip()[:30])


def _order(name: str) -> tuple[int, str]:
    return len(name), name


def _following(name: str) -> str:
    """Return the name after one: A, B, … Z, AA."""
    stem, last = name[:-1], name[-1]
    return stem + chr(ord(last) + 1) if last < "Z" else (_following(stem) if stem else "A") + "A"


def _freeze(month: str, series: Series, progress: Progress) -> list[Statement]:
    """Make the statements of a month; return them in the order of their numbers."""
    by_payer: dict[str, list[Transfer]] = {}
    found = list(Transfer.objects.filter(month=month, statement=None).exclude(payer="").order_by("pk"))
    legs = _legs(Posting.objects.filter(month=month))
    now = aliases.resolve(each.payer for each in found)
    for each in found:
        by_payer.setdefault(now.get(each.payer, each.payer), []).append(each)
    names, addresses = payers.called(by_payer), {each.pk: each for each in Address.objects.filter(pk__in=by_payer)}
    balances = ledger.every_account(month).get(ledger.EUR, {})
    last = Statement.objects.filter(series=series.name).order_by("-count").values_list("count", flat=True).first() or 0
    made = []
    for number, (who, transfers) in enumerate(sorted(by_payer.items()), last + 1):
        address = addresses.get(who) or Address()
        lines = [line_of(each, legs.get(each.pk, [])) for each in transfers]
        said = f"{month[:4]}-{series.name}-{number:04}"
        statement = Statement(number=said, series=series.name, count=number, month=month, payer=who, lines=lines)
        statement.name, statement.address = address.name or names.get(who, who), address.text
        statement.reference, statement.balance = address.reference, balances.get(who, 0)
        statement.total = sum(line["cents"] for line in lines)
        statement.digest = digest_of(said, who, lines)
        made.append(statement)
        progress(number - last, len(by_payer))
    frozen = Statement.objects.bulk_create(made, batch_size=BATCH)
    pairs = [(each.pk, one.pk) for each in frozen for one in by_payer[each.payer]]
    with connection.cursor() as cursor:  # one statement for all of them: Django would look at each of 20,000
        cursor.executemany(f"update {TRANSFERS} set statement_id = %s where id = %s", pairs)  # noqa: S608 - our own name
    return frozen


Legs = dict[int, list[tuple[str, str, int]]]


def _legs(found: QuerySet[Posting]) -> Legs:
    """Return what each transfer moved: account, unit, amount."""
    legs: Legs = {}
    for transfer, account, unit, amount in found.values_list("transfer_id", "account", "unit", "amount"):
        legs.setdefault(transfer, []).append((account, unit, amount))
    return legs


def line_of(transfer: Transfer, legs: list[tuple[str, str, int]]) -> dict[str, Any]:
    """Return what a statement says of a transfer, and of what it moved."""
    mine = [(unit, amount) for account, unit, amount in legs if account == ledger.payer(transfer.payer)]
    return {
        "id": transfer.pk,
        "what": transfer.what,
        "day": transfer.day.isoformat(),
        "machine": transfer.machine,
        "member": transfer.member,
        "session": transfer.session,
        "note": transfer.note,
        "lines": transfer.lines,
        "cents": sum(amount for unit, amount in mine if unit == ledger.EUR),
        "seconds": sum(amount for unit, amount in mine if unit == ledger.TIME),
    }


def digest_of(number: str, who: str, lines: list[dict[str, Any]]) -> str:
    """Return the SHA-256 over a statement's number, payer, ids and lines, as JSON with its keys in order."""
    said = msgspec.json.encode({"number": number, "payer": who, "lines": lines}, order="sorted")
    return hashlib.sha256(said).hexdigest()


def verified(month: str) -> str:
    """Return the digest of a closed month, made anew from the ledger: what it was when it was closed."""
    legs = _legs(Posting.objects.filter(month=month))
    by_statement: dict[int, list[Transfer]] = {}
    for each in Transfer.objects.filter(month=month).exclude(statement=None).order_by("pk"):
        by_statement.setdefault(each.statement_id or 0, []).append(each)
    digests = []
    for pk, number, payer in (
        Statement.objects.filter(month=month).order_by("count").values_list("pk", "number", "payer")
    ):
        lines = [line_of(each, legs.get(each.pk, [])) for each in by_statement.get(pk, [])]
        digests.append(digest_of(number, payer, lines))
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def verified_year(year: int) -> str:
    """Return the digest of a year, over those of its months."""
    months = Closing.objects.filter(month__startswith=f"{year:04}-").order_by("month").values_list("month", flat=True)
    return hashlib.sha256("".join(verified(month) for month in months).encode()).hexdigest()


def is_balanced() -> bool:
    """Return whether the postings of the ledger sum to 0 in each unit."""
    sums = Posting.objects.values("unit").annotate(sum=Sum("amount")).order_by()
    return all(not each["sum"] for each in sums)
