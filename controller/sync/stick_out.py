"""What this controller writes on a stick for its server: its journal, how it is, which list it has; or that it asks in.

Read as it is on the line, a batch at a time, so that a million entries take no more memory than five hundred. Beside
its place first, and moved there once it is whole: a stick that is pulled has what it had.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import msgspec

from common.carried import whole
from common.errors import LoquetError
from common.texts import N_
from controller.store import journal, served
from controller.store.database import open_for_reading
from controller.sync import batches
from controller.sync.identity import Identity
from protocol import messages, stick
from protocol.messages import Code, Enrol, Proposals, Report
from protocol.rows import MORE, AnyRow
from protocol.signing import SigningKey, VerifyKey, decoded

WANTED: Final = "stick.json"  # from where a server that forgot some of it wants the journals once more
ROWS: Final = 1_000  # proposed in one document


class OutError(LoquetError, OSError):
    """A file that cannot be written on the stick."""


class Written(msgspec.Struct, frozen=True):
    """A file that is on the stick. entries: of the journal, in it; bytes: how large it is."""

    path: Path
    entries: int
    bytes: int


def export(
    data_dir: Path, identity: Identity, folder: Path, report: Report | None, progress: Callable[[int, int], None]
) -> Written:
    """Write all that the server has not acknowledged. Raises OutError, StorageError."""
    if not identity.reader:
        raise OutError(
            N_("this controller was enrolled before sticks were known of: enrol it once more, with a new code")
        )
    once, key = stick.for_reader(decoded(identity.reader))
    header = stick.Header("up", identity.device, VerifyKey(decoded(identity.server)).fingerprint, once, _now())
    db = open_for_reading(data_dir)
    try:
        held = served.served(db) or (0, 0)
        wanted = _wanted(data_dir)
        begin = {each: min(journal.acknowledged(db, each), wanted.get(each, 2**53)) for each in batches.epochs(db)}
        total = sum(max(0, batches.last(db, epoch) - after) for epoch, after in begin.items())

        def pieces(writer: stick.Writer) -> int:
            writer.add("holds", messages.encode(stick.Holds(*held, MORE)))
            count = done = 0
            for epoch, start in begin.items():
                after = start
                while (part := batches.batch(db, epoch, after, is_new=not start and epoch not in wanted)) is not None:
                    writer.add("journal", part.body)
                    count, done, after = count + part.count, done + part.upto - after, part.upto
                    progress(min(done, total), total)
            if report is not None:
                writer.add("report", messages.encode(report))
            return count

        path = folder / f"{identity.device}-up{stick.SUFFIX}"
        count = _write(path, header, key, SigningKey(decoded(identity.signing)), pieces)
        return Written(path, count, path.stat().st_size)
    finally:
        db.close()


def ask(code: Code, asked: Enrol, proposals: Iterable[AnyRow], folder: Path) -> Written:
    """Write that this controller asks to be taken in: only whoever made the code can read it. Raises OutError."""
    once, key = stick.by_code(code.secret)
    header = stick.Header("ask", code.id, code.fingerprint, once, _now())
    rows = list(proposals)

    def pieces(writer: stick.Writer) -> int:
        writer.add("enrol", messages.encode(asked))
        for start in range(0, len(rows), ROWS):
            part = Proposals(tuple(rows[start : start + ROWS]), len(rows))
            writer.add("proposals", messages.encode(part))
        return 0

    path = folder / f"{code.id.lower()}-ask{stick.SUFFIX}"
    _write(path, header, key, None, pieces)
    return Written(path, 0, path.stat().st_size)


def _write(
    path: Path, header: stick.Header, key: bytes, signer: SigningKey | None, pieces: Callable[[stick.Writer], int]
) -> int:
    try:
        with whole(path) as file:
            writer = stick.Writer(file, header, key, signer)
            count = pieces(writer)
            writer.end()
    except OSError as error:
        raise refused(path, error) from error
    return count


def refused(path: Path, error: OSError) -> OutError:
    """Return why a stick does not take a file, and what to do."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return OutError(N_("the stick is full: make room on it, and write it once more; nothing is lost"))
        case errno.EROFS | errno.EACCES | errno.EPERM:
            return OutError(N_("{path} may not be written: is the stick write-protected?"), path=path)
        case errno.ENOENT | errno.ENODEV | errno.EIO | errno.ENXIO | errno.ENOTCONN:
            return OutError(N_("the stick went away while it was written: write it once more; nothing is lost"))
    return OutError(N_("{path} cannot be written: {error}"), path=path, error=error)


def _wanted(data_dir: Path) -> dict[str, int]:
    try:
        return msgspec.json.decode((data_dir / WANTED).read_bytes(), type=dict[str, int])
    except (OSError, msgspec.MsgspecError):
        return {}


def _now() -> int:
    return int(time.time() * 1000)
