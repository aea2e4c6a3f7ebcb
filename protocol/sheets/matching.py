"""Whom and what a sheet means, of what is there: without regard to case, accents and what nobody sees."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from common.folding import fold
from common.texts import N_
from protocol.rows import Training
from protocol.sheets.cells import is_a_tick
from protocol.sheets.errors import CellError
from protocol.sheets.people import Person
from protocol.whitelist import Whitelist

_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_TITLES: Final = frozenset({"m", "mr", "mme", "mlle", "mrs", "ms", "dr", "monsieur", "madame", "mademoiselle"})
NAMED: Final = 3  # of several people of one name, so many are named
LONGEST: Final = 200  # letters of a training's name

Fresh = Callable[[int], str]


class StrangerError(CellError):
    """A line whose id is somebody's who is called otherwise: perhaps the column is none of ids."""


def words(name: str) -> str:
    """Return a name's words in an order of their own: "M. DUPRÉ Jean-Luc" is Jean Luc Dupré."""
    found = re.split(r"[\s\-'.]+", fold(name))
    return " ".join(sorted(each for each in found if each not in _TITLES)).strip()


class Members:
    """The members that are there, and those whom a sheet brings.

    known_as: ids, exact or folded, of somebody who has another one by now. fresh: makes the id of whoever has none, by
    the line that is about them. same: lines of which a person says that they are of whoever seems to be meant.
    """

    def __init__(
        self,
        before: Whitelist,
        fresh: Fresh,
        known_as: Mapping[str, str] | None = None,
        same: Collection[int] = (),
    ) -> None:
        self._before = before
        self._fresh = fresh
        self._known_as = known_as or {}
        self._same = same
        self._by_id: dict[str, list[str]] = defaultdict(list)
        self._by_number: dict[int, list[str]] = defaultdict(list)
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._lines: dict[str, tuple[Person, str]] = {}  # of names alone: two people may bear one
        self.made: list[str] = []
        self.strangers: list[int] = []
        self.namesakes: dict[int, str] = {}
        for member in before.members.values():
            self._by_id[fold(member.id)].append(member.id)
            self._by_name[words(member.name)].append(member.id)
            if member.id.isascii() and member.id.isdigit():
                self._by_number[int(member.id)].append(member.id)

    def of(self, person: Person) -> str:
        """Return the id of whom a line is about. Raises CellError where that may be several, or somebody else."""
        if not person.member:
            return self._named(person)
        found = self._known(person.member)
        if found not in self._before.members:
            return self._perhaps(person, found)
        here, said = words(self._before.members[found].name), words(person.name or "")
        if here and said and not set(here.split()) & set(said.split()) and person.line not in self._same:
            self.strangers.append(person.line)
            raise StrangerError(
                N_('the id "{id}" is {here}\'s here, and the line says {said}: is it one person?'),
                id=found,
                here=self._before.members[found].name[:60],
                said=(person.name or "")[:60],
            )
        return found

    def _known(self, said: str) -> str:
        """Return whose id somebody wrote; one that nobody has is a new one's."""
        found = self._known_as.get(said) or said
        if found in self._before.members:
            return found
        same = self._by_id.get(fold(said), ())
        if not same and said.isascii() and said.isdigit():
            same = self._by_number.get(int(said), ())  # a spreadsheet took the zeros before it
        if len(same) > 1:
            raise CellError(
                N_('several members have an id like "{said}": {ids}; write it exactly'),
                said=said[:40],
                ids=", ".join(same[:NAMED]),
            )
        if same:
            return same[0]
        return self._known_as.get(fold(said)) or said

    def _perhaps(self, person: Person, made: str) -> str:
        """Return the id of somebody new, unless it is said that they are whoever bears their name."""
        here = self._by_name.get(words(person.name or ""), ())
        if here and len(here) == 1 and words(person.name or ""):
            self.namesakes[person.line] = here[0]
            if person.line in self._same:
                return here[0]
        if made not in self._by_id[fold(made)]:
            self._by_id[fold(made)].append(made)
        return made

    def _named(self, person: Person) -> str:
        name = words(person.name or "")
        if not name:
            raise CellError(N_("who is it? give a member id or a name"))
        if name in self._lines:
            other, id_ = self._lines[name]
            if person.email and fold(person.email) == fold(other.email):
                return id_
            raise CellError(
                N_("line {other} bears the same name; add a column member with an id for each person"),
                other=other.line,
            )
        found = self._by_name.get(name, ())
        if len(found) > 1:
            raise CellError(
                N_("several members are called {name}: {ids}; add a column member with their ids"),
                name=(person.name or "")[:60],
                ids=", ".join(found[:NAMED]),
            )
        made = found[0] if found else self._fresh(person.line)
        self._lines[name] = person, made
        if not found:
            self.made.append(made)
        return made


class Trainings:
    """The trainings that are there, and those that a sheet brings.

    said: by words, the id of the training that a person says is meant, "" for none; one that is gone says nothing.
    """

    def __init__(self, known: Iterable[Training], said: Mapping[str, str], *, may_make: Callable[[str], bool]) -> None:
        self._known: dict[str, Training] = {}
        self._may_make = may_make
        found = list(known)
        self._ids = {each.id for each in found}
        for each in found:
            self._known.setdefault(fold(each.id), each)
        for each in found:
            self._known.setdefault(fold(each.name), each)
        self.words = frozenset(self._known) - {""}  # folded, by which trainings are known
        by_id = {each.id: each for each in found}
        self._said = {fold(word): by_id.get(id_) for word, id_ in said.items() if not id_ or id_ in by_id}
        self.made: dict[str, Training] = {}  # by the word, folded
        self.unknown: dict[str, int] = defaultdict(int)  # by word, how often it stands there
        self._words: dict[str, str] = {}

    def known(self, folded: str) -> Training | None:
        """Return the training that is known by a folded word."""
        return self._known.get(folded)

    def of(self, word: str) -> Training | None:
        """Return which training a word means, a new one where it may be made; None where it is left out."""
        folded = fold(word)
        if folded not in self.words or folded in self._said:
            self.unknown[self._words.setdefault(folded, word)] += 1
        if folded in self._said:
            return self._said[folded]
        if folded in self._known:
            return self._known[folded]
        if is_a_tick(word) or len(word) > LONGEST or not self._may_make(word):
            return None
        made = Training(word) if _ID.fullmatch(word) else Training(self._new_id(folded), word)
        self._ids.add(made.id)
        self._known[folded] = self.made[folded] = made
        return made

    def _new_id(self, folded: str) -> str:
        base = re.sub(r"[^a-z0-9]+", "-", folded).strip("-")[:50] or "training"
        found, count = base, 1
        while found in self._ids:
            count += 1
            found = f"{base}-{count}"
        return found
