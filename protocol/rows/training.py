"""Trainings: what a person is trained for."""

from __future__ import annotations

from typing import ClassVar

from protocol.rows.row import Id, Row, Text, Topic


class Training(Row, frozen=True, tag="training"):
    """What a person is trained for; known where a machine asks for it."""

    rank: ClassVar[int] = 1

    id: Id
    name: Text = ""

    @property
    def own_key(self) -> str:
        """The training's id."""
        return self.id

    @classmethod
    def topic(cls, own_key: str) -> Topic | None:
        """Return the training."""
        return "training", own_key
