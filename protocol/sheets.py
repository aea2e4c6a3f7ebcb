"""Member lists as people keep them: a plain CSV, and the one that Fab-manager exports.

As French Excel writes them too: semicolons, a byte-order mark or cp1252, dd/mm/yyyy. All or nothing: every
bad line is named with its number, and nothing is taken from a sheet that has one.

The plain CSV has a header line; columns are known by English or French names, in any order:
badge, technology, member, name, category, trainings, level, membership_until, certified_until.
"""

from __future__ import annotations

import csv
import io
import re
import tomllib
import unicodedata
from collections.abc import Iterator
from datetime import date
from typing import Final

import msgspec

from common.errors import LoquetError
from common.texts import N_, NP_
from protocol.badge import Technology, UidError, is_printed, made_by_a_spreadsheet, parse_uid, reads_as_a_number
from protocol.rows import Badge, Certification, Level, Member, Row, Training, checked
from protocol.whitelist import Whitelist

MAX_BYTES: Final = 64 * 1024 * 1024
MAX_LINES: Final = 250_000
MAX_CELL: Final = 4_096
MAX_ERRORS: Final = 50

COLUMNS: Final = {
    "badge": ("badge", "badges", "uid", "carte", "card"),
    "technology": ("technology", "technologie"),
    "member": ("member", "membre", "id", "identifiant", "numero"),
    "name": ("name", "nom", "nom complet", "last_name"),
    "first_name": ("first_name", "prenom"),
    "category": ("category", "categorie", "group", "groupe"),
    "trainings": ("trainings", "training", "formations", "formation"),
    "level": ("level", "niveau"),
    "membership_until": ("membership_until", "fin adhesion", "fin d'adhesion", "adhesion jusqu'au"),
    "certified_until": ("certified_until", "fin formation", "valable jusqu'au"),
}
FAB_MANAGER: Final = {"id", "first_name", "last_name", "external_id", "trainings"}
LEVELS: Final = {
    "supervised": Level.SUPERVISED, "accompagne": Level.SUPERVISED,
    "user": Level.USER, "usager": Level.USER, "utilisateur": Level.USER,
    "trainer": Level.TRAINER, "formateur": Level.TRAINER,
    "maintainer": Level.MAINTAINER, "mainteneur": Level.MAINTAINER, "maintenance": Level.MAINTAINER,
}  # fmt: skip

Numbers = tuple[tuple[bytes, str], ...]


class BadLine(msgspec.Struct, frozen=True):
    """What is wrong with one line of a sheet."""

    line: int
    error: LoquetError


class SheetError(LoquetError, ValueError):
    """A sheet that cannot be read; `lines` names each bad line."""

    def __init__(self, template: str, lines: tuple[BadLine, ...] = (), **parameters: object) -> None:
        super().__init__(template, **parameters)
        self.lines = lines


class CellError(LoquetError, ValueError):
    """What is wrong with one cell."""


def decode(raw: bytes) -> str:
    """Return a sheet's text: UTF-8 with or without its mark, UTF-16 with it, else cp1252."""
    if len(raw) > MAX_BYTES:
        raise SheetError(N_("the file is larger than 64 MB: is it a member list?"))
    marked = raw[:2] in {b"\xff\xfe", b"\xfe\xff"}
    for encoding in ["utf-16"] if marked else ["utf-8-sig", "cp1252"]:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise SheetError(N_("the file is not text: save it from the spreadsheet as CSV"))


class Person(msgspec.Struct, frozen=True):
    """What one line says of one person; None where it says nothing. badges: numbers with their technology."""

    line: int
    member: str
    name: str | None = None
    category: str | None = None
    until: date | None = None
    badges: Numbers = ()
    trainings: tuple[str, ...] = ()
    level: Level | None = None
    certified_until: date | None = None


class Sheet(msgspec.Struct, frozen=True):
    """A sheet that was read: its people, and the columns that nobody reads."""

    people: tuple[Person, ...]
    unread: tuple[str, ...] = ()

    @property
    def cards(self) -> Numbers:
        """Every badge that it names, once."""
        return tuple(dict.fromkeys(card for person in self.people for card in person.badges))

    def rows(self, hashes: dict[tuple[bytes, str], str], before: Whitelist) -> list[Row]:
        """Return whitelist rows: what the sheet says laid over what was *before*. Raises SheetError.

        What it does not say stays: a name, an end, a level, an exclusion, a blocked badge. A badge does not
        change hands.
        """
        rows = _Rows()
        bad: list[BadLine] = []
        for person in self.people:
            try:
                for row in _rows_of(person, hashes, before):
                    rows.add(checked(row), person.line)
            except LoquetError as error:
                bad.append(BadLine(person.line, error))
        _none_bad(bad)
        return list(rows.found.values())


