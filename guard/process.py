"""`loquet-guard`: opens every output whose lease is past, whatever became of the daemon.

A process of its own with next to no imports. It reads leases, never settings. A daemon that holds a line
and does not renew is killed first: the kernel lends a line to one process only.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import fcntl
import json
import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from guard import leases as lease
from guard import notify
from guard.lines import HeldLines

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_RUN_DIR: Final = Path("/run/loquet")
TICK: Final = 0.2  # seconds
GONE_MS: Final = 30_000  # a port that is gone for so long took its relay's supply with it
FIRST_WAIT_MS: Final = 500
MOST_WAIT_MS: Final = 4_000
LATE_MS: Final = 600  # between two looks, less what it did meanwhile: this process was not running
RENEWAL_MS: Final = 1_500  # for a daemon that stood still with it to renew its leases
SPARED_MS: Final = 10_000  # for so long one lease is given such times: on a machine that is late all the time, too
DEATH_WAIT: Final = 2.0  # seconds for a killed process to be gone
STOPPED: Final = {"success", "timeout"}  # systemd's word to ExecStopPost= for a service that was told to stop


def open_gpio(opening: dict[str, Any]) -> None:
    """Put a line at its safe level and let it go; a Raspberry Pi's own kernel keeps the level."""
    import lgpio  # noqa: PLC0415 - only once it is needed, so that the guard starts on any machine

    handle = lgpio.gpiochip_open(opening["chip"])
    try:
        lgpio.gpio_claim_output(handle, opening["line"], opening["level"])
        lgpio.gpio_free(handle, opening["line"])
    finally:
        lgpio.gpiochip_close(handle)


def open_serial(opening: dict[str, Any]) -> None:
    """Send the bytes that open a relay on a serial port, and wait for its answer where it gives one."""
    from guard import raw_serial  # noqa: PLC0415 - likewise

    raw_serial.say(opening)


def leave_alone(_opening: dict[str, Any]) -> None:
    """Leave a part that opens by itself to its own timer."""


OPENERS: Final[dict[str, Callable[[dict[str, Any]], None]]] = {
    "gpio": open_gpio,
    "serial": open_serial,
    "own": leave_alone,
}


def kill(pid: int) -> None:
    """Kill a process and wait until it is gone, within bounds."""
    with contextlib.suppress(ProcessLookupError):
        pidfd = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            select.select([pidfd], [], [], DEATH_WAIT)
        finally:
            os.close(pidfd)


