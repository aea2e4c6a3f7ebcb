"""Forced ends: what is to end now."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from protocol.rows.row import Id, Row, Text, Topic


class ForcedEnd(Row, frozen=True, tag="cut"):
    """What runs on a machine is to end now: one session, or every session of a member that began without this row.

    Desired state, as all rows are: it stays until whoever keeps the list takes it away.
    """

    rank: ClassVar[int] = 7

    machine: Id
    member: Annotated[str, msgspec.Meta(max_length=64)] = ""
    session: Annotated[str, msgspec.Meta(max_length=64)] = ""
    by: Text = ""

    @property
    def own_key(self) -> str:
        """Machine, member and session."""
        return f"{self.machine}/{self.member}/{self.session}"

    @classmethod
    def topic(cls, own_key: str) -> Topic | None:
        """Return the machine."""
        return "machine", own_key.split("/", 1)[0]
