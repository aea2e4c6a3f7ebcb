"""What running and leaving do alike: inputs, locks, named ends, the daemon's end."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from controller.station.beginnings import wish_of
from controller.station.endings import end, rest
from controller.station.events import EndAsked, Flash, InputChanged, LockAsked, Presented, Record, Signal, Stop
from controller.station.inputs import cause_of, latch, sensed, told, wished
from controller.station.rules import Does
from controller.station.shared_rows import lock_by_badge, lock_later
from controller.station.states import InSession
from controller.station.steps import Step, on_bench
from protocol import entries
from protocol.entries import Ending
from protocol.moment import Moment
from protocol.whitelist import Level

S = TypeVar("S", bound=InSession)


def cut_short(state: InSession, moment: Moment) -> Step | None:
    """End at once where an input says so that counts already: a latched fault before all."""
    broken = latch(
        state, moment, [cause_of(rule) for rule in state.bench.asserted(Does.FAULT) if state.counting(rule, moment)]
    )
    if broken is not None:
        return broken
    for rule in state.bench.asserted(Does.END):
        if state.counting(rule, moment):
            return end(state, moment, Ending.INPUT, cause=rule.name)
    return None


def sense(state: InSession, event: InputChanged, moment: Moment) -> Step:
    """One that latches: end, FAULT. One that ends: end. One that opens an output: open it. A button: its purpose."""
    now = sensed(state, event, moment)
    cut = cut_short(now, moment)
    if cut is not None:
        return cut
    wish = wished(now, event, moment)
    if wish is not None and wish.does is Does.PURPOSE:
        return _purpose(now, wish.purpose, event.name)
    if wish is not None and wish.does is Does.LOCK:
        return Step(on_bench(now, wish=wish), (Flash(Signal.AWAITING),))
    return Step(now, told(now, event))


def _purpose(state: InSession, purpose: entries.Purpose, by: str) -> Step:
    if purpose is state.session.purpose:
        return Step(state)
    session = msgspec.structs.replace(state.session, purpose=purpose)
    corrected = entries.Corrected(state.session.id, state.rules.machine, by, purpose=purpose)
    return Step(msgspec.structs.replace(state, session=session), (Record(corrected),))


def lock_asked_by_badge(state: InSession, event: Presented, moment: Moment) -> Step | None:
    """Lock once the session is over, where a button asked for it and this badge may."""
    wish = wish_of(state, moment)
    if wish is None or wish.does is not Does.LOCK or not event.fresh:
        return None
    maintainer = event.alone.level is not None and event.alone.level >= Level.MAINTAINER
    return lock_by_badge(state, event) if maintainer else None


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
    return Step(rest(msgspec.structs.replace(over.state.bench, running_on=())), over.effects)
