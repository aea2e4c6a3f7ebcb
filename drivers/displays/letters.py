"""Letters that an HD44780 with the common ROM (A00) does not have: drawn, or written without their accents."""

from __future__ import annotations

import unicodedata
from typing import Final

PLAIN: Final = str.maketrans({"…": ".", "’": "'", "\u00a0": " ", "œ": "o", "Œ": "O", "·": "-", "×": "x"})
# Rows of five dots, the leftmost bit 4: what the common modules' ROM (A00) does not have.
ACCENTED: Final = {
    letter: bytes(int(row, 2) for row in rows.split())
    for letter, rows in {
        "é": "00010 00100 01110 10001 11111 10000 01110 00000",
        "è": "01000 00100 01110 10001 11111 10000 01110 00000",
        "ê": "00100 01010 01110 10001 11111 10000 01110 00000",
        "ë": "01010 00000 01110 10001 11111 10000 01110 00000",
        "à": "01000 00100 01110 00001 01111 10001 01111 00000",
        "â": "00100 01010 01110 00001 01111 10001 01111 00000",
        "ù": "01000 00100 10001 10001 10001 10011 01101 00000",
        "û": "00100 01010 10001 10001 10001 10011 01101 00000",
        "ô": "00100 01010 01110 10001 10001 10001 01110 00000",
        "î": "00100 01010 00000 01100 00100 00100 01110 00000",
        "ï": "01010 00000 01100 00100 00100 00100 01110 00000",
        "ç": "00000 00000 01110 10000 10001 01110 00100 01100",
        "œ": "00000 00000 01010 10101 10111 10100 01011 00000",
        "É": "00010 00100 11111 10000 11110 10000 11111 00000",
        "È": "01000 00100 11111 10000 11110 10000 11111 00000",
        "À": "01000 00100 01110 10001 11111 10001 10001 00000",
    }.items()
}


def plain(text: str) -> str:
    """Write a text, letter for letter, in those that every such display has."""
    folded = unicodedata.normalize("NFKD", text.translate(PLAIN))
    return "".join(letter if letter.isascii() else "?" for letter in folded if not unicodedata.combining(letter))
