"""From a UID read to a pin set: the shipped loop, writer, outputs and pins, on a simulated board.

The board is a process of its own and notes when each line changed, on the clock that all processes share.
"""

from __future__ import annotations

import gc
import json
import os
import queue
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from zoneinfo import ZoneInfo

from gpiozero import Device

from bench.decision import whitelist as sample
from bench.limits import Hop, bare_commit, pin_of
from simulator.hand import Hand
from simulator.stage import STAND_INS, Stage, until

MEMORY = "/dev/shm"
TAPS = 1_000
PURGED = 100_000  # entries
START = 1_700_000_000_000  # ms since 1970, when they began
READING = 0.004  # s from a card's first answer to its UID: 40 transfers of 100 µs (bench.reader counts them)
COUNTED = 50  # taps whose commits are counted, which costs time
SLOW_S = 0.01  # s for a commit, as on a card
SLOW_TAPS = 200
SETTINGS = """
[controller]
data_dir = "data"
run_dir = "{run}"
[[station]]
machine = "laser"
mode = "presence"
grace = 60
reader = {{ driver = "rc522" }}
relay = {{ driver = "gpio", pin = 17 }}
"""


class Rig:
    """The shipped loop and writer in this process, fed by hand.

    Its making is as long as there are parts: it is the daemon's assembly, on one machine.
    """

    def __init__(self, folder: Path, stage: Stage) -> None:
        from controller.indication.displays import Displays
        from controller.indication.signals import Signals
        from controller.outputs.leased import LeasedOutput
        from controller.outputs.machine import MachineOutputs
        from controller.runtime.age import Age
        from controller.runtime.clock import SystemClock
        from controller.runtime.loop import Loop
        from controller.runtime.stations import Stations
        from controller.runtime.watchdog import Watchdog
        from controller.sensing.badges import Badges
        from controller.settings.periods import Stale
        from controller.station.rules import Rules
        from controller.store import database
        from controller.store.key import badge_key
        from controller.store.writer import Writer
        from drivers import registry
        from guard import leases as lease
        from guard.notify import Manager

        os.environ.update(stage.environment)
        sys.path.insert(0, str(STAND_INS))
        station = stage.settings.stations[0]
        data, run = folder / "data", stage.settings.run_dir
        data.mkdir()
        key = badge_key(data, make=True)
        self.db = database.open_for_writing(data)
        clock = SystemClock(ZoneInfo("Europe/Paris"))
        output = registry.make("outputs", "gpio", station.relay.settings)
        guard = lease.GuardWord(run)
        self.output = MachineOutputs({"machine": LeasedOutput(output, run, "laser", "machine", guard)})
        numbers = iter(range(10**9))
        inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        badges = Badges(key, sample(2_000), lambda: f"{next(numbers):016x}")
        self.writer, age = Writer(self.db, inbox.put, lambda: clock.earliest), Age(Stale())
        stations = Stations(
            rules=[Rules("laser", grace=0)],
            clock=clock,
            badges=badges,
            outputs={"laser": self.output},
            signals=Signals({}, {}, lambda *_: None, time.monotonic),
            displays=Displays({}, lambda *_: None),
            guard_alive=lambda now: guard.until(now) > now,
            writes=self.writer.queue,
            age=age,
            counted=lambda _machine: None,
        )
        self.loop = Loop(
            stations=stations,
            clock=clock,
            badges=badges,
            guard_alive=lambda now: guard.until(now) > now,
            watchdog=Watchdog(Manager()),
            writes=self.writer.queue,
            inbox=inbox,
            age=age,
        )
        self.loop.recover([])
        self.now = clock.now
        self.key = key
        self._begin()

    def _begin(self) -> None:
        """Run loop and writer, as the daemon does."""
        from controller.daemon import SWITCH_INTERVAL

        sys.setswitchinterval(SWITCH_INTERVAL)
        gc.collect()
        gc.freeze()
        self.threads = [
            threading.Thread(target=self.writer.run, daemon=True),
            threading.Thread(target=self.loop.run, daemon=True),
        ]
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        """End loop and writer, and let the pins go."""
        from controller.runtime.messages import Halt

        self.loop.put(Halt())
        self.threads[1].join()
        self.loop.writes.stop()
        self.threads[0].join()
        self.output.release()
        Device.pin_factory.close()
        self.db.close()


