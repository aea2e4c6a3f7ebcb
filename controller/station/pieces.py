"""What the states share: the pieces that a transition is put together from, and the rows that they have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

import msgspec

from controller.station.events import (
    AnyEffect,
    ClearAsked,
    Commit,
    CommitFailed,
    Committed,
    EndAsked,
    Event,
    Flash,
    GroupAsked,
    InputChanged,
    LockAsked,
    OutputFailed,
    Presented,
    ReaderFound,
    ReaderLost,
    Record,
    Recover,
    Removed,
    SetLock,
    Signal,
    Stop,
    Taught,
    TeachAsked,
    TeachFailed,
    TimePassed,
    UnlockAsked,
)
from controller.station.rules import Does, InputRule, Mode, Rules
from controller.station.states import (
    TEACH_LONGEST_MS,
    TEACH_MS,
    Awaiting,
    Bench,
    Cause,
    Fault,
    Idle,
    InSession,
    Leaving,
    Locked,
    Running,
    RunOn,
    Session,
    Starting,
    State,
    Teaching,
    Wish,
)
from protocol import entries
from protocol.access import Denied, Granted, Reason, lacks
from protocol.entries import Ending
from protocol.moment import Moment
from protocol.whitelist import BadgeKind

COMMIT_MS: Final = 2_000  # a grant that is not on disk by then is refused
READER_MS: Final = 5_000  # a lost reader is waited for at least so long
SECOND_MS: Final = 20_000  # for a second person's badge
WISH_MS: Final = 30_000  # a button's word on what the next badge is for
GROUP_LONGEST_MS: Final = 12 * 3_600_000  # no badge holds a group's session: it ends within the day
GROUP_MS: Final = 300_000  # the shell's word on it: somebody has to walk to the machine

S = TypeVar("S", bound=State)


class Step(msgspec.Struct, frozen=True):
    """A state's answer to an event: the next state, and effects in their order."""

    state: State
    effects: tuple[AnyEffect, ...] = ()


def on_bench(state: S, **changes: object) -> S:
    """Change what lies or stands at the machine."""
    return msgspec.structs.replace(state, bench=msgspec.structs.replace(state.bench, **changes))


# --- coming to rest ---


def rest(bench: Bench) -> State:
    """Come to rest: run-on, locked or idle. What lies on the reader opens nothing until it is taken away."""
    bench = msgspec.structs.replace(bench, stale=bench.lying, wish=None)
    if bench.running_on:
        return RunOn(bench)
    return Locked(bench) if bench.locked else Idle(bench)


def end(state: InSession, moment: Moment, why: Ending, by: str | None = None, cause: str = "") -> Step:
    """End a session: everything opens but what runs on."""
    after = msgspec.structs.replace(
        state.bench,
        opened=moment.at,
        used=True,
        running_on=tuple((name, moment.at + how_long) for name, how_long in state.rules.run_on),
    )
    return Step(rest(after), (Record(ended(state, moment, why, by, cause)), Flash(Signal.ENDED)))


def ended(state: InSession, moment: Moment, why: Ending, by: str | None = None, cause: str = "") -> entries.Ended:
    """Say in the journal that a session is over."""
    powered, busy = state.powered_at(moment), state.busy_at(moment)
    return entries.Ended(state.session.id, state.rules.machine, why, powered, by, busy=busy, cause=cause)


def out_of_order(state: State, moment: Moment, cause: Cause) -> Step:
    """Latch a fault, and end what runs."""
    bench = msgspec.structs.replace(state.bench, stale=state.bench.lying, running_on=(), wish=None)
    before = state.causes if isinstance(state, Fault) else ()
    effects: tuple[AnyEffect, ...] = (Record(entries.FaultLatched(state.rules.machine, cause.what)),)
    if isinstance(state, InSession):
        bench = msgspec.structs.replace(bench, opened=moment.at, used=True)
        over = ended(state, moment, Ending.FAULT, cause=cause.what)
        effects = (Record(over), *effects, Flash(Signal.ENDED))
    return Step(Fault(bench, causes=(*before, cause)), effects)


# --- refusing ---


