"""Seals: a check on every row, so that a byte that flipped on the disk is noticed and never believed.

SQLite checks how its pages hang together, not what is written on them.
"""

from __future__ import annotations

import zlib


def seal(table: str, *values: str | float | None) -> int:
    """Return the check of one row: CRC-32, which sees every single flipped byte."""
    return zlib.crc32(repr((table, *values)).encode(errors="backslashreplace"))
