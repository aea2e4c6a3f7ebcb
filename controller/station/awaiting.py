"""Awaiting: the first person may use the machine once a second one has tapped: a trainer, or a buddy."""

from __future__ import annotations

from typing import Final

import msgspec

from controller.station.beginnings import laid, write_grant
from controller.station.endings import hindrance, out_of_order, refuse, refuse_for, refuse_session
from controller.station.events import EndAsked, InputChanged, LockAsked, Presented, TimePassed
from controller.station.inputs import suspicion
from controller.station.rules import Does, Mode
from controller.station.shared_rows import SHARED, Rows, lock_at_once, nothing, sense_while_waiting
from controller.station.states import Awaiting
from controller.station.steps import Step
from protocol.access import Denied, Reason
from protocol.moment import Moment
from protocol.rows import Level


def second_badge(state: Awaiting, event: Presented, moment: Moment) -> Step:
    """A trainer's, or a buddy's: commit, STARTING, once the first badge lies there. Another: refuse, wait on."""
    now = laid(state, event)
    if event.alone.member == state.session.member:
        return _begin(now, moment) if state.second else Step(now)
    if not event.fresh or state.second:
        return Step(now)
    if isinstance(event.alone, Denied):
        return refuse(now, event.alone)
    if event.alone.level < (Level.TRAINER if state.lacks is Reason.SUPERVISION_NEEDED else Level.USER):
        return refuse_for(now, event, state.lacks)
    if event.obstacle is not None:
        return refuse_for(now, event, event.obstacle)
    return _begin(msgspec.structs.replace(now, second=event.alone.member), moment)


def _begin(state: Awaiting, moment: Moment) -> Step:
    """Write the grant; where the badge has to stay, once it lies there again."""
    if state.rules.mode is Mode.PRESENCE and state.session.badge not in state.condition.lying:
        return Step(state)
    hindered = hindrance(state.condition, moment)
    if hindered is not None:
        return refuse_session(state, state.session, *hindered)
    return write_grant(state, state.session, state.verdict, moment, beside=state.second)


def wait_no_longer(state: Awaiting, _event: TimePassed, moment: Moment) -> Step:
    """Nobody came: refuse, IDLE or LOCKED. Runs without power from us: FAULT."""
    cause = suspicion(state, moment)
    if cause is not None:
        return out_of_order(state, moment, cause)
    if moment.at < state.until:
        return Step(state)
    return refuse_session(state, state.session, state.lacks)


def sense(state: Awaiting, event: InputChanged, moment: Moment) -> Step:
    """One that latches: FAULT. One that ends: IDLE or LOCKED. A button: its purpose. Others: note, tell."""
    answer = sense_while_waiting(state, event, moment)
    rule = state.rules.input(event.name)
    if rule is None or not event.active or rule.does is not Does.PURPOSE or not isinstance(answer.state, Awaiting):
        return answer
    session = msgspec.structs.replace(answer.state.session, purpose=rule.purpose)
    return Step(msgspec.structs.replace(answer.state, session=session))


ROWS: Final[Rows] = SHARED | {
    Presented: second_badge,
    TimePassed: wait_no_longer,
    InputChanged: sense,
    LockAsked: lock_at_once,
    EndAsked: nothing,
}