def _rows_of(person: Person, hashes: dict[tuple[bytes, str], str], before: Whitelist) -> Iterator[Row]:
    old = before.members.get(person.member) or Member(person.member)
    changes = {"name": person.name, "category": person.category, "until": person.until}
    yield msgspec.structs.replace(old, **{key: value for key, value in changes.items() if value is not None})
    for card in person.badges:
        badge = before.badges.get(hashes[card]) or Badge(hashes[card], person.member)
        if badge.member != person.member:
            raise CellError(
                N_("this badge is {owner}'s already; take it away first: loquet whitelist revoke {owner} --badge UID"),
                owner=badge.member,
            )
        yield badge
    for training in person.trainings:
        yield before.trainings.get(training) or Training(training)
        held = before.certification(person.member, training) or Certification(person.member, training)
        given = {"level": person.level, "until": person.certified_until}
        yield msgspec.structs.replace(held, **{key: value for key, value in given.items() if value is not None})


def read(raw: bytes, mapping: dict[str, str] | None = None) -> Sheet:
    """Read a sheet. Raises SheetError, which names each bad line.

    mapping: Fab-manager's numbers of trainings to our ids; one that it lacks is an error.
    """
    lines = _table(decode(raw))
    try:
        number, header = next(lines)
    except StopIteration:
        raise SheetError(N_("the file is empty: a header line is expected")) from None
    names = [_plain(name) for name in header]
    if set(names) >= FAB_MANAGER:
        return Sheet(_people(lines, len(header), _FabManager(names, mapping or {})))
    columns = {ours: index for ours, known in COLUMNS.items() for index, name in enumerate(names) if name in known}
    if "badge" not in columns and "member" not in columns:
        raise SheetError(
            N_("line {line}: no column is named badge or member; the columns are known by their names: {names}"),
            line=number,
            names=", ".join(COLUMNS),
        )
    unread = tuple(name for index, name in enumerate(header) if name and index not in columns.values())
    return Sheet(_people(lines, len(header), _Plain(columns)), unread)


def read_mapping(raw: bytes) -> dict[str, str]:
    """Read the small file that names Fab-manager's trainings: lines as `12 = "laser"`. Raises SheetError."""
    try:
        document = tomllib.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SheetError(N_('the trainings file has lines as 12 = "laser": {error}'), error=error) from error
    for key, value in document.items():
        if not isinstance(value, str) or not value:
            raise SheetError(
                N_('the trainings file: {key} is to be followed by an id in quotes, as 12 = "laser"'), key=key
            )
    return document


