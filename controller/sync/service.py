"""The line as the daemon runs it: two threads, begun at the start or at enrolment; and how this controller is."""

from __future__ import annotations

import contextlib
import logging
import queue
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec

from common.errors import LoquetError
from common.texts import N_, translate
from controller.runtime.messages import Asked, Confirmed, Enrolled, Message, ServerTime
from controller.store import served
from controller.store.database import StorageError, open_for_reading
from controller.store.key import join_ring
from controller.store.machine_counters import MachineCounter
from controller.store.write_queue import WriteQueue
from controller.sync import identity as identities
from controller.sync import stick_in
from controller.sync.down import Down
from controller.sync.identity import Identity
from controller.sync.line import ServerLine
from controller.sync.up import Up, backlog
from protocol.badge import BadgeKey
from protocol.messages import Report, StationNow
from protocol.moment import Quality
from protocol.signing import SealingKey, decoded

THERMAL: Final = Path("/sys/class/thermal/thermal_zone0/temp")
UNDER_VOLTAGE: Final = "/sys/class/hwmon/hwmon*/in0_lcrit_alarm"
TELL_TIME_MS: Final = 30_000
ANSWER_S: Final = 30.0  # for the loop to say how it is

log = logging.getLogger("loquet")


class ServerConnection:
    """Keeps the line to the server, where there is one; speaks to the loop by messages alone.

    put: hands the loop a message. key: the badge keys in force; use_key: puts others in force.
    """

    def __init__(
        self,
        data_dir: Path,
        put: Callable[[Message], None],
        writes: WriteQueue,
        key: Callable[[], BadgeKey],
        use_key: Callable[[BadgeKey], None],
    ) -> None:
        self._data_dir = data_dir
        self._put = put
        self._writes = writes
        self._key = key
        self._use_key = use_key
        self._joining = threading.Lock()  # begun at the start, or by whoever enrols; ended by the assembly
        self._threads: list[threading.Thread] = []
        self._stops: list[Callable[[], None]] = []
        self._told = 0.0
        self._trouble: Callable[[], str] = lambda: ""

    def begin(self) -> bool:
        """Speak to the server, if this controller is enrolled; return whether it is. Raises LoquetError."""
        found = identities.load(self._data_dir)
        if found is None or not found.device:
            return False
        with self._joining:
            self._begin(found)
        return True

    def _begin(self, found: Identity) -> None:
        self._end()
        (self._data_dir / stick_in.IN).unlink(missing_ok=True)  # of an import that was killed
        line = ServerLine(found, self._time)
        up = self._up(line)
        down = self._down(line, found, up.doubt)
        self._writes.belong(found.server, counted(found), up.wake)
        self._put(Enrolled())
        self._trouble = lambda: down.trouble
        self._threads = [
            threading.Thread(target=up.run, name="sync up", daemon=True),
            threading.Thread(target=down.run, name="sync down", daemon=True),
        ]
        self._stops = [up.stop, down.stop, line.close]
        for thread in self._threads:
            thread.start()

    def try_to_begin(self) -> None:
        """Begin; what is wrong with the identity keeps nobody from working."""
        try:
            self.begin()
        except (LoquetError, OSError) as error:
            log.error("%s", translate(error))

    def end(self) -> None:
        """Let the line go. A thread that waits for an answer ends with the process."""
        with self._joining:
            self._end()

    def _end(self) -> None:
        for stop in self._stops:
            stop()
        self._threads, self._stops = [], []

    def _up(self, line: ServerLine) -> Up:
        return Up(self._data_dir, line, self._writes, self._report, time.monotonic)

    def _down(self, line: ServerLine, identity: Identity, restored: Callable[[], None]) -> Down:
        return Down(
            self._data_dir,
            line,
            identity.device,
            SealingKey(decoded(identity.sealing)),
            self._writes,
            ring=lambda: self._key().ring,
            new_ring=self._new_ring,
            confirmed=lambda ms: self._put(Confirmed(ms)),
            restored=restored,
        )

    def _new_ring(self, ring: bytes) -> None:
        try:
            key = join_ring(self._data_dir, ring)
        except OSError as error:
            raise StorageError(str(error)) from error
        self._use_key(key)

    def take_up(self) -> None:
        """Use the keys and the identity that `loquet enrol` has written just now. Raises LoquetError."""
        self._new_ring(b"")
        self.begin()

    def take_stick(self) -> dict[str, Any]:
        """Take up what `loquet stick import` has laid there. Raises LoquetError."""
        found = identities.load(self._data_dir)
        if found is None or not found.device:
            raise StorageError(N_("this controller belongs to no server"))
        try:
            return stick_in.plain(
                stick_in.take(
                    self._data_dir / stick_in.IN,
                    self._data_dir,
                    found,
                    self._writes,
                    new_ring=self._new_ring,
                    confirmed=lambda ms: self._put(Confirmed(ms)),
                )
            )
        except OSError as error:
            raise error if isinstance(error, LoquetError) else StorageError(str(error)) from error

    def _time(self, ms: int) -> None:
        """Hand on the server's time, now and then."""
        if time.monotonic() - self._told > TELL_TIME_MS / 1000 or not self._told:
            self._told = time.monotonic()
            self._put(ServerTime(ms))

    def _report(self) -> Report | None:
        answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._put(Asked(None, "", answers.put))
        try:
            said = answers.get(timeout=ANSWER_S)
        except queue.Empty:
            return None
        return msgspec.structs.replace(report(self._data_dir, said), trouble=self._trouble()[:500].replace("\0", ""))


def counted(identity: Identity) -> dict[str, MachineCounter]:
    """Return what the controllers before this one have counted, by machine."""
    return {
        machine: MachineCounter(machine, each.powered, each.busy, each.sessions, each.maintained)
        for machine, each in identity.counters.items()
    }


def report(data_dir: Path, said: dict[str, Any]) -> Report:
    """Return how this controller is; *said*: what the control socket answers to `status`."""
    waiting, held = 0, None
    with contextlib.suppress(StorageError, sqlite3.Error):
        db = open_for_reading(data_dir)
        try:
            waiting, held = backlog(db), served.served(db)
        finally:
            db.close()
    generation, number = held or (0, 0)
    return Report(
        version("loquet"),
        Quality(said["clock"]),
        generation,
        number,
        waiting,
        str(said["storage"])[:500],
        _free(data_dir),
        _temperature(),
        _under_voltage(),
        int(time.clock_gettime(time.CLOCK_BOOTTIME)),
        tuple(_station(each) for each in said["stations"]),
    )


def _station(said: dict[str, Any]) -> StationNow:
    return StationNow(
        said["machine"],
        said["state"],
        said["output"],
        said["reader"] is not None,
        said["answers"],
        said.get("locked", "")[:200],
        str(said.get("cause", ""))[:500],
        said.get("session", ""),
        said.get("member", ""),
        said.get("powered_s", 0),
    )


def _free(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _temperature() -> float | None:
    try:
        return int(THERMAL.read_text()) / 1000
    except (OSError, ValueError):
        return None


def _under_voltage() -> bool | None:
    """Return whether the supply is too weak, as a Raspberry Pi's own sensor says (rpi_volt)."""
    for path in Path("/").glob(UNDER_VOLTAGE.lstrip("/")):
        with contextlib.suppress(OSError):
            return path.read_text().strip() == "1"
    return None
