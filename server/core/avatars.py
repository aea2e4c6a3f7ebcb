"""People without pictures: their initials, on a colour that is always the same for one name."""

from __future__ import annotations

import zlib
from typing import Final

from django.utils.html import format_html

COLOURS: Final = 6


def initials(name: str) -> str:
    """Return the first letters of the first and the last word of a name; "?" where it has none."""
    words = [word for word in name.replace("-", " ").split() if word[0].isalnum()]
    if not words:
        return "?"
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


def avatar(name: str, size: str = "") -> str:
    """Return it as a page shows it; size: "", "mini" or "big". The name itself stands beside it."""
    colour = zlib.crc32(name.encode()) % COLOURS + 1
    classes = f"avatar v{colour} {size}".strip()
    return format_html('<span class="{}" aria-hidden="true">{}</span>', classes, initials(name))
