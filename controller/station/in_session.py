"""What running and leaving do alike: inputs, locks, named ends, the daemon's end."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from controller.station.beginnings import armed_action
from controller.station.endings import end, rest
from controller.station.events import EndAsked, Flash, InputChanged, LockAsked, Presented, Record, Signal, Stop
from controller.station.inputs import armed_by, cause_of, latch, sensed, told
from controller.station.rules import Does
from controller.station.shared_rows import lock_by_badge, lock_later
from controller.station.states import InSession
from controller.station.steps import Step, with_condition
from protocol import entries
from protocol.entries import Ending
from protocol.moment import Moment
from protocol.rows import Level

S = TypeVar("S", bound=InSession)


def cut_short(state: InSession, moment: Moment) -> Step | None:
    """End at once where an input says so that counts already: a latched fault before all."""
    broken = latch(
        state, moment, [cause_of(rule) for rule in state.condition.asserted(Does.FAULT) if state.counting(rule, moment)]
    )
    if broken is not None:
        return broken
    for rule in state.condition.asserted(Does.END):
        if state.counting(rule, moment):
            return end(state, moment, Ending.INPUT, cause=rule.name)
    return None


def sense(state: InSession, event: InputChanged, moment: Moment) -> Step:
    """One that latches: end, FAULT. One that ends: end. One that opens an output: open it. A button: its purpose."""
    now = sensed(state, event, moment)
    cut = cut_short(now, moment)
    if cut is not None:
        return cut
    armed = armed_by(now, event, moment)
    if armed is not None and armed.does is Does.PURPOSE:
        return _purpose(now, armed.purpose, event.name)
    if armed is not None and armed.does is Does.LOCK:
        return Step(with_condition(now, armed=armed), (Flash(Signal.AWAITING),))
    return Step(now, told(now, event))


def _purpose(state: InSession, purpose: entries.Purpose, by: str) -> Step:
    if purpose is state.session.purpose:
        return Step(state)
    session = msgspec.structs.replace(state.session, purpose=purpose)
    corrected = entries.Corrected(state.session.id, state.rules.machine, by, purpose=purpose)
    return Step(msgspec.structs.replace(state, session=session), (Record(corrected),))


def lock_asked_by_badge(state: InSession, event: Presented, moment: Moment) -> Step | None:
    """Lock once the session is over, where a button asked for it and this badge may."""
    armed = armed_action(state, moment)
    if armed is None or armed.does is not Does.LOCK or not event.fresh:
        return None
    maintainer = event.alone.level is not None and event.alone.level >= Level.MAINTAINER
    # A lock is lifted by whoever types a PIN, where the machine asks for one: that is, once the session is over.
    lifts_by_badge_alone = bool(state.condition.locked) and state.rules.pin
    return lock_by_badge(state, event) if maintainer and not lifts_by_badge_alone else None


def lock(state: InSession, event: LockAsked, moment: Moment) -> Step:
    """Locks once the session is over; now: end, LOCKED."""
    later = lock_later(state, event, moment)
    if not event.now or not isinstance(later.state, InSession):
        return later
    over = end(later.state, moment, Ending.LOCKED, event.by)
    return Step(over.state, (*later.effects, *over.effects))


def end_named(state: InSession, event: EndAsked, moment: Moment) -> Step:
    """If it is meant: end."""
    return end(state, moment, Ending.REMOTE, event.by) if event.session == state.session.id else Step(state)


def stop(state: InSession, _event: Stop, moment: Moment) -> Step:
    """Open everything, end: stopped."""
    over = end(state, moment, Ending.STOPPED)
    return Step(rest(msgspec.structs.replace(over.state.condition, running_on=())), over.effects)
