"""From looks to events: presented, removed, lost, found. Debounced, and never a guess."""

from __future__ import annotations

import msgspec

from drivers.contracts import Card, DriverError, Reader, ReaderLostError, Typed

MISSES = 3  # looks without a card before it is gone
GARBLED_MISSES = 15  # the same while something answers that cannot be read
STEADY = 100  # good looks after which a reader that comes and goes is trusted again
FIRST_RETRY = 0.25  # seconds
LAST_RETRY = 5.0


class Presented(msgspec.Struct, frozen=True):
    """A card is there. `fresh` is False where it lay there already when the reader began to look."""

    card: Card
    fresh: bool


class Removed(msgspec.Struct, frozen=True):
    """A card is gone."""

    card: Card


class Lost(msgspec.Struct, frozen=True):
    """The reader does not answer as it should. Told once."""

    error: DriverError


class Found(msgspec.Struct, frozen=True):
    """The reader answers, for the first time or again. `chip` names it."""

    chip: str


class Unread(msgspec.Struct, frozen=True):
    """Something was there that is no badge as the settings know it. Of use to whoever sets the reader up."""

    why: DriverError


PresenceEvent = Presented | Removed | Lost | Found | Unread | Typed


class Watch:
    """Looks again and again, and says what changed. One step is one look; the caller waits in between.

    While the reader is lost, what lay there is neither there nor gone: cards that are missing once it is
    found again are removed then, and those still there are presented as not fresh.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._missed: dict[Card, int] = {}
        self._untold: set[Card] = set()  # what lay there before the reader was lost, and was not seen again yet
        self._is_open = False
        self._lost = False
        self._retry = FIRST_RETRY
        self._first_look = True
        self._settling = False
        self._steady = 0

    @property
    def present(self) -> frozenset[Card]:
        """The cards that are there, as far as is known."""
        return frozenset(self._missed)

    def step(self) -> tuple[list[PresenceEvent], float]:
        """Look once: what changed, and in how many seconds to look again."""
        found: list[PresenceEvent] = []
        try:
            if not self._is_open:
                found = [Found(self._reader.open())]
                self._is_open = self._first_look = True
            changed = self._compare()
        except ReaderLostError as error:
            return self._lose(error)
        # Only a look that went well makes it found: a chip may start, and fail at each frame.
        self._lost = False
        self._steady += 1
        if self._steady == STEADY:
            self._retry = FIRST_RETRY
        return found + changed, self._reader.interval

    def close(self) -> None:
        """Let the reader go."""
        self._reader.close()

    def _lose(self, error: ReaderLostError) -> tuple[list[PresenceEvent], float]:
        self._is_open = False
        self._steady = 0
        told: list[PresenceEvent] = [] if self._lost else [Lost(error)]
        self._lost = True
        wait, self._retry = self._retry, min(LAST_RETRY, self._retry * 2)
        return told, wait

    def _compare(self) -> list[PresenceEvent]:
        sighting = self._reader.look()
        events: list[PresenceEvent] = []
        if self._first_look:
            # Told again, as not fresh: the station may have waited for them while the reader was lost.
            self._untold = set(self._missed)
            self._settling = True
            self._first_look = False
        for card in sorted(sighting.cards):
            if card not in self._missed or card in self._untold:
                events.append(Presented(card, fresh=card not in self._untold and not self._settling))
            self._missed[card] = 0
            self._untold.discard(card)
        for card in sorted(set(self._missed) - sighting.cards):
            self._missed[card] += 1
            if self._missed[card] >= (GARBLED_MISSES if sighting.garbled else MISSES):
                del self._missed[card]
                self._untold.discard(card)
                events.append(Removed(card))
        if sighting.typed is not None:
            events.append(sighting.typed)
        if sighting.why is not None:
            events.append(Unread(sighting.why))
        # What could not be read whole lay there too: until a look is clear, nothing counts as fresh.
        self._settling = self._settling and sighting.garbled
        return events