def _table(text: str) -> Iterator[tuple[int, list[str]]]:
    """Return (line number, cells) of each line that is not empty; the separator is the header's most frequent."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(";,\t", key=header.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            raise SheetError(
                N_("line {line}: the quotes do not match ({error})"), line=rows.line_num, error=error
            ) from error
        if rows.line_num > MAX_LINES:
            raise SheetError(N_("the sheet has more than {most} lines"), most=MAX_LINES)
        if any(cell.strip() for cell in row):
            yield rows.line_num, [cell.strip() for cell in row]


def _plain(text: str) -> str:
    """Return a header without accents, case or surrounding space."""
    bare = unicodedata.normalize("NFKD", text.strip().lower().replace("’", "'"))
    return "".join(letter for letter in bare if not unicodedata.combining(letter))


class _Rows:
    """The rows that a sheet comes to; what two lines say differently is an error."""

    def __init__(self) -> None:
        self.found: dict[str, Row] = {}
        self._lines: dict[str, int] = {}

    def add(self, row: Row, line: int) -> None:
        if self.found.setdefault(row.key, row) != row:
            raise CellError(
                N_("this badge stands on line {other} too, for somebody else; keep one of them")
                if isinstance(row, Badge)
                else N_("{key} stands differently on line {other}; keep one of them"),
                key=row.key,
                other=self._lines[row.key],
            )
        self._lines.setdefault(row.key, line)


def _people(lines: Iterator[tuple[int, list[str]]], width: int, kind: _Plain | _FabManager) -> tuple[Person, ...]:
    people: list[Person] = []
    bad: list[BadLine] = []
    for number, cells in lines:
        try:
            if any(cells[width:]):
                raise CellError(
                    N_("{count} cells where the header has {width}; put quotes around a list with commas"),
                    count=len(cells),
                    width=width,
                )
            people.append(kind.person(number, cells))
        except LoquetError as error:
            bad.append(BadLine(number, error))
    _none_bad(sorted([*bad, *kind.numbers.doubted(bad)], key=lambda each: each.line))
    return tuple(people)


def _none_bad(bad: list[BadLine]) -> None:
    if bad:
        raise SheetError(
            NP_("nothing was imported: {count} line needs a look", "nothing was imported: {count} lines need a look"),
            tuple(bad[:MAX_ERRORS]),
            count=len(bad),
        )


class _Numbers:
    """The badges of a sheet. One that a spreadsheet would read as a number counts where others show that none did."""

    def __init__(self) -> None:
        self._doubtful: list[BadLine] = []
        self._is_sound = False

    def read(self, text: str, technology: Technology, line: int) -> bytes:
        """Read one. Raises UidError."""
        uid = parse_uid(text, technology)
        if reads_as_a_number(text):
            self._doubtful.append(BadLine(line, made_by_a_spreadsheet(text)))
        else:
            self._is_sound = True
        return uid

    def doubted(self, bad: list[BadLine]) -> list[BadLine]:
        """Return the lines with such numbers, where one was changed, or all are such."""
        changed = any(isinstance(each.error, UidError) for each in bad)
        return self._doubtful if changed or not self._is_sound else []


class _Plain:
    """One line of the plain CSV."""

    def __init__(self, columns: dict[str, int]) -> None:
        self.numbers = _Numbers()
        self._columns = columns
        self._named: dict[str, int] = {}

    def person(self, line: int, cells: list[str]) -> Person:
        def cell(name: str) -> str:
            index = self._columns.get(name)
            return _bounded(cells[index]) if index is not None and index < len(cells) else ""

        name = " ".join(filter(None, (cell("first_name"), cell("name"))))
        technology = read_technology(cell("technology"))
        said = cell("badge")
        parts = [said] if is_printed(said) else re.split(r",(?!\d+E[+-]?\d)|[|]", said)
        badges = [part for part in parts if part.strip()]
        return Person(
            line,
            cell("member") or self._named_alone(name, line),
            name or None,
            cell("category") or None,
            read_day(cell("membership_until")),
            tuple((self.numbers.read(badge, technology, line), technology.value) for badge in badges),
            tuple(filter(None, map(str.strip, cell("trainings").split(",")))),
            read_level(cell("level")),
            read_day(cell("certified_until")),
        )

    def _named_alone(self, name: str, line: int) -> str:
        """Make an id of a name that no other line bears: two people may share one."""
        member = _slug(name)
        if not member:
            raise CellError(N_("who is it? give a member id or a name"))
        other = self._named.setdefault(member, line)
        if other != line:
            raise CellError(
                N_("line {other} bears the same name; add a column member with an id for each person"), other=other
            )
        return member


class _FabManager:
    """One line of Fab-manager's member export: trainings by number, at most one badge in `external_id`."""

    def __init__(self, names: list[str], mapping: dict[str, str]) -> None:
        self.numbers = _Numbers()
        self._columns = {name: index for index, name in enumerate(names)}
        self._mapping = mapping

    def person(self, line: int, cells: list[str]) -> Person:
        def cell(name: str) -> str:
            index = self._columns.get(name, len(cells))
            return _bounded(cells[index]) if index < len(cells) else ""

        if not cell("id"):
            raise CellError(N_("the column id is empty"))
        trainings = tuple(filter(None, map(str.strip, cell("trainings").split(","))))
        for number in trainings:
            if number not in self._mapping:
                raise CellError(
                    N_('Fab-manager\'s training {number} has no name here; add {number} = "…" to --trainings'),
                    number=number,
                )
        badge = cell("external_id")
        technology = Technology.ISO14443A
        return Person(
            line,
            cell("id"),
            f"{cell('first_name')} {cell('last_name')}".strip() or None,
            cell("group") or None,
            badges=((self.numbers.read(badge, technology, line), technology.value),) if badge else (),
            trainings=tuple(self._mapping[number] for number in trainings),
        )


def _bounded(value: str) -> str:
    if len(value) > MAX_CELL:
        raise CellError(N_("a cell has more than {most} characters"), most=MAX_CELL)
    return value


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", _plain(name)).strip("-")[:64]


def read_day(text: str) -> date | None:
    """Read 2027-03-31 or 31/03/2027; nothing for an empty cell. Raises CellError."""
    if not text:
        return None
    french = re.fullmatch(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})", text)
    try:
        if french:
            return date(int(french[3]), int(french[2]), int(french[1]))
        return date.fromisoformat(text[:10]) if re.fullmatch(r"\d{4}-\d\d-\d\d([ T].*)?", text) else _no_day(text)
    except ValueError:
        return _no_day(text)


def _no_day(text: str) -> date:
    raise CellError(N_('"{text}" is not a day; write 31/03/2027 or 2027-03-31'), text=text[:40])


def read_level(text: str) -> Level | None:
    """Read a level by its English or French word; None for an empty cell. Raises CellError."""
    word = _plain(text)
    if word and word not in LEVELS:
        raise CellError(N_('"{text}" is not a level; there are: supervised, user, trainer, maintainer'), text=text[:40])
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
