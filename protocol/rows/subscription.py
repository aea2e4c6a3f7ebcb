"""Subscriptions: which plan a member has, and from when to when."""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Self

import msgspec

from protocol.rows.days import earlier, later
from protocol.rows.row import Id, Row


class Subscription(Row, frozen=True, tag="subscription"):
    """A member has a plan, from one day to another, both included.

    What the plan gives is in the prices that name it; what it costs only the server knows.
    """

    rank: ClassVar[int] = 10

    member: Id
    plan: Id
    since: date | None = None
    until: date | None = None

    @property
    def own_key(self) -> str:
        """Member and plan."""
        return f"{self.member}/{self.plan}"

    def laid_over(self, below: Self) -> Self:
        """Return this subscription for the narrower span."""
        return msgspec.structs.replace(
            self, until=earlier(self.until, below.until), since=later(self.since, below.since)
        )
