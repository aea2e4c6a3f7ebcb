"""What the writer does when nothing waits: the document, forgetting, the daily purge, the log copied back."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
from sqlite_utils import Database

from controller.settings.periods import DAY_MS, Periods
from controller.store import document, open_sessions, retention, set_aside, whitelist
from controller.store.database import StorageError, meta, set_meta
from controller.store.edits import WhitelistChanged, WhitelistReplaced

CHECKPOINT: Final = 200  # entries after which the log is copied back into the database


class Housekeeping:
    """The chores of one database, one at a time. On the writer's thread."""

    def __init__(
        self,
        opened: Callable[[], Database],
        between: Callable[[], None],
        notice: Callable[[Exception], None],
        purged: Callable[[retention.Purge], None],
        *,
        earliest: Callable[[], int],
        periods: Periods | None,
        now: Callable[[], int],
        only_sent: Callable[[], bool],
        waits: Callable[[], bool],
    ) -> None:
        """between: lets entries go first. notice: hears of damage. purged: hears how much went."""
        self._opened = opened
        self._between = between
        self._notice = notice
        self._purged = purged
        self._earliest = earliest
        self._periods = periods
        self._now = now
        self._only_sent = only_sent
        self._waits = waits
        self.folder = Path()
        self.document_due = False
        self.forget_due = False
        self.purge_at = 0
        self.logged = 0  # entries written since the log was copied back

    def begin(self, folder: Path) -> None:
        """Begin with another database."""
        self.folder = folder
        with contextlib.suppress(StorageError, OSError):
            self.document_due = document.version(folder) != int(meta(self._opened(), "version"))

    def keep(self, transaction: Callable[[], contextlib.AbstractContextManager[None]]) -> None:
        """Do one of the things that may wait, now that nothing else does."""
        if self.document_due:
            self.write_document()
        elif self.forget_due:
            self.forget()
        elif self._now() >= self.purge_at:
            self.purge()
        elif self.logged >= CHECKPOINT:
            with transaction():
                open_sessions.settle(self._opened())
            self.checkpoint()

    @property
    def is_pressing(self) -> bool:
        """Whether the log has grown so long that it is copied back although something waits."""
        return self.logged >= 10 * CHECKPOINT

    def changed(self, changed: WhitelistChanged | WhitelistReplaced) -> None:
        """Take note of a change of the whitelist: the document says it too, once there is time."""
        short = not whitelist.has_more_than(self._opened(), document.SMALL)
        self.document_due |= isinstance(changed, WhitelistReplaced) or short

    def checkpoint(self) -> None:
        """Copy the log back into the database."""
        self.logged = 0
        try:
            self._opened().execute("pragma wal_checkpoint(passive)")
        except sqlite3.Error as error:
            self._notice(error)  # what cannot be copied now is copied another time

    def forget(self) -> None:
        """Have nothing left of a name that was deleted: on no free page, in no log, in no file that was set aside."""
        self.forget_due = True
        set_aside.forget(self.folder)
        with contextlib.suppress(sqlite3.Error):
            self._opened().execute("vacuum")
            busy, _log, _done = self._opened().execute("pragma wal_checkpoint(truncate)").fetchone()
            self.forget_due = bool(busy)  # somebody reads: another time

    def tidy(self) -> None:
        """Give back the room of what is not in force. That it cannot be given back now harms nobody."""
        db = self._opened()
        with contextlib.suppress(sqlite3.Error, StorageError):
            whitelist.clear(db, self._between)
            db.execute("pragma wal_checkpoint(truncate)")

    def write_document(self) -> None:
        """Write the last verified document anew; where that fails, the one before it stays until there is room."""
        self.document_due = False
        try:
            document.write(self._opened(), self.folder, self._between)
        except (sqlite3.Error, OSError, msgspec.MsgspecError) as error:
            self._notice(error)

    def purge(self) -> None:
        """Delete what is older than it may be kept; once a day."""
        self.purge_at = self._now() + DAY_MS
        if self._periods is None:
            return
        try:
            document_version = document.version(self.folder)
            if document_version != int(meta(self._opened(), "version")):
                self.write_document()  # before any edit is purged that only the journal knows
            set_meta(
                self._opened(), "floor", str(self._earliest())
            )  # what was known to have passed outlives an idle month
            gone = retention.purge(
                self._opened(),
                self._periods,
                self._earliest(),
                self._between,
                only_sent=self._only_sent(),
                waits=self._waits,
            )
        except (sqlite3.Error, OSError, msgspec.MsgspecError, ValueError) as error:
            self._notice(error)
        else:
            if gone.passages or gone.usage:
                self._purged(gone)
