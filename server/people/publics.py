"""By what the people of a workshop are counted where no person is meant: brackets of age."""

from __future__ import annotations

from typing import Final

BRACKETS: Final = ((12, "0-11"), (18, "12-17"), (26, "18-25"), (40, "26-39"), (60, "40-59"))
LAST: Final = "60+"


def bracket(birth_year: int | None, year: int) -> str:
    """Return the bracket of age of whoever was born then, in that year; "" where nobody said."""
    if birth_year is None:
        return ""
    return next((name for below, name in BRACKETS if year - birth_year < below), LAST)
