"""Rows read off the pages of a damaged file, without SQLite, which refuses a file for one bad byte.

Run as a process (`controller.store.raw` does), since no file of a database may be opened beside SQLite; prints what was
found as msgpack. Every row proves itself by its seal, so that neither order nor structure need to hold: leaf pages are
looked for everywhere in the file and in its log. Formats: https://www.sqlite.org/fileformat2.html §1.5, §1.6, §2.1, §4.
"""

from __future__ import annotations

import contextlib
import mmap
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Final

import msgspec

from controller.store.seal import seal

LEAF: Final = 0x0D
PAGE: Final = 4096
LOG_HEAD, FRAME_HEAD = 32, 24
BOOK_HEAD: Final = 100  # bytes before the first page's own
COLUMNS: Final = {  # of each table, its seal among them
    "journal": 8,
    "saved": 10,
    "meta": 3,
    "heartbeats": 6,
    "counters": 6,
    "overlay": 5,
    "statistics": 7,
}
NUMBERED: Final = {"journal", "saved"}  # whose first column is the row's number
MAX_PAYLOAD: Final = 1_000_000

CarvedRow = tuple[Any, ...]
Page = tuple[int, bytes]
Bytes = bytes | mmap.mmap


class Found(msgspec.Struct):
    """What was found, by table; of rows that change, the newest that was seen. Seals left out."""

    journal: dict[int, CarvedRow] = {}
    saved: dict[tuple[str, int], CarvedRow] = {}
    meta: dict[str, CarvedRow] = {}
    heartbeats: dict[str, CarvedRow] = {}
    counters: dict[str, CarvedRow] = {}
    overlay: dict[str, CarvedRow] = {}
    statistics: dict[tuple[str, str], CarvedRow] = {}

    def take(self, table: str, row: CarvedRow) -> None:
        """Keep a row, in the place of an older one."""
        key = row[1:3] if table == "saved" else row[:2] if table == "statistics" else row[0]
        getattr(self, table)[key] = row


def carve(path: Path) -> Found:
    """Read all that can be read of a database and its log. Raises OSError."""
    found = Found()
    with _opened(path) as book, _opened(path.with_name(f"{path.name}-wal")) as log:
        size = _page_size(book)
        older, newer = _frames(log, size)
        pages = Pages(book, size, dict(newer))
        # What the log still holds of an earlier round comes first, what it holds of this one last.
        for number, page in chain(older, pages.of_the_book(), newer):
            for table, row in _rows(number, page, size, pages):
                found.take(table, row)
    return found


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Bytes]:
    """Return a file's bytes without reading it into memory; none where there is no file, or nothing in it."""
    if not path.is_file() or not path.stat().st_size:
        yield b""
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        yield whole


