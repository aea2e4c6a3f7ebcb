"""One thread a reader: looks, tells what changed, waits. Whatever a driver throws, it is a reader lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from common.owner import Owner
from drivers.contracts import N_, DriverError, DriverSettings, Reader, ReaderLostError, Sighting
from drivers.readers.presence import PresenceEvent, Watch

T = TypeVar("T")


class Careful:
    """A reader whose every failure is a ReaderLostError, so that one bad driver ends no thread."""

    senses_presence: ClassVar[bool] = False
    Settings: ClassVar[Any] = DriverSettings

    def __init__(self, reader: Reader) -> None:
        self.owner = Owner("a reader")
        self._reader = reader
        self.interval = reader.interval

    def open(self) -> str:
        """Find the chip. Raises ReaderLostError."""
        return self._careful(self._reader.open)

    def look(self) -> Sighting:
        """Return all cards that are there. Raises ReaderLostError."""
        return self._careful(self._reader.look)

    def _careful(self, act: Callable[[], T]) -> T:
        self.owner.check()
        try:
            return act()
        except ReaderLostError:
            raise
        except DriverError as error:
            raise ReaderLostError(error.template, **error.parameters) from error
        except Exception as error:
            raise ReaderLostError(N_("the reader failed: {error}"), error=repr(error)) from error

    def close(self) -> None:
        """Let the reader go."""
        self._reader.close()


class ReaderThread(threading.Thread):
    """Owns one reader; hands what each look changed to `notify`. nears: called when a card begins to answer."""

    def __init__(
        self,
        machine: str,
        reader: Reader,
        notify: Callable[[tuple[PresenceEvent, ...]], None],
        nears: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(name=f"reader {machine}", daemon=True)
        if nears is not None and hasattr(reader, "nears"):
            reader.nears = nears
        self._reader = Careful(reader)
        self._watch = Watch(self._reader)
        self._notify = notify
        self._stopping = threading.Event()

    def run(self) -> None:
        """Look until stopped."""
        with self._reader.owner:
            while not self._stopping.is_set():
                events, wait = self._watch.step()
                if events:
                    self._notify(tuple(events))
                self._stopping.wait(wait)
            self._watch.close()

    def stop(self) -> None:
        """End the thread after the look it is at."""
        self._stopping.set()
