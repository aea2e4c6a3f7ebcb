"""The daemon: makes the parts, joins them, runs them, and takes them down in good order."""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import queue
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import msgspec

from common.texts import N_, _, tell
from controller.control.server import SOCKET, ControlServer
from controller.indication.displays import Displays, Panel
from controller.indication.signals import Signals
from controller.outputs.leased import LeasedOutput, Service
from controller.outputs.machine import Contact, Contacts
from controller.outputs.remote import Told, near
from controller.runtime.age import Age
from controller.runtime.clock import SystemClock
from controller.runtime.loop import Loop
from controller.runtime.messages import Halt, KeyChanged, Message, PartTold
from controller.runtime.watchdog import Watchdog
from controller.sensing.badges import Badges
from controller.sensing.inputs import MeterThread, close_all, watch
from controller.sensing.messages import FromInput, FromReader
from controller.sensing.readers import ReaderThread
from controller.settings import Part, Settings, Station
from controller.store import damage, database, journal
from controller.store.database import StorageError
from controller.store.integrity import Examiner
from controller.store.key import badge_key
from controller.store.writer import Writer
from drivers import registry
from drivers.contracts import DriverError, OutputError
from guard import leases as lease
from guard.notify import READY, STOPPING, Manager
from protocol import entries
from protocol.badge import KEY_BYTES, BadgeKey
from protocol.whitelist import Whitelist

SWITCH_INTERVAL: Final = 0.0001  # s; how long another thread's Python may hold up the loop's
IDENTITY: Final = "server.json"  # as controller/sync/identity.py names it
KEY_RETRY: Final = 30.0  # s
FIRST_READINGS: Final = 3.0  # s for the meters to say how it is, before sessions go on
FAR_OPENS: Final = 6.0  # s for what is far to open at the end
LAST_WRITES: Final = 5.0  # s for the writer to finish at the end

if TYPE_CHECKING:
    from controller.sync.service import ServerConnection

log = logging.getLogger("loquet")


