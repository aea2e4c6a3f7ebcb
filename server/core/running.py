"""Which processes use a database: one on SQLite, several on PostgreSQL, none while a backup is put back.

A process holds its lock for as long as it lives: the kernel, or PostgreSQL, lets go of it when the process ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from django.db import DatabaseError, connections

from common.errors import LoquetError
from common.texts import N_
from server.core import state
from server.core.keys import Keys

FILE: Final = "server.lock"
NUMBER: Final = 0x6C6F71756574  # by which the lock is known within one database: "loquet"


class RunningError(LoquetError, RuntimeError):
    """Another process uses the database."""


class KeysDifferError(LoquetError, RuntimeError):
    """A server with other keys than those that its database knows."""


@contextlib.contextmanager
def together(data_dir: Path) -> Iterator[None]:
    """Use the database for as long as this lasts, beside others where it can have several. Raises RunningError."""
    if connections["default"].vendor == "postgresql":
        with _shared(alone=False):
            yield
    else:
        with _locked(data_dir):
            yield


@contextlib.contextmanager
def alone(data_dir: Path) -> Iterator[None]:
    """Use the database while nobody else does. Raises RunningError."""
    if connections["default"].vendor == "postgresql":
        with _shared(alone=True):
            yield
    else:
        with _locked(data_dir):
            yield


@contextlib.contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    held = os.open(data_dir / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            who = os.pread(held, 20, 0).decode(errors="replace").strip() or "?"
            raise RunningError(
                N_(
                    "a server runs on this database already (process {pid}): on SQLite there is one. Stop it first, "
                    "with `sudo systemctl stop loquet-server`; for several at once, use PostgreSQL (docs/server.md)"
                ),
                pid=who,
            ) from error
        os.ftruncate(held, 0)
        os.pwrite(held, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(held)


@contextlib.contextmanager
def _shared(*, alone: bool) -> Iterator[None]:
    """Hold a lock of PostgreSQL's, on a connection of its own."""
    mine: Any = connections.create_connection("default")
    try:
        mine.inc_thread_sharing()
        with mine.cursor() as cursor:
            cursor.execute(f"select pg_try_advisory_lock{'' if alone else '_shared'}(%s)", [NUMBER])
            if not cursor.fetchone()[0]:
                raise RunningError(
                    N_("servers run on this database; stop every one of them first")
                    if alone
                    else N_("a backup is being put back into this database; start again once that is done")
                )
        try:
            yield
        finally:
            # Said, and not left to the end of the connection, which PostgreSQL hears of a little later.
            with contextlib.suppress(DatabaseError), mine.cursor() as cursor:
                cursor.execute("select pg_advisory_unlock_all()")
    finally:
        mine.close()


def hold_to_keys(keys: Keys) -> None:
    """Have a database belong to one set of keys: controllers believe one. Raises KeysDifferError."""
    mine, known = keys.signer.public.text, state.get(state.KEYS)
    if known and known != mine:
        raise KeysDifferError(
            N_(
                "this database belongs to a server with other keys ({known}…, and here they are {mine}…): copy "
                "keys.json from its data_dir to this one's, or point DATABASE_URL at another database"
            ),
            known=known[:10],
            mine=mine[:10],
        )
    if not known:
        state.put(state.KEYS, mine)
