"""Idle, locked and run-on: no session, the machine's output open; a badge may begin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from controller.station.beginnings import armed_action, ask_for, ask_pin, laid
from controller.station.endings import hindrance, out_of_order, refuse, rest
from controller.station.events import (
    Flash,
    GroupAsked,
    InputChanged,
    LockAsked,
    Presented,
    Record,
    Signal,
    TeachAsked,
    TimePassed,
    UnlockAsked,
)
from controller.station.inputs import armed_by, latched, sensed, suspicion, told
from controller.station.rules import Does
from controller.station.shared_rows import SHARED, Rows, group_later, lock_by_badge, teach, teach_later
from controller.station.states import ArmedAction, Resting
from controller.station.steps import Step, with_condition
from protocol import entries
from protocol.access import Denied, Granted, Reason
from protocol.moment import Moment
from protocol.rows import BadgeKind, Level

NEEDED: Final = {
    Does.LOCK: Level.MAINTAINER,
    Does.GROUP: Level.TRAINER,
    Does.TEACH: Level.TRAINER,
}  # for what a button asked


def begin(state: Resting, event: Presented, moment: Moment) -> Step:
    """Granted: as let in, once the PIN was typed where one is asked for. Denied, or a badge that was lying: refuse."""
    return let_in(laid(state, event), event, moment, ask=state.rules.pin)


def let_in(now: Resting, event: Presented, moment: Moment, *, ask: bool = False) -> Step:
    """Granted: commit, STARTING, or AWAITING a second badge. A trainer who teaches: TEACHING. Else refuse.

    ask: whether the member has to type a PIN first.
    """
    refused = with_condition(
        now, to_be_removed=now.condition.to_be_removed | {event.badge}
    )  # it opens nothing from where it lies
    for denied in _objections(now, event, moment):
        return refuse(refused, denied)
    assert isinstance(event.verdict, Granted)  # noqa: S101 - a denied one is the second objection
    if ask:
        return ask_pin(now, event, moment)
    armed = armed_action(now, moment)
    if armed is not None and armed.does is Does.LOCK:
        locked = lock_by_badge(refused, event)
        return Step(rest(locked.state.condition), locked.effects)
    if _teaches(event, armed):
        return teach(refused, event, moment)
    return ask_for(now, event, event.verdict, moment)


def _teaches(event: Presented, armed: ArmedAction | None) -> bool:
    """Return whether this badge lets others in: a button asked for it, or that is all that the badge is for."""
    by_badge = isinstance(event.verdict, Granted) and event.verdict.kind is BadgeKind.TEACHING
    return by_badge or (armed is not None and armed.does is Does.TEACH)


def _needed(event: Presented, armed: ArmedAction | None) -> Level:
    """Return the level that what is asked for takes."""
    if _teaches(event, armed):
        return Level.TRAINER
    return NEEDED.get(armed.does, Level.SUPERVISED) if armed is not None else Level.SUPERVISED


def _objections(state: Resting, event: Presented, moment: Moment) -> Iterator[Denied]:
    """Return what speaks against this badge, the weightiest first."""
    verdict, armed = event.verdict, armed_action(state, moment)

    def denied(reason: Reason, note: str = "") -> Denied:
        return Denied(reason, member=event.alone.member, badge=event.badge, note=note)

    if not event.fresh or (isinstance(verdict, Granted) and verdict.badge in state.condition.to_be_removed):
        yield denied(Reason.BADGE_WAS_LYING)
    if isinstance(verdict, Denied):
        yield verdict
        return
    if state.condition.locked and verdict.level < Level.MAINTAINER:  # by a badge, and not yet in the whitelist
        yield denied(Reason.MACHINE_LOCKED, state.condition.locked)
    needed = _needed(event, armed)
    if verdict.level < needed:
        yield denied(Reason.LEVEL_NEEDED, needed.word)
    if armed is not None and armed.does is Does.LOCK:
        return  # nothing starts
    if event.obstacle is not None:
        yield denied(event.obstacle)
    if _teaches(event, armed):
        return  # nothing closes
    hindered = hindrance(state.condition, moment)
    if hindered is not None:
        yield denied(*hindered)


def lock(state: Resting, event: LockAsked, _moment: Moment) -> Step:
    """LOCKED, after its run-on."""
    condition = msgspec.structs.replace(state.condition, locked=event.note)
    return Step(rest(condition), (Record(entries.Locked(state.rules.machine, event.note, event.by)),))


def unlock(state: Resting, event: UnlockAsked, _moment: Moment) -> Step:
    """IDLE, after its run-on."""
    if not state.condition.locked:
        return Step(state)
    condition = msgspec.structs.replace(state.condition, locked="")
    return Step(rest(condition), (Record(entries.Unlocked(state.rules.machine, event.by)),))


def sense(state: Resting, event: InputChanged, moment: Moment) -> Step:
    """One that latches: FAULT. A button that says what the next badge is for: wait for it. Others: note, tell."""
    now = sensed(state, event, moment)
    broken = latched(now, moment)
    if broken is not None:
        return broken
    armed = armed_by(now, event, moment)
    if armed is not None:
        return Step(with_condition(now, armed=armed), (Flash(Signal.AWAITING),))
    return Step(now, told(now, event))


def look_round(state: Resting, _event: TimePassed, moment: Moment) -> Step:
    """Runs without power from us: FAULT. Run-on over: open it, IDLE or LOCKED. A button's word is over: forget it."""
    cause = suspicion(state, moment)
    if cause is not None:
        return out_of_order(state, moment, cause)
    left = tuple((name, until) for name, until in state.condition.running_on if until > moment.at)
    armed = armed_action(state, moment)
    if (left, armed) == (state.condition.running_on, state.condition.armed):
        return Step(state)
    after = with_condition(state, running_on=left, armed=armed)
    if left or not state.condition.running_on:
        return Step(after)
    to_be_removed = after.condition.to_be_removed
    return Step(
        with_condition(rest(after.condition), to_be_removed=to_be_removed, armed=armed)
    )  # a badge that came meanwhile is no older for it


ROWS: Final[Rows] = SHARED | {
    Presented: begin,
    LockAsked: lock,
    UnlockAsked: unlock,
    InputChanged: sense,
    TimePassed: look_round,
    GroupAsked: group_later,
    TeachAsked: teach_later,
}