def refuse(state: State, denied: Denied) -> Step:
    """Refuse: journal and light say why."""
    entry = entries.Refused(
        state.rules.machine, denied.reason, denied.member, denied.badge, denied.wants, denied.day, denied.note
    )
    return Step(state, (Record(entry), Flash(Signal.REFUSED, denied)))


def refuse_for(state: State, event: Presented, reason: Reason, note: str = "") -> Step:
    """Refuse this badge for a reason of the station's."""
    return refuse(state, Denied(reason, member=event.alone.member, badge=event.badge, note=note))


def refuse_session(state: State, session: Session, reason: Reason, note: str = "") -> Step:
    """Come to rest without what was to be a session, and say why."""
    return refuse(rest(state.bench), Denied(reason, member=session.member, badge=session.badge, note=note))


def hindrance(bench: Bench, moment: Moment) -> tuple[Reason, str] | None:
    """Return what at the machine keeps a session from starting: an interlock, or too short a time since the last."""
    against = [rule for rule in bench.asserted(Does.REFUSE, Does.END, Does.FAULT) if not rule.settle]
    if against:
        return Reason.INTERLOCK, ", ".join(rule.name for rule in against)
    again = (bench.opened or 0) + bench.rules.shortest_off
    if bench.rules.shortest_off and moment.at < again:
        return Reason.TOO_SOON, f"{-(-(again - moment.at) // 1000)} s"
    return None


# --- beginning ---


def laid(state: S, event: Presented) -> S:
    """Note that a badge lies there."""
    stale = state.bench.stale if event.fresh else state.bench.stale | {event.badge}
    return on_bench(state, lying=state.bench.lying | {event.badge}, stale=stale)


def wish_of(state: State, moment: Moment) -> Wish | None:
    """Return what a button said the next badge is for, if it still holds."""
    wish = state.bench.wish
    return wish if wish is not None and moment.at < wish.until else None


def wanting(rules: Rules, verdict: Granted) -> Reason | None:
    """Return whose badge is needed beside this one, by the whitelist or the settings."""
    return verdict.lacks or lacks(verdict.level, supervised=rules.supervised, buddy=rules.buddy)


def ask_for(state: State, event: Presented, verdict: Granted, moment: Moment) -> Step:
    """Begin with a member who may: wait for a second person where one is needed, else write the grant."""
    rules, wish = state.rules, wish_of(state, moment)
    group = wish is not None and wish.does is Does.GROUP
    session = Session(
        event.session,
        verdict.member,
        verdict.badge,
        purpose=wish.purpose if wish is not None else rules.purpose,
        group=group,
    )
    missing = None if group else wanting(rules, verdict)
    if missing is not None:
        until = moment.at + SECOND_MS
        return Step(Awaiting(state.bench, session=session, verdict=verdict, lacks=missing, until=until))
    return write_grant(state, session, verdict, moment)


def write_grant(state: State, session: Session, verdict: Granted, moment: Moment, *, beside: str | None = None) -> Step:
    """Put the grant on its way to disk."""
    rules, wish = state.rules, wish_of(state, moment)
    longest = _longest(rules.longest, verdict, GROUP_LONGEST_MS if session.group else None)
    session = msgspec.structs.replace(
        session,
        longest=None if longest is None else moment.at + longest,
        period_ends=moment.at + rules.period if rules.mode is Mode.TIMED else None,
    )
    grant = entries.Granted(
        session.id,
        rules.machine,
        session.member,
        session.badge,
        verdict.level,
        session.purpose,
        verdict.category,
        verdict.payer,
        beside,
        wish.organisation if wish is not None else "",
        wish.people if wish is not None else None,
        session.group,
        longest,
    )
    bench = msgspec.structs.replace(state.bench, wish=None)
    return Step(Starting(bench, session=session, until=moment.at + COMMIT_MS), (Commit(grant),))


def _longest(caps: int | None, verdict: Granted, group: int | None) -> int | None:
    """The whitelist may only shorten what the settings allow."""
    limits = [limit for limit in (caps, group) if limit is not None]
    if verdict.limits.longest is not None:
        limits.append(verdict.limits.longest * 1000)
    return min(limits, default=None)


