"""Refuses, in every Python that the tests start, to open a database's files while SQLite has the database open there.

Closing such a descriptor drops every lock that the process has on the file (sqlite.org/howtocorrupt.html, §2.2). On
PYTHONPATH while the tests run; what was refused stands in the folder that LOQUET_OPENINGS names, and fails the test.
"""

import os
import sys
import tempfile
from pathlib import Path

FILES = (".db", ".db-wal", ".db-shm", ".db-journal", ".db.copy")


class OpenedBesideSQLiteError(RuntimeError):
    """A database's file was to be opened while SQLite has it open in this process."""


def _same(path):
    """The files that lie beside one of a database: itself, log, shared memory."""
    base = path
    for suffix in ("-wal", "-shm", "-journal"):
        base = base.removesuffix(suffix)
    for each in (base, f"{base}-wal", f"{base}-shm"):
        try:
            found = Path(each).stat()
        except OSError:
            continue
        yield found.st_dev, found.st_ino


def _open_here():
    """The files that this process has open."""
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            found = descriptor.stat()
        except OSError:
            continue
        yield found.st_dev, found.st_ino


_connected = []


def _look(event, arguments):
    if event == "sqlite3.connect":
        _connected.append(True)
    if event != "open" or not _connected or not isinstance(arguments[0], str | bytes | os.PathLike):
        return
    path = os.fsdecode(arguments[0])
    if not path.endswith(FILES):
        return
    if set(_same(path)) & set(_open_here()):
        said = f"{path} is opened beside SQLite by {sys.argv!r}"
        folder = os.environ.get("LOQUET_OPENINGS")
        if folder:
            number, _path = tempfile.mkstemp(dir=folder)
            os.write(number, said.encode())
            os.close(number)
        raise OpenedBesideSQLiteError(said)


sys.addaudithook(_look)
