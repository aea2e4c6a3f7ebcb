"""How a station comes to rest: a session ends, a fault is latched, a badge is refused."""

from __future__ import annotations

import msgspec

from controller.station.events import (
    AnyEffect,
    Flash,
    Presented,
    Record,
    Signal,
)
from controller.station.rules import Does
from controller.station.states import (
    Cause,
    Fault,
    Idle,
    InSession,
    Locked,
    MachineCondition,
    RunOn,
    Session,
    State,
)
from controller.station.steps import Step
from protocol import entries
from protocol.access import Denied, Reason
from protocol.entries import Ending
from protocol.moment import Moment


def rest(condition: MachineCondition) -> State:
    """Come to rest: run-on, locked or idle. What lies on the reader opens nothing until it is taken away."""
    condition = msgspec.structs.replace(condition, to_be_removed=condition.lying, armed=None)
    if condition.running_on:
        return RunOn(condition)
    return Locked(condition) if condition.locked else Idle(condition)


def end(state: InSession, moment: Moment, why: Ending, by: str | None = None, cause: str = "") -> Step:
    """End a session: everything opens but what runs on."""
    after = msgspec.structs.replace(
        state.condition,
        opened=moment.at,
        used=True,
        running_on=tuple((name, moment.at + how_long) for name, how_long in state.rules.run_on),
    )
    return Step(rest(after), (Record(ended(state, moment, why, by, cause)), Flash(Signal.ENDED)))


def ended(state: InSession, moment: Moment, why: Ending, by: str | None = None, cause: str = "") -> entries.Ended:
    """Return the entry that says that a session is over."""
    powered, busy = state.powered_at(moment), state.busy_at(moment)
    return entries.Ended(state.session.id, state.rules.machine, why, powered, by, busy=busy, cause=cause)


def out_of_order(state: State, moment: Moment, cause: Cause) -> Step:
    """Latch a fault, and end what runs."""
    condition = msgspec.structs.replace(state.condition, to_be_removed=state.condition.lying, running_on=(), armed=None)
    before = state.causes if isinstance(state, Fault) else ()
    effects: tuple[AnyEffect, ...] = (Record(entries.FaultLatched(state.rules.machine, cause.what)),)
    if isinstance(state, InSession):
        condition = msgspec.structs.replace(condition, opened=moment.at, used=True)
        over = ended(state, moment, Ending.FAULT, cause=cause.what)
        effects = (Record(over), *effects, Flash(Signal.ENDED))
    return Step(Fault(condition, causes=(*before, cause)), effects)


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
    return refuse(rest(state.condition), Denied(reason, member=session.member, badge=session.badge, note=note))


def hindrance(condition: MachineCondition, moment: Moment) -> tuple[Reason, str] | None:
    """Return what at the machine keeps a session from starting: an interlock, or too short a time since the last."""
    against = [rule for rule in condition.asserted(Does.REFUSE, Does.END, Does.FAULT) if not rule.settle]
    if against:
        return Reason.INTERLOCK, ", ".join(rule.name for rule in against)
    again = (condition.opened or 0) + condition.rules.shortest_off
    if condition.rules.shortest_off and moment.at < again:
        return Reason.TOO_SOON, f"{-(-(again - moment.at) // 1000)} s"
    return None
