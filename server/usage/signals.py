"""What other apps are told about sessions."""

from __future__ import annotations

from typing import Final

from django.dispatch import Signal

# device: a controller; said: by the names of its sessions that were made, or made anew, what the journals say of each.
# Sent in the transaction that makes them.
sessions_made: Final = Signal()
