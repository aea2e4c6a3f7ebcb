"""Certifications: who has which training."""

from __future__ import annotations

from datetime import date
from enum import IntEnum
from typing import ClassVar, Self

import msgspec

from protocol.rows.days import earlier, later
from protocol.rows.row import Id, Row, Topic


class Level(IntEnum):
    """What a certification lets its holder do; each level includes the ones below."""

    SUPERVISED = 1
    USER = 2
    TRAINER = 3
    MAINTAINER = 4

    @property
    def word(self) -> str:
        """The level as people write it."""
        return self.name.lower()


class Certification(Row, frozen=True, tag="certification"):
    """This member has this training, at this level, from one day to another, both included.

    Known where a machine asks for the training; there the member's name is known too.
    """

    rank: ClassVar[int] = 5
    opens: ClassVar[bool] = True

    member: Id
    training: Id
    level: Level = Level.USER
    since: date | None = None
    until: date | None = None

    @property
    def own_key(self) -> str:
        """Member and training."""
        return f"{self.member}/{self.training}"

    def laid_over(self, below: Self) -> Self:
        """Return this certification, at the lower level and for the narrower span."""
        level, until = min(self.level, below.level), earlier(self.until, below.until)
        return msgspec.structs.replace(self, level=level, until=until, since=later(self.since, below.since))

    @classmethod
    def topic(cls, own_key: str) -> Topic | None:
        """Return the training."""
        return "training", own_key.rpartition("/")[2]

    @classmethod
    def reveals(cls, own_key: str) -> str | None:
        """Return the member's key."""
        return f"member/{own_key.rpartition('/')[0]}"
