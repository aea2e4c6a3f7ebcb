"""The one connection that writes: held by the writer alone, and only to the file that stands in its place."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlite_utils import Database

from common.owner import Owner
from common.texts import N_
from controller.store.database import DamagedError


class Connection:
    """Open or not; `db` is there only while it is."""

    def __init__(self) -> None:
        self.owner = Owner("the connection that writes")
        self._db: Database | None = None
        self._path = ""
        self._inode = 0
        self._is_ahead = False

    @property
    def db(self) -> Database:
        """Return the database; there has to be one."""
        self.owner.check()
        assert self._db is not None  # noqa: S101 - the writer opens it before anything else
        return self._db

    @property
    def is_open(self) -> bool:
        """Whether there is a database to write to."""
        return self._db is not None

    @property
    def folder(self) -> Path:
        """Name the folder that the database is in."""
        return Path(self._path).parent

    def hold(self, db: Database) -> None:
        """Write to this one from now on."""
        self._db = db
        self._path = db.execute("pragma database_list").fetchone()[2]
        self._inode = os.stat(self._path).st_ino if self._path else 0  # noqa: PTH116 - on the way of a tap
        # SQLite would copy its log back in the middle of some tap's commit; we do it when nothing waits.
        db.execute("pragma wal_autocheckpoint=0")

    def give_up(self) -> Database | None:
        """Hold it no more; return it, since a damaged one may be all that still has what its file had."""
        self.let_be()
        db, self._db = self._db, None
        return db

    def close(self) -> None:
        """Let the database go."""
        self.let_be()
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """`Database.atomic` without its savepoints and tracers: it is on the way of a tap. Raises DamagedError."""
        connection = self.db.conn
        is_ahead, self._is_ahead = self._is_ahead, False
        if self._inode and not self._is_in_place():
            if is_ahead:
                connection.execute("rollback")
            raise DamagedError(N_("{path} is gone, or another file stands in its place"), path=self._path)
        if not is_ahead:
            connection.execute("begin immediate")
        try:
            yield
            connection.execute("commit")
        except BaseException:
            if connection.in_transaction:
                connection.execute("rollback")
            raise

    def begin_ahead(self) -> None:
        """Begin the next transaction before there is anything to write."""
        if not self._is_ahead:
            self.db.conn.execute("begin immediate")
            self._is_ahead = True

    def rehearse(self, write: Callable[[Database], None]) -> None:
        """Write in the transaction that was begun ahead, and leave nothing of it."""
        connection = self.db.conn
        try:
            connection.execute("savepoint rehearsal")
            write(self.db)
            connection.execute("rollback to rehearsal")
            connection.execute("release rehearsal")
        except BaseException:
            self.let_be()  # all of it: what was rehearsed must not be there when somebody commits
            raise

    @property
    def is_ahead(self) -> bool:
        """Whether a transaction was begun for which there is nothing yet."""
        return self._is_ahead

    def let_be(self) -> None:
        """End what was begun ahead, for which nothing came."""
        if self._is_ahead and self._db is not None:
            self._is_ahead = False
            with contextlib.suppress(sqlite3.Error):
                self._db.conn.execute("rollback")

    def _is_in_place(self) -> bool:
        try:
            return os.stat(self._path).st_ino == self._inode  # noqa: PTH116 - on the way of a tap
        except FileNotFoundError:
            return False
