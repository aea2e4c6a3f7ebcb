"""Days, moments and durations as one says them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final

from django.utils import timezone

from common.texts import N_, _, language
from server.core import clock

WEEKDAYS: Final = (
    N_("Monday"), N_("Tuesday"), N_("Wednesday"), N_("Thursday"), N_("Friday"), N_("Saturday"), N_("Sunday"),
)  # fmt: skip
MONTHS: Final = (
    N_("January"), N_("February"), N_("March"), N_("April"), N_("May"), N_("June"), N_("July"), N_("August"),
    N_("September"), N_("October"), N_("November"), N_("December"),
)  # fmt: skip
SHORT_MONTHS: Final = (
    N_("Jan"), N_("Feb"), N_("Mar"), N_("Apr"), N_("May."), N_("Jun"), N_("Jul"), N_("Aug"), N_("Sep"), N_("Oct"),
    N_("Nov"), N_("Dec"),
)  # fmt: skip
WEEK: Final = 6  # days back that are called by their weekday


def local(value: datetime | int | None) -> datetime | None:
    """Return a moment in the workshop's own time; of milliseconds that are no time, None."""
    if value is None:
        return None
    if isinstance(value, int):
        try:
            value = datetime.fromtimestamp(value / 1000, timezone.get_current_timezone())
        except (OverflowError, ValueError, OSError):
            return None
    return clock.local(value)


def weekday(value: date) -> str:
    """Return what a day of the week is called: "mardi", "Tuesday"."""
    return weekdays()[value.weekday()]


def weekdays() -> list[str]:
    """Return the days of the week from Monday on, as they stand in a sentence."""
    return [_(each).lower() if language() == "fr" else _(each) for each in WEEKDAYS]


def month(value: date) -> str:
    """Return what a month is called, without its year."""
    said = _(MONTHS[value.month - 1])
    return said.lower() if language() == "fr" else said


def short_month(value: date) -> str:
    """Return it as short as a chart has room for."""
    said = _(SHORT_MONTHS[value.month - 1]).rstrip(".") if language() == "en" else _(SHORT_MONTHS[value.month - 1])
    return said.lower() if language() == "fr" else said


def month_of_year(value: date) -> str:
    """Return it with its year: "novembre 2026"."""
    return f"{month(value)} {value.year}"


def long_day(value: date) -> str:
    """Return a day in words: "mardi 3 novembre", "Tuesday 3 November"; with the year where it is another one."""
    year = "" if value.year == clock.today().year else f" {value.year}"
    return f"{weekday(value)} {_number(value)} {month(value)}{year}"


def day_said(value: date | None) -> str:
    """Return a day without its weekday: "3 novembre", "14 mars 2027"; today and the days beside it as one says them."""
    if value is None:
        return ""
    today = clock.today()
    near = {today: N_("today"), today - timedelta(days=1): N_("yesterday"), today + timedelta(days=1): N_("tomorrow")}
    return _(near[value]) if value in near else date_said(value)


def date_said(value: date | None) -> str:
    """Return a day by its date, also where it is today: "3 novembre", "14 mars 2027"."""
    if value is None:
        return ""
    year = "" if value.year == clock.today().year else f" {value.year}"
    return f"{_number(value)} {month(value)}{year}"


def on_day(value: date | None) -> str:
    """Return a day as it stands in a sentence: "hier", "le 3 novembre"; "yesterday", "3 November"."""
    said = day_said(value)
    return f"le {said}" if language() == "fr" and said[:1].isdigit() else said


def day_short(value: date) -> str:
    """Return a day as short as a list has room for: "12 déc."; with its year where it is another one."""
    year = "" if value.year == clock.today().year else f" {value.year}"
    return f"{_number(value)} {short_month(value)}{year}"


def when(value: datetime | int | None) -> str:
    """Return a moment: "14:05" today, "yesterday 14:05", "Tuesday 14:05", else with its day; "?" for none."""
    said = local(value)
    if said is None:
        return "?"
    back = (clock.today() - said.date()).days
    if back == 0:
        return f"{said:%H:%M}"
    if back == 1:
        return f"{_('yesterday')} {said:%H:%M}"
    if 0 < back <= WEEK:
        return f"{weekday(said)} {said:%H:%M}"
    return f"{day_said(said.date())} {said:%H:%M}"


def clock_time(value: datetime | int | None) -> str:
    """Return the time of the day: "14:05"; of another day, that day as short as there is room for."""
    said = local(value)
    if said is None:
        return ""
    return f"{said:%H:%M}" if said.date() == clock.today() else f"{said.day}/{said.month}"


def duration(milliseconds: float | None) -> str:
    """Return how long something took: "42 min", "18 h 42"."""
    whole = round((milliseconds or 0) / 60_000)
    if whole < 60:  # noqa: PLR2004 - minutes of an hour
        return f"{whole}\u00a0min"
    return f"{_spaced(whole // 60)}\u00a0h\u00a0{whole % 60:02d}"


def hours(milliseconds: float | None) -> str:
    """Return whole hours: "1 906 h"."""
    return f"{_spaced(round((milliseconds or 0) / 3_600_000))}\u00a0h"


def _spaced(number: int) -> str:
    return f"{number:,}".replace(",", "\u202f") if language() == "fr" else f"{number:,}"


def _number(value: date) -> str:
    return "1er" if value.day == 1 and language() == "fr" else str(value.day)


def money(cents: int) -> str:
    """Write an amount: 9,40 € in French, 9.40 € in English."""
    sign, whole = ("\u2212" if cents < 0 else ""), abs(cents)
    mark, gap = (",", "\u202f") if language() == "fr" else (".", ",")
    euros = f"{whole // 100:,}".replace(",", gap)
    return f"{sign}{euros}{mark}{whole % 100:02}\u00a0€"
