"""Seals: a check on every row, so that a byte that flipped on the disk is noticed and never believed.

SQLite checks how its pages hang together, not what is written on them.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import Final

WHOLE: Final = 1 << 256


def seal(table: str, *values: str | float | None) -> int:
    """Give the check of one row: CRC-32, which sees every single flipped byte."""
    return zlib.crc32(repr((table, *values)).encode(errors="backslashreplace"))


def row_hash(body: str | bytes) -> int:
    """Give a whitelist row's share of its list's digest (BLAKE2b, 32 bytes, as a number)."""
    raw = body.encode() if isinstance(body, str) else body
    return int.from_bytes(hashlib.blake2b(raw, digest_size=32).digest())


def written(digest: int) -> str:
    """Write a digest as it is kept: 64 hexadecimal digits. Digests are sums modulo 2²⁵⁶, so a change costs its own."""
    return f"{digest % WHOLE:064x}"
