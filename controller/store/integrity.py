"""Looks the database through while the daemon runs, so that a byte that flipped is found before it is needed."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from common.texts import translate
from controller.store.damage import examine
from controller.store.database import StorageError, is_damage, open_for_reading

FIRST: Final = 60.0  # seconds after the start
PAUSE: Final = 0.2  # between two steps, so that it is in nobody's way
AGAIN: Final = 86_400.0


class IntegrityCheck(threading.Thread):
    """Goes through it once a day; tells once what it finds."""

    def __init__(self, data_dir: Path, damaged: Callable[[str], None]) -> None:
        super().__init__(name="examiner", daemon=True)
        self._data_dir = data_dir
        self._damaged = damaged
        self._round = self._look()
        self._stopping = threading.Event()

    def run(self) -> None:
        """Look it through until stopped."""
        wait = FIRST
        while not self._stopping.wait(wait):
            wait = self.step()

    def step(self) -> float:
        """Look at one more piece; return the seconds to the next."""
        try:
            next(self._round)
        except StopIteration:
            self._round = self._look()
            return AGAIN
        except (sqlite3.Error, StorageError, msgspec.MsgspecError, UnicodeError) as error:
            self._round = self._look()
            if is_damage(error):
                self._damaged(translate(error) if isinstance(error, StorageError) else str(error))
            return AGAIN
        return PAUSE

    def _look(self) -> Iterator[None]:
        db = open_for_reading(self._data_dir)
        try:
            yield from examine(db)
        finally:
            db.close()

    def stop(self) -> None:
        """End the thread after the piece it is at."""
        self._stopping.set()