class Daemon:
    """One controller. Raises LoquetError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._manager = Manager()
        self._faults: dict[str, str] = {}
        self._outputs: dict[str, Contacts] = {}
        self._services: dict[str, Service] = {}
        self._inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._meters: dict[str, list[MeterThread]] = {}
        self._released = False
        self._guard = lease.GuardWord(settings.run_dir)
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

    def _make(self, machine: str, kind: str, part: Part, **how: bool) -> Any:  # noqa: ANN401 - by its kind's contract
        """Make one part; where that fails the machine is out of order, and the others are not."""
        try:
            return registry.make(kind, part.driver, part.settings, **how)
        except DriverError as error:
            log.error("%s: %s", machine, tell(error))
            self._faults[machine] = tell(error)
            return None

    def _claim_services(self) -> None:
        """Claim what several machines share, open. Where one is missing, none of those machines ever closes."""
        for name, part in self._settings.services.items():
            output = self._make(name, "outputs", part)
            if output is None:
                continue
            output = near(output, lambda told, name=name: self._service_told(name, told), found_closed=False)  # type: ignore[misc]
            leased = LeasedOutput(output, self._settings.run_dir, name, "service", self._guard)
            self._services[name] = Service(leased)

    def _service_told(self, name: str, told: Told) -> None:
        """Notify every machine that uses a service; it is a fault of those that have it now."""
        service = self._services.get(name)
        having = service.lent | service.wanted if service is not None else set()
        for station in self._settings.stations:
            if name in station.services:
                fault = told.fault and station.machine in having
                self._inbox.put(PartTold(station.machine, name, _said(told.detail), fault))

    def _claim(self, station: Station) -> None:
        """Claim a machine's outputs: open, or as an earlier daemon left them for a session that resumes.

        Where one is missing, none of them ever closes.
        """
        made: dict[str, Contact] = {}
        for name, part in station.contacts().items():
            output = self._claim_one(station, name, part)
            if output is not None:
                made[name] = output
        for name in station.services:
            if name in self._services:
                made[name] = self._services[name].share(station.machine)
            else:
                self._faults.setdefault(station.machine, self._faults.get(name, name))
        if made.keys() != station.rules.outputs:
            for contact in made.values():
                with contextlib.suppress(OutputError):  # what is far goes on opening by itself
                    contact.end()
            return
        contacts = Contacts(made)
        try:
            contacts.take_over(lease.boottime_ms())
        except OutputError as error:
            log.error("%s: %s", station.machine, tell(error))
            contacts.switch(frozenset(), lease.boottime_ms())
        self._outputs[station.machine] = contacts

    def _claim_one(self, station: Station, name: str, part: Part) -> LeasedOutput | None:
        found_closed = station.rules.resumes and self._was_left_closed(station.machine, name, part)
        how = {"found_closed": True} if found_closed and not _is_far(part) else {}
        output = self._make(station.machine, "outputs", part, **how)
        if output is None:
            return None

        def told(told: Told) -> None:
            self._inbox.put(PartTold(station.machine, name, _said(told.detail), told.fault))

        output = near(output, told, found_closed=found_closed)
        return LeasedOutput(
            output,
            self._settings.run_dir,
            station.machine,
            name,
            self._guard,
            resume=station.rules.resumes,
            found_closed=found_closed,
        )

    def _was_left_closed(self, machine: str, name: str, part: Part) -> bool:
        """Return whether a daemon that is dead now left this output closed, and the guard has not opened it yet."""
        try:
            opening = registry.find("outputs", part.driver).opening_of(part.settings)
        except Exception:  # noqa: BLE001 - making the driver tells the same, with its remedy
            return False
        return lease.left_closed(
            self._settings.run_dir, machine, name, msgspec.to_builtins(opening), lease.boottime_ms()
        )

    def run(self, ready: Callable[[], None] = lambda: None) -> bool:
        """Run until SIGTERM or SIGINT, or until asked to stop at rest; return whether it was that."""
        self._prepare_run_dir()
        held = database.lock(self._settings.data_dir)
        try:
            # Outputs first: each is claimed open before anything that could fail or take long.
            self._claim_services()
            for station in self._settings.stations:
                self._claim(station)
            return self._run(ready)
        finally:
            self._release()
            os.close(held)

    def _run(self, ready: Callable[[], None]) -> bool:
        settings = self._settings
        key, opened = self._open()
        nobody = secrets.token_bytes(KEY_BYTES)  # where the key cannot be read nobody is known
        db = opened.db if opened is not None else None
        clock = SystemClock(ZoneInfo(settings.controller.timezone), journal.known(db) if db is not None else 0)
        lights = self._optional("lights", "light")
        buzzers = self._optional("buzzers", "buzzer")
        signals = Signals(lights, buzzers, lambda *what: loop.put(_failed(*what)), time.monotonic)
        found = opened.whitelist if opened is not None else Whitelist()
        badges = Badges(key or BadgeKey(nobody), found, lambda: secrets.token_hex(8))
        displays = Displays(self._panels(), lambda machine, error: self._inbox.put(_failed(machine, "display", error)))
        records = Writer(
            db,
            self._inbox.put,
            lambda: clock.floor,
            data_dir=None if key is None else settings.data_dir,
            periods=settings.periods,
        )
        loop = Loop(
            rules=[
                msgspec.structs.replace(each.rules, lock_note=_("locked at the machine")) for each in settings.stations
            ],
            clock=clock,
            badges=badges,
            outputs=self._outputs,
            signals=signals,
            displays=displays,
            guard_alive=lambda now: self._guard.until(now) > now,
            watchdog=Watchdog(self._manager),
            age=Age(settings.stale),
            inbox=self._inbox,
            writer=records,
            counted=self._counted,
        )
        inputs = self._inputs(loop)
        loop.drain()  # what the inputs say is known before any session goes on
        if opened is not None:
            self._take_up(loop, opened, clock)
        records.record(clock.now(), entries.Started(version("loquet")))
        self._drop_old_leases()
        for machine, cause in self._faults.items():
            if machine in loop.states:
                loop.fail(machine, cause)
        self._key = key or BadgeKey(nobody)
        control = ControlServer(
            settings.run_dir / SOCKET,
            self._inbox.put,
            records,
            tuple(loop.states),
            lambda: self._key,
            clock.now,
            lambda: self._server_connection(records).take_up(),
        )
        readers = self._readers(loop)
        writer, teller, shower, server = (
            threading.Thread(target=each.run, name=type(each).__name__, daemon=True)
            for each in (records, signals, displays, control)
        )
        examiner = Examiner(settings.data_dir, records.damaged)
        for thread in (writer, teller, shower, server, examiner, *readers):
            thread.start()
        if (settings.data_dir / IDENTITY).exists():
            self._server_connection(records).try_to_begin()
        if key is None:  # another start may find it
            threading.Timer(KEY_RETRY, loop.put, [Halt()]).start()
        _end_by_signals(loop)
        sys.setswitchinterval(SWITCH_INTERVAL)
        gc.collect()
        gc.freeze()
        ready()
        self._manager.say(READY, self._sentence())
        try:
            loop.run()
            return loop.stopped_at_rest
        finally:
            # First the outputs, then all that tells of it.
            self._release()
            self._manager.say(STOPPING)
            for stop in (
                self._hang_up,
                control.stop,
                signals.stop,
                displays.stop,
                examiner.stop,
                *(each.stop for each in readers),
            ):
                stop()
            records.stop()
            writer.join(LAST_WRITES)
            _join(teller, shower, *readers)
            close_all(inputs)
            close_all([*lights.values(), *buzzers.values()])
            _close(records, writer)

    def _server_connection(self, records: Writer) -> ServerConnection:
        """Make what speaks to the server; imported where somebody is enrolled, since it costs memory."""
        from controller.sync.service import ServerConnection as Made  # noqa: PLC0415

        if self._connection is None:
            data_dir = self._settings.data_dir
            self._connection = Made(data_dir, self._inbox.put, records, lambda: self._key, self._use_key)
        return self._connection

    def _use_key(self, key: BadgeKey) -> None:
        self._key = key
        self._inbox.put(KeyChanged(key))

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.end()

    def _open(self) -> tuple[BadgeKey | None, damage.Opened | None]:
        """Open what is kept on disk; without it taps are answered all the same, and the writer tries again."""
        key = None
        try:
            key = badge_key(self._settings.data_dir, make=True)
            return key, damage.open_store(self._settings.data_dir)
        except StorageError as error:
            if key is None and error.errno is None:  # no disk's fault, and no time will mend it
                raise
            log.error("%s", tell(error))
            for contacts in self._outputs.values():  # whose session it was cannot be known
                contacts.switch(frozenset(), lease.boottime_ms())
            return key, None

    @staticmethod
    def _take_up(loop: Loop, opened: damage.Opened, clock: SystemClock) -> None:
        """Have every station go on from what is on the disk."""
        loop.age.confirmed = int(database.meta(opened.db, "confirmed", "0"))
        loop.recover(journal.left_open(opened.db), journal.uncleared(opened.db))
        if opened.replaced is not None:
            loop.writer.record(clock.now(), opened.replaced)

    def _sentence(self) -> str:
        broken = ", ".join(self._faults)
        return "STATUS=" + (
            _("out of order: {machines}").format(machines=broken)
            if broken
            else _("ready: {count} machine(s)").format(count=len(self._settings.stations))
        )

    def _optional(self, kind: str, name: str) -> dict[str, Any]:
        """Make the lights or buzzers that there are; one that fails is told of, and keeps nobody from work."""
        made = {}
        for station in self._settings.stations:
            part = getattr(station, name)
            if part is not None:
                try:
                    made[station.machine] = registry.make(kind, part.driver, part.settings)
                except DriverError as error:
                    log.warning("%s, %s: %s", station.machine, name, tell(error))
        return made

    def _readers(self, loop: Loop) -> list[ReaderThread]:
        threads = []
        for station in self._settings.stations:
            machine = station.machine
            try:
                reader = registry.make("readers", station.reader.driver, station.reader.settings)
            except DriverError as error:
                log.error("%s: %s", machine, tell(error))
                loop.fail(machine, tell(error))
                continue
            threads.append(
                ReaderThread(machine, reader, lambda events, m=machine: loop.put(FromReader(m, events)))  # type: ignore[misc]
            )
        return threads

    def _inputs(self, loop: Loop) -> list[Any]:
        """Make the inputs. A machine whose button is missing does not start: who presses it relies on it."""
        made: list[Any] = []
        for station in self._settings.stations:
            machine = station.machine
            for name, wired in station.inputs.items():
                part = self._make(machine, "inputs", wired.part)
                if part is None:
                    continue

                def changed(active: bool, machine: str = machine, name: str = name) -> None:
                    loop.put(FromInput(machine, name, active))

                if wired.thresholds is None:
                    watch(part, wired, changed)
                    made.append(part)
                    continue

                def failed(error: Exception, machine: str = machine, name: str = name) -> None:
                    loop.put(PartTold(machine, name, tell(error)))

                meter = MeterThread(part, wired, wired.thresholds, changed, failed)
                self._meters.setdefault(machine, []).append(meter)
                meter.start()
                made.append(meter)
        self._wait_for_meters([meter for meters in self._meters.values() for meter in meters])
        return made

    def _wait_for_meters(self, meters: list[MeterThread]) -> None:
        """Have what meters say known before any session goes on; of those that take too long, the worst is taken."""
        end = time.monotonic() + FIRST_READINGS
        for meter in meters:
            meter.has_begun.wait(max(0.0, end - time.monotonic()))
            meter.presume()

    def _panels(self) -> dict[str, Panel]:
        """Make the displays that there are."""
        made = self._optional("displays", "display")
        named = {station.machine: station for station in self._settings.stations}
        return {
            machine: Panel(display, named[machine].name, named[machine].display_names)
            for machine, display in made.items()
        }

    def _counted(self, machine: str) -> float | None:
        """Return what a machine's plug or meter has counted so far, in watt-hours, where one counts."""
        outputs = self._outputs.get(machine)
        told = [outputs.counted_wh if outputs is not None else None]
        told += [meter.counted_wh for meter in self._meters.get(machine, ())]
        return next((counted for counted in told if counted is not None), None)

    def _drop_old_leases(self) -> None:
        """Give back what an earlier run lent: our outputs stand as we made them; others the guard opens now.

        Far ones are told to open, and give the lease back by themselves once they did.
        """
        # What was found closed may have waited for a while.
        now = lease.boottime_ms()
        _try_each((machine, partial(contacts.renew, now)) for machine, contacts in self._outputs.items())
        mine = lease.me()
        ours = [
            msgspec.to_builtins(registry.find("outputs", part.driver).opening_of(part.settings))
            for station in self._settings.stations
            if station.machine in self._outputs
            for part in station.contacts().values()
        ]
        for path, record in lease.held(self._settings.run_dir):
            if (record.get("pid"), record.get("started")) == mine:
                continue
            if record.get("opening") in ours:
                if record["opening"].get("kind") == "gpio":
                    path.unlink(missing_ok=True)
            elif record.get("resume"):
                lease.write(str(path), json.dumps(record | {"resume": False}).encode())

    def _release(self) -> None:
        """Open everything; then wait for what is far, all at the same time, and no longer than systemd does for us."""
        if self._released:
            return
        self._released = True
        outputs: list[tuple[str, Contacts | LeasedOutput]] = list(self._outputs.items())
        outputs += [(name, service.output) for name, service in self._services.items()]
        _try_each((name, output.end) for name, output in outputs)
        end = time.monotonic() + FAR_OPENS
        while time.monotonic() < end and not all(output.has_ended for _name, output in outputs):
            _try_each((name, partial(output.renew, lease.boottime_ms())) for name, output in outputs if output.is_lent)
            time.sleep(0.05)
        _try_each((name, output.release) for name, output in outputs)


def _failed(machine: str, part: str, error: Exception) -> PartTold:
    return PartTold(machine, part, tell(error))


def _try_each(acts: Iterable[tuple[str, Callable[[], None]]]) -> None:
    for name, act in acts:
        try:
            act()
        except DriverError as error:
            log.error("%s: %s", name, tell(error))


def _said(error: DriverError | None) -> str:
    return "" if error is None else tell(error)


def _is_far(part: Part) -> bool:
    return hasattr(registry.find("outputs", part.driver), "switch")


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
