"""PINs: what a member types at the keys of a reader, beside the badge."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

import msgspec

from protocol.rows.row import Id, Row


class Pin(Row, frozen=True, tag="pin"):
    """A member's PIN, hashed (protocol/pin.py): nobody can read it here, and no journal holds even the hash.

    under: the fingerprint of the badge key that it was hashed under. hash: "" where there is none any more to compare.
    """

    rank: ClassVar[int] = 8

    member: Id
    salt: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{32})?$(?!\n)")] = ""
    under: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{16})?$(?!\n)")] = ""
    hash: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?$(?!\n)")] = ""

    @property
    def own_key(self) -> str:
        """The member's id."""
        return self.member

    def unnamed(self) -> Self:
        """Return the row as a journal may hold it: without what could be tried out."""
        return msgspec.structs.replace(self, salt="", under="", hash="") if self.hash else self

    def completed(self, before: Self) -> Self:
        """Return the row with its hash."""
        return (
            self if self.hash else msgspec.structs.replace(self, salt=before.salt, under=before.under, hash=before.hash)
        )
