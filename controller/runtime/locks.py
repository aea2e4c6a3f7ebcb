"""Locks that a maintainer's badge put on or took off, until the whitelist on disk says the same."""

from __future__ import annotations

from controller.store.edits import Edit
from controller.store.whitelist import Change
from controller.store.write_queue import WriteQueue
from protocol.moment import Moment


class Locks:
    """Writes each into the whitelist, and again for as long as the disk refuses it. On the loop's thread."""

    def __init__(self, writes: WriteQueue) -> None:
        self._writes = writes
        self.pending: dict[str, tuple[str, Edit]] = {}

    def keep(self, machine: str, note: str, moment: Moment) -> None:
        """Have the whitelist say why a machine is locked, or that it is not; of its row, this alone is changed."""
        edit = Edit(Change(locks=((machine, note),)), f"machine {machine}", moment)
        self.pending[machine] = note, edit
        self._writes.edit(edit)

    def step(self, moment: Moment) -> None:
        """Forget what is written; try again what is not."""
        for machine, (note, edit) in list(self.pending.items()):
            if edit.is_done:
                del self.pending[machine]
                if edit.failed:
                    self.keep(machine, note, moment)
