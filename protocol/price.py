"""What a session costs: the prices that apply to it, and the lines that they make of its meters.

Pure, and in integers only: cents, seconds, watt-hours. The latch, its display, the bill and the page that explains a
bill run the same lines. A line is rounded once, half up.

The order within a line: the meter is stepped up, included time is used, then rate, reduction, least and most.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

import msgspec

from protocol.rows import Price
from protocol.rows.price import Meter
from protocol.whitelist import Whitelist

MISTAKE_S: Final = 60  # a machine that was on for less was a mistaken tap, and costs nothing
TIMES: Final = frozenset({Meter.POWERED, Meter.BUSY, Meter.IDLE, Meter.BOOKED})


class Used(msgspec.Struct, frozen=True):
    """What is counted of a session: seconds of power and of running, watt-hours; None where nothing senses it."""

    powered: int
    busy: int | None = None
    energy: int | None = None


def used(powered_ms: int, busy_ms: int | None, energy_wh: int | None) -> Used:
    """Return what is counted of a session, by the milliseconds that its end says; half a second is one."""
    return Used((powered_ms + 500) // 1000, None if busy_ms is None else (busy_ms + 500) // 1000, energy_wh)


class Included(msgspec.Struct, frozen=True):
    """Time that is paid already: seconds of it, and which it is. The one that ends first is used first."""

    id: str
    left: int
    until: date | None = None


class Applied(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was applied to a session when it was granted: the prices in question, and the plans of its member."""

    prices: tuple[Price, ...] = ()
    plans: tuple[str, ...] = ()


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one meter of a session costs.

    quantity: what was counted, in seconds, watt-hours or visits; billed: the same in full steps; cents: what it comes
    to. row, rate, off: by which price, for how much and how many per cent off. included: how many seconds were paid
    already, by what. vat, net, account: as the price says.
    """

    per: Meter
    quantity: int
    billed: int
    cents: int
    row: str = ""
    rate: int = 0
    off: int = 0
    included: tuple[tuple[str, int], ...] = ()
    vat: int = 0
    net: bool = False
    account: str = ""


_encode: Final = msgspec.json.Encoder(order="sorted").encode
_decode: Final = msgspec.json.Decoder(Applied).decode


def written(applied: Applied) -> str:
    """Write what was applied as a journal keeps it; "" where nothing costs anything."""
    return _encode(applied).decode() if applied.prices else ""


def read(text: str) -> Applied | None:
    """Read what a journal says was applied; None where it says nothing, or a later version of this program did."""
    if not text:
        return None
    try:
        return _decode(text)
    except msgspec.MsgspecError:
        return None


def applied(whitelist: Whitelist, machine: str, member: str, category: str, today: date) -> Applied:
    """Return the prices for a member on a machine, on a day: for each meter the rate, and the largest reduction.

    Of two rates the more specific one holds, of two as specific that which began last, then the lower one.
    """
    prices = whitelist.prices_of(machine)
    if not prices:
        return Applied()
    plans = frozenset(
        row.plan for row in whitelist.subscriptions_of(member) if _is_in_force(row.since, row.until, today)
    )
    mine = _in_force([row for row in prices if row.category in {"", category} and row.plan in {"", *plans}], today)
    chosen: list[Price] = []
    for meter in Meter:
        rows = [row for row in mine if row.per is meter]
        rate = _rate(rows)
        if rate is not None:
            chosen.append(rate)
            reduction = max(rows, key=lambda row: (row.off, row.own_key))
            if reduction.off > rate.off:
                chosen.append(reduction)
    return Applied(tuple(chosen), tuple(sorted(plans & {row.plan for row in chosen})))


def _is_in_force(since: date | None, until: date | None, today: date) -> bool:
    return (since is None or since <= today) and (until is None or today <= until)


def _in_force(rows: list[Price], today: date) -> list[Price]:
    """Of rows that differ in nothing but their first day, return the last that has begun."""
    last: dict[tuple[str, str, str, Meter], Price] = {}
    for row in rows:
        whom = (row.machine, row.category, row.plan, row.per)
        if _is_in_force(row.since, None, today) and _begins(row) >= _begins(last.get(whom)):
            last[whom] = row
    return list(last.values())


def _begins(row: Price | None) -> date:
    return date.min if row is None or row.since is None else row.since


def _rate(rows: Iterable[Price]) -> Price | None:
    """Return whose rate holds."""
    rates = [row for row in rows if row.cents is not None]
    return max(rates, key=lambda row: (row.specificity, _begins(row), -(row.cents or 0), row.own_key), default=None)


def price(prices: Iterable[Price], counted: Used, included: Iterable[Included] = ()) -> tuple[Line, ...]:
    """Return what a session costs, a line for each meter that has a price; none where it was a mistaken tap.

    included: time that is paid already, for any of the meters that count time.
    """
    if counted.powered < MISTAKE_S:
        return ()
    left = {each.id: each.left for each in sorted(included, key=lambda each: (each.until or date.max, each.id))}
    rows = list(prices)
    lines = []
    for meter in Meter:
        mine = [row for row in rows if row.per is meter]
        rate, quantity = _rate(mine), _counted(meter, counted)
        if rate is not None and quantity:
            lines.append(_line(rate, max(row.off for row in mine), quantity, left))
    return tuple(lines)


def total(lines: Iterable[Line]) -> int:
    """Return the cents of some lines."""
    return sum(line.cents for line in lines)


def _counted(meter: Meter, used: Used) -> int:
    """Return what a meter counted of a session; 0 where nothing counts it."""
    match meter:
        case Meter.POWERED:
            return used.powered
        case Meter.BUSY:
            return used.busy or 0
        case Meter.IDLE:
            return 0 if used.busy is None else max(0, used.powered - used.busy)
        case Meter.KWH:
            return used.energy or 0
        case Meter.VISIT:
            return 1
    return 0  # booked time is no session's


def _line(rate: Price, off: int, quantity: int, left: dict[str, int]) -> Line:
    """Make a line; what it uses of included time is taken from *left*."""
    billed = -(-quantity // rate.step) * rate.step
    due, taken = billed, []
    for name, seconds in left.items() if rate.per in TIMES else ():
        use = min(seconds, due)
        if use > 0:
            due -= use
            left[name] = seconds - use
            taken.append((name, use))
    cents = _half_up((rate.cents or 0) * due * (100 - off), rate.per.unit * 100)
    if due:
        cents = max(cents, rate.least)
        cents = cents if rate.most is None else min(cents, rate.most)
    return Line(
        rate.per,
        quantity,
        billed,
        cents,
        rate.key,
        rate.cents or 0,
        off,
        tuple(taken),
        rate.vat,
        rate.net,
        rate.account,
    )


def _half_up(amount: int, parts: int) -> int:
    return (2 * amount + parts) // (2 * parts)
