"""Prices: what the use of a machine costs, from a day on, for whom."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar, Final

import msgspec

from protocol.rows.row import Row, Text, Topic

MOST_CENTS: Final = 10_000_000  # of any amount that a row names: 100,000 €

Cents = Annotated[int, msgspec.Meta(ge=0, le=MOST_CENTS)]
MaybeId = Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[^/\x00-\x1f]*$(?!\n)")]


class Meter(StrEnum):
    """What is counted: seconds of power, of running, of power without running, watt-hours, a visit, booked seconds."""

    POWERED = "powered"
    BUSY = "busy"
    IDLE = "idle"
    KWH = "kwh"
    VISIT = "visit"
    BOOKED = "booked"

    @property
    def unit(self) -> int:
        """How many of what is counted the price is for: an hour's seconds, a kilowatt-hour's watt-hours, one visit."""
        return {Meter.KWH: 1_000, Meter.VISIT: 1}.get(self, 3_600)


class Price(Row, frozen=True, tag="price"):
    """What one unit of a meter costs: for a machine, a category, a plan, or any of these where they are empty.

    cents: for an hour, a kilowatt-hour, a visit; None: the row only takes `off` per cent off what another row says.
    step: the meter counts full steps begun, in seconds or watt-hours. least, most: of what a session costs by this
    meter. since: the day from which it holds, in the site's zone. vat: the rate, in hundredths of a per cent; net: the
    cents are without it. account: the code under which it is booked.
    """

    rank: ClassVar[int] = 9

    per: Meter
    machine: MaybeId = ""
    category: Text = ""
    plan: MaybeId = ""
    since: date | None = None
    cents: Cents | None = None
    step: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 1
    least: Cents = 0
    most: Cents | None = None
    off: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    vat: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
    net: bool = False
    account: Annotated[str, msgspec.Meta(max_length=20, pattern=r"^[0-9A-Za-z]*$(?!\n)")] = ""

    @property
    def own_key(self) -> str:
        """Machine, meter, plan, first day, and the category last, which may hold a slash."""
        since = "" if self.since is None else self.since.isoformat()
        return f"{self.machine}/{self.per.value}/{self.plan}/{since}/{self.category}"

    @property
    def specificity(self) -> int:
        """Which of two rows says more closely whom it is for; the higher one's rate holds."""
        return 4 * bool(self.machine) + 2 * bool(self.plan) + bool(self.category)

    @classmethod
    def topic(cls, own_key: str) -> Topic | None:
        """Return the machine; everybody where it is for any."""
        machine = own_key.partition("/")[0]
        return ("machine", machine) if machine else None
