"""How a controller says that it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import msgspec

from protocol.messages import Report
from server.core import clock
from server.devices.models import Device
from server.whitelist.models import Machine

SILENT: Final = timedelta(minutes=11)  # two reports missed


def keep(device: str, report: Report, *, is_seen: bool = True) -> None:
    """Keep how a controller is, and each of its own machines. is_seen: it says so now; not on a stick."""
    said = msgspec.to_builtins(report)
    Device.objects.filter(pk=device).update(report=said)
    if not is_seen:
        return
    Device.objects.filter(pk=device).update(seen=clock.now())
    mine = {machine.pk: machine for machine in Machine.objects.filter(device=device)}
    for station in said.get("stations", ()):
        machine = mine.get(station["machine"])
        if machine is not None and machine.state != station:
            Machine.objects.filter(pk=machine.pk).update(state=station)
