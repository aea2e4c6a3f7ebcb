"""A station: one machine, its state, and what every event does to it.

`step` is pure and total: the table ROWS has an answer for every state and every event. Time comes in as a
moment; times that a state waits for are in the state (`wakes`). docs/states.md is printed from the table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from controller.events import (
    AnyEffect,
    AnyEvent,
    ClearAsked,
    CloseOutput,
    Commit,
    CommitFailed,
    Committed,
    EndAsked,
    Event,
    Flash,
    InputClosed,
    LockAsked,
    OpenOutput,
    OpenSession,
    OutputFailed,
    Presented,
    ReaderFound,
    ReaderLost,
    Record,
    Recover,
    Removed,
    Signal,
    Stop,
    TimePassed,
    UnlockAsked,
)
from controller.settings import Mode
from controller.states import Fault, Idle, Leaving, Locked, Recovering, Rules, Running, Session, Starting, State
from protocol import entries
from protocol.access import Denied, Granted, Reason
from protocol.entries import Ending
from protocol.moment import Moment
from protocol.whitelist import Level

COMMIT_MS: Final = 2_000  # a grant that is not on disk by then is refused
READER_MS: Final = 5_000  # a lost reader is waited for at least so long


class Step(msgspec.Struct, frozen=True):
    """A state's answer to an event: the next state, and effects in their order."""

    state: State
    effects: tuple[AnyEffect, ...] = ()


def step(state: State, event: AnyEvent, moment: Moment) -> Step:
    """Answer *event* in *state* at *moment*: look the row up, and run it. Pure; never raises."""
    return ROWS[type(state)][type(event)](state, event, moment)


# --- pieces that the rows share ---

S = TypeVar("S", bound=State)


def _with(state: S, **changes: object) -> S:
    return msgspec.structs.replace(state, **changes)


def _rest(state: State) -> State:
    """Come to rest, idle or locked: what lies on the reader opens nothing until it is taken away."""
    kind = Locked if state.locked else Idle
    return kind(state.rules, state.lying, state.lying, state.locked, state.reader_lost)


def _laid(state: S, event: Presented) -> S:
    stale = state.stale if event.fresh else state.stale | {event.badge}
    return _with(state, lying=state.lying | {event.badge}, stale=stale)


def _refuse(state: State, denied: Denied) -> Step:
    entry = entries.Refused(
        state.rules.machine,
        denied.reason,
        denied.member,
        denied.badge,
        denied.wants,
        denied.day,
        denied.note,
    )
    return Step(state, (Record(entry), Flash(Signal.REFUSED, denied)))


def _refuse_for(state: State, event: Presented, reason: Reason, note: str = "") -> Step:
    return _refuse(state, Denied(reason, member=event.alone.member, badge=event.badge, note=note))


def _end(state: Starting | Running | Leaving, why: Ending, powered: int, by: str | None = None) -> Step:
    ended = entries.Ended(state.session.id, state.rules.machine, why, powered, by)
    return Step(_rest(state), (OpenOutput(), Record(ended), Flash(Signal.ENDED)))


def _end_running(state: Running, moment: Moment, why: Ending, by: str | None = None) -> Step:
    return _end(state, why, state.powered_at(moment), by)


def _leave(state: Running, moment: Moment, why: Ending) -> Step:
    if not state.rules.grace:
        return _end_running(state, moment, why, state.session.member if why is Ending.BADGE_REMOVED else None)
    leaving = Leaving(
        state.rules,
        state.lying,
        state.stale,
        state.locked,
        state.reader_lost,
        session=state.session,
        powered=state.powered_at(moment),
        until=moment.at + state.rules.grace,
        why=why,
    )
    return Step(leaving, (OpenOutput(),))


def _run(state: Starting | Leaving, moment: Moment, powered: int) -> Running:
    waits = state.reader_lost and state.rules.mode is Mode.PRESENCE
    return Running(
        state.rules,
        state.lying,
        state.stale,
        state.locked,
        state.reader_lost,
        session=state.session,
        closed=moment.at,
        powered=powered,
        reader_until=moment.at + _patience(state) if waits else None,
    )


def _patience(state: State) -> int:
    return max(READER_MS, state.rules.grace)


