"""Awaiting a PIN: a badge may, and its member has still to type a secret at the reader's keys."""

from __future__ import annotations

from typing import Final

import msgspec

from controller.station.beginnings import PIN_MOST, PIN_MS, laid
from controller.station.endings import out_of_order, refuse, rest
from controller.station.events import InputChanged, LockAsked, PinChecked, PinTyped, Presented, TimePassed
from controller.station.inputs import suspicion
from controller.station.resting import begin, let_in
from controller.station.shared_rows import SHARED, Rows, lock_at_once, sense_while_waiting
from controller.station.states import AwaitingPin, Resting
from controller.station.steps import Step, with_condition
from protocol.access import Denied, Reason
from protocol.moment import Moment


def other_badge(state: AwaitingPin, event: Presented, moment: Moment) -> Step:
    """Of the same member: wait on. Another, fresh: begin with that one."""
    now = laid(state, event)
    if event.alone.member == state.tap.alone.member or not event.fresh:
        return Step(now)
    return begin(_resting(now), event, moment)


def _resting(state: AwaitingPin) -> Resting:
    """Come to rest; what a button said of the badge still holds, and no badge has to be taken away for it."""
    condition = state.condition
    resting = rest(condition)
    assert isinstance(resting, Resting)  # noqa: S101 - that is what rest means
    return with_condition(resting, armed=condition.armed, to_be_removed=condition.to_be_removed)


def type_on(state: AwaitingPin, event: PinTyped, moment: Moment) -> Step:
    """Show how many digits there are, and wait for the next."""
    until = min(moment.at + PIN_MS, state.latest)
    return Step(msgspec.structs.replace(state, typed=event.count, until=until))


def judge(state: AwaitingPin, event: PinChecked, moment: Moment) -> Step:
    """Right: as a badge that needs none. Wrong: refuse, and wait for it once more; three times: IDLE or LOCKED."""
    if event.session != state.tap.session:
        return Step(state)
    if event.lacks is None:
        tap = msgspec.structs.replace(
            state.tap, verdict=event.verdict, alone=event.verdict, obstacle=event.obstacle, fresh=True
        )
        return let_in(_resting(state), tap, moment)
    failed = state.failed + 1
    if event.lacks is not Reason.PIN_WRONG or failed >= PIN_MOST:
        return _give_up(state, event.lacks, event.note)
    again = msgspec.structs.replace(state, failed=failed, typed=0, until=min(moment.at + PIN_MS, state.latest))
    return refuse(again, _denied(state, event.lacks))


def _denied(state: AwaitingPin, reason: Reason, note: str = "") -> Denied:
    return Denied(reason, member=state.tap.alone.member, badge=state.tap.badge, note=note)


def _give_up(state: AwaitingPin, reason: Reason, note: str = "") -> Step:
    return refuse(rest(state.condition), _denied(state, reason, note))


def wait_no_longer(state: AwaitingPin, _event: TimePassed, moment: Moment) -> Step:
    """Nobody typed it: refuse, IDLE or LOCKED. Runs without power from us: FAULT."""
    cause = suspicion(state, moment)
    if cause is not None:
        return out_of_order(state, moment, cause)
    return _give_up(state, Reason.PIN_NEEDED) if moment.at >= state.until else Step(state)


ROWS: Final[Rows] = SHARED | {
    Presented: other_badge,
    PinTyped: type_on,
    PinChecked: judge,
    TimePassed: wait_no_longer,
    InputChanged: sense_while_waiting,
    LockAsked: lock_at_once,
}
