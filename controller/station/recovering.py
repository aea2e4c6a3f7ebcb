"""Recovering: at start, until the journal is read. A session that may go on does; every other is closed."""

from __future__ import annotations

from typing import Final

import msgspec

from controller.station.beginnings import READER_MS, held_by_badge, laid, patience
from controller.station.endings import refuse_for, rest
from controller.station.events import AnyEffect, OpenSession, Presented, Record, Recover
from controller.station.fault import PROGRAM
from controller.station.inputs import latched
from controller.station.rules import Clears, Does, Mode
from controller.station.shared_rows import SHARED, Rows
from controller.station.states import MACHINE, SENSED, Cause, Fault, Recovering, Running, Session, State
from controller.station.steps import Step, with_condition
from protocol import entries
from protocol.access import Reason
from protocol.entries import Ending
from protocol.moment import Moment


def interrupted(left: OpenSession) -> entries.Ended:
    """Close a session that was cut short at its last heartbeat."""
    last = entries.Past(left.boot, left.at)
    return entries.Ended(left.session, left.machine, Ending.INTERRUPTED, left.powered, until=last, busy=left.busy)


def recover(state: Recovering, event: Recover, moment: Moment) -> Step:
    """Go on with the one session whose output stayed closed. Close others as interrupted. IDLE, LOCKED or FAULT."""
    state = with_condition(state, locked=event.locked, opened=moment.at)
    over: tuple[AnyEffect, ...] = tuple(Record(interrupted(left)) for left in event.open)
    if event.open and state.rules.resumes and MACHINE in state.kept and event.open[-1].boot == moment.boot:
        last = event.open[-1]
        return Step(_resumed(state, last, moment), (*over[:-1], Record(entries.Resumed(last.session, last.machine))))
    still = _uncleared(state, event.faults)
    gone = set(event.faults) - {cause.what for cause in still}
    if gone and not still:  # a part that is tried anew, a button that was let go: nobody has to clear it
        over += (Record(entries.FaultCleared(state.rules.machine, PROGRAM)),)
    at_rest: State = rest(with_condition(state, running_on=_run_on(state, moment)).condition)
    if still:
        at_rest = Fault(msgspec.structs.replace(at_rest.condition, running_on=()), causes=still)
    broken = latched(at_rest, moment)
    return Step(broken.state, (*over, *broken.effects)) if broken is not None else Step(at_rest, over)


def _run_on(state: Recovering, moment: Moment) -> tuple[tuple[str, int], ...]:
    """What ran on when the daemon was killed begins to run on anew."""
    return tuple((name, moment.at + how_long) for name, how_long in state.rules.run_on if name in state.kept)


def _uncleared(state: Recovering, faults: tuple[str, ...]) -> tuple[Cause, ...]:
    """Return the causes of an input that somebody has still to clear: a power cut clears nothing.

    A part that failed is tried anew instead, and what its release clears is clear once it is released.
    """
    found = []
    for what in dict.fromkeys(faults):
        named = state.rules.input(what)
        rule = named or next(iter(state.rules.named(Does.RUNNING)), None)
        if rule is None or (named is None and what not in SENSED):
            continue
        if rule.clears is not Clears.RELEASE:
            found.append(Cause(what, rule.clears, rule.name))
    return tuple(found)


def _resumed(state: Recovering, left: OpenSession, moment: Moment) -> Running:
    """Return the session as it would be had nobody been away: its output was closed all the time."""
    longest = None if left.longest is None else left.began + left.longest
    period_ends = left.extended + state.rules.period if state.rules.mode is Mode.TIMED else None
    session = Session(
        left.session, left.member, left.badge, longest, period_ends, purpose=left.purpose, group=left.group
    )
    condition = state.condition
    if state.rules.senses_running:  # it may only pause: it has to rest for long enough from now
        condition = msgspec.structs.replace(condition, turned=left.at if condition.runs else moment.at)
    running = Running(
        condition,
        session=session,
        since=left.at,
        powered=left.powered,
        busy=left.busy or 0,
        ran=condition.runs or bool(left.busy),
    )
    if not held_by_badge(running):
        return running
    return msgspec.structs.replace(running, reader_until=moment.at + patience(running) + READER_MS)


def refuse_start_up(state: Recovering, event: Presented, _moment: Moment) -> Step:
    """Refuse: starting up, or what keeps it from that."""
    return refuse_for(laid(state, event), event, event.obstacle or Reason.STARTING_UP)


ROWS: Final[Rows] = SHARED | {Recover: recover, Presented: refuse_start_up}
