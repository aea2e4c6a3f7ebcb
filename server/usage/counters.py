"""What machines have counted: hours and sessions, whichever controller switched them."""

from __future__ import annotations

from django.db.models import Count, Sum

from protocol.messages import Counters
from server.devices.models import Device
from server.usage.models import Session
from server.whitelist.models import Machine


def counters_of(device: Device) -> dict[str, Counters]:
    """Return what each machine of a controller has counted so far, by the controllers before it."""
    found = {}
    for machine in Machine.objects.filter(device=device):
        rows = Session.objects.filter(machine=machine.pk, ended=True).exclude(device=device)
        sums = rows.aggregate(powered=Sum("powered"), busy=Sum("busy"), count=Count("pk"))
        powered = machine.powered_before + (sums["powered"] or 0)
        found[machine.pk] = Counters(powered, sums["busy"] or 0, sums["count"])
    return found
