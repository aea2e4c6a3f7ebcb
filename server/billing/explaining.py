"""Why something costs what it costs: a line of a bill, in words, by the numbers that it carries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from common.texts import N_, _
from protocol.price import Line
from protocol.rows import Meter
from server.billing.charges import gross
from server.core import saying

METERS: Final = {
    Meter.POWERED: N_("powered"),
    Meter.BUSY: N_("running"),
    Meter.IDLE: N_("on, not running"),
    Meter.KWH: N_("energy"),
    Meter.VISIT: N_("visit"),
    Meter.BOOKED: N_("booked"),
}


class Said(msgspec.Struct, frozen=True):
    """A line in words: what was counted, what for, and what it comes to."""

    what: str
    steps: tuple[str, ...]
    cents: int


def quantity(meter: Meter, count: int) -> str:
    """Write what a meter counted."""
    if meter is Meter.KWH:
        return _("{count} kWh").format(count=_decimal(f"{count / 1_000:.3f}"))
    return str(count) if meter is Meter.VISIT else clock_time(count)


def clock_time(seconds: int) -> str:
    """Write a time to the second: 47:00, 1:02:03."""
    hours, rest = divmod(seconds, 3_600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def _decimal(text: str) -> str:
    return text.replace(".", _("."))


def said(line: Line) -> Said:
    """Return a line in words, step by step, in the order in which it was reckoned."""
    steps = []
    if line.billed != line.quantity:
        steps.append(_("counted in full steps: {quantity}").format(quantity=quantity(line.per, line.billed)))
    for _name, seconds in line.included:
        steps.append(_("included already: {quantity}").format(quantity=clock_time(seconds)))
    unit = {Meter.KWH: "kWh", Meter.VISIT: _("visit")}.get(line.per, "h")
    steps.append(_("at {amount} per {unit}").format(amount=saying.money(line.rate), unit=unit))
    if line.off:
        steps.append(_("{count} % off").format(count=line.off))
    due = line.billed - sum(seconds for _name, seconds in line.included)
    plain = (2 * line.rate * due * (100 - line.off) + line.per.unit * 100) // (2 * line.per.unit * 100)
    if plain < line.cents:
        steps.append(_("at least {amount}").format(amount=saying.money(line.cents)))
    elif plain > line.cents:
        steps.append(_("at most {amount}").format(amount=saying.money(line.cents)))
    if line.vat:
        steps.append((_("plus {rate} % VAT") if line.net else _("with {rate} % VAT")).format(rate=percent(line.vat)))
    what = f"{_(METERS[line.per])} {quantity(line.per, line.quantity)}"
    return Said(what, tuple(steps), gross(line))


def percent(rate: int) -> str:
    """Write a rate that is kept in hundredths of a per cent."""
    return _decimal(f"{rate / 100:g}")


def read(kept: Iterable[object]) -> list[Line]:
    """Return the lines that a transfer or a statement keeps; what a later version wrote is left out."""
    found = []
    for each in kept:
        try:
            found.append(msgspec.convert(each, Line))
        except msgspec.ValidationError:
            continue
    return found


def lines_of(kept: Iterable[object]) -> list[Said]:
    """Return them in words."""
    return [said(line) for line in read(kept)]