class Pages:
    """The pages of a database by their numbers, as its log has them or else as the file does."""

    def __init__(self, book: Bytes, size: int, newer: dict[int, bytes]) -> None:
        self._book = book
        self._size = size
        self._newer = newer

    def get(self, number: int) -> bytes:
        """Return one page; less than a page where there is none."""
        return self._newer.get(number) or self._book[(number - 1) * self._size : number * self._size]

    def of_the_book(self) -> Iterator[Page]:
        """Return every page of the file."""
        for number in range(1, len(self._book) // self._size + 1):
            yield number, self._book[(number - 1) * self._size : number * self._size]


def _page_size(book: Bytes) -> int:
    said = int.from_bytes(book[16:18]) if len(book) > BOOK_HEAD else PAGE
    said = 65_536 if said == 1 else said
    return said if said >= 512 and not said & (said - 1) else PAGE  # noqa: PLR2004 - the format's


def carve_log(log: bytes, size: int, after: int) -> dict[int, CarvedRow]:
    """Read the journal's entries in a database's log, past so many of its pages of *size* bytes."""
    _older, newer = _frames(log, size)
    found = Found()
    for number, page in newer[after:]:
        for table, row in _rows(number, page, size, Pages(b"", size, dict(newer))):
            found.take(table, row)
    return found.journal


def count_frames(log: bytes, size: int) -> int:
    """Return how many pages of this round a log holds."""
    return len(_frames(log, size)[1])


def _frames(log: Bytes, size: int) -> tuple[list[Page], list[Page]]:
    """Return the pages in the log, of earlier rounds and of this one: of its head, or of its first frame."""
    starts = range(LOG_HEAD, len(log) - FRAME_HEAD - size + 1, FRAME_HEAD + size)
    salts = [log[at + 8 : at + 16] for at in starts]
    if not salts:
        return [], []
    # A round begins at the front: whose salt the head has lost, the first frames still have.
    salt = max(log[16:24], salts[0], salts[min(1, len(salts) - 1)], key=salts.count)
    frames = [(int.from_bytes(log[at : at + 4]), log[at + FRAME_HEAD : at + FRAME_HEAD + size]) for at in starts]
    older = [frame for frame, its in zip(frames, salts, strict=True) if its != salt]
    return older, [frame for frame, its in zip(frames, salts, strict=True) if its == salt]


def _rows(number: int, page: bytes, size: int, pages: Pages) -> Iterator[tuple[str, CarvedRow]]:
    """Return the rows on a leaf page whose seals hold."""
    start = BOOK_HEAD if number == 1 else 0
    if len(page) < size or page[start] != LEAF:
        return
    count = min(int.from_bytes(page[start + 3 : start + 5]), size // 4)
    for cell in range(count):
        at = start + 8 + 2 * cell
        try:
            rowid, values = _cell(page, int.from_bytes(page[at : at + 2]), size, pages)
        except (IndexError, ValueError):
            continue
        for table, columns in COLUMNS.items():
            if len(values) != columns:
                continue
            row = (rowid, *values[1:]) if table in NUMBERED else values
            proved = row[1:-1] if table == "saved" else row[:-1]
            if row[-1] == seal(table, *proved):
                yield table, row[:-1]


def _cell(page: bytes, at: int, size: int, pages: Pages) -> tuple[int, CarvedRow]:
    length, at = _varint(page, at)
    rowid, at = _varint(page, at)
    if length > MAX_PAYLOAD:
        raise ValueError(length)
    most = size - 35
    here = length
    if length > most:
        least = (size - 12) * 32 // 255 - 23
        here = least + (length - least) % (size - 4)
        here = here if here <= most else least
    payload = page[at : at + here]
    if length > here:
        follows = int.from_bytes(page[at + here : at + here + 4])
        for _page in range(MAX_PAYLOAD // size + 1):
            page = pages.get(follows)
            if len(payload) >= length or not follows or len(page) < size:
                break
            payload += page[4:]
            follows = int.from_bytes(page[:4])
    return rowid, _record(payload[:length])


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(9):
        byte = data[at + place]
        if place == 8:  # noqa: PLR2004 - the ninth byte has all its bits
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:  # noqa: PLR2004 - the last byte's mark
            return value, at + place + 1
    raise ValueError(at)


def _record(payload: bytes) -> CarvedRow:
    """Read a record's columns: integers, texts and nothings; others prove nothing here."""
    head, at = _varint(payload, 0)
    kinds = []
    while at < head:
        kind, at = _varint(payload, at)
        kinds.append(kind)
    values: list[Any] = []
    widths = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
    at = head
    for kind in kinds:
        if kind == 0:
            values.append(None)
        elif kind in widths:
            values.append(int.from_bytes(payload[at : at + widths[kind]], signed=True))
            at += widths[kind]
        elif kind in {8, 9}:
            values.append(kind - 8)
        elif kind >= 13 and kind % 2:  # noqa: PLR2004 - a text of (kind - 13) / 2 bytes
            length = (kind - 13) // 2
            values.append(payload[at : at + length].decode())
            at += length
        else:
            raise ValueError(kind)
    return tuple(values)


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.msgpack.encode(carve(Path(sys.argv[1]))))
