"""Members: who somebody is."""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Self

import msgspec

from protocol.rows.days import earlier
from protocol.rows.row import Id, Row, Text


class Member(Row, frozen=True, tag="member"):
    """A person. `until` is the last day of the membership; an excluded one is refused everywhere.

    Every controller knows every member; the name only those where somebody certified them for a machine.
    """

    rank: ClassVar[int] = 3
    opens: ClassVar[bool] = True

    id: Id
    name: Text = ""
    category: Text = ""
    payer: Text = ""
    until: date | None = None
    excluded: bool = False

    @property
    def own_key(self) -> str:
        """The member's id."""
        return self.id

    def laid_over(self, below: Self) -> Self:
        """Return this member; an exclusion stays, and the earlier end of the membership counts."""
        excluded = self.excluded or below.excluded
        return msgspec.structs.replace(self, excluded=excluded, until=earlier(self.until, below.until))

    @property
    def outlasts_dropping(self) -> bool:
        """Whether the member is excluded: an exclusion is not dropped by who had not heard of it."""
        return self.excluded

    def bare(self) -> Self:
        """Return the member without name and payer."""
        return msgspec.structs.replace(self, name="", payer="") if self.name or self.payer else self

    def unnamed(self) -> Self:
        """Return the member without a name."""
        return msgspec.structs.replace(self, name="")

    def completed(self, before: Self) -> Self:
        """Return the member with name and payer."""
        return msgspec.structs.replace(self, name=self.name or before.name, payer=self.payer or before.payer)
