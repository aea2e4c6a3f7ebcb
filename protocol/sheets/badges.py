"""The badge numbers of a sheet, and which of them a spreadsheet may have changed: a person is asked about those."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from common.errors import LoquetError
from common.texts import N_
from protocol.badge import Technology, UidError, is_printed, made_by_a_spreadsheet, parse_uid, reads_as_a_number

Number = tuple[bytes, str]
_BETWEEN: Final = re.compile(r",(?!\d+E[+-]?\d)|[|;\n\r]", re.IGNORECASE)


class Doubt(msgspec.Struct, frozen=True):
    """A number of which a person has to say whether it is the badge's.

    place: which of its line's; error: why it is doubted; uid: what it would be as it stands, None where it is none.
    """

    line: int
    place: int
    text: str
    error: LoquetError
    technology: str
    uid: bytes | None = None

    @property
    def name(self) -> str:
        """What an answer to it is kept under."""
        return f"{self.line}/{self.place}/{self.text}"


class Written(msgspec.Struct, frozen=True):
    """A number as it stands in a sheet; is_number: a workbook keeps a number there, and no text."""

    line: int
    place: int
    text: str
    technology: Technology
    is_number: bool = False


def written(text: str) -> list[str]:
    """Return the numbers of a cell, one after another."""
    parts = [text] if is_printed(text) else _BETWEEN.split(text)
    return [part.strip() for part in parts if part.strip()]


class Numbers:
    """The badges of a sheet: which are sound can be said once all were seen."""

    def __init__(self, *, typed: bool) -> None:
        self._typed = typed
        self._found: list[Written] = []

    def add(self, line: int, cell: str, technology: Technology, *, is_number: bool) -> None:
        """See a cell."""
        for place, text in enumerate(written(cell)):
            self._found.append(Written(line, place, text, technology, is_number))

    def read(self) -> tuple[dict[int, list[Number]], list[Doubt]]:
        """Return the sound ones by line, and those that are in doubt.

        One that a spreadsheet would read as a number counts where others show that none was changed.
        """
        sound: dict[int, list[Number]] = {}
        doubts: list[Doubt] = []
        maybe: list[tuple[Written, bytes]] = []
        is_shown = False
        for each in self._found:
            try:
                uid = parse_uid(each.text, each.technology)
            except UidError as error:
                doubts.append(Doubt(each.line, each.place, each.text, error, each.technology.value))
                continue
            if self._is_doubtful(each):
                maybe.append((each, uid))
            else:
                is_shown = is_shown or not each.text.isdigit()
                sound.setdefault(each.line, []).append((uid, each.technology.value))
        for each, uid in maybe:
            if each.is_number or doubts or not is_shown:
                made = made_by_a_spreadsheet(each.text)
                doubts.append(Doubt(each.line, each.place, each.text, made, each.technology.value, uid))
            else:
                sound.setdefault(each.line, []).append((uid, each.technology.value))
        return sound, sorted(doubts + list(self._cut(sound, doubts)), key=lambda each: (each.line, each.place))

    def _is_doubtful(self, each: Written) -> bool:
        """Return whether a spreadsheet may have made it, by itself: digits alone are many badges' numbers."""
        return each.is_number if self._typed else reads_as_a_number(each.text)

    def _cut(self, sound: dict[int, list[Number]], doubts: list[Doubt]) -> Iterator[Doubt]:
        """Doubt digits that end in zeros too, where a spreadsheet was at work: 12345E03 becomes 12345000."""
        if self._typed or not any(reads_as_a_number(each.text) for each in doubts):
            return
        for each in self._found:
            if each.text.isdigit() and each.text.endswith("000") and each.line in sound:
                try:
                    uid = parse_uid(each.text, each.technology)
                except UidError:
                    continue  # it is doubted already
                number = (uid, each.technology.value)
                if number in sound[each.line]:
                    sound[each.line].remove(number)
                    error = UidError(
                        N_('badge "{text}" may be what a spreadsheet made of another number; read the badge again'),
                        text=each.text,
                    )
                    yield Doubt(each.line, each.place, each.text, error, each.technology.value, uid)
