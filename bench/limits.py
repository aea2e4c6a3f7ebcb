"""What a tap is measured against: a bare commit, a hop between two threads, the simulated pin's share."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from simulator.hand import Hand

SPARE: Final = 27  # a line that nothing else has


def bare_commit(here: Path) -> Any:  # noqa: ANN401 - a function that commits
    """One WAL+FULL commit of as many bytes, on a file of its own in the same place."""
    import sqlite3

    db = sqlite3.connect(here / "bare.db", isolation_level=None)
    db.execute("pragma journal_mode=wal")
    db.execute("pragma synchronous=full")
    db.execute(
        "create table journal (seq integer primary key autoincrement, boot text, at integer, kind text, machine text,"
        " session text, body text)"
    )
    db.execute("create index i on journal(kind, session)")
    body = "x" * 190

    def commit() -> float:
        began = time.monotonic()
        db.execute("begin")
        db.execute(
            "insert into journal (boot, at, kind, machine, session, body) values (?, 1, 'granted', 'laser', ?, ?)",
            ("b" * 36, "s" * 16, body),
        )
        db.execute("commit")
        return time.monotonic() - began

    return commit


class Hop:
    """One round trip through a queue each way, between two threads: what nothing that crosses threads goes below."""

    def __init__(self) -> None:
        self._there: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._back: queue.SimpleQueue[bool] = queue.SimpleQueue()
        threading.Thread(target=self._answer, daemon=True).start()

    def _answer(self) -> None:
        while self._there.get():
            self._back.put(True)

    def __call__(self) -> float:
        """Return how long one takes."""
        began = time.monotonic()
        self._there.put(True)
        self._back.get()
        return time.monotonic() - began

    def close(self) -> None:
        """End the other thread."""
        self._there.put(False)


def pin_of(hand: Hand) -> Callable[[], float]:
    """Return what measures the simulated pin's share: a level that is written, until the board has noted it."""
    import lgpio

    chip = lgpio.gpiochip_open(0)
    lgpio.gpio_claim_output(chip, SPARE, 0)
    level = 0

    def write() -> float:
        nonlocal level
        level = 1 - level
        began = time.monotonic()
        lgpio.gpio_write(chip, SPARE, level)
        return float(hand.do("last", number=SPARE)) - began

    return write