def figures(folder: Path) -> dict[str, float]:
    """Measure taps against bare commits, and OFF while a large whitelist is applied."""
    # Leases lie in memory, as in /run/loquet: on the disk each would be a part of the commit beside it.
    with tempfile.TemporaryDirectory(dir=folder) as name, tempfile.TemporaryDirectory(dir=MEMORY) as run:
        here = Path(name)
        (here / "settings.toml").write_text(SETTINGS.format(run=run))
        with Stage(here / "settings.toml") as stage:
            stage.start_board()
            stage.start_guard()
            rig = Rig(here, stage)
            try:
                return _taps(rig, stage.hand, here) | _offs(rig, stage.hand) | _purge(rig, stage.hand)
            finally:
                rig.stop()


def _taps(rig: Rig, hand: Hand, here: Path) -> dict[str, float]:
    from drivers.contracts import Card
    from protocol.rows import Badge

    uid = bytes.fromhex("04A3C6CAE26180")
    rig.loop.badges.whitelist.put(Badge(rig.key.hash(uid, "iso14443a"), "m1"))
    card = Card(uid)
    commit = bare_commit(here)
    counts = _commits(rig, hand, card)
    hop = Hop()
    acts: list[Callable[[], float]] = [commit, hop, pin_of(hand)]
    taps: list[float] = []
    others: list[list[float]] = [[], [], []]
    for _number in range(TAPS):
        for act, took in zip(acts, others, strict=True):
            time.sleep(0.01)  # a tap comes after a rest, and so does what it is measured against
            took.append(act())
        taps.append(_tap(rig, hand, card))
    bare, hops, pins = others
    hop.close()
    beside = median(taps) - median(bare) - median(pins)
    found = {
        "tap_over_commit_median": median(taps) / median(bare),
        "tap_over_commit_p99": quantiles(taps, n=100)[-1] / quantiles(bare, n=100)[-1],
        "tap_beside_commit_over_hop": beside / median(hops),
        "commits_per_tap": max(counts) if min(counts) == max(counts) else float("nan"),
        "tap_ms_median": median(taps) * 1000,
        "commit_ms_median": median(bare) * 1000,
        "hop_ms_median": median(hops) * 1000,
        "pin_ms_median": median(pins) * 1000,
    }
    return found | _slow(rig, hand, card, commit)


def _tap(rig: Rig, hand: Hand, card: Any, pinned: Callable[[], None] = lambda: None) -> float:  # noqa: ANN401
    """Lay a card on, and take it off again; return the seconds from its number to the pin. pinned: called then."""
    from controller.sensing.messages import CardNear, FromReader
    from drivers.readers.presence import Presented, Removed

    seen = hand.do("changes")
    time.sleep(0.01)
    rig.loop.put(CardNear("laser"))  # as the reader's thread does when a card answers
    time.sleep(READING)
    began = time.monotonic()
    rig.loop.put(FromReader("laser", (Presented(card, fresh=True),)))
    time.sleep(0.01)  # as the reader's thread does: it does not compete for the interpreter
    until(lambda: hand.do("changes") > seen, "the pin")
    pinned()
    took = float(hand.do("last", number=17)) - began
    rig.loop.put(FromReader("laser", (Removed(card),)))
    _end(rig)
    return took


def _commits(rig: Rig, hand: Hand, card: Any) -> list[int]:  # noqa: ANN401 - a driver's
    """Count the commits of taps, up to the pin; counting costs time, so these are not timed."""
    commits: list[str] = []
    counts: list[int] = []
    rig.db.conn.set_trace_callback(lambda sql: commits.append(sql) if _is_commit(sql) else None)
    for _number in range(COUNTED):
        commits.clear()
        _tap(rig, hand, card, lambda: counts.append(len(commits)))
    rig.db.conn.set_trace_callback(None)
    return counts


def _is_commit(sql: str) -> bool:
    return sql.strip().upper().startswith("COMMIT")


def _slow(rig: Rig, hand: Hand, card: Any, commit: Callable[[], float]) -> dict[str, float]:  # noqa: ANN401
    """Have each commit take as long as a card's: what is beside it hardly counts then."""
    rig.db.conn.set_trace_callback(lambda sql: time.sleep(SLOW_S) if _is_commit(sql) else None)
    taps, bare = [], []
    for _number in range(SLOW_TAPS):
        time.sleep(0.01)
        bare.append(commit() + SLOW_S)
        taps.append(_tap(rig, hand, card))
    rig.db.conn.set_trace_callback(None)
    return {"tap_over_slow_commit": median(taps) / median(bare)}