def _may_end(event: Presented, session: Session) -> bool:
    """Only the member who runs, a trainer or a maintainer ends a session by badge."""
    if event.alone.member == session.member:
        return True
    return event.alone.level is not None and event.alone.level >= Level.TRAINER


# --- rows that several states share ---


def nothing(state: State, _event: Event, _moment: Moment) -> Step:
    """–"""  # noqa: D400 - a cell of the table
    return Step(state)


def take_note(state: State, event: Removed, _moment: Moment) -> Step:
    """The badge is gone."""
    return Step(_with(state, lying=state.lying - {event.badge}, stale=state.stale - {event.badge}))


def lose_reader(state: State, event: ReaderLost, _moment: Moment) -> Step:
    """Journal, once."""
    if state.reader_lost:
        return Step(state)
    lost = entries.ReaderLost(state.rules.machine, event.detail)
    return Step(_with(state, reader_lost=True), (Record(lost),))


def find_reader(state: State, _event: ReaderFound, _moment: Moment) -> Step:
    """Journal if it was lost."""
    if not state.reader_lost:
        return Step(state)
    return Step(_with(state, reader_lost=False), (Record(entries.ReaderFound(state.rules.machine)),))


def withdraw(state: State, event: Committed, _moment: Moment) -> Step:
    """Too late: grant withdrawn."""
    return Step(state, (Record(entries.Withdrawn(event.session, state.rules.machine)),))


def lock_later(state: State, event: LockAsked, _moment: Moment) -> Step:
    """Locks once the session is over."""
    locked = entries.Locked(state.rules.machine, event.note, event.by)
    return Step(_with(state, locked=event.note), (Record(locked),))


def unlock_later(state: State, event: UnlockAsked, _moment: Moment) -> Step:
    """Does not lock any more."""
    if not state.locked:
        return Step(state)
    return Step(_with(state, locked=""), (Record(entries.Unlocked(state.rules.machine, event.by)),))


def break_down(state: State, event: OutputFailed, _moment: Moment) -> Step:
    """Open. FAULT."""
    fault = Fault(state.rules, state.lying, state.lying, state.locked, state.reader_lost, cause=event.cause)
    return Step(fault, (OpenOutput(), Record(entries.FaultLatched(state.rules.machine, event.cause))))


def keep_open(state: State, _event: Stop, _moment: Moment) -> Step:
    """Open."""
    return Step(state, (OpenOutput(),))


# --- recovering ---


def interrupted(left: OpenSession) -> entries.Ended:
    """Close a session that was cut short at its last heartbeat."""
    return entries.Ended(
        left.session, left.machine, Ending.INTERRUPTED, left.powered, until=entries.Past(left.boot, left.at)
    )


def recover(state: Recovering, event: Recover, _moment: Moment) -> Step:
    """Close what was left open as interrupted. IDLE or LOCKED."""
    ended = tuple(Record(interrupted(left)) for left in event.open)
    return Step(_rest(_with(state, locked=event.locked)), (OpenOutput(), *ended))


def refuse_start_up(state: Recovering, event: Presented, _moment: Moment) -> Step:
    """Refuse: starting up."""
    return _refuse_for(_laid(state, event), event, Reason.STARTING_UP)


# --- idle and locked ---


def begin(state: Idle | Locked, event: Presented, moment: Moment) -> Step:
    """Granted: commit, STARTING. Denied, or a badge that was lying: refuse, and it opens nothing from there."""
    laid = _laid(state, event)
    verdict = event.verdict
    refused = _with(laid, stale=laid.stale | {event.badge})
    if not event.fresh or (isinstance(verdict, Granted) and verdict.badge in laid.stale):
        return _refuse_for(refused, event, Reason.BADGE_WAS_LYING)
    if isinstance(verdict, Denied):
        return _refuse(refused, verdict)
    longest = _longest(state.rules, verdict)
    session = Session(event.session, verdict.member, verdict.badge, None if longest is None else moment.at + longest)
    grant = entries.Granted(
        session.id,
        state.rules.machine,
        verdict.member,
        verdict.badge,
        verdict.level,
        category=verdict.category,
        payer=verdict.payer,
    )
    starting = Starting(
        laid.rules,
        laid.lying,
        laid.stale,
        laid.locked,
        laid.reader_lost,
        session=session,
        until=moment.at + COMMIT_MS,
    )
    return Step(starting, (Commit(grant),))


