"""A station's rules, the people at it, and a few of its states."""

import msgspec
from fixed import moment

from controller.station import step
from controller.station.events import Committed, OutputFailed, Presented, Record, Removed, Switch
from controller.station.rules import Clears, Does, InputRule, Mode, Rules
from controller.station.states import MACHINE, Idle, Locked, MachineCondition, Running, RunOn, Teaching
from protocol import entries
from protocol.access import Denied, Granted, Reason
from protocol.rows import Level

INPUTS = (
    InputRule("off-button", Does.END),
    InputRule("smoke", Does.TELL),
    InputRule("lid", Does.OPEN, output="beam"),
    InputRule("chiller", Does.REFUSE),
    InputRule("flow", Does.END, settle=3_000),
    InputRule("stop", Does.FAULT, clears=Clears.USER),
    InputRule("limiter", Does.FAULT, clears=Clears.RELEASE),
    InputRule("running", Does.RUNNING),
    InputRule("order", Does.PURPOSE, purpose=entries.Purpose.ORDER),
    InputRule("class", Does.GROUP, purpose=entries.Purpose.TRAINING),
    InputRule("lock", Does.LOCK),
)
RULES = Rules("laser", grace=5_000, longest=60_000, warning=10_000, inputs=INPUTS)
TAP = msgspec.structs.replace(RULES, mode=Mode.TAP)
MARIE, JEAN, LAURE, TOM, LEA, NOBODY = "m" * 32, "j" * 32, "l" * 32, "t" * 32, "e" * 32, "n" * 32
PEOPLE = {
    MARIE: ("marie", Level.USER),
    JEAN: ("jean", Level.USER),
    LAURE: ("laure", Level.MAINTAINER),
    TOM: ("tom", Level.TRAINER),
    LEA: ("lea", Level.SUPERVISED),
}
OPEN = Switch()
CLOSED = Switch(frozenset({MACHINE}))


def alone(badge):
    if badge not in PEOPLE:
        return Denied(Reason.UNKNOWN_BADGE, badge=badge)
    member, level = PEOPLE[badge]
    return Granted(member, badge, level, lacks=Reason.SUPERVISION_NEEDED if level is Level.SUPERVISED else None)


def presented(badge, state=None, *, fresh=True, session="s1"):
    lying = {badge} | (state.condition.lying if state else set())
    known = [each for each in sorted(lying) if each in PEOPLE]
    verdict = alone(known[0]) if len(known) == 1 else Denied(Reason.SEVERAL_BADGES) if known else alone(badge)
    return Presented(badge, fresh, verdict, alone(badge), session)


def idle(rules=RULES):
    return Idle(MachineCondition(rules))


def running(rules=RULES, at=1_000):
    state = step(idle(rules), presented(MARIE), moment(at)).state
    state = step(state, Committed("s1"), moment(at)).state
    assert isinstance(state, Running)
    return state


def ends(answer):
    return [e.entry for e in answer.effects if isinstance(e, Record) and isinstance(e.entry, entries.Ended)]


def refusals(answer):
    return [e.entry.reason for e in answer.effects if isinstance(e, Record) and isinstance(e.entry, entries.Refused)]


RESTING = [
    Idle(MachineCondition(RULES)),
    Locked(MachineCondition(RULES, locked="mirror")),
    RunOn(MachineCondition(RULES, running_on=(("fan", 99_000),))),
]
AWAITING = step(idle(), presented(LEA), moment(1_000)).state
STARTING = step(idle(), presented(MARIE), moment(1_000)).state
LEAVING = step(running(), Removed(MARIE), moment(2_000)).state
FAULT = step(idle(), OutputFailed("pin"), moment(1_000)).state
AWAITING_PIN = step(idle(msgspec.structs.replace(RULES, pin=True)), presented(MARIE), moment(1_000)).state
TEACHING = Teaching(MachineCondition(RULES), by="tom", until=31_000, latest=901_000)
