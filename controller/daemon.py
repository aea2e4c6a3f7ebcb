"""The daemon: makes the parts, joins them, runs them, and takes them down in good order."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import queue
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from common.texts import N_, _, ngettext, translate
from controller.control.server import SOCKET, ControlServer
from controller.indication.displays import Displays
from controller.indication.signals import Signals
from controller.outputs.claims import Claims
from controller.parts import Parts
from controller.runtime.age import Age
from controller.runtime.clock import SystemClock
from controller.runtime.loop import Loop
from controller.runtime.messages import Halt, KeyChanged, Message, PartReport
from controller.runtime.stations import Stations
from controller.runtime.watchdog import Watchdog
from controller.sensing.badges import Badges
from controller.sensing.inputs import close_all
from controller.sensing.readers import ReaderThread
from controller.settings import Settings
from controller.store import clock_readings, damage, database, open_sessions, rescue
from controller.store.database import StorageError
from controller.store.integrity import IntegrityCheck
from controller.store.key import badge_key
from controller.store.write_queue import WriteQueue
from controller.store.writer import Writer
from guard import leases as lease
from guard.notify import READY, STOPPING, Manager
from protocol import entries
from protocol.badge import KEY_BYTES, BadgeKey
from protocol.whitelist import Whitelist

SWITCH_INTERVAL: Final = 0.0001  # s; how long another thread's Python may hold up the loop's
IDENTITY: Final = "server.json"  # as controller/sync/identity.py names it
KEY_RETRY: Final = 30.0  # s
FIRST_READINGS: Final = 3.0  # s for the meters to say how it is, before sessions go on
LAST_WRITES: Final = 5.0  # s for the writer to finish at the end

if TYPE_CHECKING:
    from controller.runtime.pins import Pins
    from controller.sync.service import ServerConnection

log = logging.getLogger("loquet")


class Assembled(NamedTuple):
    """The parts, joined."""

    loop: Loop
    writer: Writer
    clock: SystemClock
    parts: Parts
    signals: Signals
    displays: Displays
    control: ControlServer
    check: IntegrityCheck


class Daemon:
    """One controller. Raises LoquetError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._manager = Manager()
        self._inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._guard = lease.GuardWord(settings.run_dir)
        self._claims = Claims(settings, self._guard, lambda *told: self._inbox.put(PartReport(*told)))
        self._connecting = threading.Lock()  # at the start, or by whoever enrols while it runs
        self._connection: ServerConnection | None = None
        self._key: BadgeKey  # an immutable snapshot: whoever hashes reads it, and the connection replaces it

    def _prepare_run_dir(self) -> None:
        try:
            lease.prepare(self._settings.run_dir)
        except OSError as error:
            raise database.StorageError(
                N_("{path} cannot be made ({error}); set run_dir, or make it as root"),
                path=self._settings.run_dir,
                error=error.strerror,
            ) from error

    def run(self, ready: Callable[[], None] = lambda: None) -> bool:
        """Run until SIGTERM or SIGINT, or until asked to stop at rest; return whether it was that."""
        self._prepare_run_dir()
        held = database.lock(self._settings.data_dir)
        try:
            # Outputs first: each is claimed open before anything that could fail or take long.
            with contextlib.suppress(OSError):  # a run directory that is full is told of where a lease is needed
                lease.say_daemon(self._settings.run_dir)
            self._claims.claim()
            return self._run(ready)
        finally:
            self._claims.release()
            os.close(held)

    def _run(self, ready: Callable[[], None]) -> bool:
        key, opened = self._open()
        self._key = key or BadgeKey(secrets.token_bytes(KEY_BYTES))  # where it cannot be read nobody is known
        made = self._assemble(opened, has_disk=key is not None)
        inputs = made.parts.inputs()
        made.loop.drain()  # what the inputs say is known before any session goes on
        if opened is not None:
            self._take_up(made.loop, opened, made.clock)
        made.writer.queue.record(made.clock.now(), entries.Started(version("loquet")))
        self._claims.drop_old_leases()
        readers = made.parts.readers()
        faults = made.parts.faults | self._claims.faults
        # Each by itself: an output that is found later makes up for no button that is missing.
        for machine, cause in (*made.parts.faults.items(), *self._claims.faults.items()):
            if machine in made.loop.states:
                made.loop.stations.fail(machine, cause)
        threads = self._start(made, readers)
        if key is None:  # another start may find it
            threading.Timer(KEY_RETRY, self._inbox.put, [Halt()]).start()
        _end_by_signals(made.loop)
        sys.setswitchinterval(SWITCH_INTERVAL)
        gc.collect()
        gc.freeze()
        ready()
        self._manager.say(READY, _sentence(list(faults), len(self._settings.stations)))
        try:
            made.loop.run()
            return made.loop.stopped_at_rest
        finally:
            # First the outputs, then all that tells of it.
            self._claims.release()
            self._manager.say(STOPPING)
            self._stop(made, readers, threads)
            close_all(inputs)
            close_all([*made.parts.lights.values(), *made.parts.buzzers.values()])
            _close(made.writer, threads[0])

    def _assemble(self, opened: rescue.Opened | None, *, has_disk: bool) -> Assembled:
        """Make the parts and join them."""
        settings, put = self._settings, self._inbox.put
        db = opened.db if opened is not None else None
        clock = SystemClock(ZoneInfo(settings.controller.timezone), clock_readings.known(db) if db is not None else 0)
        parts = Parts(settings, put)
        signals = Signals(parts.lights, parts.buzzers, lambda *what: put(_failed(*what)), time.monotonic)
        found = opened.whitelist if opened is not None else Whitelist()
        badges = Badges(self._key, found, lambda: secrets.token_hex(8))
        displays = Displays(parts.panels(), lambda machine, error: put(_failed(machine, "display", error)))
        data_dir = settings.data_dir if has_disk else None
        writer = Writer(db, put, lambda: clock.earliest, data_dir=data_dir, periods=settings.periods)
        age, outputs = Age(settings.stale), self._claims.outputs
        stations = Stations(
            rules=[
                msgspec.structs.replace(each.rules, lock_note=_("locked at the machine")) for each in settings.stations
            ],
            clock=clock,
            badges=badges,
            outputs=outputs,
            signals=signals,
            displays=displays,
            guard_alive=self._guard_lives,
            writes=writer.queue,
            age=age,
            counted=lambda machine: parts.counted(machine, outputs.get(machine)),
        )
        loop = Loop(
            stations=stations,
            clock=clock,
            badges=badges,
            guard_alive=self._guard_lives,
            watchdog=Watchdog(self._manager),
            writes=writer.queue,
            inbox=self._inbox,
            age=age,
            look_for_missing=self._claims.claim_again,
            pins=self._pins(stations, badges),
        )
        control = ControlServer(
            settings.run_dir / SOCKET,
            put,
            writer.queue,
            tuple(loop.states),
            lambda: self._key,
            clock.now,
            lambda: self._server_connection(writer.queue).take_up(),
            lambda: self._server_connection(writer.queue).take_stick(),
        )
        check = IntegrityCheck(settings.data_dir, writer.queue.damaged)
        return Assembled(loop, writer, clock, parts, signals, displays, control, check)

    def _pins(self, stations: Stations, badges: Badges) -> Pins | None:
        """Make what takes PINs; imported where a station asks for them, since that costs a start its time."""
        if not any(station.rules.pin for station in self._settings.stations):
            return None
        from controller.runtime.pins import Pins as Made  # noqa: PLC0415
        from controller.sensing.pins import PinChecker  # noqa: PLC0415

        return Made(stations, badges, PinChecker(self._inbox.put).ask)

    def _start(self, made: Assembled, readers: list[ReaderThread]) -> list[threading.Thread]:
        """Start every thread; return those of writer, signals, displays and control."""
        threads = [
            threading.Thread(target=each.run, name=type(each).__name__, daemon=True)
            for each in (made.writer, made.signals, made.displays, made.control)
        ]
        for thread in (*threads, made.check, *readers):
            thread.start()
        if (self._settings.data_dir / IDENTITY).exists():
            self._server_connection(made.writer.queue).try_to_begin()
        return threads

    def _stop(self, made: Assembled, readers: list[ReaderThread], threads: list[threading.Thread]) -> None:
        """Stop every thread: the writer last, once all that tells of something has ended."""
        self._hang_up()
        for stop in (
            made.control.stop,
            made.signals.stop,
            made.displays.stop,
            made.check.stop,
            *(each.stop for each in readers),
        ):
            stop()
        made.writer.queue.stop()
        writer, signals, displays, _control = threads
        writer.join(LAST_WRITES)
        _join(signals, displays, *readers)

    def _server_connection(self, writes: WriteQueue) -> ServerConnection:
        """Make what speaks to the server; imported where somebody is enrolled, since it costs memory."""
        from controller.sync.service import ServerConnection as Made  # noqa: PLC0415

        with self._connecting:
            if self._connection is None:
                data_dir = self._settings.data_dir
                self._connection = Made(data_dir, self._inbox.put, writes, lambda: self._key, self._use_key)
            return self._connection

    def _use_key(self, key: BadgeKey) -> None:
        self._key = key
        self._inbox.put(KeyChanged(key))

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.end()

    def _open(self) -> tuple[BadgeKey | None, rescue.Opened | None]:
        """Open what is kept on disk; without it taps are answered all the same, and the writer tries again."""
        key = None
        try:
            key = badge_key(self._settings.data_dir, make=True)
            return key, damage.open_store(self._settings.data_dir)
        except StorageError as error:
            if key is None and error.errno is None:  # no disk's fault, and no time will mend it
                raise
            log.error("%s", translate(error))
            self._claims.open_all()  # whose session it was cannot be known
            return key, None

    @staticmethod
    def _take_up(loop: Loop, opened: rescue.Opened, clock: SystemClock) -> None:
        """Have every station go on from what is on the disk."""
        loop.age.confirmed = int(database.meta(opened.db, "confirmed", "0"))
        loop.recover(open_sessions.left_open(opened.db), open_sessions.uncleared(opened.db))
        if opened.replaced is not None:
            loop.writes.record(clock.now(), opened.replaced)

    def _guard_lives(self, now: int) -> bool:
        return self._guard.until(now) > now


def _sentence(faults: list[str], count: int) -> str:
    broken = ", ".join(dict.fromkeys(faults))
    return "STATUS=" + (
        _("out of order: {machines}").format(machines=broken)
        if broken
        else ngettext("ready: {count} machine", "ready: {count} machines", count).format(count=count)
    )


def _failed(machine: str, part: str, error: Exception) -> PartReport:
    return PartReport(machine, part, translate(error))


def _end_by_signals(loop: Loop) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: loop.put(Halt()))


def _join(*threads: threading.Thread) -> None:
    for thread in threads:
        thread.join(1.0)


def _close(writer: Writer, thread: threading.Thread) -> None:
    """Let the database go, but for one that is in use: it may not be closed under whoever uses it."""
    if not thread.is_alive():
        writer.close()