def _longest(rules: Rules, verdict: Granted) -> int | None:
    """The whitelist may only shorten what the settings allow."""
    limits = [rules.longest] if rules.longest is not None else []
    if verdict.limits.longest is not None:
        limits.append(verdict.limits.longest * 1000)
    return min(limits, default=None)


def lock(state: Idle | Locked, event: LockAsked, _moment: Moment) -> Step:
    """LOCKED."""
    locked = entries.Locked(state.rules.machine, event.note, event.by)
    return Step(_rest(_with(state, locked=event.note)), (OpenOutput(), Record(locked)))


def unlock(state: Locked, event: UnlockAsked, _moment: Moment) -> Step:
    """IDLE."""
    return Step(_rest(_with(state, locked="")), (Record(entries.Unlocked(state.rules.machine, event.by)),))


# --- starting ---


def note_badge(state: Starting, event: Presented, _moment: Moment) -> Step:
    """The badge lies there too."""
    return Step(_laid(state, event))


def close_contact(state: Starting, event: Committed, moment: Moment) -> Step:
    """Close. RUNNING. Badge gone meanwhile: end."""
    if event.session != state.session.id:
        return withdraw(state, event, moment)
    if state.rules.mode is Mode.PRESENCE and state.session.badge not in state.lying:
        return _end(state, Ending.BADGE_REMOVED, 0, state.session.member)
    return Step(_run(state, moment, 0), (CloseOutput(), Flash(Signal.GRANTED)))


def give_up(state: Starting, event: CommitFailed, _moment: Moment) -> Step:
    """Refuse: no storage. IDLE or LOCKED."""
    return _no_storage(state) if event.session == state.session.id else Step(state)


def give_up_late(state: Starting, _event: TimePassed, moment: Moment) -> Step:
    """Past its last moment, refuse: no storage. IDLE or LOCKED."""
    return _no_storage(state) if moment.at >= state.until else Step(state)


def _no_storage(state: Starting) -> Step:
    denied = Denied(Reason.NO_STORAGE, member=state.session.member, badge=state.session.badge)
    refused = _refuse(_rest(state), denied)
    return Step(refused.state, (OpenOutput(), *refused.effects))


def abandon(state: Starting, _event: Event, _moment: Moment) -> Step:
    """Open. IDLE or LOCKED; the commit comes too late."""
    return Step(_rest(state), (OpenOutput(),))


def lock_start(state: Starting, event: LockAsked, moment: Moment) -> Step:
    """Locks once the session is over; now: LOCKED at once."""
    later = lock_later(state, event, moment)
    return Step(_rest(later.state), (OpenOutput(), *later.effects)) if event.now else later


def abandon_by_button(state: Starting, event: InputClosed, moment: Moment) -> Step:
    """One that ends: open, IDLE or LOCKED."""
    return abandon(state, event, moment) if event.name in state.rules.enders else Step(state)


def abandon_named(state: Starting, event: EndAsked, moment: Moment) -> Step:
    """If it is meant: open, IDLE or LOCKED."""
    return abandon(state, event, moment) if event.session == state.session.id else Step(state)


# --- running ---


def further_badge(state: Running, event: Presented, moment: Moment) -> Step:
    """Its own in tap mode, a trainer's, a maintainer's: end. Another member's: refuse. Unknown: –."""
    laid = _laid(state, event)
    own = event.alone.member == state.session.member
    if own and state.rules.mode is Mode.PRESENCE:
        return Step(_with(laid, session=_by_badge(laid, event), reader_until=None))
    if event.fresh and _may_end(event, state.session):
        return _end_running(laid, moment, Ending.BADGE_TAPPED, event.alone.member)
    if own or event.alone.member is None:
        return Step(laid)
    return _refuse_for(laid, event, Reason.MACHINE_IN_USE)


def _by_badge(state: Running, event: Presented) -> Session:
    """Hold the session by the badge that lies there, where a member changes from one to another."""
    if state.session.badge in state.lying:
        return state.session
    return msgspec.structs.replace(state.session, badge=event.badge)


