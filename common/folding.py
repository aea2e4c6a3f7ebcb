"""Words without what people and spreadsheets write differently: case, accents, ligatures, what nobody sees."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

# What Unicode takes for letters of their own (no decomposition, Unicode Standard, 2.12), and people type without.
_LETTERS: Final = str.maketrans(
    {"œ": "oe", "æ": "ae", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "ı": "i", "þ": "th"} | dict.fromkeys("’‘ʼ´`′", "'")
)
# Combining marks, zero widths, controls: as Unicode's character database has them.
_UNSEEN: Final = frozenset({"Mn", "Cf", "Cc", "Co", "Cn", "Cs"})


@lru_cache(4_096)  # a sheet says the same few words on every line
def fold(text: str) -> str:
    """Return a text as it is compared where people mean the same: "  ÉLODIE  Lœb" is "elodie loeb"."""
    if text.isascii():
        return " ".join(text.casefold().split()) if text.isprintable() else _fold(text)
    return _fold(text)


def _fold(text: str) -> str:
    # What decomposes into capitals ("ℝ") is folded once more (Unicode Standard, 3.13, D146).
    small = unicodedata.normalize("NFKD", text.casefold()).casefold()
    bare = unicodedata.normalize("NFKD", small.translate(_LETTERS)).translate(_LETTERS)
    return " ".join("".join(map(_plain, bare)).split())


@lru_cache(maxsize=4_096)
def _plain(letter: str) -> str:
    if letter.isascii() and letter.isprintable():
        return letter
    if letter.isspace():
        return " "
    kind = unicodedata.category(letter)
    return "-" if kind == "Pd" else "" if kind in _UNSEEN else letter


def sort_key(text: str) -> tuple[str, str]:
    """Return by what a text is sorted as French sorts: letters first, accents where these are the same."""
    return fold(text), unicodedata.normalize("NFC", text)
