"""Idle, locked and run-on: no session, the machine's output open; a badge may begin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from controller.station.beginnings import ask_for, laid, wish_of
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
from controller.station.inputs import latched, sensed, suspicion, told, wished
from controller.station.rules import Does
from controller.station.shared_rows import SHARED, Rows, group_later, lock_by_badge, teach, teach_later
from controller.station.states import Resting, Wish
from controller.station.steps import Step, on_bench
from protocol import entries
from protocol.access import Denied, Granted, Reason
from protocol.moment import Moment
from protocol.whitelist import BadgeKind, Level

NEEDED: Final = {
    Does.LOCK: Level.MAINTAINER,
    Does.GROUP: Level.TRAINER,
    Does.TEACH: Level.TRAINER,
}  # for what a button asked


def begin(state: Resting, event: Presented, moment: Moment) -> Step:
    """Granted: commit, STARTING, or AWAITING a second badge. A trainer who teaches: TEACHING.

    Denied, hindered, or a badge that was lying: refuse.
    """
    now = laid(state, event)
    refused = on_bench(now, stale=now.bench.stale | {event.badge})  # it opens nothing from where it lies
    for denied in _objections(now, event, moment):
        return refuse(refused, denied)
    assert isinstance(event.verdict, Granted)  # noqa: S101 - a denied one is the second objection
    wish = wish_of(state, moment)
    if wish is not None and wish.does is Does.LOCK:
        locked = lock_by_badge(refused, event)
        return Step(rest(locked.state.bench), locked.effects)
    if _teaches(event, wish):
        return teach(refused, event, moment)
    return ask_for(now, event, event.verdict, moment)


def _teaches(event: Presented, wish: Wish | None) -> bool:
    """Return whether this badge lets others in: a button asked for it, or that is all that the badge is for."""
    by_badge = isinstance(event.verdict, Granted) and event.verdict.kind is BadgeKind.TEACHING
    return by_badge or (wish is not None and wish.does is Does.TEACH)


def _needed(event: Presented, wish: Wish | None) -> Level:
    """Return the level that what is asked for takes."""
    if _teaches(event, wish):
        return Level.TRAINER
    return NEEDED.get(wish.does, Level.SUPERVISED) if wish is not None else Level.SUPERVISED


def _objections(state: Resting, event: Presented, moment: Moment) -> Iterator[Denied]:
    """Return what speaks against this badge, the weightiest first."""
    verdict, wish = event.verdict, wish_of(state, moment)

    def denied(reason: Reason, note: str = "") -> Denied:
        return Denied(reason, member=event.alone.member, badge=event.badge, note=note)

    if not event.fresh or (isinstance(verdict, Granted) and verdict.badge in state.bench.stale):
        yield denied(Reason.BADGE_WAS_LYING)
    if isinstance(verdict, Denied):
        yield verdict
        return
    if state.bench.locked and verdict.level < Level.MAINTAINER:  # by a badge, and not yet in the whitelist
        yield denied(Reason.MACHINE_LOCKED, state.bench.locked)
    needed = _needed(event, wish)
    if verdict.level < needed:
        yield denied(Reason.LEVEL_NEEDED, needed.word)
    if wish is not None and wish.does is Does.LOCK:
        return  # nothing starts
    if event.obstacle is not None:
        yield denied(event.obstacle)
    if _teaches(event, wish):
        return  # nothing closes
    hindered = hindrance(state.bench, moment)
    if hindered is not None:
        yield denied(*hindered)


def lock(state: Resting, event: LockAsked, _moment: Moment) -> Step:
    """LOCKED, after its run-on."""
    bench = msgspec.structs.replace(state.bench, locked=event.note)
    return Step(rest(bench), (Record(entries.Locked(state.rules.machine, event.note, event.by)),))


def unlock(state: Resting, event: UnlockAsked, _moment: Moment) -> Step:
    """IDLE, after its run-on."""
    if not state.bench.locked:
        return Step(state)
    bench = msgspec.structs.replace(state.bench, locked="")
    return Step(rest(bench), (Record(entries.Unlocked(state.rules.machine, event.by)),))


def sense(state: Resting, event: InputChanged, moment: Moment) -> Step:
    """One that latches: FAULT. A button that says what the next badge is for: wait for it. Others: note, tell."""
    now = sensed(state, event, moment)
    broken = latched(now, moment)
    if broken is not None:
        return broken
    wish = wished(now, event, moment)
    if wish is not None:
        return Step(on_bench(now, wish=wish), (Flash(Signal.AWAITING),))
    return Step(now, told(now, event))


def look_round(state: Resting, _event: TimePassed, moment: Moment) -> Step:
    """Runs without power from us: FAULT. Run-on over: open it, IDLE or LOCKED. A button's word is over: forget it."""
    cause = suspicion(state, moment)
    if cause is not None:
        return out_of_order(state, moment, cause)
    left = tuple((name, until) for name, until in state.bench.running_on if until > moment.at)
    wish = wish_of(state, moment)
    if (left, wish) == (state.bench.running_on, state.bench.wish):
        return Step(state)
    after = on_bench(state, running_on=left, wish=wish)
    if left or not state.bench.running_on:
        return Step(after)
    stale = after.bench.stale
    return Step(on_bench(rest(after.bench), stale=stale, wish=wish))  # a badge that came meanwhile is no older for it


ROWS: Final[Rows] = SHARED | {
    Presented: begin,
    LockAsked: lock,
    UnlockAsked: unlock,
    InputChanged: sense,
    TimePassed: look_round,
    GroupAsked: group_later,
    TeachAsked: teach_later,
}
