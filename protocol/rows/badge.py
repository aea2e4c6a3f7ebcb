"""Badges: what a person presents."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar, Self

import msgspec

from protocol.rows.days import earlier, later
from protocol.rows.row import Id, Row

Hash = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}$(?!\n)")]


class BadgeKind(StrEnum):
    """Whose a badge is, and what for: a trainer's teaching badge starts nothing, and lets others in."""

    MEMBER = "member"
    SPARE = "spare"
    VISITOR = "visitor"
    TEACHING = "teaching"


class Badge(Row, frozen=True, tag="badge"):
    """What a person presents: the keyed hash of its UID and technology. Every controller knows every badge."""

    rank: ClassVar[int] = 4
    opens: ClassVar[bool] = True

    hash: Hash
    member: Id
    kind: BadgeKind = BadgeKind.MEMBER
    since: date | None = None
    until: date | None = None
    blocked: bool = False

    @property
    def own_key(self) -> str:
        """The hash."""
        return self.hash

    def laid_over(self, below: Self) -> Self:
        """Return this badge; it stays blocked, the narrower span counts, and it changes hands by none that is late."""
        if self.member != below.member:
            return below
        blocked, until = self.blocked or below.blocked, earlier(self.until, below.until)
        return msgspec.structs.replace(self, blocked=blocked, until=until, since=later(self.since, below.since))

    @property
    def outlasts_dropping(self) -> bool:
        """Whether it is blocked."""
        return self.blocked
