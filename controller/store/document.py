"""The last verified document: the whitelist in force as a file, for the day on which the database is damaged.

One line says what it is, then one row a line. It is read only where its digest holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec
from sqlite_utils import Database

from common.texts import N_
from controller.store import journal, whitelist
from controller.store.database import DamagedError, meta
from controller.store.files import write_whole
from controller.store.seal import seal
from protocol.digest import row_hash, written
from protocol.rows import FIRST, Row, encode_row, known, split

DOCUMENT: Final = "whitelist.document"
KIND: Final = "loquet whitelist document"
SMALL: Final = 5_000  # rows; a longer list is written when it is brought, and its edits are in the journal


class Head(msgspec.Struct, frozen=True, rename={"earliest": "floor"}):
    """What a document says of itself; includes the edits up to `seq` of `epoch`. `seal` is over all of it."""

    kind: str
    version: int
    rows: int
    digest: str
    epoch: str
    seq: int
    earliest: int
    seal: int = 0

    def sealed(self) -> Head:
        """Return it with its seal."""
        values = msgspec.structs.astuple(self)[:-1]
        return msgspec.structs.replace(self, seal=seal("document", *values))


class Document(msgspec.Struct, frozen=True):
    """A whitelist as its document has it."""

    head: Head
    rows: tuple[Row, ...]


def write(db: Database, data_dir: Path, between: Callable[[], None] = whitelist.nothing) -> None:
    """Write the whitelist in force, a piece at a time. Raises OSError, sqlite3.Error."""
    digest = count = 0
    for row in _first(db, between):
        digest, count = digest + row_hash(encode_row(row)), count + 1
    head = Head(
        KIND,
        int(meta(db, "version")),
        count,
        written(digest),
        meta(db, "epoch"),
        journal.last(db),
        int(meta(db, "floor")),
    )
    write_whole(data_dir / DOCUMENT, _pieces(head.sealed(), _first(db, between)), 0o640)


def _first(db: Database, between: Callable[[], None]) -> Iterator[Row]:
    """Return the rows of the first kinds: those that a server writes itself come back with its next list."""
    return (row for row in whitelist.rows(db, between) if split(row.key)[0] in FIRST)


def _pieces(head: Head, rows: Iterator[Row]) -> Iterator[bytes]:
    yield msgspec.json.encode(head) + b"\n"
    batch: list[bytes] = []
    for row in rows:
        batch.append(encode_row(row) + b"\n")
        if len(batch) >= whitelist.BATCH:
            yield b"".join(batch)
            batch = []
    yield b"".join(batch)


def version(data_dir: Path) -> int | None:
    """Return the version that the document says it has; None where there is none to rely on. Raises OSError."""
    try:
        with (data_dir / DOCUMENT).open("rb") as file:
            head = msgspec.json.decode(file.readline(), type=Head)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return head.version if head.sealed() == head else None


def read(data_dir: Path) -> Document | None:
    """Read the document, if there is one. Raises DamagedError where it is not whole, OSError."""
    try:
        lines = (data_dir / DOCUMENT).read_bytes().split(b"\n")
    except FileNotFoundError:
        return None
    try:
        head = msgspec.json.decode(lines[0], type=Head)
        written_rows = [line for line in lines[1:] if line]
        # A kind that is not known here was another version's: it comes back with the server's next list.
        rows = tuple(row for line in written_rows if (row := known(line)) is not None)
    except (msgspec.DecodeError, RecursionError) as error:
        raise DamagedError(N_("{path} is damaged: {error}"), path=data_dir / DOCUMENT, error=error) from error
    digest = written(sum(row_hash(line) for line in written_rows))
    if head.sealed() != head or digest != head.digest or len(written_rows) != head.rows or head.kind != KIND:
        raise DamagedError(N_("{path} is not what was written"), path=data_dir / DOCUMENT)
    return Document(head, rows)