def take_off(state: Running, event: Removed, moment: Moment) -> Step:
    """The session's badge, in presence mode: open, LEAVING. Any other: note it."""
    gone = take_note(state, event, moment).state
    if state.rules.mode is Mode.PRESENCE and event.badge == state.session.badge and isinstance(gone, Running):
        return _leave(gone, moment, Ending.BADGE_REMOVED)
    return Step(gone)


def wait_for_reader(state: Running, event: ReaderLost, moment: Moment) -> Step:
    """Journal, warn, once; in presence mode wait for it: it is no removal."""
    lost = lose_reader(state, event, moment)
    if state.rules.mode is not Mode.PRESENCE or state.reader_lost:
        return lost
    until = state.reader_until or moment.at + _patience(state)
    waiting = _with(lost.state, reader_until=until)
    return Step(waiting, (*lost.effects, Flash(Signal.WARNING)))


def go_on(state: Running, event: ReaderFound, moment: Moment) -> Step:
    """Journal; in presence mode the badge has still to be seen."""
    return find_reader(state, event, moment)


def run_out(state: Running, _event: TimePassed, moment: Moment) -> Step:
    """Longest session: end. Reader not found: open, LEAVING. Nearly over: warn."""
    if state.session.longest is not None and moment.at >= state.session.longest:
        return _end_running(state, moment, Ending.LONGEST)
    if state.reader_until is not None and moment.at >= state.reader_until:
        return _leave(state, moment, Ending.READER_LOST)
    if state.warns is not None and moment.at >= state.warns:
        warned = msgspec.structs.replace(state.session, warned=True)
        return Step(_with(state, session=warned), (Flash(Signal.WARNING),))
    return Step(state)


def lock_running(state: Running, event: LockAsked, moment: Moment) -> Step:
    """Locks once the session is over; now: end, LOCKED."""
    later = lock_later(state, event, moment)
    if not event.now or not isinstance(later.state, Running):
        return later
    ended = _end_running(later.state, moment, Ending.LOCKED, event.by)
    return Step(ended.state, (*ended.effects[:1], *later.effects, *ended.effects[1:]))


def press_running(state: Running, event: InputClosed, moment: Moment) -> Step:
    """One that ends: end."""
    return _end_running(state, moment, Ending.BUTTON) if event.name in state.rules.enders else Step(state)


def end_named(state: Running, event: EndAsked, moment: Moment) -> Step:
    """If it is meant: end."""
    if event.session != state.session.id:
        return Step(state)
    return _end_running(state, moment, Ending.REMOTE, event.by)


def break_running(state: Running, event: OutputFailed, moment: Moment) -> Step:
    """Open, end. FAULT."""
    ended = _end_running(state, moment, Ending.FAULT)
    broken = break_down(state, event, moment)
    return Step(broken.state, (*ended.effects[:2], *broken.effects[1:]))


def stop_running(state: Running, _event: Stop, moment: Moment) -> Step:
    """Open, end: stopped."""
    return _end_running(state, moment, Ending.STOPPED)


# --- leaving ---


def come_back(state: Leaving, event: Presented, moment: Moment) -> Step:
    """The member's badge: close, RUNNING; past the longest session: end. Another's: refuse. Unknown: –."""
    laid = _laid(state, event)
    if state.session.longest is not None and moment.at >= state.session.longest:
        return _end(laid, Ending.LONGEST, state.powered)
    if event.alone.member == state.session.member and not event.guarded:
        return _refuse_for(laid, event, Reason.NO_GUARD)
    if event.alone.member == state.session.member:
        session = msgspec.structs.replace(state.session, badge=event.badge)
        return Step(_run(_with(laid, session=session), moment, state.powered), (CloseOutput(),))
    if event.alone.member is None:
        return Step(laid)
    return _refuse_for(laid, event, Reason.MACHINE_IN_USE)


def leave(state: Leaving, _event: TimePassed, moment: Moment) -> Step:
    """Grace over: end."""
    if moment.at < state.until:
        return Step(state)
    by = state.session.member if state.why is Ending.BADGE_REMOVED else None
    return _end(state, state.why, state.powered, by)


