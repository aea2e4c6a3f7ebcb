"""The whitelist in memory, as each controller is to see it: what is new since its version, and the digest of it all.

A controller sees all badges, the members behind them without names, and with names those certified for its machines;
of trainings, machines and certifications its own. Views are shared by controllers with the same machines. Owned by
one thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from protocol.digest import row_hash
from protocol.whitelist import (
    AnyRow,
    Badge,
    Certification,
    ForcedEnd,
    Hours,
    Machine,
    Member,
    Training,
    Whitelist,
    decode_row,
    encode_row,
)

REMEMBERED: Final = 20_000  # changes; whoever missed more gets the whole
MANY: Final = 2_000  # changes at once, past which views are made anew instead of kept up

Step = tuple[int, str, str | None]  # version, key, the row after it


class Feed:
    """All rows, and the changes that led to them."""

    def __init__(self, rows: Iterable[AnyRow], version: int, recent: Iterable[tuple[int, str]] = ()) -> None:
        """Begin with what is in force; recent: the changes that led there, oldest first."""
        self.whitelist = Whitelist(rows, version)
        self._log: deque[tuple[int, str]] = deque(recent, REMEMBERED)
        self._by_training: dict[str, dict[str, Certification]] = {}
        for row in self.whitelist.certifications.values():
            self._by_training.setdefault(row.training, {})[row.member] = row
        self._common = sum(_hash(row) for row in self._shared())
        self._views: dict[frozenset[str], View] = {}

    @property
    def version(self) -> int:
        """The version of the list."""
        return self.whitelist.version

    def _shared(self) -> Iterator[AnyRow]:
        for member in self.whitelist.members.values():
            yield nameless(member)
        yield from self.whitelist.badges.values()
        yield from self.whitelist.hours.values()

    def apply(self, steps: list[Step], version: int) -> None:
        """Take up what was changed, in order."""
        if len(steps) > MANY:
            self._views.clear()
        for number, key, after in steps:
            row = None if after is None else decode_row(after)
            self._apply(key, row)
            self._log.append((number, key))
        self.whitelist.version = version

    def _apply(self, key: str, row: AnyRow | None) -> None:
        old = self.find(key)
        if old == row:
            return
        if isinstance(old, Machine) or isinstance(row, Machine):
            machine = key.partition("/")[2]
            # What a machine asks for decides who is seen with a name there: its views are made anew.
            self._views = {of: view for of, view in self._views.items() if machine not in of}
        # Each view's digest loses what the row was worth in it before, and gains what it is worth after: a change costs
        # what it changes, however long the list is.
        before = [(view, view.share(old, key)) for view in self._views.values()]
        self._common += _shared_hash(row) - _shared_hash(old)
        if row is not None:
            self.whitelist.put(row)
        elif old is not None:
            self.whitelist.drop(old)
        self._index(old, row)
        for view, share in before:
            view.digest += view.share(row, key) - share

    def _index(self, old: AnyRow | None, row: AnyRow | None) -> None:
        if isinstance(old, Certification) and row is None:
            self._by_training.get(old.training, {}).pop(old.member, None)
        if isinstance(row, Certification):
            self._by_training.setdefault(row.training, {})[row.member] = row

    def find(self, key: str) -> AnyRow | None:
        """Return a row by its key."""
        kind, _, name = key.partition("/")
        whitelist = self.whitelist
        match kind:
            case "member":
                return whitelist.members.get(name)
            case "badge":
                return whitelist.badges.get(name)
            case "training":
                return whitelist.trainings.get(name)
            case "machine":
                return whitelist.machines.get(name)
            case "certification":
                member, _, training = name.rpartition("/")
                return whitelist.certifications.get((member, training))
            case "hours":
                return whitelist.hours.get(name)
            case "cut":
                return whitelist.forced_ends.get(key)
        return None

    def certified(self, training: str) -> dict[str, Certification]:
        """Return who has a training."""
        return self._by_training.get(training, {})

    def digest(self, machines: frozenset[str]) -> int:
        """Return the digest of what the controller of these machines sees."""
        return self._common + self._view(machines).digest

    def _view(self, machines: frozenset[str]) -> View:
        view = self._views.get(machines)
        if view is None:
            view = self._views[machines] = View(self, machines)
        return view

    def whole(self, machines: frozenset[str]) -> Iterator[AnyRow]:
        """Return all that the controller of these machines sees."""
        view = self._view(machines)
        yield from (row for row in self.whitelist.trainings.values() if row.id in view.trainings)
        yield from (row for row in self.whitelist.machines.values() if row.id in machines)
        for member in self.whitelist.members.values():
            yield view.seen(member) or member
        yield from self.whitelist.badges.values()
        for training in sorted(view.trainings):
            yield from self.certified(training).values()
        yield from self.whitelist.hours.values()
        yield from (row for row in self.whitelist.forced_ends.values() if row.machine in machines)

    def since(self, base: int, machines: frozenset[str]) -> tuple[list[AnyRow], list[str]] | None:
        """Return what changed after a version: rows to put, keys to drop; None where that is forgotten."""
        if base > self.version or (base < self.version and (not self._log or self._log[0][0] > base + 1)):
            return None
        view = self._view(machines)
        keys: dict[str, None] = {}
        for number, key in reversed(self._log):
            if number <= base:
                break
            keys[key] = None
            if key.startswith("certification/"):
                # A certification shows or hides the member's name.
                keys[f"member/{key.partition('/')[2].rpartition('/')[0]}"] = None
        put, drop = [], []
        for key in keys:
            if not view.concerns(key):
                continue
            row = self.find(key)
            seen = None if row is None else view.seen(row)
            if seen is None:
                drop.append(key)
            else:
                put.append(seen)
        return put, drop


class View:
    """What the controllers of some machines see beyond what all see; digest: the sum of it."""

    def __init__(self, feed: Feed, machines: frozenset[str]) -> None:
        self._feed = feed
        self.machines = machines
        found = feed.whitelist.machines
        self.trainings = frozenset(t for machine in machines if machine in found for t in found[machine].trainings)
        self.digest = sum(_hash(row) for row in self._own())
        self.digest += sum(self._named(member) for member in self._certified())

    def _own(self) -> Iterator[AnyRow]:
        whitelist = self._feed.whitelist
        yield from (row for row in whitelist.trainings.values() if row.id in self.trainings)
        yield from (row for row in whitelist.machines.values() if row.id in self.machines)
        yield from (row for row in whitelist.forced_ends.values() if row.machine in self.machines)
        for training in self.trainings:
            yield from self._feed.certified(training).values()

    def _certified(self) -> set[str]:
        return {member for training in self.trainings for member in self._feed.certified(training)}

    def is_certified(self, member: str) -> bool:
        """Return whether somebody is certified for any of these machines."""
        return any(member in self._feed.certified(training) for training in self.trainings)

    def _named(self, name: str) -> int:
        """Return what a name adds to the digest."""
        member = self._feed.whitelist.members.get(name)
        return 0 if member is None else _hash(member) - _hash(nameless(member))

    def concerns(self, key: str) -> bool:
        """Return whether a key may ever be seen here."""
        kind, _, name = key.partition("/")
        match kind:
            case "training":
                return name in self.trainings
            case "certification":
                return name.rpartition("/")[2] in self.trainings
            case "machine":
                return name in self.machines
            case "cut":
                return name.split("/", 1)[0] in self.machines
        return True

    def seen(self, row: AnyRow) -> AnyRow | None:
        """Return a row as it is seen here."""
        match row:
            case Member():
                return row if self.is_certified(row.id) else nameless(row)
            case Badge() | Hours():
                return row
        return row if self.concerns(row.key) else None

    def share(self, row: AnyRow | None, key: str) -> int:
        """Return what a row adds to this view's own digest, as things stand now; with a certification, its name too."""
        match row:
            case Member():
                return self._named(row.id) if self.is_certified(row.id) else 0
            case Training() | Machine() | ForcedEnd():
                return _hash(row) if self.concerns(key) else 0
            case Certification() | None if key.startswith("certification/"):
                if not self.concerns(key):
                    return 0
                member = key.partition("/")[2].rpartition("/")[0]
                name = self._named(member) if self.is_certified(member) else 0
                return name + (0 if row is None else _hash(row))
        return 0


def nameless(member: Member) -> Member:
    """Return a member as those see it who have no business with the name."""
    return msgspec.structs.replace(member, name="", payer="") if member.name or member.payer else member


def _hash(row: AnyRow) -> int:
    return row_hash(encode_row(row))


def _shared_hash(row: AnyRow | None) -> int:
    match row:
        case Member():
            return _hash(nameless(row))
        case Badge() | Hours():
            return _hash(row)
    return 0
