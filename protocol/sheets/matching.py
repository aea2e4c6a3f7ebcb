"""Whom and what a sheet means, of what is there: without regard to case, accents and what nobody sees."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from common.folding import fold
from common.texts import N_
from protocol.rows import Training
from protocol.sheets.errors import CellError
from protocol.sheets.people import Person
from protocol.whitelist import Whitelist

_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
NAMED: Final = 3  # of several people of one name, so many are named
MOST_ID: Final = 64

Fresh = Callable[[int], str]


class Members:
    """The members that are there, and those whom a sheet brings.

    resolve: the id that somebody has by now who is known under another one. fresh: makes the id of whoever has none,
    by the line that is about them.
    """

    def __init__(self, before: Whitelist, fresh: Fresh, resolve: Callable[[str], str] = str) -> None:
        self._before = before
        self._fresh = fresh
        self._resolve = resolve
        self._by_id: dict[str, list[str]] = defaultdict(list)
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._lines: dict[str, int] = {}  # of names alone: two people may bear one
        self.made: list[str] = []
        for member in before.members.values():
            self._by_id[fold(member.id)].append(member.id)
            self._by_name[_words(member.name)].append(member.id)

    def of(self, person: Person) -> str:
        """Return the id of whom a line is about. Raises CellError where that may be several."""
        return self._known(person.member) if person.member else self._named(person)

    def _known(self, said: str) -> str:
        """Return whose id somebody wrote; one that nobody has is a new one's."""
        found = self._resolve(said)
        if found in self._before.members:
            return found
        same = self._by_id.get(fold(said), ())
        if len(same) > 1:
            raise CellError(
                N_('several members have an id like "{said}": {ids}; write it exactly'),
                said=said[:40],
                ids=", ".join(same[:NAMED]),
            )
        if same:
            return same[0]
        self._by_id[fold(said)].append(said)
        return said

    def _named(self, person: Person) -> str:
        name = _words(person.name or "")
        if not name:
            raise CellError(N_("who is it? give a member id or a name"))
        other = self._lines.setdefault(name, person.line)
        if other != person.line:
            raise CellError(
                N_("line {other} bears the same name; add a column member with an id for each person"), other=other
            )
        found = self._by_name.get(name, ())
        if len(found) > 1:
            raise CellError(
                N_("several members are called {name}: {ids}; add a column member with their ids"),
                name=(person.name or "")[:60],
                ids=", ".join(found[:NAMED]),
            )
        if found:
            return found[0]
        made = self._fresh(person.line)
        self.made.append(made)
        return made


def _words(name: str) -> str:
    """Return a name's words in an order of their own: DUPRÉ Zoé is Zoé Dupré."""
    return " ".join(sorted(fold(name).split()))


class Trainings:
    """The trainings that are there, and those that a sheet brings.

    said: by words, the id of the training that a person says is meant, "" for none.
    """

    def __init__(self, known: Iterable[Training], said: Mapping[str, str], *, may_make: Callable[[str], bool]) -> None:
        self._known: dict[str, Training] = {}
        self._may_make = may_make
        self._ids = set()
        for each in known:
            self._ids.add(each.id)
            self._known.setdefault(fold(each.id), each)
        for each in self._known.copy().values():
            self._known.setdefault(fold(each.name), each)
        by_id = {each.id: each for each in self._known.values()}
        self._said = {fold(word): by_id.get(id_) for word, id_ in said.items()}
        self.made: list[Training] = []
        self.unknown: dict[str, int] = defaultdict(int)  # by word, how often it stands there
        self._words: dict[str, str] = {}

    @property
    def words(self) -> frozenset[str]:
        """The words, folded, by which trainings are known."""
        return frozenset(self._known) - {""}

    def known(self, folded: str) -> Training | None:
        """Return the training that is known by a folded word."""
        return self._known.get(folded)

    def of(self, word: str) -> Training | None:
        """Return which training a word means, a new one where it may be made; None where it is left out."""
        folded = fold(word)
        if folded in self._said:
            return self._said[folded]
        if folded in self._known:
            if folded in self._words:
                self.unknown[self._words[folded]] += 1
            return self._known[folded]
        self.unknown[self._words.setdefault(folded, word)] += 1
        if not self._may_make(word):
            return None
        made = Training(word) if _ID.fullmatch(word) else Training(self._new_id(folded), word)
        self._ids.add(made.id)
        self._known[folded] = made
        self.made.append(made)
        return made

    def _new_id(self, folded: str) -> str:
        base = re.sub(r"[^a-z0-9]+", "-", folded).strip("-")[:50] or "training"
        found, count = base, 1
        while found in self._ids:
            count += 1
            found = f"{base}-{count}"
        return found
