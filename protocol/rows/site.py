"""Sites: the workshop that a controller stands in."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar

import msgspec

from protocol.rows.row import Id, Row, Text, Topic


class Site(Row, frozen=True, tag="site"):
    """A workshop: its time zone, its currency, the days on which it is closed.

    zone: "" for what the controller's own settings say. Known to the controllers that stand in it.
    """

    rank: ClassVar[int] = 0

    id: Id
    name: Text = ""
    zone: Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[A-Za-z0-9_+/-]*$(?!\n)")] = ""
    currency: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$(?!\n)")] = "EUR"
    holidays: Annotated[tuple[date, ...], msgspec.Meta(max_length=400)] = ()

    @property
    def own_key(self) -> str:
        """The site's id."""
        return self.id

    @classmethod
    def topic(cls, own_key: str) -> Topic | None:
        """Return the site."""
        return "site", own_key
