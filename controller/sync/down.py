"""What comes down: the whitelist. Asks what is new since the version in force, and holds the line open."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from common.errors import LoquetError
from common.owner import Owner
from common.texts import N_, translate
from controller.store import served, whitelist
from controller.store.database import StorageError, meta, open_for_reading
from controller.store.delivery import PendingDelivery, UnfitError
from controller.sync.line import LineError, RefusedError, ServerLine
from controller.sync.retry import Retry
from protocol import delivery, messages
from protocol.messages import WAIT, MessageError, Ring
from protocol.rows import MORE
from protocol.signing import SealingKey, SignatureError

WRITE_S: Final = 600.0
SOON_S: Final = 0.05  # between two looks at what is being written
DAY_MS: Final = 86_400_000
TROUBLE: Final = 300  # characters of what is told of an error
log = logging.getLogger("loquet")


class TakesWhitelists(Protocol):
    """What the writer does for us."""

    def edit(self, brought: PendingDelivery) -> None:
        """Put what was brought in force."""
        ...


class Down:
    """The thread that asks. `step` asks once, and gives the seconds to the next time."""

    def __init__(
        self,
        data_dir: Path,
        line: ServerLine,
        device: str,
        sealing: SealingKey,
        writes: TakesWhitelists,
        *,
        ring: Callable[[], str],
        new_ring: Callable[[bytes], None],
        confirmed: Callable[[int], None],
        restored: Callable[[], None] = lambda: None,
        retry: Retry | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """ring: names the badge keys that are here; new_ring takes others; confirmed hears that the list is right.

        restored: hears that the server was: its generation is another one.
        """
        self._data_dir = data_dir
        self._line = line
        self._device = device
        self._sealing = sealing
        self.owner = Owner("what is fetched")
        self._writes = writes
        self._ring = ring
        self._new_ring = new_ring
        self._confirmed = confirmed
        self._restored = restored
        self._retry = retry or Retry()
        self._whole = False
        self._unfit = False
        self._brought: PendingDelivery | None = None  # what is on its way to the disk
        self._brought_at = 0.0
        self._now = now
        self._stopping = threading.Event()
        self.trouble = ""

    def stop(self) -> None:
        """End after what is being asked."""
        self._stopping.set()

    def run(self) -> None:
        """Ask until stopped."""
        with self.owner:
            while not self._stopping.is_set():
                self._stopping.wait(self.step())

    def step(self, wait: int = WAIT) -> float:
        """Ask once and hand on what comes, or look whether it is in force; return the seconds to the next step."""
        self.owner.check()
        try:
            again_in = self._step(wait) if self._brought is None else self._look()
        except UnfitError as error:
            self.trouble = translate(error)
            again, self._whole, self._unfit = self._unfit, True, True
            return (
                self._retry.failed() if again else 0
            )  # a server whose changes never add up is not asked without pause
        except (LineError, RefusedError, MessageError, SignatureError, StorageError, sqlite3.Error) as error:
            self.trouble = translate(error) if isinstance(error, LoquetError) else str(error)
            return max(self._retry.failed(), getattr(error, "after", 0.0))
        except Exception as error:  # whatever a server or a disk brings: this thread goes on asking
            log.exception("the whitelist was not fetched; it is asked for again")
            self.trouble = f"{type(error).__name__}: {error}"[:TROUBLE]
            self._brought = None
            return self._retry.failed()
        self.trouble = ""
        if not self._unfit:
            self._retry.worked()
        return again_in

    def _look(self) -> float:
        """Look whether what was brought is in force by now. Raises StorageError, UnfitError."""
        brought = self._brought
        if brought is not None and not brought.is_done:
            if self._now() - self._brought_at < WRITE_S:
                return SOON_S
            self._brought = None
            raise StorageError(N_("what the server brought has not been written in time"))
        self._brought = None
        if brought is not None:
            brought.check()
            self._whole = False
            if not brought.delivery.is_whole:
                self._unfit = False
        return 0

    def _step(self, wait: int) -> float:
        held, confirmed, digest = self._held()
        path = "/whitelist"
        if held is not None and not self._whole:
            path += f"?base={held[1]}&generation={held[0]}&wait={wait}"
        if MORE:
            path += f"{'&' if '?' in path else '?'}knows={MORE}"
        raw = self._line.get(path, wait)
        brought = delivery.read(raw.split(b"\n"), self._line.server, self._device)
        manifest = brought.manifest
        if manifest.ring and manifest.ring != self._ring()[: len(manifest.ring)]:
            ring: Ring = messages.read(Ring, self._line.get("/ring"))
            self._new_ring(self._sealing.unseal(ring.ring))
        if held is not None and manifest.generation != held[0]:
            self._restored()
        # Nothing new is not written: an idle line costs the card nothing.
        is_news = brought.is_whole or brought.put or brought.drop or held != (manifest.generation, manifest.version)
        if not is_news and manifest.digest != digest:
            raise UnfitError(N_("the server's whitelist of this version is another one than the one in force"))
        if not is_news:
            self._confirmed(manifest.time)
        if is_news or manifest.time - confirmed > DAY_MS:  # an idle day writes that once
            self._brought, self._brought_at = PendingDelivery(brought), self._now()
            self._writes.edit(self._brought)
            return self._look()
        self._whole = False
        if not brought.is_whole:
            self._unfit = False
        return 0

    def _held(self) -> tuple[tuple[int, int] | None, int, str]:
        """Read which list is in force, when it was last confirmed, and its digest.

        One that was asked for by a program that knew other kinds of row changes into no list of ours: none is held.
        """
        db = open_for_reading(self._data_dir)
        try:
            held = served.served(db) if served.is_for_this_program(db) else None
            return held, int(meta(db, "confirmed", "0")), whitelist.digest(db)
        finally:
            db.close()
