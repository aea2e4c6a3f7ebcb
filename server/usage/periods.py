"""Stretches of time that usage is looked at by: day, week, month, quarter, year, or from one day to another."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Final

import msgspec
from django.utils import timezone

from common.texts import N_, _
from server.core import clock
from server.core.forms import FIRST_YEAR, LAST_YEAR
from server.core.saying import day_said, long_day, month_of_year

SPANS: Final = {
    "day": N_("Day"), "week": N_("Week"), "month": N_("Month"), "quarter": N_("Quarter"), "year": N_("Year"),
    "custom": N_("From … to …"),
}  # fmt: skip
MOST_DAYS: Final = 10 * 366


class Period(msgspec.Struct, frozen=True):
    """From the beginning of one day to the end of another one. span: a key of SPANS."""

    span: str
    first: date
    last: date

    @property
    def begin(self) -> int:
        """When it begins, in milliseconds since 1970."""
        return _ms(self.first)

    @property
    def end(self) -> int:
        """When it is over."""
        return _ms(self.last + timedelta(days=1))

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1

    @property
    def before(self) -> Period:
        """The one before it, of the same kind."""
        if self.span == "custom":
            return Period("custom", self.first - timedelta(days=self.days), self.first - timedelta(days=1))
        return around(self.span, self.first - timedelta(days=1))

    @property
    def after(self) -> Period:
        """The one after it."""
        if self.span == "custom":
            return Period("custom", self.last + timedelta(days=1), self.last + timedelta(days=self.days))
        return around(self.span, self.last + timedelta(days=1))

    @property
    def said(self) -> str:
        """What it is called."""
        match self.span:
            case "day":
                return long_day(self.first)
            case "week":
                return _("week of {day}").format(day=day_said(self.first))
            case "month":
                return month_of_year(self.first)
            case "quarter":
                return _("quarter {number} of {year}").format(number=(self.first.month + 2) // 3, year=self.first.year)
            case "year":
                return str(self.first.year)
        return _("{first} to {last}").format(first=day_said(self.first), last=day_said(self.last))

    @property
    def asked(self) -> dict[str, str]:
        """What a link asks for that leads to it."""
        if self.span == "custom":
            return {"span": "custom", "from": self.first.isoformat(), "to": self.last.isoformat()}
        return {"span": self.span, "at": self.first.isoformat()}

    @property
    def file(self) -> str:
        """What it is called in a file's name."""
        if self.span == "month":
            return f"{self.first:%Y-%m}"
        return self.first.isoformat() if self.days == 1 else f"{self.first}-{self.last}"


def _ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=timezone.get_current_timezone()).timestamp() * 1000)


def around(span: str, day: date) -> Period:
    """Return the period of a kind that a day lies in."""
    match span:
        case "day":
            return Period(span, day, day)
        case "week":
            monday = day - timedelta(days=day.weekday())
            return Period(span, monday, monday + timedelta(days=6))
        case "quarter":
            first = date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
            return Period(span, first, _end_of(first, 3))
        case "year":
            return Period(span, date(day.year, 1, 1), date(day.year, 12, 31))
    first = day.replace(day=1)
    return Period("month", first, _end_of(first, 1))


def _end_of(first: date, months: int) -> date:
    number = first.year * 12 + first.month - 1 + months
    return date(number // 12, number % 12 + 1, 1) - timedelta(days=1)


def asked(said: Mapping[str, str]) -> Period:
    """Return the period that a request asks for; this month, where it names none that there is."""
    today = clock.today()
    span = said.get("span", "")
    if span == "custom" or (not span and said.get("from")):
        first, last = _day(said.get("from", "")), _day(said.get("to", "")) or today
        if first is not None and first <= last and (last - first).days < MOST_DAYS:
            return Period("custom", first, last)
        return around("month", today)
    if month := _month(said.get("month", "")):
        return around("month", month)
    return around(span if span in SPANS else "month", _day(said.get("at", "")) or today)


def _day(said: str) -> date | None:
    try:
        found = date.fromisoformat(said[:10])
    except ValueError:
        return None
    # With room on both sides for the period before and the one after.
    return found if FIRST_YEAR < found.year < LAST_YEAR else None


def _month(said: str) -> date | None:
    return _day(f"{said[:7]}-01") if said else None
