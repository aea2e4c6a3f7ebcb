"""What machines have counted: hours and sessions, whichever controller switched them."""

from __future__ import annotations

from django.db.models import Count, Sum

from protocol.messages import Counters
from server.devices.models import Device
from server.usage.models import Session
from server.whitelist.models import Machine
from server.whitelist.sameness.machines import known_as


def counters_of(device: Device) -> dict[str, Counters]:
    """Return what each machine of a controller has counted so far, by the controllers before it."""
    found = {}
    for machine in Machine.objects.filter(device=device):
        ids = known_as(machine.pk)
        rows = Session.objects.filter(machine__in=ids, ended=True)
        rows = rows.exclude(device=device, machine=machine.pk)
        sums = rows.aggregate(powered=Sum("powered"), busy=Sum("busy"), count=Count("pk"))
        before = Machine.objects.filter(pk__in=ids).aggregate(total=Sum("powered_before"))["total"] or 0
        powered = before + (sums["powered"] or 0)
        found[machine.pk] = Counters(powered, sums["busy"] or 0, sums["count"])
    return found
