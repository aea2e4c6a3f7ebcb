"""What people are told at a machine: the lasting signal of a state, and what a display has to say."""

from __future__ import annotations

from typing import Final

import msgspec

from controller.station.events import Signal
from controller.station.states import (
    Awaiting,
    AwaitingPin,
    Fault,
    Idle,
    InSession,
    Leaving,
    Locked,
    Recovering,
    Resting,
    Running,
    RunOn,
    State,
    Teaching,
)
from protocol.access import Denied
from protocol.moment import Moment
from protocol.rows import Price
from protocol.sentences import refusal, short_refusal
from protocol.whitelist import Whitelist

SIGNALS: Final[dict[type[State], Signal]] = {
    Recovering: Signal.STARTING_UP,
    Idle: Signal.IDLE,
    RunOn: Signal.IDLE,
    Awaiting: Signal.AWAITING,
    AwaitingPin: Signal.AWAITING,
    Teaching: Signal.TEACHING,
    Running: Signal.RUNNING,
    Leaving: Signal.LEAVING,
    Locked: Signal.LOCKED,
    Fault: Signal.FAULT,
}


class Cost(msgspec.Struct, frozen=True):
    """What a display reckons by what the use of a machine costs: seconds of running, watt-hours, whether it runs."""

    prices: tuple[Price, ...] = ()
    busy: int | None = None
    energy: int | None = None
    runs: bool = False


class View(msgspec.Struct, frozen=True):
    """What a display is to say. Times in seconds; denied: why a tap was refused a moment ago, in words.

    name: the member's, as the whitelist has it. note: why it is locked, or what is out of order. lacks: whose badge
    is waited for. count: to how many a trainer gave what the machine asks for. age: of a list that grows old, in days.
    typed: digits of a PIN that is asked for.
    short: for little room, why a tap was refused, and what would help. counts: whether `used` grows by itself. cost:
    of the session, or, where there is none, of the machine.
    """

    machine: str
    signal: Signal
    name: str = ""
    used: int | None = None
    left: int | None = None
    note: str = ""
    denied: str = ""
    lacks: str = ""
    count: int = 0
    age: int | None = None
    short: tuple[str, str] = ("", "")
    counts: bool = False
    typed: int | None = None
    cost: Cost = Cost()


def lasting(state: State, *, reader_found: bool, startable: bool, is_set_up: bool) -> Signal | None:
    """Return the signal of a state; None for one that passes in a moment, so that what was shown stays.

    is_set_up: whether somebody has said what the machine asks for; it is shown as locked, without a reason, until then.
    """
    signal = SIGNALS.get(type(state))
    if isinstance(state, Resting) and state.condition.locked:
        return Signal.LOCKED
    if isinstance(state, Resting) and state.condition.armed is not None:
        return Signal.AWAITING
    if isinstance(state, Recovering) and not startable:
        return Signal.FAULT
    if signal is Signal.RUNNING and isinstance(state, Running) and state.is_warned:
        signal = Signal.WARNING
    if signal is Signal.IDLE:
        if state.condition.reader_lost or not reader_found:
            return Signal.READER_LOST
        if not (startable and is_set_up):
            return Signal.LOCKED if startable else Signal.FAULT
    return signal


def view(
    state: State,
    signal: Signal,
    moment: Moment,
    whitelist: Whitelist,
    denied: Denied | None = None,
    age: int | None = None,
    cost: Cost = Cost(),  # noqa: B008 - it is frozen
) -> View:
    """Return what the display of a machine shows."""
    member, used, left, note = "", None, None, ""
    if isinstance(state, InSession):
        used = state.powered_at(moment) // 1000
    if isinstance(state, Running) and state.next_end is not None:
        left = max(0, state.next_end - moment.at) // 1000
    if isinstance(state, Leaving) and state.wakes is not None:
        left = max(0, state.wakes - moment.at) // 1000
    if isinstance(state, InSession | Awaiting):
        member = _name(whitelist, state.session.member)
    if isinstance(state, AwaitingPin):
        member = _name(whitelist, state.tap.alone.member or "")
    if isinstance(state, Teaching) and state.last:
        member = _name(whitelist, state.last)
    if isinstance(state, Fault):
        note = state.told
    elif state.condition.locked and signal is Signal.LOCKED:
        note = state.condition.locked
    lacks = state.lacks.value if isinstance(state, Awaiting) else ""
    count = state.count if isinstance(state, Teaching) else 0
    why = refusal(denied, whitelist) if denied is not None else ""
    short = short_refusal(denied, whitelist) if denied is not None else ("", "")
    counts = isinstance(state, Running)
    typed = state.typed if isinstance(state, AwaitingPin) else None
    return View(
        state.rules.machine, signal, member, used, left, note, why, lacks, count, age, short, counts, typed, cost
    )


def _name(whitelist: Whitelist, member: str) -> str:
    row = whitelist.members.get(member)
    return (row.name if row else "") or member
