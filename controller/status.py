"""How a station is, in plain values: what the control socket answers."""

from __future__ import annotations

from typing import Any

from controller.outputs import Contacts
from controller.states import Fault, Leaving, Running, Starting, State
from protocol.moment import Moment


def station_status(state: State, moment: Moment, output: Contacts | None, chip: str | None) -> dict[str, Any]:
    """Say how one station is; *chip* is its reader's, None where it does not answer."""
    said: dict[str, Any] = {
        "machine": state.rules.machine,
        "state": type(state).__name__.lower(),
        "output": "on" if output is not None and output.is_on else "off",
        "reader": None if state.reader_lost else chip,
        "badges_lying": len(state.lying),
    }
    if state.locked:
        said["locked"] = state.locked
    if isinstance(state, Fault):
        said["cause"] = state.cause
    if isinstance(state, Starting | Running | Leaving):
        said |= {"session": state.session.id, "member": state.session.member}
    if isinstance(state, Running):
        said["powered_s"] = state.powered_at(moment) // 1000
    return said
