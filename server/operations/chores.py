"""What the server does beside answering: reading journals out, a backup each night, deletion, reminders."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from django.db import close_old_connections, connection

from common.errors import LoquetError
from common.texts import translate
from server.billing import plans
from server.core import clock, erasing
from server.core.configuration import Configuration
from server.imports import sources
from server.journal import processing
from server.operations import backup, certificates, retention
from server.reminders import worker as reminders

IDLE_S: Final = 60.0
HOUR_S: Final = 3_600.0  # after which it is asked again who is to be reminded of something
SOON_S: Final = 0.5  # after which what was too early, or another process was at, is looked at again
QUIET_S: Final = 0.05  # without an upload, after which what came is read out
PATIENCE_S: Final = 0.5  # after which it is, all the same
NIGHT: Final = timedelta(hours=24)
log = logging.getLogger("loquet.server")


class Chores:
    """A thread of its own, woken when a journal came."""

    def __init__(self, configuration: Configuration, now: Callable[[], float] = time.monotonic) -> None:
        self._configuration = configuration
        self._wake: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._now = now
        self._house_at = self._remind_at = now() + IDLE_S
        self._again_s = IDLE_S  # after which it is looked again, though nobody says that something came
        self._failed_s = 0.0
        self._sheets = sources.Nightly()

    def wake(self) -> None:
        """Say, from any thread, that something came."""
        self._wake.put(True)

    def stop(self) -> None:
        """End after what is being done."""
        self._wake.put(False)

    def run(self) -> None:
        """Work until stopped."""
        while True:
            self.step()
            if not self._wait():
                connection.close()
                return

    def _wait(self) -> bool:
        """Wait for something to do, and while uploads follow one another, which wait for nobody; False: the end."""
        try:
            if not self._wake.get(timeout=self._again_s):
                return False
            end = self._now() + PATIENCE_S
            while self._now() < end:
                if not self._wake.get(timeout=QUIET_S):
                    return False
        except queue.Empty:
            pass
        return True

    def step(self) -> None:
        """Do what there is to be done now."""
        try:
            # After each transaction everybody else has as long a turn; whoever uploads comes first.
            while processing.step(lambda took: time.sleep(min(took, QUIET_S))):
                if not self._wake.empty():
                    time.sleep(QUIET_S)
            if erasing.is_due():
                erasing.erase()
            self._again_s = SOON_S if processing.is_behind() else IDLE_S
            if self._now() >= self._house_at:
                self._house_at = self._now() + IDLE_S
                self._keep_house()
            if self._now() >= self._remind_at:
                self._remind_at = self._now() + HOUR_S
                self._remind_at = self._now() + (IDLE_S if reminders.step() else HOUR_S)
            self._failed_s = 0.0
        except Exception:
            # What came waits in the database, and nobody says again that it did.
            self._again_s = self._failed_s = min(IDLE_S, max(SOON_S, 2 * self._failed_s))
            log.exception("the server's chores failed; they are tried again")
            close_old_connections()
            connection.close()

    def _keep_house(self) -> None:
        """Make the night's backup, and delete what is too old: once a day each."""
        made = backup.last_made()
        if made is None or clock.now() - made >= NIGHT:
            retention.purge(self._configuration)
            certificates.look(self._configuration)
            plans.tell_of_ends(clock.today())
            try:
                backup.make_nightly(self._configuration)
            except (OSError, LoquetError) as error:
                log.error("the backup failed: %s", translate(error))
            self._sheets.begin()
