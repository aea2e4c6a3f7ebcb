"""What other apps may do while the whitelist is being edited, in the same transaction."""

from __future__ import annotations

from typing import Final

from django.dispatch import Signal

# before: the rows as they were, by key; after: as they are now, None for one that went.
rows_changed: Final = Signal()
