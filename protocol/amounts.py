"""Amounts and rates, as displays and commands write them: without a sign that a display has no letter for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from common.texts import N_, _
from protocol.rows import Meter, Price


def amount(cents: int) -> str:
    """Write an amount as people read it: "9.40 EUR", "9,40 EUR"."""
    sign, whole = ("-" if cents < 0 else ""), abs(cents)
    return _("{sign}{whole}.{hundredths:02d} EUR").format(sign=sign, whole=whole // 100, hundredths=whole % 100)


RATES: Final = {
    Meter.POWERED: N_("{amount}/h"),
    Meter.BUSY: N_("{amount}/h running"),
    Meter.IDLE: N_("{amount}/h waiting"),
    Meter.KWH: N_("{amount}/kWh"),
    Meter.VISIT: N_("{amount} a visit"),
    Meter.BOOKED: N_("{amount}/h booked"),
}


def rates(prices: Iterable[Price]) -> list[str]:
    """Say what each meter costs, as it is before anybody has used it."""
    return [_(RATES[row.per]).format(amount=amount(row.cents)) for row in prices if row.cents]
