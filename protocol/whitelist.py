"""The whitelist: all that a controller needs to decide alone, looked up in constant time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar, cast

from protocol.rows import (
    KINDS,
    Badge,
    Certification,
    ForcedEnd,
    Hours,
    Machine,
    Member,
    Pin,
    Price,
    Row,
    Site,
    Subscription,
    Training,
    split,
)

R = TypeVar("R", bound=Row)


class Whitelist:
    """The rows in force. Owned by one thread, as all mutable things are."""

    def __init__(self, rows: Iterable[Row] = (), version: int = 0) -> None:
        self.version = version
        self._tables: dict[str, dict[str, Row]] = {kind: {} for kind in KINDS}
        self.members = self.of(Member)
        self.badges = self.of(Badge)
        self.trainings = self.of(Training)
        self.certifications = self.of(Certification)
        self.machines = self.of(Machine)
        self.hours = self.of(Hours)
        self.forced_ends = self.of(ForcedEnd)
        self.sites = self.of(Site)
        self.pins = self.of(Pin)
        self.prices = self.of(Price)
        self.subscriptions = self.of(Subscription)
        self._prices_of: dict[str, tuple[Price, ...]] = {}  # by machine, as they are asked for
        self._plans_of: dict[str, tuple[Subscription, ...]] | None = None
        for row in rows:
            self.put(row)

    def of(self, kind: type[R]) -> dict[str, R]:
        """Return the rows of a kind, by what names them among their kind."""
        return cast("dict[str, R]", self._tables[kind.head()])

    def put(self, row: Row) -> None:
        """Add a row, or replace the one of the same key; one of a kind that is not known here is passed over."""
        table = self._tables.get(row.head())
        if table is not None:
            table[row.own_key] = row
            self._forget_of(row.head())

    def drop(self, row: Row) -> None:
        """Take a row away; one that is not there is no error."""
        self.drop_key(row.key)

    def drop_key(self, key: str) -> None:
        """Take the row of a key away; one that is not there is no error."""
        kind, own = split(key)
        self._tables.get(kind, {}).pop(own, None)
        self._forget_of(kind)

    def _forget_of(self, kind: str) -> None:
        if kind == Price.head():
            self._prices_of = {}
        elif kind == Subscription.head():
            self._plans_of = None

    def find(self, key: str) -> Row | None:
        """Return the row of a key; None where there is none."""
        kind, own = split(key)
        return self._tables.get(kind, {}).get(own)

    def rows(self) -> Iterator[Row]:
        """Return every row, what others refer to first."""
        for table in self._tables.values():
            yield from table.values()

    def certification(self, member: str, training: str) -> Certification | None:
        """Return whether, and how, a member has a training."""
        return self.certifications.get(f"{member}/{training}")

    @property
    def site(self) -> Site | None:
        """The workshop that the list is for; None where nobody has said."""
        return next(iter(self.sites.values()), None)

    def badges_of(self, member: str) -> list[Badge]:
        """Return a member's badges."""
        return [badge for badge in self.badges.values() if badge.member == member]

    def certifications_of(self, member: str) -> list[Certification]:
        """Return a member's certifications."""
        return [row for row in self.certifications.values() if row.member == member]

    def prices_of(self, machine: str) -> tuple[Price, ...]:
        """Return the prices that are for a machine, or for any."""
        if machine not in self._prices_of:
            mine = {"", machine}
            self._prices_of[machine] = tuple(row for row in self.prices.values() if row.machine in mine)
        return self._prices_of[machine]

    def subscriptions_of(self, member: str) -> tuple[Subscription, ...]:
        """Return which plans a member has or had."""
        if self._plans_of is None:
            found: dict[str, list[Subscription]] = {}
            for row in self.subscriptions.values():
                found.setdefault(row.member, []).append(row)
            self._plans_of = {who: tuple(mine) for who, mine in found.items()}
        return self._plans_of.get(member, ())
