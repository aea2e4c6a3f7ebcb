"""What the inputs of a machine make of its state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from controller.station.endings import out_of_order
from controller.station.events import (
    AnyEffect,
    InputChanged,
    Record,
)
from controller.station.rules import Does, InputRule
from controller.station.states import (
    Cause,
    InSession,
    State,
    Wish,
)
from controller.station.steps import S, Step
from protocol import entries
from protocol.moment import Moment

WISH_MS: Final = 30_000  # a button's word on what the next badge is for


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
