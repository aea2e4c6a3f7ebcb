"""Damaged files, moved out of the way. Nothing that was set aside is ever written to."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from pathlib import Path
from typing import Final

from sqlite_utils import Database

from controller.store import document
from controller.store.database import (
    DATABASE,
)
from controller.store.files import sync_folder

ASIDE: Final = "damaged"
DONE: Final = "saved"  # the mark on what was set aside once all that can be read of it is saved
KEPT: Final = 3  # files that were set aside; the oldest goes before a fourth comes


def let_go(data_dir: Path, live: Database | None) -> Path | None:
    """Close a connection; return a copy of what it holds where no file has that name any more."""
    path, copy = data_dir / DATABASE, data_dir / f"{DATABASE}.copy"
    (data_dir / ASIDE).mkdir(mode=0o750, exist_ok=True)
    if live is None:
        return copy if copy.exists() else None
    copy.unlink(missing_ok=True)
    with contextlib.suppress(sqlite3.Error, OSError):
        there = path.stat() if path.exists() else None
        if there is None or (there.st_dev, there.st_ino) not in _files_of(path):
            live.execute("select count(*) from journal")
            with contextlib.closing(sqlite3.connect(copy)) as target:
                live.conn.backup(target)
    with contextlib.suppress(sqlite3.Error):
        live.close()
    return copy if copy.exists() else None


def _files_of(path: Path) -> set[tuple[int, int]]:
    """Name the files that this process has open under that path, whatever stands there now."""
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            if str(link.readlink()).removesuffix(" (deleted)") == str(path.resolve()):
                found.add((link.stat().st_dev, link.stat().st_ino))
    return found


def move(data_dir: Path, copy: Path | None = None) -> None:
    """Move the damaged file and its log out of the way, together; then the copy of what stood there before."""
    folder = data_dir / ASIDE
    folder.mkdir(mode=0o750, exist_ok=True)
    kept = asides(data_dir)
    for old in [each for each in kept if (each / DONE).exists()][: max(0, len(kept) - KEPT + 1)]:
        shutil.rmtree(old, ignore_errors=True)
    place = folder / f"{(int(kept[-1].name) if kept else 0) + 1:04d}"
    place.mkdir(mode=0o750)
    # The log last: alone it is of no use, and a database without it only lacks what carving finds there.
    for name in (DATABASE, f"{DATABASE}-wal"):
        with contextlib.suppress(FileNotFoundError):
            (data_dir / name).rename(place / name)
    (data_dir / f"{DATABASE}-shm").unlink(missing_ok=True)
    if copy is not None:
        (place / DONE).touch()
        sync_folder(place)
        place = folder / f"{int(place.name) + 1:04d}"
        place.mkdir(mode=0o750)
        copy.rename(place / DATABASE)
    for each in (place, folder, data_dir):
        sync_folder(each)


def forget(data_dir: Path) -> None:
    """Delete what was set aside and gone through: a person in it is to be forgotten."""
    for old in asides(data_dir):
        if (old / DONE).exists():
            shutil.rmtree(old, ignore_errors=True)
    for draft in (f"{DATABASE}.copy", f"{document.DOCUMENT}.new"):
        (data_dir / draft).unlink(missing_ok=True)


def asides(data_dir: Path) -> list[Path]:
    """Return what was set aside, the oldest first."""
    folder = data_dir / ASIDE
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(each for each in found if each.name.isdecimal() and each.is_dir())


def unsaved(data_dir: Path) -> list[Path]:
    """Return what was set aside and not yet gone through, the oldest first."""
    return [each for each in asides(data_dir) if not (each / DONE).exists()]
