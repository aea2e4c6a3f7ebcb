"""For how long machines were down: spans of time, added up by month; what overlaps counts once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Final

from django.db.models import Q
from django.utils import timezone

from server.core import clock
from server.upkeep.models import Downtime

MONTHS: Final = 12
Span = tuple[int, int]  # from, until: milliseconds since 1970


def joined(found: Iterable[Span]) -> list[Span]:
    """Return spans in order, those that touch or overlap as one."""
    made: list[Span] = []
    for began, ended in sorted(found):
        if made and began <= made[-1][1]:
            made[-1] = made[-1][0], max(made[-1][1], ended)
        elif ended > began:
            made.append((began, ended))
    return made


def months(today: date) -> list[date]:
    """Return the first days of the last twelve months, this one last."""
    first = today.year * 12 + today.month - 1
    return [date(month // 12, month % 12 + 1, 1) for month in range(first - MONTHS + 1, first + 1)]


def _ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=timezone.get_current_timezone()).timestamp() * 1000)


def by_month(machine: str) -> list[tuple[date, int]]:
    """Return for how many milliseconds a machine was down in each of the last twelve months."""
    firsts = months(clock.today())
    edges = [*map(_ms, firsts), clock.ms()]
    mine = Downtime.objects.filter(machine=machine, began__isnull=False)
    lately = mine.filter(Q(over=False) | Q(ended__gte=edges[0]))
    now = clock.ms()
    spans = joined(
        (began, now if ended is None else ended)
        for began, ended in lately.values_list("began", "ended")
        if began is not None
    )
    return [
        (first, sum(max(0, min(ended, until) - max(began, since)) for began, ended in spans))
        for first, since, until in zip(firsts, edges[:-1], edges[1:], strict=True)
    ]