def _purge(rig: Rig, hand: Hand) -> dict[str, float]:
    """Tap again and again while a journal of 100,000 entries is purged, as it is once a day."""
    from controller.sensing.messages import FromReader
    from controller.settings.periods import DAY_MS, Periods
    from drivers.contracts import Card
    from drivers.readers.presence import Presented, Removed

    writer = rig.writer
    if rig.loop.states["laser"].__class__.__name__ != "Idle":
        rig.loop.put(FromReader("laser", (Removed(Card(bytes.fromhex("04A3C6CAE26180"))),)))
        _end(rig)
    purged = _fill(rig.db)
    card, taps = Card(bytes.fromhex("04A3C6CAE26180")), list[float]()
    writer.house._periods = Periods(1, 1)  # noqa: SLF001 - a bench may look inside
    writer.house._earliest = lambda: START + 500 * DAY_MS  # noqa: SLF001
    writer.house.purge_at = 0
    writer.queue.look_again()
    while rig.db.execute("select 1 from journal where seq between ? and ? limit 1", purged).fetchone() or not taps:
        began = time.monotonic()
        rig.loop.put(FromReader("laser", (Presented(card, fresh=True),)))
        until(lambda: hand.do("pins")[17], "the pin closes")
        taps.append((hand.do("last", number=17) - began) * 1000)
        rig.loop.put(FromReader("laser", (Removed(card),)))
        _end(rig)
    return {"tap_ms_p99_during_purge": quantiles(taps, n=100)[-1], "taps_during_purge": len(taps)}


def _fill(db: Any) -> tuple[int, int]:  # noqa: ANN401 - the writer's
    """Write sessions of long ago; return their first and last number."""
    from controller.store import journal
    from controller.store.seal import seal

    first = journal.last(db) + 1
    rows: list[Any] = [
        (
            first,
            "old",
            0,
            "clock",
            None,
            None,
            json.dumps({"type": "clock", "offset": START, "quality": "synchronised"}),
        )
    ]
    for seq in range(first + 1, first + PURGED):
        session, ended = f"{seq // 2:015x}p", bool(seq % 2)
        what: dict[str, object] = {"type": "ended" if ended else "granted", "session": session, "machine": "laser"}
        what |= {"why": "idle", "powered": 1} if ended else {"member": "m", "badge": "a" * 32, "level": 2}
        rows.append((seq, "old", seq, str(what["type"]), "laser", session, json.dumps(what)))
    with db.atomic():
        db.conn.executemany(
            "insert into journal values (?, ?, ?, ?, ?, ?, ?, ?)", [(*row, seal("journal", *row)) for row in rows]
        )
    return first + 2, first + PURGED - 2  # the clock stays, and the halves at both ends


def _end(rig: Rig) -> None:
    """End the session that runs, and wait until the writer has nothing left."""
    from controller.runtime.messages import Asked
    from controller.station.events import EndAsked
    from controller.station.states import Idle

    done = threading.Event()
    session = getattr(rig.loop.states["laser"], "session", None)
    rig.loop.put(Asked(EndAsked(session.id if session else "", "bench"), "laser", lambda _: done.set()))
    done.wait()
    until(lambda: isinstance(rig.loop.states["laser"], Idle) or None, "idle") if session else None
    until(lambda: not rig.writer.queue.entries.waiting, "the writer")


def _offs(rig: Rig, hand: Hand) -> dict[str, float]:
    """Take the badge off again and again while 240,000 badges are put in force."""
    from controller.sensing.messages import FromReader
    from controller.store.edits import Edit
    from controller.store.whitelist import Change
    from drivers.contracts import Card
    from drivers.readers.presence import Presented, Removed

    card = Card(bytes.fromhex("04A3C6CAE26180"))
    held = [
        row for row in rig.loop.badges.whitelist.rows() if getattr(row, "member", "") == "m1" or row.key == "member/m1"
    ]
    rows = {row.key: row for row in [*sample(240_000).rows(), *held]}
    edit = Edit(Change(put=tuple(rows.values()), replace=True), "bench", rig.now(), lambda _done, _of: None)
    finished = threading.Event()

    def wait() -> None:
        edit.wait()
        finished.set()

    waiter = threading.Thread(target=wait, daemon=True)
    rig.loop.put(FromReader("laser", (Presented(card, fresh=True),)))
    until(lambda: hand.do("pins")[17], "the pin closes")
    rig.loop.writes.edit(edit)
    waiter.start()
    offs: list[float] = []
    while not finished.is_set() or len(offs) < 200:
        began = time.monotonic()
        rig.loop.put(FromReader("laser", (Removed(card),)))
        until(lambda: not hand.do("pins")[17], "the pin opens")
        offs.append((hand.do("last", number=17) - began) * 1000)
        rig.loop.put(FromReader("laser", (Presented(card, fresh=True),)))
        until(lambda: hand.do("pins")[17], "the pin closes")
    return {"off_event_to_pin_ms_p99": quantiles(offs, n=100)[-1]}