def lock_leaving(state: Leaving, event: LockAsked, moment: Moment) -> Step:
    """Locks once the session is over; now: end, LOCKED."""
    later = lock_later(state, event, moment)
    if not event.now or not isinstance(later.state, Leaving):
        return later
    ended = _end(later.state, Ending.LOCKED, state.powered, event.by)
    return Step(ended.state, (*ended.effects[:1], *later.effects, *ended.effects[1:]))


def press_leaving(state: Leaving, event: InputClosed, _moment: Moment) -> Step:
    """One that ends: end."""
    return _end(state, Ending.BUTTON, state.powered) if event.name in state.rules.enders else Step(state)


def end_leaving(state: Leaving, event: EndAsked, _moment: Moment) -> Step:
    """If it is meant: end."""
    if event.session != state.session.id:
        return Step(state)
    return _end(state, Ending.REMOTE, state.powered, event.by)


def break_leaving(state: Leaving, event: OutputFailed, moment: Moment) -> Step:
    """Open, end. FAULT."""
    ended = _end(state, Ending.FAULT, state.powered)
    broken = break_down(state, event, moment)
    return Step(broken.state, (*ended.effects[:2], *broken.effects[1:]))


def stop_leaving(state: Leaving, _event: Stop, _moment: Moment) -> Step:
    """Open, end: stopped."""
    return _end(state, Ending.STOPPED, state.powered)


# --- fault ---


def clear_by_badge(state: Fault, event: Presented, _moment: Moment) -> Step:
    """A maintainer's: IDLE or LOCKED. Another: refuse."""
    laid = _laid(state, event)
    if event.fresh and isinstance(event.alone, Granted) and event.alone.level == Level.MAINTAINER:
        return Step(_rest(laid), (Record(entries.FaultCleared(state.rules.machine, event.alone.member)),))
    return _refuse_for(laid, event, Reason.MACHINE_FAULT, state.cause)


def clear(state: Fault, event: ClearAsked, _moment: Moment) -> Step:
    """IDLE or LOCKED."""
    return Step(_rest(state), (Record(entries.FaultCleared(state.rules.machine, event.by)),))


def another_cause(state: Fault, event: OutputFailed, moment: Moment) -> Step:
    """Journal a new cause, open."""
    if event.cause == state.cause:
        return Step(state)  # opening is what failed: asking again and again would never end
    return break_down(state, event, moment)


# --- the table ---

Row = Callable[[Any, Any, Moment], Step]

_SHARED: Final[dict[type[Event], Row]] = {
    Recover: nothing,
    Removed: take_note,
    ReaderLost: lose_reader,
    ReaderFound: find_reader,
    Committed: withdraw,
    CommitFailed: nothing,
    TimePassed: nothing,
    LockAsked: lock_later,
    UnlockAsked: unlock_later,
    EndAsked: nothing,
    InputClosed: nothing,
    OutputFailed: break_down,
    ClearAsked: nothing,
    Stop: keep_open,
}

ROWS: Final[dict[type[State], dict[type[Event], Row]]] = {
    Recovering: _SHARED | {Recover: recover, Presented: refuse_start_up},
    Idle: _SHARED | {Presented: begin, LockAsked: lock},
    Starting: _SHARED
    | {
        Presented: note_badge,
        Committed: close_contact,
        CommitFailed: give_up,
        TimePassed: give_up_late,
        LockAsked: lock_start,
        InputClosed: abandon_by_button,
        EndAsked: abandon_named,
        Stop: abandon,
    },
    Running: _SHARED
    | {
        Presented: further_badge,
        Removed: take_off,
        ReaderLost: wait_for_reader,
        ReaderFound: go_on,
        TimePassed: run_out,
        LockAsked: lock_running,
        InputClosed: press_running,
        EndAsked: end_named,
        OutputFailed: break_running,
        Stop: stop_running,
    },
    Leaving: _SHARED
    | {
        Presented: come_back,
        TimePassed: leave,
        LockAsked: lock_leaving,
        InputClosed: press_leaving,
        EndAsked: end_leaving,
        OutputFailed: break_leaving,
        Stop: stop_leaving,
    },
    Locked: _SHARED | {Presented: begin, LockAsked: lock, UnlockAsked: unlock},
    Fault: _SHARED | {Presented: clear_by_badge, OutputFailed: another_cause, ClearAsked: clear},
}
