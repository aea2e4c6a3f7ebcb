"""Badges: UIDs as people write them, and the keyed hash that is kept of them."""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum
from typing import Final

from common.errors import LoquetError
from common.texts import N_

KEY_BYTES: Final = 32
MOST_KEYS: Final = 16
_SEPARATORS: Final = re.compile(r"[\s:.\-]")
_PRINTED: Final = re.compile(r"^\d{10}$|^\d{1,3},\d{1,5}$|^\d{10}\s+\d{3},\d{5}$")  # as 125 kHz cards bear it
_SPREADSHEET: Final = re.compile(r"^\d+([.,]\d+)?E[+-]?\d+$", re.IGNORECASE)


class Technology(StrEnum):
    """How a badge speaks; part of its identity.

    With a number behind: so many of its bytes, all that a reader gives; of HID's cards, bits of a Wiegand frame.
    """

    ISO14443A = "iso14443a"
    EM4100 = "em4100"
    ISO14443A_4 = "iso14443a-4"
    ISO14443A_3 = "iso14443a-3"
    EM4100_4 = "em4100-4"
    EM4100_3 = "em4100-3"
    HID_26 = "hid-26"
    HID_34 = "hid-34"
    HID_37 = "hid-37"


_LENGTHS: Final = {
    Technology.ISO14443A: (4, 7, 10),
    Technology.EM4100: (5,),
    Technology.ISO14443A_4: (4,),
    Technology.ISO14443A_3: (3,),
    Technology.EM4100_4: (4,),
    Technology.EM4100_3: (3,),
    Technology.HID_26: (3,),
    Technology.HID_34: (4,),
    Technology.HID_37: (5,),
}


class UidError(LoquetError, ValueError):
    """A text that is no UID, and what to do about it."""


def is_printed(text: str) -> bool:
    """Return whether a text is what a 125 kHz card bears in print: a decimal number, two codes, or both."""
    return _PRINTED.match(text.strip()) is not None


def reads_as_a_number(text: str) -> bool:
    """Return whether a spreadsheet would read a UID as a number (`12345E78`) and write it as another one."""
    return _SPREADSHEET.match(text.strip()) is not None


def made_by_a_spreadsheet(text: str) -> UidError:
    """Make the error for a UID that may be a number by now; it says how to write it."""
    return UidError(
        N_(
            'badge "{text}" may be a number made by a spreadsheet; format the column as text and read '
            "the badge again, or write its bytes apart (04:A3:C6:CA)"
        ),
        text=text.strip(),
    )


def parse_uid(text: str, technology: Technology = Technology.ISO14443A) -> bytes:
    """Read a UID written in hexadecimal, with or without `:`, `-`, `.` or spaces between its bytes.

    Ten decimal digits are what a 125 kHz card bears in print, and never taken for hexadecimal.
    Raises UidError, which says what is wrong and how to write it.
    """
    stripped = text.strip()
    if is_printed(stripped):
        raise UidError(
            N_(
                'badge "{text}" looks like the decimal number that is printed on a card, which does not say all of it; '
                "lay the card on a reader and write what `loquet read` shows. Is it that already? Then write its bytes "
                "apart, after its technology (em4100:00:04:86:17:21)"
            ),
            text=stripped,
        )
    if reads_as_a_number(stripped) and not stripped.isalnum():
        raise made_by_a_spreadsheet(stripped)
    digits = _SEPARATORS.sub("", stripped).upper()
    if not digits or re.fullmatch(r"[0-9A-F]+", digits) is None:
        raise UidError(N_('badge "{text}" is not hexadecimal; `loquet read` shows how it is written'), text=stripped)
    lengths = _LENGTHS[technology]
    if len(digits) not in {2 * n for n in lengths}:
        raise UidError(
            N_(
                'badge "{text}" has {count} digits, {technology} has {expected}; a spreadsheet may have cut '
                "zeros off its front: read the badge again with `loquet read`"
            ),
            text=stripped,
            count=len(digits),
            technology=technology.value,
            expected=" / ".join(str(2 * n) for n in lengths),
        )
    return bytes.fromhex(digits)


def parse_badge(text: str) -> tuple[bytes, Technology]:
    """Read a badge as `loquet read` shows it: its UID, after its technology and a colon where that is not iso14443a.

    Raises UidError.
    """
    head, colon, rest = text.strip().partition(":")
    if colon and head.lower() in set(Technology):
        technology = Technology(head.lower())
        return parse_uid(rest, technology), technology
    return parse_uid(text), Technology.ISO14443A


def badge_text(uid: bytes, technology: str) -> str:
    """Write a badge as `parse_badge` reads it."""
    number = uid.hex().upper()
    if is_printed(number):
        number = uid.hex(":")
    return number if technology == Technology.ISO14443A else f"{technology}:{number}"


def is_random(uid: bytes, technology: str) -> bool:
    """Return whether the UID is drawn anew at each power-on (ISO/IEC 14443-3: 4 bytes, first 08)."""
    return technology == Technology.ISO14443A and len(uid) == 4 and uid[0] == 0x08  # noqa: PLR2004 - the standard's


class BadgeKey:
    """The secret under which UIDs are hashed: without it a 32-bit UID is found by trying them all.

    After it come the secrets that were in force before, 32 bytes each: what was hashed under them stays readable.
    """

    def __init__(self, secret: bytes) -> None:
        if not secret or len(secret) % KEY_BYTES or len(secret) > MOST_KEYS * KEY_BYTES:
            raise LoquetError(
                N_("a badge key has {expected} bytes, this one {count}"),
                expected=KEY_BYTES,
                count=len(secret),
            )
        self._secret, *self._older = (secret[i : i + KEY_BYTES] for i in range(0, len(secret), KEY_BYTES))

    def hash(self, uid: bytes, technology: str) -> str:
        """Hash a UID with its technology: 32 hexadecimal digits (BLAKE2b, keyed, 16 bytes)."""
        return self._under(self._secret, uid, technology)

    def older(self, uid: bytes, technology: str) -> list[str]:
        """Hash it under the secrets that were in force before, the latest first."""
        return [self._under(secret, uid, technology) for secret in self._older]

    @staticmethod
    def _under(secret: bytes, uid: bytes, technology: str) -> str:
        return hashlib.blake2b(technology.encode() + b"\0" + uid, key=secret, digest_size=16).hexdigest()

    def keyed(self, message: bytes, fingerprint: str) -> bytes | None:
        """Return 32 bytes of a message that only the secret of that name gives; None where it is not held any more."""
        secret = next((each for each in (self._secret, *self._older) if self._name(each) == fingerprint), None)
        return None if secret is None else hashlib.blake2b(message, key=secret, digest_size=32).digest()

    @property
    def fingerprint(self) -> str:
        """Name this key without revealing it: 16 hexadecimal digits."""
        return self._name(self._secret)

    @property
    def ring(self) -> str:
        """Name it and those before it: their fingerprints, joined by hyphens."""
        return "-".join(self._name(each) for each in (self._secret, *self._older))

    @staticmethod
    def _name(secret: bytes) -> str:
        return hashlib.blake2b(b"loquet badge key", key=secret, digest_size=8).hexdigest()
