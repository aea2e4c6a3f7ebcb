"""What other apps may do while the whitelist is being edited, in the same transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from django.dispatch import Signal

if TYPE_CHECKING:
    from server.edits.authors import Author
    from server.edits.models import Edit

# before: the rows as they were, by key; after: as they are now, None for one that went.
rows_changed: Final = Signal()

# keys: of rows that an undo would drop; answer whether something stands that means nothing without one of them.
held_asked: Final = Signal()

# How an edit is taken back that is more than its rows, by its word. It locks for itself, and calls `editing.put_back`.
taken_back: Final[dict[str, Callable[[Author, Edit], Edit | None]]] = {}
