"""Which version of the whitelist each controller was sent: an edit made over a later one has seen nothing.

It is written within a second of being sent; until then this process knows it by itself.
"""

from __future__ import annotations

from typing import Final

from server.devices.models import Device

_here: Final[dict[str, int]] = {}


def note(device: str, version: int) -> None:
    """Note what this process is sending to a controller."""
    _here[device] = version


def up_to(device: str) -> int:
    """Return the latest version that a controller was sent, as far as is known here."""
    written = Device.objects.filter(pk=device).values_list("sent", flat=True).first() or 0
    return max(written, _here.get(device, 0))
