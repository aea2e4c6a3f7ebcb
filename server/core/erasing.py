"""What was deleted is gone from the disk too: from pages of the database that are free, and from its log.

SQLite writes zeros over what it deletes (`secure_delete`), into its write-ahead log first: until that is emptied, the
log holds the pages as they were. Somebody who reads keeps it from being emptied; then it is tried again.
"""

from __future__ import annotations

from typing import Final

from django.db import connection

from server.core import state

DUE: Final = "erase_due"
PATIENCE_MS: Final = 100


def erase() -> bool:
    """Empty the log; return whether that was done. Where somebody reads just now it is due, and done later."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("vacuum")  # what it frees is written over in time; its own log is its keeper's
        return True
    with connection.cursor() as cursor:
        # It waits for readers with the lock of those who write: not for long, then.
        cursor.execute("pragma busy_timeout")
        patience = cursor.fetchone()[0]
        cursor.execute(f"pragma busy_timeout = {PATIENCE_MS}")
        try:
            cursor.execute("pragma wal_checkpoint(truncate)")
            is_busy = bool(cursor.fetchone()[0])
        finally:
            cursor.execute(f"pragma busy_timeout = {int(patience)}")
    if is_busy != bool(state.get(DUE)):
        state.put(DUE, "1" if is_busy else "")
        if not is_busy:
            return erase()
    return not is_busy


def is_due() -> bool:
    """Return whether something was deleted that may be in the log still."""
    return bool(state.get(DUE))
