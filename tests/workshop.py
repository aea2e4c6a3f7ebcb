"""A workshop in one process: the shipped loop, writer and journal on a virtual clock, moved by hand.

Time passes only when somebody waits, threads are steps, the database is a real one in memory. What is modelled is what
is not there: contacts that outlive the daemon, the guard that opens them, people with badges.
"""

import contextlib
import os
import queue
import shutil
import tempfile
import tomllib
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from memory import MEMORY

from controller import settings as settings_of
from controller.control.server import ControlServer
from controller.indication.displays import Displays, StationDisplay
from controller.indication.signals import Signals
from controller.outputs.leased import LeasedOutput, Service
from controller.outputs.machine import MachineOutputs
from controller.runtime.age import Age
from controller.runtime.clock import SystemClock
from controller.runtime.loop import Loop
from controller.runtime.messages import Asked, Halt
from controller.runtime.pins import Pins
from controller.runtime.stations import Stations
from controller.runtime.watchdog import Watchdog
from controller.sensing.badges import Badges
from controller.sensing.messages import FromInput, FromReader
from controller.sensing.pins import PinChecker
from controller.settings import Names
from controller.station.events import ClearAsked, EndAsked, GroupAsked
from controller.store import clock_readings, database, journal, open_sessions, usage
from controller.store.damage import open_store
from controller.store.database import StorageError
from controller.store.edits import Edit
from controller.store.key import badge_key
from controller.store.whitelist import Change
from controller.store.writer import Writer
from drivers.contracts import Card, PinOpening, Typed
from drivers.readers import presence
from guard import leases as lease
from guard.notify import Manager
from protocol.moment import Quality
from protocol.pin import made_pin
from protocol.rows import Badge, Certification, Level, Machine, Member, Training
from protocol.whitelist import Whitelist

LEAP = 45_000  # ms; nothing is looked at while they pass
CARDS = {
    "marie": "04A3C6CAE26180",
    "jean": "04A3C6112233FF",
    "lea": "04B7C112345680",
    "tom": "C0FFEE01",
    "laure": "C0FFEE42",
    "paul": "0102030405060708090A",
    "nobody": "DEADBEEF",
    "stranger": "DEADBEE5",
    "phone": "08112233",
}
LEVELS = {
    "marie": Level.USER,
    "jean": Level.USER,
    "lea": Level.SUPERVISED,
    "tom": Level.TRAINER,
    "laure": Level.MAINTAINER,
}
NAMES = {"marie": "Marie Curie", "jean": "Jean Perrin", "lea": "Léa Dupré", "tom": "Tom Boyle", "laure": "Laure Gouze"}

PLAIN = """
[[station]]
machine = "laser"
reader = { driver = "rc522" }
relay = { driver = "gpio", pin = 17 }
"""


class VirtualTime:
    """A boot-time clock in milliseconds that somebody moves, and a wall clock over it."""

    def __init__(self):
        self.at = 10_000
        self.boot = "boot-1"
        self.quality = Quality.SYNCHRONISED
        self.wall = 1_795_176_000_000  # 20 November 2026, noon


class VirtualKernel:
    """What a kernel tells of that time."""

    def __init__(self, time):
        self._time = time

    def boot(self):
        return self._time.boot

    def at(self):
        return self._time.at

    def wall(self):
        return self._time.wall + self._time.at

    def quality(self):
        return self._time.quality


class Contact:
    """A relay's contact, which outlives the daemon; every change is kept with its time."""

    def __init__(self, time, line):
        self._time = time
        self.line = line
        self.is_on = False
        self.history = []
        self.breaks = False

    @property
    def opening(self):
        return PinOpening(chip=0, line=self.line, level=0)

    def _set(self, level):
        if self.breaks and level:
            from drivers.contracts import OutputError

            raise OutputError("the contact does not close")
        if level != self.is_on:
            self.is_on = level
            self.history.append((self._time.at, level))

    def on(self):
        self._set(True)

    def off(self):
        self._set(False)

    def close(self):
        self._set(False)

    def closed_ms(self):
        """Give for how long it has been closed."""
        total, since = 0, None
        for at, level in self.history:
            if level:
                since = at
            else:
                total += at - since
        return total + (self._time.at - since if self.is_on else 0)


class LightHere:
    def __init__(self):
        self.shown = []

    def show(self, colour):
        self.shown.append(colour)

    def close(self):
        pass


