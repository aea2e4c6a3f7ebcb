"""A copy of this controller on a stick that stays in it: a new card takes over from the stick alone.

Sealed by a code that was shown once: the stick opens to whoever has it, and to nobody else. It holds the database as
it was at one moment, the badge key, who this controller is to its server, and its settings.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from common.carried import whole
from common.texts import N_
from controller.store import journal
from controller.store.database import DATABASE, StorageError, meta, open_for_reading
from controller.store.files import sync_folder, write_whole
from controller.store.key import KEY
from controller.sync.identity import FILE as IDENTITY
from controller.sync.stick_out import refused
from protocol import messages, stick
from protocol.stick import CutShortError, Header, StickError

KEPT: Final = "copy.json"
SETTINGS: Final = "controller.toml"
SMALL: Final = (KEY, IDENTITY)  # beside the database, where they are
NOBODY: Final = "0" * 32
PIECE: Final = 1 << 20
SNAPSHOT: Final = "copy.tmp"


class Kept(msgspec.Struct, frozen=True):
    """Where copies go: the code that seals them, the folder of the stick, and what the last one was of.

    is_apart: whether that was another disk than the data's: where it is not any more, the stick is not there.
    """

    code: str
    folder: str
    mark: str = ""
    is_apart: bool = False


def kept(data_dir: Path) -> Kept | None:
    """Return where copies go; None where none is kept."""
    try:
        return msgspec.json.decode((data_dir / KEPT).read_bytes(), type=Kept)
    except (OSError, msgspec.MsgspecError):
        return None


def made(data_dir: Path, folder: Path) -> Kept:
    """Make a code under which copies are kept on a stick. Raises OSError."""
    return Kept(messages.new_secret(), str(folder), is_apart=_are_apart(data_dir, folder))


def _are_apart(data_dir: Path, folder: Path) -> bool:
    return data_dir.stat().st_dev != folder.stat().st_dev


def is_there(data_dir: Path, said: Kept) -> bool:
    """Return whether the stick is there, and not the empty folder on which it was mounted."""
    try:
        return not said.is_apart or _are_apart(data_dir, Path(said.folder))
    except OSError:
        return False


def save(data_dir: Path, said: Kept) -> None:
    """Write where copies go, for the owner's eyes alone. Raises OSError."""
    write_whole(data_dir / KEPT, [msgspec.json.encode(said)], 0o400)
    if os.geteuid() == 0:  # a timer writes as root, what everybody's eyes are kept from is still the owner's
        owner = data_dir.stat()
        os.chown(data_dir / KEPT, owner.st_uid, owner.st_gid)


def mark_of(data_dir: Path) -> str:
    """Return by what one sees whether anything has changed since: journal, list, key. Raises StorageError."""
    db = open_for_reading(data_dir)
    try:
        said = (meta(db, "epoch"), journal.last(db), meta(db, "version"), meta(db, "server/version", ""))
    finally:
        db.close()
    key = (data_dir / KEY).stat().st_mtime_ns if (data_dir / KEY).exists() else 0
    return "/".join(map(str, (*said, key)))


def path_of(folder: Path, said: Kept) -> Path:
    """Return the file on a stick."""
    return folder / stick.FOLDER / f"{said.code[:4].lower()}-copy{stick.SUFFIX}"


def write(data_dir: Path, settings: Path, said: Kept) -> Kept:
    """Write the copy, in the place of the one before once it is whole; return what to save of it.

    Raises OutError, StorageError.
    """
    path = path_of(Path(said.folder), said)
    mark = mark_of(data_dir)  # first: what comes meanwhile is in the next copy, and maybe in this one
    once, key = stick.by_code(said.code)
    header = Header("copy", said.code[:4], NOBODY, once, int(time.time() * 1000))
    try:
        with _snapshot(data_dir) as database, whole(path) as file:
            writer = stick.Writer(file, header, key, None)
            for name in SMALL:
                if (data_dir / name).exists():
                    writer.add(_kind(name), (data_dir / name).read_bytes())
            if settings.exists():
                writer.add("settings", settings.read_bytes())
            while piece := database.read(PIECE):
                writer.add("database", piece)
            writer.end()
    except sqlite3.Error as error:
        raise StorageError(N_("the database cannot be copied: {error}"), error=error) from error
    except OSError as error:
        raise refused(path, error) from error
    return msgspec.structs.replace(said, mark=mark)


@contextlib.contextmanager
def _snapshot(data_dir: Path) -> Iterator[BinaryIO]:
    """Return the database as it is at one moment; the daemon goes on writing meanwhile (WAL)."""
    folder = data_dir / SNAPSHOT
    shutil.rmtree(folder, ignore_errors=True)  # of one that was killed
    folder.mkdir(mode=0o700)
    try:
        source = sqlite3.connect(f"file:{data_dir / DATABASE}?mode=ro", uri=True)
        target = sqlite3.connect(folder / DATABASE)
        try:
            source.backup(target)
        finally:
            target.close()
            source.close()
        with (folder / DATABASE).open("rb") as file:
            yield file
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _kind(name: str) -> stick.Document:
    return "key" if name == KEY else "identity"


def recover(file: BinaryIO, code: str, data_dir: Path) -> bytes:
    """Put a copy into a data directory that has nothing yet; return the settings in it.

    Raises StickError where the code is another one, or the file is not whole; StorageError where something is there.
    """
    _hold_to_nothing(data_dir)
    settings = b""
    drafts: dict[str, Path] = {}
    header, line = stick.read_header(file)
    if header.loquet != "copy":
        raise StickError(N_("this file is no copy of a controller"))
    pieces = stick.read(file, line, stick.of_code(code, header.once), lambda: None)
    draft = data_dir / f"{DATABASE}.copy"
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as database:
            for kind, document in pieces:
                match kind:
                    case "database":
                        database.write(document)
                    case "settings":
                        settings += document
                    case "key" | "identity":
                        name = KEY if kind == "key" else IDENTITY
                        drafts[name] = data_dir / f"{name}.copy"
                        write_whole(drafts[name], [document], 0o400)
            database.flush()
            os.fsync(database.fileno())
    except CutShortError as error:
        _drop(draft, *drafts.values())
        raise StickError(
            N_("the copy is not whole: the stick was pulled while it was written. Nothing was taken")
        ) from error
    except BaseException:
        _drop(draft, *drafts.values())
        raise
    for name, each in drafts.items():
        each.replace(data_dir / name)
    draft.replace(data_dir / DATABASE)  # last: with it there, all is
    sync_folder(data_dir)
    return settings


def _hold_to_nothing(data_dir: Path) -> None:
    """Refuse where something is there: a log of another database would be played over this one. Raises StorageError."""
    for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"):
        if (data_dir / name).exists():
            raise StorageError(
                N_("{path} is there already: a copy takes the place of nothing; move it away first"),
                path=data_dir / name,
            )


def _drop(*paths: Path) -> None:
    for each in paths:
        with contextlib.suppress(OSError):
            each.unlink(missing_ok=True)


def read_code(text: str) -> str:
    """Read a code as a person types it."""
    return "".join(text.split()).replace("-", "").upper()


def shown(code: str) -> str:
    """Write a code as a person reads it."""
    return "-".join(code[i : i + 4] for i in range(0, len(code), 4))
