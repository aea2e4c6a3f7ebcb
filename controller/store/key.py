"""The badge key: a file of its own beside the database, so that a leaked database alone reveals no UID."""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path
from typing import Final

from common.errors import LoquetError
from common.texts import N_
from controller.store.database import DATABASE, StorageError, not_yet, unusable
from controller.store.files import write_whole
from protocol.badge import KEY_BYTES, MOST_KEYS, BadgeKey

KEY: Final = "badge.key"


def badge_key(data_dir: Path, *, make: bool) -> BadgeKey:
    """Read this controller's badge key, or make it where there is no database yet that needs one.

    Raises StorageError where it is missing, or readable by others.
    """
    path = data_dir / KEY
    try:
        if make and not path.exists() and not (data_dir / DATABASE).exists():
            write_whole(path, [secrets.token_bytes(KEY_BYTES)], 0o400)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        mode = path.stat().st_mode & 0o077
        if mode:
            raise StorageError(N_("{path} can be read by others (mode {mode:03o}); chmod 400 it"), path=path, mode=mode)
        secret = path.read_bytes()
        if not secret or len(secret) % KEY_BYTES or len(secret) > MOST_KEYS * KEY_BYTES:
            raise StorageError(
                N_("{path} is no badge key: {count} bytes where {expected} belong; restore it from a backup"),
                path=path,
                count=len(secret),
                expected=KEY_BYTES,
            )
        return BadgeKey(secret)
    except FileNotFoundError as error:
        if not (data_dir / DATABASE).exists():
            raise not_yet(data_dir / DATABASE) from error
        raise StorageError(
            N_("{path} is missing: without it no badge in the database can be known; restore it from a backup"),
            path=path,
        ) from error
    except LoquetError:
        raise
    except OSError as error:
        raise unusable(path, error) from error


def join_ring(data_dir: Path, ring: bytes) -> BadgeKey:
    """Put the network's badge keys in force; what this controller had stays readable behind them. Raises OSError."""
    path = data_dir / KEY
    mine = path.read_bytes() if path.exists() else b""
    keys = [source[i : i + KEY_BYTES] for source in (ring, mine) for i in range(0, len(source), KEY_BYTES)]
    secret = b"".join(dict.fromkeys(keys))[: MOST_KEYS * KEY_BYTES]
    key = BadgeKey(secret)
    write_whole(path, [secret], 0o400)
    return key