def run(state: Starting | Leaving, moment: Moment, **past: int | bool) -> Running:
    """Have a session run from now on; *past* is what came before."""
    waits = state.bench.reader_lost and held_by_badge(state)
    return Running(
        state.bench,
        session=state.session,
        since=moment.at,
        reader_until=moment.at + patience(state) if waits else None,
        **past,  # type: ignore[arg-type]
    )


def held_by_badge(state: Starting | InSession) -> bool:
    """Return whether the session's badge has to stay."""
    return state.rules.mode is Mode.PRESENCE and not state.session.group


def patience(state: State) -> int:
    """Return how long a lost reader is waited for."""
    return max(READER_MS, state.rules.grace)


def may_take_over(state: InSession, event: Presented, moment: Moment) -> bool:
    """Return whether another certified member may have the machine: it stands still, and its settings say so."""
    return (
        state.rules.takeover
        and event.fresh
        and isinstance(event.alone, Granted)
        and event.alone.kind is not BadgeKind.TEACHING
        and wanting(state.rules, event.alone) is None
        and event.obstacle is None
        and state.bench.at_rest(moment)
        and hindrance(state.bench, moment) is None
    )


def take_over(state: InSession, event: Presented, moment: Moment) -> Step:
    """End one session, and begin another."""
    assert isinstance(event.alone, Granted)  # noqa: S101 - may_take_over said so
    over = end(state, moment, Ending.TAKEN_OVER, event.alone.member)
    after = rest(msgspec.structs.replace(over.state.bench, running_on=()))
    begun = ask_for(after, event, event.alone, moment)
    return Step(begun.state, (*over.effects[:1], *begun.effects))


# --- inputs ---


def sensed(state: S, event: InputChanged, moment: Moment) -> S:
    """Note an input's condition; and when the machine itself began or ceased to run."""
    bench = state.bench
    active = bench.active | {event.name} if event.active else bench.active - {event.name}
    after = msgspec.structs.replace(bench, active=active)
    if after.runs == bench.runs:
        return msgspec.structs.replace(state, bench=after)
    if isinstance(state, InSession):
        busy = state.busy_at(moment)
        state = msgspec.structs.replace(state, busy=busy or 0, ran=state.ran or after.runs)
    return msgspec.structs.replace(state, bench=msgspec.structs.replace(after, turned=moment.at))


def told(state: State, event: InputChanged) -> tuple[AnyEffect, ...]:
    """Journal an input that only tells, or that opens an output."""
    rule = state.rules.input(event.name)
    if rule is None or rule.does not in {Does.TELL, Does.OPEN}:
        return ()
    return (Record(entries.Sensed(state.rules.machine, event.name, event.active)),)


def latched(state: State, moment: Moment) -> Step | None:
    """Latch every fault that inputs make now, outside a session; None where there is none."""
    return latch(state, moment, [cause_of(rule) for rule in state.bench.asserted(Does.FAULT) if not rule.settle])


def latch(state: State, moment: Moment, causes: Iterable[Cause]) -> Step | None:
    """Latch these causes, each with its entry; None where there is none."""
    step: Step | None = None
    for cause in causes:
        more = out_of_order(step.state if step else state, moment, cause)
        step = Step(more.state, (*(step.effects if step else ()), *more.effects))
    return step


def cause_of(rule: InputRule) -> Cause:
    """Return the cause that an input makes."""
    return Cause(rule.name, rule.clears, rule.name)


def suspicion(state: State, moment: Moment) -> Cause | None:
    """Return what a machine is guilty of that runs without power from us, once it is no coast-down any more."""
    bench = state.bench
    if bench.suspect_at is None or moment.at < bench.suspect_at or bench.opened is None or bench.turned is None:
        return None
    (rule, *_others) = bench.asserted(Does.RUNNING)
    after_us = bench.turned <= bench.opened + bench.rules.coast_down
    what = "bypass" if not after_us else "welded" if bench.used else "ran_at_start"
    return Cause(what, rule.clears, rule.name)


def wished(state: State, event: InputChanged, moment: Moment) -> Wish | None:
    """Return what a button that was pressed says of the next badge."""
    rule = state.rules.input(event.name)
    if rule is None or not event.active or rule.does not in {Does.PURPOSE, Does.GROUP, Does.LOCK, Does.TEACH}:
        return None
    return Wish(rule.does, moment.at + WISH_MS, rule.purpose, rule.organisation, rule.people)


