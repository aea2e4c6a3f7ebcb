"""Machines: what each asks for."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

import msgspec

from protocol.rows.row import Id, Row, Text, Topic


class Machine(Row, frozen=True, tag="machine"):
    """What a machine asks for: every one of `requires`; a reason in `locked` locks it, `now`: and cuts what runs.

    A machine of which nobody has said yet what it requires is closed to everybody; "nothing" is an answer, written ().
    `longest` (seconds) may only shorten what the settings allow. supervised: only with a trainer beside;
    buddy: never alone. Known to the controller that switches it.
    """

    rank: ClassVar[int] = 2

    id: Id
    name: Text = ""
    requires: tuple[Id, ...] | None = None
    locked: Text = ""
    now: bool = False
    longest: Annotated[int, msgspec.Meta(ge=60, le=604_800)] | None = None
    supervised: bool = False
    buddy: bool = False

    @property
    def own_key(self) -> str:
        """The machine's id."""
        return self.id

    @property
    def trainings(self) -> tuple[str, ...]:
        """The trainings that it requires; none where it requires none, or nobody has said."""
        return self.requires or ()

    @property
    def is_set_up(self) -> bool:
        """Whether somebody has said what it requires."""
        return self.requires is not None

    def laid_over(self, below: Self) -> Self:
        """Return the machine as it is below: an edit that is late may only lock it."""
        return msgspec.structs.replace(below, locked=self.locked or below.locked)

    @classmethod
    def topic(cls, own_key: str) -> Topic | None:
        """Return the machine."""
        return "machine", own_key

    def leads_to(self) -> frozenset[Topic]:
        """Return the trainings that it requires: who switches it has to know who has them."""
        return frozenset(("training", training) for training in self.trainings)