class BuzzerHere:
    def __init__(self):
        self.played = []

    def play(self, beeps, seconds):
        self.played.append((beeps, seconds))

    def close(self):
        pass


class DisplayHere:
    def __init__(self, size=(20, 4)):
        self.size = size
        self.text = []
        self.broken = False
        self.times_set_up = 0

    def show(self, lines, *, anew=False):
        self.times_set_up += anew
        if self.broken:
            raise OSError(121, "Remote I/O error")
        assert len(lines) == self.size[1]
        assert all(len(line) == self.size[0] for line in lines)
        self.text = [line.rstrip() for line in lines]

    def close(self):
        pass


def whitelist_of(machines, key):
    """The cast, certified for the one training that every machine asks for; paul for none."""
    rows = [Training("safety", "Sécurité"), *(Machine(machine, requires=("safety",)) for machine in machines)]
    for who, uid in CARDS.items():
        if who in {"nobody", "stranger", "phone"}:
            continue
        rows.append(Member(who, NAMES.get(who, who)))
        rows.append(Badge(key.hash(bytes.fromhex(uid), "iso14443a"), who))
        if who in LEVELS:
            rows.append(Certification(who, "safety", LEVELS[who]))
    return rows


class Workshop:
    """Machines, people, a daemon that can be killed. A context manager."""

    def __init__(self, text=PLAIN, **keys):
        self.folder = Path(tempfile.mkdtemp(prefix="loquet-", dir=MEMORY))
        document = tomllib.loads(text)
        for name, value in keys.items():
            document["station"][0][name] = value
        document["controller"] = {"data_dir": "data", "run_dir": "run"}
        self.settings = settings_of.read(document, self.folder / "controller.toml")
        self.time = VirtualTime()
        self.machine = self.settings.stations[0].machine
        self.lights = {station.machine: LightHere() for station in self.settings.stations}
        self.buzzers = {station.machine: BuzzerHere() for station in self.settings.stations}
        self.displays = {station.machine: DisplayHere() for station in self.settings.stations}
        self.lying = {station.machine: {} for station in self.settings.stations}
        self.inputs = {}  # (machine, name): active
        self.contacts = {}
        self.guard_lives = True
        self.guard = lease.GuardWord(self.settings.run_dir)
        lease.prepare(self.settings.run_dir)
        lease.say_guarded(self.settings.run_dir, 10**15)
        self.settings.data_dir.mkdir()
        self.key = badge_key(self.settings.data_dir, make=True)
        self.count = 0
        self.boots = 0
        self.loop = None
        self.start()
        self.edit(whitelist_of([station.machine for station in self.settings.stations], self.key))

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        if self.loop is not None:
            self.kill()
        self.guard.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- the daemon ---

    def start(self):
        """Start the daemon, as controller/daemon.py does."""
        opened = self._open()
        services = {name: Service(self._leased(name, "service", part)) for name, part in self.settings.services.items()}
        outputs = {}
        for station in self.settings.stations:
            own = {
                name: self._leased(station.machine, name, part, resume=station.rules.resumes)
                for name, part in station.output_parts().items()
            }
            outputs[station.machine] = MachineOutputs(
                own | {name: services[name].share(station.machine) for name in station.services}
            )
            outputs[station.machine].take_over(self.time.at)
        self.badges = Badges(self.key, opened.whitelist if opened else Whitelist(), self._new_session)
        self.signals = Signals(self.lights, self.buzzers, self._failed, lambda: self.time.at / 1000)
        panels = {
            station.machine: StationDisplay(self.displays[station.machine], station.name, station.display_names)
            for station in self.settings.stations
        }
        self.shower = Displays(panels, lambda *_: None, lambda: self.time.at / 1000)
        inbox = queue.SimpleQueue()
        self.writer = Writer(
            opened.db if opened else None,
            inbox.put,
            lambda: self.clock.earliest,
            data_dir=self.settings.data_dir,
            periods=self.settings.periods,
            now=lambda: self.time.at,
        )
        self.told = []
        age = Age(self.settings.stale)
        stations = Stations(
            rules=[station.rules for station in self.settings.stations],
            clock=self.clock,
            badges=self.badges,
            outputs=outputs,
            signals=self.signals,
            displays=self.shower,
            guard_alive=lambda _now: self.guard_lives,
            writes=self.writer.queue,
            age=age,
            counted=lambda _machine: None,
        )
        self.loop = Loop(
            stations=stations,
            clock=self.clock,
            badges=self.badges,
            guard_alive=lambda _now: self.guard_lives,
            watchdog=Watchdog(Manager()),
            writes=self.writer.queue,
            inbox=inbox,
            age=age,
            pins=Pins(stations, self.badges, PinChecker(inbox.put).step),
        )
        notify = self.signals.show
        self.signals.show = lambda told: (self.told.append(told), notify(told))
        for (machine, name), active in self.inputs.items():
            if active:
                self.loop.put(FromInput(machine, name, True))
        self.loop.drain()
        if opened is not None:
            self.loop.age.confirmed = int(database.meta(self.db, "confirmed", "0"))
            self.loop.recover(open_sessions.left_open(self.db), open_sessions.uncleared(self.db))
            if opened.replaced is not None:
                self.loop.writes.record(self.clock.now(), opened.replaced)
        for machine, badges in self.lying.items():
            found = [presence.Found("MFRC522 v2")]
            found += [presence.Presented(card, fresh=False) for card in badges.values()]
            self.loop.put(FromReader(machine, tuple(found)))
        self.settle()

    def _open(self):
        """Open what is on the disk, as controller/daemon.py does; the clock knows what it tells of time."""
        try:
            opened = open_store(self.settings.data_dir)
        except StorageError:
            opened = None
        known = clock_readings.known(opened.db) if opened else 0
        self.clock = SystemClock(ZoneInfo(self.settings.controller.timezone), known, VirtualKernel(self.time))
        return opened

    @property
    def db(self):
        return self.writer.connection._db

    def _leased(self, machine, name, part, *, resume=False):
        line = part.settings.pin
        contact = self.contacts.setdefault((machine, name), Contact(self.time, line))
        leases = {path.name: record for path, record in lease.held(self.settings.run_dir)}
        record = leases.get(f"{machine}.{name}")
        found = bool(resume and record and record["closed"] and record["until"] > self.time.at + lease.MARGIN_MS)
        assert not found or contact.is_on, "a lease says closed of a contact that is open: a restart would close it"
        if not found:
            contact.off()
        return LeasedOutput(
            contact, self.settings.run_dir, machine, name, self.guard, resume=resume, found_closed=found
        )

    def _new_session(self):
        self.count += 1
        return f"{self.count:016x}"

    def _failed(self, *_details):
        pass

    def kill(self):
        """Kill the daemon between two steps; the guard opens what does not resume."""
        self.writer.close()
        self.loop = None
        self.look_after_leases()

    def look_after_leases(self):
        """What loquet-guard does for a daemon that is dead."""
        for path, record in lease.held(self.settings.run_dir):
            if not record["resume"] or record["until"] <= self.time.at:
                for contact in self.contacts.values():
                    if contact.line == record["opening"]["line"]:
                        contact.off()
                path.unlink()

    def stop(self):
        """Stop it in good order, as SIGTERM does."""
        self.loop.put(Halt())
        self.settle()
        self.loop.writes.stop()
        self.writer.close()
        self.loop = None

    def power_cut(self):
        """Cut the mains: contacts open, leases are gone, the next boot has another id."""
        self.kill()
        for contact in self.contacts.values():
            contact.off()
        self.power_cut_after_kill()

    def power_cut_after_kill(self):
        """Leave a new boot behind: no lease, another name, boot time from the start."""
        for path, _record in lease.held(self.settings.run_dir):
            path.unlink()
        self.boots += 1
        self.time.boot = f"boot-1{self.boots:05}"
        self.time.at = 10_000

    # --- what people do ---

    def lay(self, who, machine=None, *, beside=()):
        """Lay a badge on a reader, maybe others at the same instant."""
        machine = machine or self.machine
        events = []
        for each in (who, *beside):
            card = Card(bytes.fromhex(CARDS[each]))
            if each not in self.lying[machine]:
                self.lying[machine][each] = card
                events.append(presence.Presented(card, fresh=True))
        if self.loop is not None and events:
            self.loop.put(FromReader(machine, tuple(events)))
            self.settle()

    def take(self, who, machine=None):
        """Take it off."""
        card = self.lying[machine or self.machine].pop(who, None)
        if self.loop is not None and card is not None:
            self.loop.put(FromReader(machine or self.machine, (presence.Removed(card),)))
            self.settle()

    def tap(self, who, machine=None):
        """Lay a badge on, and take it off again."""
        self.lay(who, machine)
        self.take(who, machine)

    def type(self, keys, machine=None):
        """Press keys of a reader."""
        self.loop.put(FromReader(machine or self.machine, (Typed(keys),)))
        self.settle()

    def give_pin(self, who, pin):
        """Give a member a PIN."""
        self.edit([made_pin(who, pin, self.key, os.urandom(16))])

    def input(self, name, active=True, machine=None):
        """Have an input's condition hold, or not."""
        machine = machine or self.machine
        self.inputs[machine, name] = active
        if self.loop is not None:
            self.loop.put(FromInput(machine, name, active))
            self.settle()

    def press(self, name, machine=None):
        self.input(name, True, machine)
        self.input(name, False, machine)

    def lose_reader(self, machine=None):
        self.loop.put(FromReader(machine or self.machine, (presence.Lost(OSError("gone")),)))
        self.settle()

    def find_reader(self, machine=None):
        """The reader comes back and looks: what lies there is not fresh."""
        machine = machine or self.machine
        found = [presence.Found("MFRC522 v2")]
        found += [presence.Presented(card, fresh=False) for card in self.lying[machine].values()]
        self.loop.put(FromReader(machine, tuple(found)))
        self.settle()

    def ask(self, request, machine=None):
        """Ask through the control socket's message."""
        answers = []
        self.loop.put(Asked(request, machine or self.machine, answers.append))
        self.settle()
        return answers[0]

    def edit(self, put=(), drop=(), *, cut=False):
        """Change the whitelist, as the shell does."""
        edit = Edit(Change(tuple(put), tuple(drop)), "root", self.clock.now(), cut=cut)
        self.loop.writes.edit(edit)
        self.settle()
        return edit.wait(0)

    def row(self, table, key):
        return getattr(self.badges.whitelist, table)[key]

    def replace(self, table, key, *, cut=False, **changes):
        """Change one row of the whitelist."""
        self.edit([msgspec.structs.replace(self.row(table, key), **changes)], cut=cut)

    # --- time ---

    def settle(self):
        """Handle everything that waits, until nothing does."""
        for _turn in range(50):
            self.loop.drain()
            self.loop.tick()
            refused = self.writer.turn() is not None
            if self.loop.queue.empty() and (self.writer.queue.is_idle or refused):
                break
        else:
            raise AssertionError("the loop never comes to rest")
        told = []
        with contextlib.suppress(queue.Empty):
            while True:
                told.append(self.signals._queue.get_nowait())
        self.signals.step(told)
        self.shower.step()

    def wait(self, seconds):
        """Let time pass, waking where the loop asks for it."""
        end = self.time.at + round(seconds * 1000)
        at_once = 0
        while self.loop is not None:
            self.settle()
            wait = self.loop.tick()
            if wait is None or self.time.at + wait >= end:
                break
            at_once = 0 if wait else at_once + 1
            assert at_once < 10, "the loop asks to be woken at once, for ever"
            self.time.at += max(1, wait, min(self._until_a_state_wakes(end - self.time.at), end - self.time.at))
        if self.loop is None:
            for until in sorted(record["until"] for _path, record in lease.held(self.settings.run_dir)):
                self.time.at = min(end, max(self.time.at, until))
                self.look_after_leases()
        self.time.at = max(end, self.time.at)
        if self.loop is None:
            self.look_after_leases()
        else:
            self.settle()

    def _until_a_state_wakes(self, left):
        """Give the milliseconds in which nothing happens but what happens all the time: leases, lights."""
        wakes = [state.wakes for state in self.loop.states.values() if state.wakes is not None]
        return min([max(LEAP, left // 100), *(wake - self.time.at for wake in wakes)])

    # --- what can be seen ---

    def closed(self, name="machine", machine=None):
        return self.contacts[machine or self.machine, name].is_on

    @property
    def state(self):
        return self.loop.states[self.machine]

    @property
    def is_in(self):
        return type(self.state).__name__

    @property
    def display(self):
        return self.displays[self.machine].text

    def entries(self, *kinds, machine=None):
        """Give the journal's entries of some kinds."""
        return [line.entry for line in journal.lines(self.db, machine=machine, kinds=kinds)]

    def refusals(self):
        return [entry.reason.value for entry in self.entries("refused")]

    def ends(self, machine=None):
        return [entry.why.value for entry in self.entries("ended", machine=machine)]

    def sessions(self):
        return list(usage.sessions(self.db))


__all__ = ["CARDS", "PLAIN", "ClearAsked", "ControlServer", "EndAsked", "GroupAsked", "Names", "Workshop"]
