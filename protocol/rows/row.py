"""What every row of a whitelist has: a key, bounds, a rule by which two edits are merged, and who may see it.

The whitelist, the feed, the overlay, the digest and the storage on both ends ask a row for these, and know no kind.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

import msgspec

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[^/\x00-\x1f]+$(?!\n)")]
Text = Annotated[str, msgspec.Meta(max_length=200)]

Topic = tuple[str, str]  # what a controller may have to do with: ("machine", "laser"), ("training", "safety")


class Row(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """One line of a whitelist.

    A kind of row never gains a field once a controller knows it: what is new is a new kind. rank: rows of a lower one
    come first, since others refer to them; opens: whether somebody may do less without it.
    """

    rank: ClassVar[int]
    opens: ClassVar[bool] = False

    @classmethod
    def head(cls) -> str:
        """Return the kind's name: the head of its keys, and its `type` where it is written."""
        return str(cls.__struct_config__.tag)

    @property
    def own_key(self) -> str:
        """What names the row among those of its kind."""
        raise NotImplementedError

    @property
    def key(self) -> str:
        """The row's name in its whitelist."""
        return f"{self.__struct_config__.tag}/{self.own_key}"

    # --- merging ---

    def laid_over(self, below: Self) -> Self:  # noqa: ARG002 - most kinds have no stricter half
        """Return what holds where this edit and *below* had not seen each other: the stricter of both."""
        return self

    @property
    def outlasts_dropping(self) -> bool:
        """Whether the row stays where somebody drops it who had not seen it as it is now."""
        return False

    # --- who may see it ---

    @classmethod
    def topic(cls, own_key: str) -> Topic | None:  # noqa: ARG003 - as above
        """Return whom the row of that key is for: who has to do with the topic; None: everybody."""
        return None

    def leads_to(self) -> frozenset[Topic]:
        """Return which topics concern whoever sees this row."""
        return frozenset()

    @classmethod
    def reveals(cls, own_key: str) -> str | None:  # noqa: ARG003 - likewise
        """Return the key of the row that is shown whole, and not bare, wherever the row of that key is seen."""
        return None

    def bare(self) -> Self:
        """Return the row as those see it who have no business with whom it names."""
        return self

    # --- in the journal ---

    def unnamed(self) -> Self:
        """Return the row as a journal may hold it: ids only."""
        return self

    def completed(self, before: Self) -> Self:  # noqa: ARG002 - likewise
        """Return the row with what `bare` and `unnamed` left out, as it was before."""
        return self


class Unread(Row, frozen=True, tag="?"):
    """A row of a kind that this program does not know, as it is stored: kept, counted in the digest, passed over."""

    rank: ClassVar[int] = 99

    stored: str
    body: str

    @property
    def own_key(self) -> str:
        """What names it among its kind, whichever that is."""
        return self.stored.partition("/")[2]

    @property
    def key(self) -> str:
        """The key under which it is stored."""
        return self.stored
