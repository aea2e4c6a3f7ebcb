"""Where a machine asks for other trainings, its controller gets the whole list anew: other people concern it."""

from __future__ import annotations

from typing import Any

from protocol import rows as protocol
from protocol.rows import Row
from server.core import state
from server.whitelist.models import Machine


def give_anew(machine: str) -> None:
    """Have the controller of a machine take the whole list, in the transaction that is open."""
    found = Machine.objects.filter(pk=machine).select_related("device").first()
    if found is not None and found.device is not None:
        found.device.whole = int(state.get(state.VERSION))
        found.device.save(update_fields=["whole"])


def look(before: dict[str, Row], after: dict[str, Row | None], **_signal: Any) -> None:  # noqa: ANN401 - Django's
    """Find the machines of an edit that ask for other trainings now."""
    for key, row in after.items():
        old = before.get(key)
        asked = old.trainings if isinstance(old, protocol.Machine) else ()
        if key.startswith("machine/") and asked != (row.trainings if isinstance(row, protocol.Machine) else ()):
            give_anew(key.partition("/")[2])
