"""Who is in the workshop, as far as badges tell: whoever runs a machine, and whoever tapped today."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from common.texts import _
from server.core import clock
from server.core.saying import local, when
from server.machines.now import Shown
from server.people.naming import Names
from server.usage.models import Refusal, Session

HOUR: Final = 3_600_000
STAYS: Final = 3 * HOUR  # after the last tap somebody is taken to have left


class Visitor(msgspec.Struct, frozen=True):
    """Somebody who is here. since: the first tap of the day, milliseconds since 1970; where: what they do or did."""

    member: str
    name: str
    since: int
    where: str


def midnight() -> int:
    """Return when the day began in the workshop, in milliseconds since 1970."""
    today = clock.local().replace(hour=0, minute=0, second=0, microsecond=0)
    return int(today.timestamp() * 1000)


def here(
    machines: Sequence[Shown],
    sessions: Sequence[Session],
    refusals: Sequence[Refusal],
    names: Names,
) -> list[Visitor]:
    """Return who is here, those at a machine first. sessions, refusals: those of today."""
    now = clock.ms()
    taps: dict[str, list[tuple[int, str]]] = {}
    for session in sessions:
        if session.member and session.started is not None:
            end = session.started + session.powered if session.ended else now
            taps.setdefault(session.member, []).append((session.started, session.machine))
            taps[session.member].append((end, session.machine))
    for refusal in refusals:
        if refusal.member and refusal.at is not None:
            taps.setdefault(names.whose(refusal.member), []).append((refusal.at, refusal.machine))
    at_work = {each.who: each for each in machines if each.word == "in_use" and each.who}
    for who, machine in at_work.items():
        taps.setdefault(who, []).append((machine.since or now, machine.machine.pk))
    called = {each.machine.pk: each.called for each in machines}
    found = []
    for who, times in taps.items():
        last, where = max(times)
        if who not in at_work and last < now - STAYS:
            continue
        seen = _("seen at {machine}, {when}").format(machine=called.get(where, where), when=when(last))
        doing = at_work[who].called if who in at_work else seen
        found.append(Visitor(who, names[who], min(times)[0], doing))
    return sorted(found, key=lambda each: (each.member not in at_work, -each.since))


def hour_of(moment: int) -> int:
    """Return the hour of the day."""
    said = local(moment)
    return 0 if said is None else said.hour
