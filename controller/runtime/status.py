"""How a station is, in plain values: what the control socket answers."""

from __future__ import annotations

from typing import Any, Final

from controller.outputs.machine import MachineOutputs
from controller.station.states import (
    Awaiting,
    AwaitingPin,
    Fault,
    Idle,
    InSession,
    Leaving,
    Locked,
    Recovering,
    Running,
    RunOn,
    Starting,
    State,
    Teaching,
)
from protocol.moment import Moment

NAMES: Final[dict[type[State], str]] = {
    Recovering: "recovering",
    Idle: "idle",
    Awaiting: "awaiting",
    AwaitingPin: "awaiting_pin",
    Teaching: "teaching",
    Starting: "starting",
    Running: "running",
    Leaving: "leaving",
    RunOn: "run_on",
    Locked: "locked",
    Fault: "fault",
}


def station_status(state: State, moment: Moment, output: MachineOutputs | None, chip: str | None) -> dict[str, Any]:
    """Return how one station is; *chip* is its reader's, None where it does not answer."""
    condition = state.condition
    said: dict[str, Any] = {
        "machine": state.rules.machine,
        "state": NAMES[type(state)],
        "output": "off" if output is None else output.shows,
        "answers": output is not None and output.answers,
        "reader": None if condition.reader_lost else chip,
        "badges_lying": len(condition.lying),
        "inputs": {rule.name: rule.name in condition.active for rule in state.rules.inputs},
        "outputs": {name: name in state.closed for name in sorted(state.rules.outputs)},
    }
    if output is not None and output.counted_wh is not None:
        said["counted_wh"] = round(output.counted_wh)
    if state.rules.resumes:
        said["resumes"] = output is not None and output.resumes
    if condition.locked:
        said["locked"] = condition.locked
    if isinstance(state, Fault):
        said["cause"] = state.told
    if isinstance(state, Awaiting):
        said["lacks"] = state.lacks.value
    if isinstance(state, AwaitingPin):
        said |= {"member": state.tap.alone.member, "typed": state.typed}
    if isinstance(state, Awaiting | Starting | InSession):
        said |= {"session": state.session.id, "member": state.session.member, "purpose": state.session.purpose.value}
    if isinstance(state, InSession):
        busy = state.busy_at(moment)
        said["powered_s"] = state.powered_at(moment) // 1000
        said |= {} if busy is None else {"busy_s": busy // 1000}
    return said
