"""A station: one machine, its state, and what every event does to it.

`step` is pure and total: the table ROWS has an answer for every state and every event; each state has a module of its
own. Time comes in as a moment; times that a state waits for are in the state (`wakes`). What is closed is a state's
too (`closed`): no row switches anything, the difference between two states does. docs/states.md is printed from here.
"""

from __future__ import annotations

from typing import Final

from controller.station import awaiting, awaiting_pin, fault, leaving, recovering, resting, running, starting, teaching
from controller.station.events import AnyEvent, InputChanged, OutputFailed, Recover, Stop, Switch, UnlockAsked
from controller.station.shared_rows import Rows, nothing
from controller.station.states import (
    Awaiting,
    AwaitingPin,
    Fault,
    Idle,
    Leaving,
    Locked,
    Recovering,
    Running,
    RunOn,
    Starting,
    State,
    Teaching,
)
from controller.station.steps import Step
from protocol.moment import Moment

ROWS: Final[dict[type[State], Rows]] = {
    Recovering: recovering.ROWS,
    Idle: resting.ROWS | {UnlockAsked: nothing},
    Awaiting: awaiting.ROWS,
    AwaitingPin: awaiting_pin.ROWS,
    Teaching: teaching.ROWS,
    Starting: starting.ROWS,
    Running: running.ROWS,
    Leaving: leaving.ROWS,
    RunOn: resting.ROWS,
    Locked: resting.ROWS,
    Fault: fault.ROWS,
}


def step(state: State, event: AnyEvent, moment: Moment) -> Step:
    """Answer *event* in *state* at *moment*: look the row up, run it, switch what differs. Pure; never raises."""
    if isinstance(event, InputChanged) and event.active == (event.name in state.condition.active):
        return Step(state)  # it is known already
    answer = ROWS[type(state)][type(event)](state, event, moment)
    if _switches(state, event, answer.state):
        return Step(answer.state, (Switch(answer.state.closed), *answer.effects))
    return answer


def _switches(before: State, event: AnyEvent, after: State) -> bool:
    """Return whether outputs have to be told: they differ, leases go back, or nobody trusts what they are."""
    if before.closed != after.closed or isinstance(event, Recover | Stop):
        return True
    if isinstance(before, Starting):
        return not isinstance(after, Starting)
    return isinstance(event, OutputFailed) and before is not after
