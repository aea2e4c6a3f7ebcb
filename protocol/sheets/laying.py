"""What a sheet says, laid over what is there: rows of the whitelist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

import msgspec

from common.errors import LoquetError
from common.texts import N_
from protocol.rows import Badge, Certification, Member, Row, checked
from protocol.sheets.badges import Number
from protocol.sheets.errors import BadLine, CellError
from protocol.sheets.matching import Members, Trainings, words
from protocol.sheets.people import Person
from protocol.whitelist import Whitelist


class Laid(msgspec.Struct, frozen=True):
    """The rows that a sheet comes to; bad: lines that say what cannot be; who: by line, whom it is about."""

    rows: tuple[Row, ...]
    bad: tuple[BadLine, ...]
    who: dict[int, str]


def lay(
    people: tuple[Person, ...],
    hashes: Mapping[Number, str],
    before: Whitelist,
    members: Members,
    trainings: Trainings,
) -> Laid:
    """Return what the sheet says laid over what was *before*.

    What it does not say stays: a name, an end, a level, an exclusion, a blocked badge. A badge does not change hands.
    """
    layer = _Layer(hashes, before, members, trainings)
    bad: list[BadLine] = []
    for person in people:
        try:
            layer.add(person)
        except LoquetError as error:
            bad.append(BadLine(person.line, error))
    return Laid(tuple(layer.found.values()), tuple(bad), layer.who)


def _later(one: date | None, other: date | None, old: date | None) -> date | None:
    """Return the later of two ends that lines say; one that stands as it was says nothing."""
    said = [each for each in (one, other) if each != old]
    return old if not said else one if one == other else max((each for each in said if each is not None), default=old)


class _Layer:
    """The rows that a sheet comes to; what two lines say differently is an error."""

    def __init__(self, hashes: Mapping[Number, str], before: Whitelist, members: Members, trainings: Trainings) -> None:
        self.found: dict[str, Row] = {}
        self.who: dict[int, str] = {}
        self._hashes = hashes
        self._before = before
        self._members = members
        self._trainings = trainings
        self._lines: dict[str, int] = {}

    def add(self, person: Person) -> None:
        """Lay what a line says over what is there, all of it or nothing. Raises LoquetError."""
        member = self._members.of(person)
        rows = [checked(row) for row in self._rows(person, member)]
        laid = {row.key: self._over(row) for row in rows}
        for key, row in laid.items():
            self.found[key] = row
            self._lines.setdefault(key, person.line)
        self.who[person.line] = member

    def _over(self, row: Row) -> Row:
        """Return a row with what other lines say of the same. Raises CellError where that cannot be one."""
        said = self.found.get(row.key)
        old = self._before.find(row.key)
        if said is None or said == row:
            return row
        match said, row:
            case Member(), Member() if words(said.name) == words(row.name):
                later = _later(said.until, row.until, old.until if isinstance(old, Member) else None)
                newer, other = (row, said) if later == row.until else (said, row)
                more = {"category": newer.category or other.category, "payer": newer.payer or other.payer}
                return msgspec.structs.replace(said, until=later, **more)
            case Certification(), Certification():
                later = _later(said.until, row.until, old.until if isinstance(old, Certification) else None)
                return msgspec.structs.replace(said, level=max(said.level, row.level), until=later)
        raise CellError(
            N_("this badge stands on line {other} too, for somebody else; keep one of them")
            if isinstance(row, Badge)
            else N_("line {other} says something else of the same; keep one of them"),
            other=self._lines[row.key],
        )

    def _rows(self, person: Person, member: str) -> Iterator[Row]:
        old = self._before.members.get(member) or Member(member)
        # Whoever is found by the name has it already, in the letters in which it stands here.
        name = person.name if person.member or not old.name else None
        changes = {"name": name, "category": person.category, "payer": person.payer, "until": person.until}
        yield msgspec.structs.replace(old, **{key: value for key, value in changes.items() if value is not None})
        for card in person.badges:
            badge = self._before.badges.get(self._hashes[card]) or Badge(self._hashes[card], member)
            if badge.member != member:
                raise CellError(N_("this badge is {owner}'s already; take it away there first"), owner=badge.member)
            yield badge
        for word in person.trainings:
            training = self._trainings.of(word)
            if training is not None:
                yield self._before.trainings.get(training.id) or training
                held = self._before.certification(member, training.id) or Certification(member, training.id)
                given = {"level": person.level, "until": person.certified_until}
                yield msgspec.structs.replace(held, **{k: value for k, value in given.items() if value is not None})
