"""What keeps machines going: what has to be done, when it is due, and that it was done."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final

import msgspec
from django.db import transaction

from common.texts import N_, _, ngettext
from protocol import entries
from server.core import clock
from server.core.forms import FormError
from server.core.saying import day_said, on_day
from server.journal.processing import Written, register
from server.machines import hours
from server.machines.models import Done, Task
from server.whitelist.sameness.machines import known_as, now_called

HOUR: Final = 3_600_000
SOON_HOURS: Final = 5
SOON_DAYS: Final = 7
MOST: Final = 30  # of one machine


class Due(msgspec.Struct, frozen=True):
    """A task, and when it is due: in so many hours of power, on a day; below nothing, or past, where it is late."""

    task: Task
    hours: int | None
    day: date | None

    @property
    def is_late(self) -> bool:
        """Whether it should have been done."""
        return (self.hours is not None and self.hours <= 0) or (self.day is not None and self.day <= clock.today())

    @property
    def is_soon(self) -> bool:
        """Whether it is due soon, or late."""
        near = self.hours is not None and self.hours <= SOON_HOURS
        return near or (self.day is not None and self.day <= clock.today() + timedelta(days=SOON_DAYS))

    @property
    def said(self) -> str:
        """When, in words."""
        parts = []
        if self.hours is not None:
            late = ngettext("{count} hour over", "{count} hours over", -self.hours).format(count=-self.hours)
            left = ngettext("in {count} hour of use", "in {count} hours of use", self.hours).format(count=self.hours)
            parts.append(late if self.hours < 0 else _("now") if self.hours == 0 else left)
        if self.day is not None:
            parts.append(
                _("since {day}").format(day=on_day(self.day)) if self.day < clock.today() else day_said(self.day)
            )
        return _(" or ").join(parts)

    @property
    def order(self) -> float:
        """What comes first: what is most late, by days; an hour of use counts as one."""
        days = (self.day - clock.today()).days if self.day else 10_000
        return min(days, self.hours if self.hours is not None else 10_000)


def due(machines: Iterable[str], counters: dict[str, int] | None = None) -> dict[str, list[Due]]:
    """Return what has to be done to machines, of each what is due first at the head; under former ids too.

    counters: as `hours` counts.
    """
    wanted = {each: each for each in machines}
    wanted |= {former: now for former, now in now_called().items() if now in wanted}
    found = list(Task.objects.filter(machine__in=wanted).order_by("pk"))
    by_hours = {wanted[each.machine] for each in found if each.hours}
    known = hours.counted(by_hours - counters.keys() if counters else by_hours) | (counters or {})
    made: dict[str, list[Due]] = {}
    for each in found:
        used = known.get(wanted[each.machine], 0) // HOUR - each.from_hours
        left = each.hours - used if each.hours else None
        day = each.from_day + timedelta(days=each.days) if each.days else None
        made.setdefault(wanted[each.machine], []).append(Due(each, left, day))
    return {machine: sorted(tasks, key=lambda each: each.order) for machine, tasks in made.items()}


def add(machine: str, what: str, every_hours: int | None, every_days: int | None) -> Task:
    """Have something be done again and again, counted from now. Raises FormError."""
    if not what:
        raise FormError(N_("say what has to be done"))
    if not every_hours and not every_days:
        raise FormError(N_("say after how many hours of use, or after how many days"))
    if Task.objects.filter(machine__in=known_as(machine)).count() >= MOST:
        raise FormError(N_("a machine has at most {most} of these"), most=MOST)
    now = hours.counted([machine])[machine] // HOUR
    told = {"hours": every_hours or None, "days": every_days or None, "from_hours": now, "from_day": clock.today()}
    return Task.objects.create(machine=machine, what=what, **told)


def done(machine: str, number: int, by: str, note: str) -> Done:
    """Have a task be done now. Raises FormError."""
    with transaction.atomic():
        task = Task.objects.select_for_update().filter(machine__in=known_as(machine), pk=number).first()
        if task is None:
            raise FormError(N_("there is no such task any more"))
        task.from_hours, task.from_day = hours.counted([machine])[machine] // HOUR, clock.today()
        task.save(update_fields=["from_hours", "from_day"])
        return Done.objects.create(
            machine=machine, what=task.what, by=by[:200], counter=task.from_hours, note=note[:300]
        )


def drop(machine: str, number: int) -> None:
    """Have a task be asked for no more; what was done stays written. Raises FormError."""
    if not Task.objects.filter(machine__in=known_as(machine), pk=number).delete()[0]:
        raise FormError(N_("there is no such task any more"))


def maintained(written: Written, entry: entries.Maintained) -> None:
    """Keep that somebody looked after a machine at its controller."""
    del written
    Done.objects.create(
        machine=entry.machine[:64], what="", by=entry.by[:200], counter=entry.powered // HOUR, note=entry.note[:300]
    )


def register_all() -> None:
    """Have what controllers tell of maintenance be kept."""
    register(entries.Maintained, maintained)
