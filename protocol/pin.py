"""A member's PIN: how it may look, and the hash that is kept of it.

Four digits are ten thousand guesses: no hash makes them many. So it is hashed under the badge key, without which a
list says nothing of it; slowly, for whoever has the key too (scrypt, RFC 7914: 16 MB and some tenths of a second on a
Pi Zero); and whoever guesses at the keys is made to wait (controller/sensing/pins.py).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from itertools import pairwise
from typing import Final

from common.errors import LoquetError
from common.texts import N_
from protocol.badge import BadgeKey
from protocol.rows import Pin

SHORTEST: Final = 4
LONGEST: Final = 8
SALT_BYTES: Final = 16
COST: Final = 2**14
BLOCKS: Final = 8
HASH_BYTES: Final = 32


class PinError(LoquetError, ValueError):
    """A text that will not do as a PIN; it never says which."""


def checked_pin(text: str) -> str:
    """Return a PIN that will do. Raises PinError."""
    digits = text.strip()
    if re.fullmatch(rf"[0-9]{{{SHORTEST},{LONGEST}}}", digits) is None:
        raise PinError(N_("a PIN has {least} to {most} digits"), least=SHORTEST, most=LONGEST)
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(digits)}
    if steps in ({0}, {1}, {9}):
        raise PinError(N_("this PIN is guessed at once: choose one that is no single digit and no row of them"))
    return digits


def made_pin(member: str, pin: str, key: BadgeKey, salt: bytes) -> Pin:
    """Return the row of a member's PIN. salt: 16 random bytes. Raises PinError."""
    return Pin(member, salt.hex(), key.fingerprint, _hash(checked_pin(pin), key, key.fingerprint, salt) or "")


def is_right(row: Pin, pin: str, key: BadgeKey) -> bool:
    """Return whether that is the PIN. It takes its time."""
    found = _hash(pin, key, row.under, bytes.fromhex(row.salt)) if row.hash else None
    return found is not None and hmac.compare_digest(found, row.hash)


def is_known(row: Pin | None, key: BadgeKey) -> bool:
    """Return whether a PIN can be compared: there is one, hashed under a key that is still held."""
    return row is not None and bool(row.hash) and key.keyed(b"", row.under) is not None


def _hash(pin: str, key: BadgeKey, fingerprint: str, salt: bytes) -> str | None:
    keyed = key.keyed(b"pin\0" + pin.encode(), fingerprint)
    if keyed is None:
        return None
    return hashlib.scrypt(keyed, salt=salt, n=COST, r=BLOCKS, p=1, dklen=HASH_BYTES, maxmem=64 * 2**20).hex()
