"""What the inputs of a machine make of its state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from controller.station.endings import out_of_order
from controller.station.events import (
    AnyEffect,
    Flash,
    InputChanged,
    Record,
    Signal,
)
from controller.station.rules import Does, InputRule
from controller.station.states import (
    ArmedAction,
    Cause,
    InSession,
    State,
)
from controller.station.steps import S, Step
from protocol import entries
from protocol.moment import Moment

ARMED_MS: Final = 30_000  # a button's word on what the next badge is for


def sensed(state: S, event: InputChanged, moment: Moment) -> S:
    """Note an input's condition; and when the machine itself began or ceased to run."""
    condition = state.condition
    active = condition.active | {event.name} if event.active else condition.active - {event.name}
    after = msgspec.structs.replace(condition, active=active)
    if after.runs == condition.runs:
        return msgspec.structs.replace(state, condition=after)
    if isinstance(state, InSession):
        busy = state.busy_at(moment)
        state = msgspec.structs.replace(state, busy=busy or 0, ran=state.ran or after.runs)
    return msgspec.structs.replace(state, condition=msgspec.structs.replace(after, turned=moment.at))


def told(state: State, event: InputChanged) -> tuple[AnyEffect, ...]:
    """Journal an input that only tells, or that opens an output; a defect that somebody reports, and thank for it."""
    rule = state.rules.input(event.name)
    if rule is not None and rule.does is Does.REPORT and event.active:
        member = state.session.member if isinstance(state, InSession) else None
        report = entries.Reported(state.rules.machine, input=event.name, member=member)
        return Record(report), Flash(Signal.REPORTED)
    if rule is None or rule.does not in {Does.TELL, Does.OPEN}:
        return ()
    return (Record(entries.Sensed(state.rules.machine, event.name, event.active)),)


def latched(state: State, moment: Moment) -> Step | None:
    """Latch every fault that inputs make now, outside a session; None where there is none."""
    return latch(state, moment, [cause_of(rule) for rule in state.condition.asserted(Does.FAULT) if not rule.settle])


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
    condition = state.condition
    if (
        condition.suspect_at is None
        or moment.at < condition.suspect_at
        or condition.opened is None
        or condition.turned is None
    ):
        return None
    (rule, *_others) = condition.asserted(Does.RUNNING)
    after_us = condition.turned <= condition.opened + condition.rules.coast_down
    what = "bypass" if not after_us else "welded" if condition.used else "ran_at_start"
    return Cause(what, rule.clears, rule.name)


def armed_by(state: State, event: InputChanged, moment: Moment) -> ArmedAction | None:
    """Return what a button that was pressed says of the next badge."""
    rule = state.rules.input(event.name)
    if rule is None or not event.active or rule.does not in {Does.PURPOSE, Does.GROUP, Does.LOCK, Does.TEACH}:
        return None
    return ArmedAction(rule.does, moment.at + ARMED_MS, rule.purpose, rule.organisation, rule.people)
