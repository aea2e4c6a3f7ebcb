"""Files on a stick: whoever had it before may have made links and pipes on it, and it may go away at any moment."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


def opened(path: Path) -> BinaryIO:
    """Return a file to read: no link is followed, no pipe waited for. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), str(path))
    return os.fdopen(descriptor, "rb")


@contextlib.contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """Write a file beside its place; it is there once all of it is on the stick. Raises OSError."""
    draft = path.with_suffix(".new")
    path.parent.mkdir(exist_ok=True)
    if path.parent.is_symlink():  # whoever made the stick would choose where root writes
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(path.parent))
    try:
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        _sync(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def _sync(folder: Path) -> None:
    """Have the name survive the stick's being pulled; some file systems of sticks know no way to say so."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
