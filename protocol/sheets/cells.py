"""Single cells, as people and spreadsheets write them."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final

from common.folding import fold
from common.texts import N_
from protocol.badge import Technology
from protocol.rows import Level
from protocol.sheets.errors import CellError

MAX_CELL: Final = 4_096
MAX_EMAIL: Final = 254  # RFC 5321, 4.5.3.1.3, less the brackets
LEVELS: Final = {
    "supervised": Level.SUPERVISED, "accompagne": Level.SUPERVISED, "accompagnee": Level.SUPERVISED,
    "user": Level.USER, "usager": Level.USER, "utilisateur": Level.USER, "utilisatrice": Level.USER,
    "trainer": Level.TRAINER, "formateur": Level.TRAINER, "formatrice": Level.TRAINER,
    "maintainer": Level.MAINTAINER, "mainteneur": Level.MAINTAINER, "maintenance": Level.MAINTAINER,
}  # fmt: skip
# What says that a line is of nobody who is a member: a refund, somebody who left, a draft, a payment that did not come.
_ENDED: Final = re.compile(
    r"\b(annul\w*|cancel\w*|rembours\w*|refund\w*|refus\w*|resili\w*|terminat\w*|inacti\w*|brouillon|draft|exclue?s?|"
    r"excluded|abandon\w*|radie\w*|archive\w*|demission\w*|resigned|decede\w*|deceased|attente|pending|expire\w*|"
    r"anciens?|anciennes?|former|partie?|left|suspend\w*|echue?|echoue\w*|failed|impaye\w*|unpaid|non|no|not|false|faux)\b"
)
_ENDED_NUMBERS: Final = frozenset({"0", "-1", "-2"})
_YES: Final = frozenset(
    {"x", "oui", "yes", "o", "y", "1", "true", "vrai", "ok", "✓", "✔", "☑", "fait", "valide", "acquis"}
)
_NO: Final = frozenset({"non", "no", "n", "0", "false", "faux", "-", "—", "✗", "☐", ""})
_ALWAYS: Final = frozenset({"a vie", "illimite", "illimitee", "sans fin", "permanent", "permanente", "unlimited",
                            "lifetime", "forever", "no end"})  # fmt: skip
_TOTAL: Final = re.compile(r"(sous[- ])?total\w*\b.*|sub ?total\b.*|nombre (d|de)\b.*")
_TOTALS_BEGIN: Final = frozenset("tsn")
_DMY: Final = re.compile(r"(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4}|\d{2})(?:[ T,à]+.*)?")
_ISO: Final = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[ T].*)?")
_WORDS: Final = re.compile(r"(?:[a-z]+\.? )?(\d{1,2})(?:er|st|nd|rd|th)? ([a-z]+)\.? (\d{4})")
_MONTHS: Final = (
    ("jan",), ("fev", "feb"), ("mar",), ("avr", "apr"), ("mai", "may"), ("juin", "jun"), ("juil", "jul"),
    ("aou", "aug"), ("sep",), ("oct",), ("nov",), ("dec",),
)  # fmt: skip
_ATOM: Final = r"[\w!#$%&'*+/=?^`{|}~-]+"  # RFC 5322, 3.2.3, in ASCII
_EMAIL: Final = re.compile(
    rf"{_ATOM}(\.{_ATOM})*@([a-z0-9]([a-z0-9-]{{0,61}}[a-z0-9])?\.)+[a-z][a-z0-9-]{{0,61}}[a-z0-9]",
    re.ASCII | re.IGNORECASE,
)
_YEAR: Final = re.compile(r"(19|20)[0-9]{2}")
_DAY_0: Final = date(1899, 12, 30)  # ECMA-376, part 1, 18.17.4.1
_FIRST: Final = 36_526  # 1 January 2000
_LAST: Final = 73_050
_MONTH_OF: Final = re.compile(r"(0?[1-9]|1[0-2])[/.\-](\d{4})")
_MONTH_IN_WORDS: Final = re.compile(r"(?:fin )?([a-z]{3,9})\.? (\d{4})")
_YEAR_ALONE: Final = re.compile(r"(?:fin )?(20\d{2})")
_NONE: Final = frozenset({"0000-00-00", "0000-00-00 00:00:00", "00/00/0000", "1901-01-01", "-", "—"})


def bounded(value: str) -> str:
    """Return a cell that is of a length that cells have. Raises CellError."""
    if len(value) > MAX_CELL:
        raise CellError(N_("a cell has more than {most} characters"), most=MAX_CELL)
    if not value.isprintable():
        value = "".join(map(_visible, value)).strip()
    # Our own sheets put a ' before what a spreadsheet would take for a formula.
    return value[1:] if len(value) > 1 and value[0] == "'" and value[1] in "=+-@" else value


def _visible(letter: str) -> str:
    """Return a letter that is seen; a space for what takes room, nothing for what nobody sees."""
    if letter.isprintable() or letter in "\n\r":
        return letter
    return " " if letter.isspace() else ""


def read_day(text: str, *, month_first: bool = False) -> date | None:
    """Read a day as people write one: 2027-03-31, 31/03/2027, 31/3/27, 31 mars 2027; nothing for an empty cell.

    Of a month or a year it is the last one; "à vie" is none. month_first: whether 03/31/2027 is one. Raises CellError.
    """
    said = " ".join(text.split())
    if not said or said in _NONE or fold(said) in _ALWAYS:
        return None
    try:
        if found := _YEAR_ALONE.fullmatch(fold(said)):
            return date(int(found[1]), 12, 31)
        if found := _MONTH_OF.fullmatch(said) or _MONTH_IN_WORDS.fullmatch(fold(said)):
            return _last_of(int(found[2]), int(found[1]) if found[1].isdigit() else _month(found[1]))
        if found := _ISO.fullmatch(said):
            return date(int(found[1]), int(found[2]), int(found[3]))
        if found := _DMY.fullmatch(said):
            day, month = (found[2], found[1]) if month_first else (found[1], found[2])
            return date(int(found[3]) + (2000 if len(found[3]) < 4 else 0), int(month), int(day))  # noqa: PLR2004 - a year's digits
        if found := _WORDS.fullmatch(fold(said)):
            return date(int(found[3]), _month(found[2]), int(found[1]))
    except ValueError:
        pass
    raise CellError(N_('"{text}" is not a day; write 31/03/2027 or 2027-03-31'), text=text[:40])


def _last_of(year: int, month: int) -> date:
    return date(year, month, monthrange(year, month)[1])


def day_of_serial(text: str) -> str:
    """Return the day that a spreadsheet's number is (days since 30 December 1899), of this century; else the number."""
    return (_DAY_0 + timedelta(int(text))).isoformat() if text.isdigit() and _FIRST <= int(text) <= _LAST else text


