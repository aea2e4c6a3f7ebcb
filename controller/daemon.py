"""The daemon: makes the parts, joins them, runs them, and takes them down in good order."""

from __future__ import annotations

import gc
import logging
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, Final
from zoneinfo import ZoneInfo

from controller.clock import SystemClock
from controller.control import SOCKET, ControlServer
from controller.loop import Loop
from controller.messages import FromInput, FromReader, Halt, PartFailed
from controller.outputs import Contacts, LeasedOutput
from controller.readers import ReaderThread
from controller.settings import Does, Part, Settings, Station
from controller.signals import Signals
from controller.states import Rules
from controller.store import database, journal
from controller.store.whitelist import load
from controller.watchdog import Watchdog
from controller.writer import Writer
from drivers import lease, registry
from drivers.contracts import DriverError, Input
from drivers.notify import READY, STOPPING, Manager
from protocol import entries
from protocol.texts import N_, _, tell

SWITCH_INTERVAL: Final = 0.0001  # s; how long another thread's Python may hold up the loop's
LAST_WRITES: Final = 5.0  # s for the writer to finish at the end

log = logging.getLogger("loquet")


class Daemon:
    """One controller. Raises LoquetError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._manager = Manager()
        self._faults: dict[str, str] = {}
        self._outputs: dict[str, Contacts] = {}
        self._guard = lease.GuardWord(settings.run_dir)

    def _prepare_run_dir(self) -> None:
        try:
            lease.prepare(self._settings.run_dir)
        except OSError as error:
            raise database.StorageError(
                N_("{path} cannot be made ({error}); set run_dir, or make it as root"),
                path=self._settings.run_dir,
                error=error.strerror,
            ) from error

    def _make(self, machine: str, kind: str, part: Part) -> Any:  # noqa: ANN401 - by its kind's contract
        """Make one part; where that fails the machine is out of order, and the others are not."""
        try:
            return registry.make(kind, part.driver, part.settings)
        except DriverError as error:
            log.error("%s: %s", machine, tell(error))
            self._faults[machine] = tell(error)
            return None

    def _claim(self, station: Station) -> None:
        """Claim a machine's outputs, open. Where one is missing, none of them ever closes."""
        made = {name: self._make(station.machine, "outputs", part) for name, part in station.contacts().items()}
        leased = [
            LeasedOutput(output, self._settings.run_dir, station.machine, name, self._guard)
            for name, output in made.items()
            if output is not None
        ]
        if len(leased) == len(made):
            self._outputs[station.machine] = Contacts(leased)
        else:
            for output in leased:
                output.release()

    def run(self, ready: Callable[[], None] = lambda: None) -> bool:
        """Run until SIGTERM or SIGINT, or until asked to stop at rest; tell whether it was that."""
        self._prepare_run_dir()
        held = database.lock(self._settings.data_dir)
        try:
            # Outputs first: each is claimed open before anything that could fail or take long.
            for station in self._settings.stations:
                self._claim(station)
            return self._run(ready)
        finally:
            self._release()
            os.close(held)

    def _run(self, ready: Callable[[], None]) -> bool:
        settings = self._settings
        key = database.badge_key(settings.data_dir, make=True)
        db = database.open_for_writing(settings.data_dir)
        clock = SystemClock(ZoneInfo(settings.controller.timezone), int(database.meta(db, "floor")))
        lights = self._optional("lights", "light")
        buzzers = self._optional("buzzers", "buzzer")
        signals = Signals(
            lights,
            buzzers,
            lambda machine, part, error: loop.put(PartFailed(machine, part, tell(error))),
            time.monotonic,
        )
        loop = Loop(
            rules=[
                Rules(
                    each.machine,
                    each.mode,
                    each.grace * 1000,
                    None if each.longest is None else each.longest * 1000,
                    each.warning * 1000,
                    frozenset(name for name, wired in each.inputs.items() if wired.does is Does.END),
                )
                for each in settings.stations
            ],
            clock=clock,
            key=key,
            whitelist=load(db),
            outputs=self._outputs,
            signals=signals,
            guard_alive=lambda now: self._guard.until(now) > now,
            new_session=lambda: secrets.token_hex(8),
            watchdog=Watchdog(self._manager),
        )
        loop.writer = Writer(db, loop.put, lambda: clock.floor)
        loop.recover(journal.left_open(db))
        loop.writer.record(clock.now(), entries.Started(version("loquet")))
        self._drop_old_leases()
        for machine, cause in self._faults.items():
            loop.fail(machine, cause)
        inputs = self._inputs(loop)
        control = ControlServer(settings.run_dir / SOCKET, loop, key, clock.now)
        readers = self._readers(loop)
        writer = threading.Thread(target=loop.writer.run, name="writer", daemon=True)
        teller = threading.Thread(target=signals.run, name="signals", daemon=True)
        server = threading.Thread(target=control.run, name="control socket", daemon=True)
        for thread in (writer, teller, server, *readers):
            thread.start()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: loop.put(Halt()))
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
            control.stop()
            for thread in readers:
                thread.stop()
            signals.stop()
            loop.writer.stop()
            writer.join(LAST_WRITES)
            for thread in (teller, *readers):
                thread.join(1.0)
            for part in (*lights.values(), *buzzers.values(), *inputs):
                part.close()
            db.close()

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

    def _inputs(self, loop: Loop) -> list[Input]:
        """Make the inputs. A machine whose button is missing does not start: who presses it relies on it."""
        made: list[Input] = []
        for station in self._settings.stations:
            machine = station.machine
            for name, wired in station.inputs.items():
                try:
                    button = registry.make("inputs", wired.part.driver, wired.part.settings)
                except DriverError as error:
                    log.error("%s, %s: %s", machine, name, tell(error))
                    loop.fail(machine, tell(error))
                    continue
                made.append(button)
                button.watch(lambda closed, m=machine, n=name: loop.put(FromInput(m, n)) if closed else None)
        return made

    def _drop_old_leases(self) -> None:
        """Our outputs stand open now: what an earlier run lent is given back."""
        for path in (self._settings.run_dir / lease.LEASES).iterdir():
            if path.name.partition(".")[0] in self._outputs:
                path.unlink(missing_ok=True)

    def _release(self) -> None:
        for machine, output in self._outputs.items():
            try:
                output.release()
            except DriverError as error:
                log.error("%s: %s", machine, tell(error))