class Guard:
    """Looks after the leases of one run directory; one step is one look at all of them."""

    def __init__(
        self,
        run_dir: Path,
        notify: Callable[[str], None],
        *,
        nobody_resumes: bool = False,
        ends: bool = False,
        between: Callable[[], None] = lambda: None,
    ) -> None:
        self._run_dir = run_dir
        """ends: it opens what there is and ends, so it holds nothing: what it opened is left to a guard that lives."""
        self._nobody_resumes = nobody_resumes
        self._ends = ends
        self._lines = HeldLines()
        self._notify = notify
        self._failed: dict[str, str] = {}
        self._gone: dict[str, int] = {}
        self._between = between  # called after each lease: a line that does not answer takes its time
        self._waits: dict[str, tuple[int, int]] = {}  # until when, and for how long, one that failed is left alone
        self._known: dict[Path, dict[str, Any]] = {}
        self._looked: int | None = None
        self._worked = 0  # milliseconds since then that killing and opening took
        self._was_late = False
        self._spared: dict[str, tuple[int, int, int]] = {}  # until when lent; since when, and until when, spared
        self.sees_all = True

    def step(self, now: int, *, orphans_only: bool = False) -> int:
        """Open what is past or orphaned; return the number of leases that could not be opened.

        A lease that was seen once is remembered for as long as its owner lives: whatever becomes of the file,
        what it lent is opened with its owner's end.
        """
        if self._lines and lease.daemon_lives(self._run_dir):
            self._let_lines_go()
        self._was_late = self._looked is not None and now - self._looked - self._worked > LATE_MS
        self._looked, self._worked = now, 0
        found = self._read()
        failures = 0
        every = {path: found.get(path) or self._known[path] for path in self._known | found}
        for path in sorted(every, key=lambda path: (_takes_time(every[path]), path)):
            lost = path not in found
            record = self._known[path] = every[path]
            if self._waits.get(path.name, (0, 0))[0] > now:
                failures += 1
                continue
            try:
                failures += not self._look_at(path, record, now, lost=lost, orphans_only=orphans_only)
                self._waits.pop(path.name, None)
            except Exception as error:  # noqa: BLE001 - one bad lease must not keep the others closed
                failures += 1
                self._leave_alone(path.name, record, now)
                self.say_once(path.name, f"{path.name}: cannot be opened yet: {error!r}")
                if lost:
                    self._known.pop(path, None)  # somebody else has the line: it is theirs to open
            self._between()
        return failures

    def _leave_alone(self, name: str, record: dict[str, Any], now: int) -> None:
        """Try what takes time less and less often, up to some seconds: the others are looked after meanwhile."""
        if _takes_time(record):
            wait = min(MOST_WAIT_MS, 2 * self._waits.get(name, (0, FIRST_WAIT_MS // 2))[1])
            self._waits[name] = now + wait, wait

    def _read(self) -> dict[Path, dict[str, Any]]:
        try:
            found = dict(lease.held(self._run_dir))
        except OSError as error:
            self.sees_all = False
            self.say_once("leases", f"{error.filename or self._run_dir} cannot be read: {error.strerror}")
            return {}
        self.sees_all = True
        return found

    def _look_at(self, path: Path, record: dict[str, Any], now: int, *, lost: bool, orphans_only: bool) -> bool:
        owner_lives = lease.started(record["pid"]) == record["started"]
        orphaned = not owner_lives and (lost or self._nobody_resumes or not record["resume"])
        garbled = lost and path.exists()
        past = record["until"] <= now and not (orphans_only and owner_lives) and (garbled or not lost)
        if not (past or orphaned):
            self._spared.pop(path.name, None)
            return True
        if owner_lives and self._is_spared(path.name, record["until"], now):
            return True
        if not lost and lease.read(path) != record:
            return True  # renewed, or given back, while we looked
        began = lease.boottime_ms()
        try:
            if owner_lives and record["opening"].get("kind") != "own":
                self._notify(f"{path.name}: lease is past and process {record['pid']} hangs on to it: killed")
                kill(record["pid"])
            self._open(path.name, record["opening"], now)
            is_left = not lost and self._keep_open(path, record)
        finally:
            self._worked += lease.boottime_ms() - began
        with contextlib.suppress(OSError):
            None if is_left else path.unlink(missing_ok=True)
        self._failed.pop(path.name, None)
        self._spared.pop(path.name, None)
        del self._known[path]
        if not lost or garbled:
            self._notify(f"{path.name}: opened, {'its lease was past' if past else 'its daemon is gone'}")
        return True

    def _keep_open(self, path: Path, record: dict[str, Any]) -> bool:
        """Hold a line that was opened while there is no daemon; return whether that is left to a guard that lives."""
        if record["opening"].get("kind") != "gpio" or lease.daemon_lives(self._run_dir):
            return False
        if self._ends:
            if not lease.guard_alive(self._run_dir, lease.boottime_ms()):
                return False
            with contextlib.suppress(OSError):  # without room nobody holds it, and it stands as it was left
                lease.write(str(path), json.dumps(record | {"resume": False, "closed": False, "until": 0}).encode())
                return True
            return False
        with contextlib.suppress(Exception):  # lgpio's errors share no root; what cannot be held stands as it was left
            self._lines.open(record["opening"])
            (self._run_dir / lease.HELD_FILE).touch()
        return False

    def close(self) -> None:
        """Let go of every line that is held, as they stand."""
        self._let_lines_go()

    def _let_lines_go(self) -> None:
        self._lines.let_go()
        with contextlib.suppress(OSError):
            (self._run_dir / lease.HELD_FILE).unlink(missing_ok=True)

    def _is_spared(self, name: str, until: int, now: int) -> bool:
        """Return whether a daemon is to have the time to renew first: it may have stood still together with the guard.

        What it asked for itself (a lease of no time at all) is done at once.
        """
        if until == 0:
            return False
        lent, since, ends = self._spared.get(name, (until, now, 0))
        if lent != until:
            lent, since, ends = until, now, 0
        if self._was_late and now - since < SPARED_MS:
            ends = now + RENEWAL_MS
        self._spared[name] = lent, since, ends
        return now < ends

    def _open(self, name: str, opening: dict[str, Any], now: int) -> None:
        """Open it. Raises what its opener raises; a relay that lives on its port's supply is open once that is gone."""
        try:
            (self._lines.open if opening in self._lines else OPENERS[opening["kind"]])(opening)
        except OSError as error:
            if error.errno not in {errno.ENOENT, errno.ENODEV, errno.ENXIO}:
                self._gone.pop(name, None)
                raise
            if not opening.get("gone_is_open") or now - self._gone.setdefault(name, now) < GONE_MS:
                raise
        self._gone.pop(name, None)

    def say_once(self, name: str, sentence: str) -> None:
        """Report a sentence about one thing, unless it was the last that was said of it."""
        if self._failed.get(name) != sentence:
            self._failed[name] = sentence
            self._notify(sentence)


def _takes_time(record: dict[str, Any]) -> bool:
    """Return whether opening means asking somebody."""
    opening = record.get("opening")
    return isinstance(opening, dict) and opening.get("kind") == "serial"


def _parser() -> argparse.ArgumentParser:
    """Read what is typed."""
    parser = argparse.ArgumentParser(
        prog="loquet-guard",
        description="Opens every output whose lease is past. Without it no guarded output closes.",
    )
    parser.add_argument("--run-dir", type=Path, default=DEFAULT_RUN_DIR, help="where the leases are")
    parser.add_argument(
        "--once", action="store_true", help="open what a dead daemon left closed, then end (ExecStopPost=)"
    )
    parser.add_argument("--beside", type=int, metavar="PID", help="end once this process is gone and all is open")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the guard; with --once, open what a dead daemon left closed and end."""
    options = _parser().parse_args(arguments)
    stopped = os.environ.get("SERVICE_RESULT") in STOPPED
    manager = notify.Manager()

    def say_alive() -> None:
        try:
            if guard.sees_all and not options.once:  # who cannot read a lease does not look after it
                lease.say_guarded(options.run_dir, lease.boottime_ms() + lease.GUARD_MS)
        except OSError as error:  # nothing closes then; what is closed is looked after all the same
            guard.say_once("guard", f"{options.run_dir} cannot be written: {error.strerror}")
        manager.say(notify.ALIVE)

    guard = Guard(
        options.run_dir,
        lambda sentence: print(sentence, file=sys.stderr, flush=True),
        nobody_resumes=options.once and stopped,
        ends=options.once,
        between=say_alive,
    )
    if options.once:
        return 1 if guard.step(lease.boottime_ms(), orphans_only=True) else 0
    try:
        lease.prepare(options.run_dir)
        lock = os.open(options.run_dir / "guard.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"another loquet-guard looks after {options.run_dir}", file=sys.stderr)
        return 1
    except OSError as error:
        print(
            f"{options.run_dir} cannot be used: {error.strerror}; name another with --run-dir",
            file=sys.stderr,
        )
        return 1
    stop = _stopped_by_signals()
    guard.close()  # what an earlier one said that it holds, it holds no more
    while not stop():
        guard.step(lease.boottime_ms())
        say_alive()
        manager.say(notify.READY)
        if options.beside and not (lease.started(options.beside) or lease.held(options.run_dir)):
            break
        time.sleep(TICK)
    guard.close()
    (options.run_dir / lease.GUARD_FILE).unlink(missing_ok=True)
    return 0


def _stopped_by_signals() -> Callable[[], bool]:
    seen: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda caught, _frame: seen.append(caught))
    return lambda: bool(seen)


if __name__ == "__main__":
    sys.exit(main())