def _month(word: str) -> int:
    """Return which month a word names; 0, which is none, for another word."""
    return next((number for number, heads in enumerate(_MONTHS, 1) if word.startswith(heads)), 0)


def has_month_first(values: Iterable[str]) -> bool:
    """Return whether the days of a column can only be read month first: 12/31/2027 stands there, and no 31/12/2027."""
    found = [each for value in values if (each := _DMY.fullmatch(" ".join(value.split())))]
    return any(int(each[2]) > 12 for each in found) and all(int(each[1]) <= 12 for each in found)  # noqa: PLR2004 - months


def is_a_day(text: str) -> bool:
    """Return whether a cell holds a day, whichever comes first in it."""
    try:
        return read_day(text) is not None
    except CellError:
        try:
            return read_day(text, month_first=True) is not None
        except CellError:
            return False


def read_level(text: str) -> Level | None:
    """Read a level by its English or French word; None for an empty cell. Raises CellError."""
    word = fold(text)
    if word and word not in LEVELS:
        raise CellError(
            N_('"{text}" is not a level, and is left out; there are: supervised, user, trainer, maintainer'),
            text=text[:40],
        )
    return LEVELS[word] if word else None


def read_technology(text: str) -> Technology:
    """Read a badge's technology; ISO 14443 A where none is given. Raises CellError."""
    try:
        return Technology(text.lower()) if text else Technology.ISO14443A
    except ValueError:
        raise CellError(
            N_('"{text}" is not a technology; there are: {known}'),
            text=text[:40],
            known=", ".join(Technology),
        ) from None


def read_email(text: str) -> str:
    """Read where letters go; "" for an empty cell. Raises CellError for what is no address."""
    said = text.strip().strip("<>")
    if said and (len(said) > MAX_EMAIL or not _EMAIL.fullmatch(said)):
        raise CellError(N_('"{text}" is no e-mail address; it is left out'), text=text[:60])
    return said


def read_birth_year(text: str) -> int | None:
    """Read the year of a birth, from a day or a year; None for an empty cell. Raises CellError."""
    if _YEAR.fullmatch(text.strip()):
        return int(text)
    try:
        born = read_day(text)
    except CellError:
        born, text = None, text or "?"
    if text.strip() and (born is None or str(born.year) not in text):  # 12/03/45 is of either century
        raise CellError(N_('"{text}" is no day or year of birth; it is left out'), text=text[:40])
    return None if born is None else born.year


def says_ended(text: str) -> bool:
    """Return whether a state is that of nobody who is a member."""
    said = fold(text)
    return said in _ENDED_NUMBERS or _ENDED.search(said) is not None


def says_yes(text: str) -> bool:
    """Return whether a cell is ticked: a cross, a yes, or the day on which it was."""
    return fold(text) in _YES or text.strip() in _YES or is_a_day(text)


def is_a_tick(text: str) -> bool:
    """Return whether a cell is one that is ticked, or says that it is not."""
    return says_yes(text) or fold(text) in _NO or text.strip() in _NO


def is_a_total(text: str) -> bool:
    """Return whether a cell begins a line that adds up others."""
    return text[:1].lower() in _TOTALS_BEGIN and _TOTAL.fullmatch(fold(text)) is not None


def several(text: str) -> tuple[str, ...]:
    """Return what a cell names, one after another: apart by commas, semicolons, bars or lines."""
    return tuple(filter(None, map(str.strip, re.split(r"[,;|\n\r]", text))))