# --- rows that several states share ---


def nothing(state: State, _event: Event, _moment: Moment) -> Step:
    """–"""  # noqa: D400 - a cell of the table
    return Step(state)


def take_note(state: State, event: Removed, _moment: Moment) -> Step:
    """The badge is gone."""
    bench = state.bench
    return Step(on_bench(state, lying=bench.lying - {event.badge}, stale=bench.stale - {event.badge}))


def lose_reader(state: State, event: ReaderLost, _moment: Moment) -> Step:
    """Journal, once."""
    if state.bench.reader_lost:
        return Step(state)
    return Step(on_bench(state, reader_lost=True), (Record(entries.ReaderLost(state.rules.machine, event.detail)),))


def find_reader(state: State, _event: ReaderFound, _moment: Moment) -> Step:
    """Journal if it was lost."""
    if not state.bench.reader_lost:
        return Step(state)
    return Step(on_bench(state, reader_lost=False), (Record(entries.ReaderFound(state.rules.machine)),))


def withdraw(state: State, event: Committed, _moment: Moment) -> Step:
    """Too late: grant withdrawn."""
    return Step(state, (Record(entries.Withdrawn(event.session, state.rules.machine)),))


def lock_later(state: State, event: LockAsked, _moment: Moment) -> Step:
    """Locks once the session is over."""
    locked = entries.Locked(state.rules.machine, event.note, event.by)
    return Step(on_bench(state, locked=event.note), (Record(locked),))


def unlock_later(state: State, event: UnlockAsked, _moment: Moment) -> Step:
    """Does not lock any more."""
    if not state.bench.locked:
        return Step(state)
    return Step(on_bench(state, locked=""), (Record(entries.Unlocked(state.rules.machine, event.by)),))


def break_down(state: State, event: OutputFailed, moment: Moment) -> Step:
    """Open everything, end a session. FAULT."""
    return out_of_order(state, moment, Cause(event.cause, event.clears, for_good=event.for_good))


def note_input(state: State, event: InputChanged, moment: Moment) -> Step:
    """Note it."""
    return Step(sensed(state, event, moment))


def group_later(state: State, event: GroupAsked, moment: Moment) -> Step:
    """The next trainer's badge lets a group in."""
    wish = Wish(Does.GROUP, moment.at + GROUP_MS, event.purpose, event.organisation, event.people)
    return Step(on_bench(state, wish=wish))


def teach_later(state: State, _event: TeachAsked, moment: Moment) -> Step:
    """The next trainer's badge lets others in."""
    return Step(on_bench(state, wish=Wish(Does.TEACH, moment.at + GROUP_MS)))


def teach(state: State, event: Presented, moment: Moment) -> Step:
    """A trainer lets others in from now on."""
    bench = msgspec.structs.replace(state.bench, wish=None)
    latest = moment.at + TEACH_LONGEST_MS
    teaching = Teaching(bench, by=event.alone.member or "", until=moment.at + TEACH_MS, latest=latest)
    return Step(teaching, (Flash(Signal.TEACHING),))


def stop_at_rest(state: State, _event: Stop, _moment: Moment) -> Step:
    """Open everything."""
    return Step(rest(msgspec.structs.replace(state.bench, running_on=())))


def lock_by_badge(state: State, event: Presented) -> Step:
    """A maintainer locks, or unlocks, once no session holds the machine."""
    locked = "" if state.bench.locked else state.rules.lock_note
    by = event.alone.member or ""
    machine = state.rules.machine
    entry = entries.Locked(machine, locked, by) if locked else entries.Unlocked(machine, by)
    return Step(on_bench(state, locked=locked, wish=None), (Record(entry), SetLock(locked), Flash(Signal.GRANTED)))


Row = Callable[[Any, Any, Moment], Step]
Rows = dict[type[Event], Row]

SHARED: Final[Rows] = {
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
    InputChanged: note_input,
    GroupAsked: nothing,
    TeachAsked: nothing,
    Taught: nothing,
    TeachFailed: nothing,
    OutputFailed: break_down,
    ClearAsked: nothing,
    Stop: stop_at_rest,
}
