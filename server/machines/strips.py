"""Machines over time as strips: who used them when, when they were locked, out of order, not heard of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from markupsafe import Markup

from common.texts import _
from server.core import charts, clock
from server.core.charts import Piece
from server.core.saying import local, when
from server.machines.now import WORDS, Shown
from server.people.naming import Names
from server.upkeep.models import What
from server.usage.models import Session

HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR
LONGEST: Final = 4 * DAY  # a session that began earlier is looked for no more, where it is over


def of(
    machines: Sequence[Shown], begin: int, end: int, *, ticks: int, title: str, names: Names | None = None
) -> dict[str, Markup]:
    """Draw each machine over a stretch of the last day (milliseconds since 1970), by its id. title: holds {machine}."""
    ids = [each.machine.pk for each in machines]
    used = Session.objects.filter(machine__in=ids, started__gte=begin - LONGEST, started__lt=end).order_by("started")
    found = list(used.only("machine", "member", "started", "powered", "ended"))
    names = Names() if names is None else names
    names.add(each.member for each in found)
    return drawn(machines, (begin, end), found, names, ticks=ticks, title=title)


def drawn(
    machines: Sequence[Shown],
    span: tuple[int, int],
    sessions: Iterable[Session],
    names: Names,
    *,
    ticks: int,
    title: str,
) -> dict[str, Markup]:
    """Draw each machine over a span of time, from sessions and names that are known already."""
    (begin, end), now = span, clock.ms()
    pieces: dict[str, list[Piece]] = {each.machine.pk: [] for each in machines}

    def put(machine: str, word: str, since: int, until: int, said: str) -> None:
        if until > begin and since < end:
            pieces[machine].append(Piece(word, (since - begin) / (end - begin), (until - begin) / (end - begin), said))

    for each in sessions:
        if each.started is None or each.machine not in pieces:
            continue
        until = each.started + each.powered if each.ended else now
        who = names[each.member]
        put(each.machine, "use", each.started, until, _("{name}, {from_} to {until}").format(
            name=who, from_=when(each.started), until=when(until)))  # fmt: skip
    for down in (down for one in machines for down in one.downs if down.began is not None):
        word = "fault" if down.what == What.FAULT else "locked"
        until = now if not down.over or down.ended is None else down.ended
        said = f"{_(WORDS[word])}, {_('since {when}').format(when=when(down.began))}"
        put(down.machine, word, down.began or 0, until, said)
    for one in machines:
        if one.word == "offline" and one.since is not None:
            put(one.machine.pk, "offline", one.since, now, _("offline since {when}").format(when=when(one.since)))
        if one.word == "in_use" and one.until is not None and one.until > now:
            put(one.machine.pk, "maybe", now, one.until, _("at the latest {when}").format(when=when(one.until)))
    place = (now - begin) / (end - begin) if begin < now < end else None
    return {
        one.machine.pk: charts.strip(title.format(machine=one.called), pieces[one.machine.pk], now=place, ticks=ticks)
        for one in machines
    }


def hours_of(begin: int, end: int, steps: int) -> list[str]:
    """Return what stands under a strip: the hours at its beginning, its end and between."""
    made = []
    for number in range(steps + 1):
        at = local(begin + (end - begin) * number // steps)
        made.append("" if at is None else f"{at.hour}\u00a0h" if not at.minute else f"{at.hour}\u00a0h\u00a0{at:%M}")
    return made
