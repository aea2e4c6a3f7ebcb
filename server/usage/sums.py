"""What sessions add up to: by machine, member and all else; by day and month; by the hours of the week."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

import msgspec
from django.db.models import Count, F, QuerySet, Sum, Value
from django.utils import timezone

from server.core import charts, clock
from server.core.bulk import rows_of
from server.core.charts import Bar
from server.core.links import link_to
from server.core.saying import short_month
from server.usage.models import Session
from server.usage.periods import Period
from server.whitelist.models import Machine
from server.whitelist.sameness.machines import now_called

HOUR: Final = 3_600_000
BY_DAYS: Final = 45  # up to so many days a chart has a bar a day, then a bar a month
LONGEST: Final = 4 * 24  # hours of a session that are spread
STEPS: Final = 5  # shades of the heat map


class Line(msgspec.Struct):
    """What one machine, member, payer … adds up to: sessions, milliseconds, watt-hours; before: milliseconds then."""

    key: str
    count: int = 0
    powered: int = 0
    energy: int | None = None
    before: int | None = None

    @property
    def change(self) -> int | None:
        """By how many percent it is more than before; None where there was nothing."""
        return None if not self.before else round((self.powered - self.before) * 100 / self.before)


def in_period(found: QuerySet[Session], period: Period) -> QuerySet[Session]:
    """Return the sessions that began in a period."""
    return found.filter(started__gte=period.begin, started__lt=period.end)


def by(found: QuerySet[Session], *fields: str, now: Mapping[str, str] | None = None) -> list[dict[str, Line]]:
    """Return what sessions add up to by each of these fields, what is most first, by one question.

    now: under which id a machine goes on, by the one that it had.
    """
    sums = found.order_by().values_list(*fields).annotate(n=Count("pk"), powered=Sum("powered"), energy=Sum("energy"))
    made = [dict[str, Line]() for _field in fields]
    for row in rows_of(sums):
        count, powered, energy = row[-3:]
        for place, field in enumerate(fields):
            key = row[place] or ""
            if field == "machine" and now:
                key = now.get(key, key)
            line = made[place].get(key)
            if line is None:
                line = made[place][key] = Line(key)
            line.count += count
            line.powered += int(powered or 0)
            if energy is not None:
                line.energy = (line.energy or 0) + int(energy)
    return [dict(sorted(lines.items(), key=lambda pair: (-pair[1].powered, pair[0]))) for lines in made]


def by_machine(found: QuerySet[Session]) -> dict[str, Line]:
    """Return it by machine; those of one that goes on under another id are one."""
    (machines,) = by(found, "machine", now=now_called())
    return machines


def by_training(machines: dict[str, Line], known: Iterable[Machine]) -> dict[str, Line]:
    """Return it by the trainings that machines ask for: a machine with two counts for both."""
    made = dict[str, Line]()
    for pk, requires in ((each.pk, each.requires) for each in known if each.pk in machines):
        for training in requires or ():
            mine, of = made.setdefault(training, Line(training)), machines[pk]
            mine.count, mine.powered = mine.count + of.count, mine.powered + of.powered
    return dict(sorted(made.items(), key=lambda pair: (-pair[1].powered, pair[0])))


def compare(lines: dict[str, Line], before: dict[str, Line]) -> None:
    """Have lines say what they added up to before."""
    for key, line in lines.items():
        line.before = before[key].powered if key in before else 0


class Hours(msgspec.Struct):
    """When machines were powered: milliseconds by day, by (weekday, hour)."""

    days: dict[date, int]
    week: dict[tuple[int, int], int]


def hours(found: QuerySet[Session]) -> Hours:
    """Return when: what a session takes is spread over the hours that it lasted; its day is that on which it began."""
    days, week = defaultdict[date, int](int), defaultdict[tuple[int, int], int](int)
    hour_of = dict[int, tuple[date, int]]()  # of each hour since 1970, asked for once
    spread = defaultdict[int, int](int)
    begun = defaultdict[int, int](int)
    # Sessions that begin in one hour and reach into as many others are added up by the database.
    first, past = F("started") / Value(HOUR), F("started") % Value(HOUR)
    reach = (F("started") % Value(HOUR) + F("powered")) / Value(HOUR)
    groups = found.filter(started__isnull=False).order_by().annotate(first=first, reach=reach, past=past)
    sums = groups.values_list("first", "reach").annotate(n=Count("pk"), powered=Sum("powered"), late=Sum("past"))
    for hour, reached, count, some, past_it in rows_of(sums):
        powered, late = int(some), int(past_it)
        begun[hour] += powered
        if not 0 < reached <= LONGEST:  # days and days: a clock or a counter that is wrong, and nobody's hours
            spread[hour] += powered
            continue
        spread[hour] += count * HOUR - late
        for between in range(hour + 1, hour + reached):
            spread[between] += count * HOUR
        spread[hour + reached] += powered + late - count * reached * HOUR
    zone = timezone.get_current_timezone()
    for number in begun.keys() | spread.keys():
        said = datetime.fromtimestamp(number * HOUR // 1000, zone)
        hour_of[number] = (said.date(), said.hour)
    for number, powered in begun.items():
        days[hour_of[number][0]] += powered
    for number, powered in spread.items():
        day, hour = hour_of[number]
        week[(day.weekday(), hour)] += powered
    return Hours(days, week)


def bars(period: Period, found: Hours, before: Hours | None, asked: dict[str, str]) -> list[Bar]:
    """Return the bars of a period: a day each, of a longer one a month each. asked: the filters, for the links."""
    today = clock.today()
    if period.days > BY_DAYS:
        return _months(period, found, before, asked)
    made = []
    for number in range(period.days):
        day = period.first + timedelta(days=number)
        then = None
        if before is not None:
            other = period.before.first + timedelta(days=number)
            then = before.days.get(other, 0) / HOUR if other <= period.before.last else None
        link = link_to("/usage", span="day", at=day.isoformat(), **asked)
        made.append(charts.hours(str(day.day), found.days.get(day, 0), before=then, is_now=day == today, link=link))
    return made


def months(period: Period, found: Hours) -> list[Bar]:
    """Return a bar a month, without links."""
    return [msgspec.structs.replace(each, link="") for each in _months(period, found, None, {})]


def _months(period: Period, found: Hours, before: Hours | None, asked: dict[str, str]) -> list[Bar]:
    today = clock.today()
    sums, then = defaultdict[int, int](int), defaultdict[int, int](int)
    for day, powered in found.days.items():
        sums[day.year * 12 + day.month - 1] += powered
    for day, powered in before.days.items() if before is not None else ():
        then[day.year * 12 + day.month - 1] += powered
    first = period.first.year * 12 + period.first.month - 1
    last = period.last.year * 12 + period.last.month - 1
    back = first - (period.before.first.year * 12 + period.before.first.month - 1)
    made = []
    for number in range(first, last + 1):
        month = date(number // 12, number % 12 + 1, 1)
        is_now = (month.year, month.month) == (today.year, today.month)
        was = then.get(number - back, 0) / HOUR if before is not None else None
        link = link_to("/usage", span="month", at=month.isoformat(), **asked)
        made.append(charts.hours(short_month(month), sums[number], before=was, is_now=is_now, link=link))
    return made


def heat(found: Hours) -> dict[str, Any]:
    """Return the hours of the week as a map: from which hour to which, and of each cell its shade and its time."""
    used = [hour for (_day, hour), powered in found.week.items() if powered > 0]
    first, last = (min(used), max(used)) if used else (8, 19)
    first, last = min(first, 8), max(last, 19)
    most = max(found.week.values(), default=0)
    rows = [
        [
            (hour, _shade(found.week.get((day, hour), 0), most), found.week.get((day, hour), 0))
            for hour in range(first, last + 1)
        ]
        for day in range(7)
    ]
    busiest = max(found.week, key=lambda each: found.week[each]) if most else None
    return {"hours": list(range(first, last + 1)), "rows": rows, "most": most, "busiest": busiest}


def _shade(value: int, most: int) -> int:
    return 0 if not value or not most else 1 + min(STEPS - 1, value * STEPS // (most + 1))
