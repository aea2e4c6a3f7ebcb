"""Opening hours: when members may start."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from protocol.rows.row import Row, Text

Minute = Annotated[int, msgspec.Meta(ge=0, le=10_080)]


class Hours(Row, frozen=True, tag="hours"):
    """When members of a category may start; of "" everybody else. Spans of minutes since Monday 0:00, end excluded.

    In the site's time zone. What runs at the end of a span goes on.
    """

    rank: ClassVar[int] = 6

    category: Text = ""
    open: Annotated[tuple[tuple[Minute, Minute], ...], msgspec.Meta(max_length=50)] = ()

    @property
    def own_key(self) -> str:
        """The category."""
        return self.category

    def is_open(self, minute: int) -> bool:
        """Return whether a minute of the week lies in one of the spans."""
        return any(begin <= minute < end for begin, end in self.open)
