"""The lines of a sheet as persons, by what its columns mean."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import Final, TypeVar

import msgspec

from common.errors import LoquetError
from common.folding import fold
from common.texts import N_
from protocol.badge import Technology, parse_uid
from protocol.rows import Level
from protocol.sheets import cells
from protocol.sheets.badges import Doubt, Number, Numbers
from protocol.sheets.columns import Meaning, named
from protocol.sheets.errors import BadLine, CellError
from protocol.sheets.guessing import holds_badges
from protocol.sheets.tables import Table

T = TypeVar("T")
AS_IT_STANDS: Final = "="
MAX_COMMUNE: Final = 200
FULL: Final = 3  # cells of a line that says something
_DAYS: Final[tuple[Meaning, ...]] = (Meaning.MEMBERSHIP_UNTIL, Meaning.CERTIFIED_UNTIL)


class Person(msgspec.Struct, frozen=True):
    """What one line says of one person; None or "" where it says nothing. badges: numbers with their technology.

    member: the id as it is written, "" where there is none; trainings: as they are written.
    """

    line: int
    member: str = ""
    name: str | None = None
    category: str | None = None
    payer: str | None = None
    until: date | None = None
    badges: tuple[Number, ...] = ()
    trainings: tuple[str, ...] = ()
    level: Level | None = None
    certified_until: date | None = None
    email: str = ""
    birth_year: int | None = None
    commune: str = ""


class Unread(msgspec.Struct, frozen=True):
    """A column that nobody reads, and whether it holds what would matter: "days", "trainings", "badges"."""

    heading: str
    holds: str = ""


class Sheet(msgspec.Struct, frozen=True):
    """A sheet that was read: its people; numbers that a person is asked about; lines that are wrong.

    ended: lines that say themselves that they are of nobody who is a member any more, with that word. left: cells that
    are left out, since they say nothing; their lines count.
    """

    people: tuple[Person, ...]
    doubts: tuple[Doubt, ...] = ()
    bad: tuple[BadLine, ...] = ()
    ended: tuple[tuple[int, str], ...] = ()
    left: tuple[BadLine, ...] = ()

    @property
    def cards(self) -> tuple[Number, ...]:
        """Every badge that it names, once."""
        return tuple(dict.fromkeys(card for person in self.people for card in person.badges))


def read_people(table: Table, columns: Mapping[int, Meaning], answers: Mapping[str, str] | None = None) -> Sheet:
    """Read a sheet's lines.

    answers: by the name of a doubt, the badge's number, which is then beyond doubt: "=" as it stands, "" leaves it out.
    """
    reader = _Reader(table, columns)
    people, bad, ended = [], [], []
    for line, row in table.lines:
        try:
            reader.hold_to_width(row)
            if why := reader.why_not(row):
                ended.append((line, why[:60]))
                continue
            people.append(reader.person(line, row))
        except LoquetError as error:
            bad.append(BadLine(line, error))
    sound, doubts = reader.numbers.read()
    left, said = _answered(doubts, answers or {}, bad)
    for line, number in said:
        sound.setdefault(line, []).append(number)
    return Sheet(
        tuple(msgspec.structs.replace(each, badges=tuple(sound[each.line])) if each.line in sound else each
              for each in people),
        tuple(left), tuple(bad), tuple(ended), tuple(reader.left),
    )  # fmt: skip


def _answered(
    doubts: list[Doubt], answers: Mapping[str, str], bad: list[BadLine]
) -> tuple[list[Doubt], list[tuple[int, Number]]]:
    """Return the doubts that are left, and the numbers that were said; an answer that is no number is a bad line."""
    left: list[Doubt] = []
    said: list[tuple[int, Number]] = []
    for doubt in doubts:
        if doubt.name not in answers:
            left.append(doubt)
            continue
        text = answers[doubt.name].strip()
        if text:
            try:
                as_it_stands = doubt.uid if text in {doubt.text, AS_IT_STANDS} else None
                uid = as_it_stands or parse_uid(text, Technology(doubt.technology))
                said.append((doubt.line, (uid, doubt.technology)))
            except LoquetError as error:
                bad.append(BadLine(doubt.line, error))
    return left, said


class _Reader:
    """One line after another."""

    def __init__(self, table: Table, columns: Mapping[int, Meaning]) -> None:
        self.numbers = Numbers(typed=table.typed)
        self.left: list[BadLine] = []
        self._table = table
        width = len(table.headings)
        self._width = None if table.typed else width  # a workbook's cells are no mistake of commas
        self._at = {meaning: index for index, meaning in columns.items()}
        self._ticks = [index for index, meaning in sorted(columns.items()) if meaning is Meaning.TICK]
        counts = sorted(sum(map(bool, row)) for _line, row in table.lines)
        self._usual = counts[len(counts) // 2] if counts else 0
        self._month_first = {
            each: cells.has_month_first(table.column(self._at[each])) for each in _DAYS if each in self._at
        }

    def hold_to_width(self, row: tuple[str, ...]) -> None:
        """Refuse a line with more cells than there are headings. Raises CellError."""
        if self._width is not None and any(row[self._width :]):
            raise CellError(
                N_("{count} cells where the header has {width}; put quotes around a list with commas"),
                count=len(row),
                width=self._width,
            )

    def cell(self, row: tuple[str, ...], meaning: Meaning) -> str:
        """Return what a line has of that meaning; "" where it has nothing. Raises CellError."""
        index = self._at.get(meaning)
        return cells.bounded(row[index]) if index is not None and index < len(row) else ""

    def why_not(self, row: tuple[str, ...]) -> str:
        """Return what of a line says that it is of nobody who is a member; "" where it is of somebody."""
        state, shut = self.cell(row, Meaning.STATE), self.cell(row, Meaning.EXCLUDED)
        if cells.says_ended(state):
            return state
        if cells.says_yes(shut):
            return f"{self._table.headings[self._at[Meaning.EXCLUDED]]}: {shut}"
        filled = [cell for cell in row if cell]
        if cells.is_a_total(filled[0]) or row[: len(self._table.headings)] == self._table.headings:
            return " ".join(filled)
        # A heading between lines, a note: where most say three things and more, that is nobody.
        return filled[0] if len(filled) == 1 and self._usual >= FULL else ""

    def _ticked(self, row: tuple[str, ...]) -> tuple[str, ...]:
        """Return the trainings whose columns are ticked."""
        return tuple(
            self._table.headings[each] for each in self._ticks if each < len(row) and cells.says_yes(row[each])
        )

    def _day(self, row: tuple[str, ...], meaning: Meaning) -> date | None:
        text = self.cell(row, meaning)
        return cells.read_day(cells.day_of_serial(text), month_first=self._month_first.get(meaning, False))

    def _particular(self, line: int, read: Callable[[str], T], row: tuple[str, ...], meaning: Meaning) -> T | None:
        """Return what a cell says that nobody is kept out for: one that says nothing is left out, and told."""
        try:
            return read(self.cell(row, meaning))
        except CellError as error:
            self.left.append(BadLine(line, error))
            return None

    def person(self, line: int, row: tuple[str, ...]) -> Person:
        """Return whom a line is about; its badges are seen, and said once all were. Raises CellError."""
        name = " ".join(filter(None, (self.cell(row, Meaning.FIRST_NAME), self.cell(row, Meaning.NAME))))
        name = " ".join(name.split()) if fold(name) else ""
        member = _visible(self.cell(row, Meaning.MEMBER))
        if not (member or name):
            raise CellError(N_("who is it? give a member id or a name"))
        technology = cells.read_technology(self.cell(row, Meaning.TECHNOLOGY))
        made = Person(
            line,
            member,
            name or None,
            self.cell(row, Meaning.CATEGORY) or None,
            self.cell(row, Meaning.PAYER) or None,
            self._day(row, Meaning.MEMBERSHIP_UNTIL),
            (),
            tuple(dict.fromkeys((*cells.several(self.cell(row, Meaning.TRAININGS)), *self._ticked(row)))),
            self._particular(line, cells.read_level, row, Meaning.LEVEL),
            self._day(row, Meaning.CERTIFIED_UNTIL),
            self._particular(line, cells.read_email, row, Meaning.EMAIL) or "",
            self._particular(line, cells.read_birth_year, row, Meaning.BIRTH),
            self.cell(row, Meaning.COMMUNE)[:MAX_COMMUNE],
        )
        at = self._at.get(Meaning.BADGE)
        is_number = at is not None and (line, at) in self._table.numbers
        self.numbers.add(line, self.cell(row, Meaning.BADGE), technology, is_number=is_number)
        return made


def _visible(text: str) -> str:
    """Return an id without what nobody sees; a slash, which no id of ours has, is a hyphen (2026/017)."""
    return "".join(letter for letter in text if letter.isprintable()).strip().replace("/", "-")


def unread(table: Table, columns: Collection[int], trainings: Collection[str]) -> tuple[Unread, ...]:
    """Return the columns that nobody reads. trainings: the words, folded, by which trainings are known."""
    width = max([len(table.headings), *(len(row) for _line, row in table.lines[:1_000])])
    found = []
    for index in range(width):
        values = [] if index in columns else list(table.column(index))[:2_000]
        if index not in columns and (values or (index < len(table.headings) and table.headings[index])):
            name = named(table.headings, index)
            found.append(Unread(name, "trainings" if fold(name) in trainings else _holds(values, trainings)))
    return tuple(found)


def _holds(values: list[str], trainings: Collection[str]) -> str:
    if sum(cells.is_a_day(value) for value in values) > len(values) // 3:
        return "days"
    if any(fold(each) in trainings for value in values for each in cells.several(value)):
        return "trainings"
    return "badges" if len(values) > 1 and holds_badges([each for each in values if not each.isdigit()]) else ""
