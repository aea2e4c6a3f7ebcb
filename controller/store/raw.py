"""A database's files, read without SQLite: always by a process of its own.

Closing any descriptor of such a file drops every lock that this process holds on it, whichever thread took it
(https://www.sqlite.org/howtocorrupt.html, §2.2); another process's descriptors do no such harm.
"""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path
from typing import Final

import msgspec

from controller.store.carve import Found

PATIENCE_S: Final = 600.0  # for a database of ten years on a slow card


def read(path: Path) -> bytes:
    """Return the whole of a file; nothing where there is no file. Raises OSError."""
    if not path.is_file() or not path.stat().st_size:
        return b""
    return _run(["cat", "--", str(path)], path)


def carve(path: Path) -> Found:
    """Return all that can be read of a database and its log. Raises OSError."""
    return msgspec.msgpack.decode(_run([sys.executable, "-m", "controller.store.carve", str(path)], path), type=Found)


def _run(command: list[str], path: Path) -> bytes:
    try:
        return subprocess.run(  # noqa: S603 - cat, or our own module
            command, stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=PATIENCE_S
        ).stdout
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = (error.stderr or b"").decode(errors="replace").strip().rpartition("\n")[2]
        raise OSError(errno.EIO, said or str(error), str(path)) from error
