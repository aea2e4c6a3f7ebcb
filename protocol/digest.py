"""Digests of whitelists: the sum of the rows' hashes modulo 2²⁵⁶, so that a change costs only what it changes.

A sum is no proof against whoever may choose rows; it is safe because whoever brings a list signs it.
"""

from __future__ import annotations

import hashlib
from typing import Final

WHOLE: Final = 1 << 256


def row_hash(body: str | bytes) -> int:
    """Return a row's share of a list's digest: BLAKE2b, 32 bytes, big-endian, of the row as `encode_row` writes it."""
    raw = body.encode() if isinstance(body, str) else body
    return int.from_bytes(hashlib.blake2b(raw, digest_size=32).digest())


def written(digest: int) -> str:
    """Write a digest as it is kept and sent: 64 hexadecimal digits."""
    return f"{digest % WHOLE:064x}"
