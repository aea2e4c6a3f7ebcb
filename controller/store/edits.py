"""Edits to the whitelist: on their way from whoever makes them to the disk, and carried out there.

A few rows lie over the list, a long one is staged beside it and put in force by one small write.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, cast

import msgspec
from sqlite_utils import Database

from common.texts import N_
from controller.store import journal, served, whitelist
from controller.store.database import StorageError, meta, set_meta
from controller.store.whitelist import Change
from protocol import entries
from protocol.moment import Moment
from protocol.rows import AnyRow, Badge, Certification, Member
from protocol.whitelist import Whitelist

ROW_BYTES: Final = 1_000  # a row's share of log, table and index while it is staged, generously
RESERVE_BYTES: Final = 2_000_000  # what taps need meanwhile

MOST_EDITS: Final = 5_000  # that lie over a server's list

Progress = Callable[[int, int], None]


class WhitelistChanged(msgspec.Struct, frozen=True):
    """To the loop: these rows are in force; confirmed: the list is known to be right since then.

    gone: keys of rows that are no longer there. by: who changed them here, "" where a server did.
    """

    change: Change
    version: int
    cut: bool = False
    machine: str | None = None
    confirmed: int | None = None
    gone: tuple[str, ...] = ()
    by: str = ""


class WhitelistReplaced(msgspec.Struct, frozen=True):
    """To the loop: this whole whitelist is in force."""

    whitelist: Whitelist
    confirmed: int | None = None


class EditFailed(msgspec.Struct, frozen=True):
    """To the loop: what was to be given at this machine's reader was not."""

    machine: str
    change: Change
    excluded: bool = False


class ExcludedError(StorageError):
    """A reader was to let somebody in who is excluded."""


class Edit:
    """One change to the whitelist, on its way. `wait` gives the new version, or raises what went wrong.

    base: the version that it was made from; another one in force refuses it. cut: a lock in it ends the running
    session at once. machine: at whose reader it was made. forgets: names in it are to leave no trace on the disk.
    """

    def __init__(
        self,
        change: Change,
        by: str,
        moment: Moment,
        progress: Progress = lambda _done, _total: None,
        *,
        base: int | None = None,
        cut: bool = False,
        machine: str | None = None,
        forgets: bool = False,
    ) -> None:
        self.change = change
        self.base = base
        self.by = by
        self.moment = moment
        self.progress = progress
        self.cut = cut
        self.machine = machine
        self.forgets = forgets
        self._done = threading.Event()
        self._version = 0
        self._error: Exception | None = None

    def finish(self, version: int = 0, error: Exception | None = None) -> None:
        """Report how it ended."""
        self._version, self._error = version, error
        self._done.set()

    @property
    def is_done(self) -> bool:
        """Whether it has ended, well or not."""
        return self._done.is_set()

    @property
    def failed(self) -> bool:
        """Whether it ended without being in force."""
        return self._error is not None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; return the new version. Raises StorageError."""
        if not self._done.wait(timeout):
            raise StorageError(N_("the change has not been written in time; ask `loquet whitelist list`"))
        if self._error is not None:
            raise self._error
        return self._version


def carry_out(
    db: Database, edit: Edit, earliest: int, between: Callable[[], None]
) -> WhitelistChanged | WhitelistReplaced:
    """Write an edit and its entry in the journal; return what is in force by it. Raises StorageError, sqlite3.Error.

    floor: the time known to have passed; whoever edits at a shell has looked at the list.
    """
    if edit.base is not None and edit.base != int(meta(db, "version")):
        raise StorageError(N_("somebody else changed the whitelist meanwhile; nothing was written, try again"))
    confirmed = earliest if edit.machine is None and not edit.change.locks else None
    edit.change = whitelist.with_locks(db, edit.change)
    if edit.change.is_small and whitelist.count_edits(db) < MOST_EDITS:
        return _lay(db, edit, confirmed)
    _hold_to_server(db)
    return _replace(db, edit, confirmed, between)


def _hold_to_server(db: Database) -> None:
    """Refuse what would stand for the server's list, and more edits than it can take over one by one."""
    if served.served(db) is not None:
        raise StorageError(N_("a server keeps this whitelist: import on its page, or change a few rows here"))


def _lay(db: Database, edit: Edit, confirmed: int | None) -> WhitelistChanged:
    with db.atomic():
        if edit.machine is not None:
            _hold_to_exclusions(db, edit)
        version = whitelist.next_version(db)
        whitelist.lay(db, edit.change, _note(db, edit, version))
        if served.served(db) is None and (edit.forgets or whitelist.count_edits(db) > whitelist.MAX_EDITS):
            whitelist.fold(db)
        _confirm(db, confirmed)
    return WhitelistChanged(edit.change, version, edit.cut, edit.machine, confirmed, by=edit.by)


def _confirm(db: Database, confirmed: int | None) -> None:
    if confirmed is not None:
        set_meta(db, "confirmed", str(confirmed))


def _hold_to_exclusions(db: Database, edit: Edit) -> None:
    """Refuse what a reader may not override, as it is on the disk now. Raises ExcludedError."""
    for row in edit.change.put:
        if isinstance(row, Badge) and whitelist.in_force(db, row.key) is not None:
            raise StorageError(N_("somebody else changed the whitelist meanwhile; nothing was written, try again"))
        if isinstance(row, Certification):
            member = whitelist.in_force(db, Member(row.member).key)
            if isinstance(member, Member) and member.excluded:
                raise ExcludedError(N_('"{member}" is excluded'), member=row.member)


def _replace(db: Database, edit: Edit, confirmed: int | None, between: Callable[[], None]) -> WhitelistReplaced:
    room_for(db, edit.change)
    staged = whitelist.Staged()
    for each in whitelist.stage(db, edit.change, between):
        staged = each
        edit.progress(staged.done, staged.total)
    with db.atomic():
        _note(db, edit, whitelist.swap(db, staged))
        _confirm(db, confirmed)
    return WhitelistReplaced(whitelist.load(db, between), confirmed)


def _note(db: Database, edit: Edit, version: int) -> int:
    change = edit.change
    small = change.is_small
    edited = entries.Edited(
        version,
        len(change.put),
        len(change.drop),
        edit.by,
        change.replace,
        rows=cast("tuple[AnyRow, ...]", tuple(row.unnamed() for row in change.put) if small else ()),
        gone=tuple(row.key for row in change.drop) if small else (),
        base=int(meta(db, "base")),
        machine=edit.machine,
        generation=(served.served(db) or (0, 0))[0],
    )
    return journal.append(db, [(edit.moment, edited)])


def room_for(db: Database, change: Change) -> None:
    """Refuse a list that would fill the disk: it is written beside the old one, and taps need room too."""
    folder = Path(db.execute("pragma database_list").fetchone()[2]).parent
    kept = 0 if change.replace else int(db.execute("select count(*) from whitelist").fetchone()[0])
    needed = ROW_BYTES * (len(change.put) + kept) + RESERVE_BYTES
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    if free < needed:
        raise StorageError(
            N_("this list needs {needed} MB on the disk, and {free} MB are free; make room in {path} first"),
            needed=needed // 1_000_000 + 1,
            free=free // 1_000_000,
            path=folder,
        )
