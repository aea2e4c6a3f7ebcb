"""`loquet-guard`: opens every output whose lease is past, whatever became of the daemon.

A process of its own with next to no imports. It reads leases, never settings. A daemon that holds a line
and does not renew is killed first: the kernel lends a line to one process only.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from drivers import lease, notify

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_RUN_DIR: Final = Path("/run/loquet")
TICK: Final = 0.2  # seconds
DEATH_WAIT: Final = 2.0  # seconds for a killed process to be gone
STOPPED: Final = {"success", "timeout"}  # systemd's word to ExecStopPost= for a service that was told to stop


def open_gpio(opening: dict[str, Any]) -> None:
    """Put a line at its safe level and let it go; a Raspberry Pi's kernel keeps the level."""
    import lgpio  # noqa: PLC0415 - only once it is needed, so that the guard starts on any machine

    handle = lgpio.gpiochip_open(opening["chip"])
    try:
        lgpio.gpio_claim_output(handle, opening["line"], opening["level"])
        lgpio.gpio_free(handle, opening["line"])
    finally:
        lgpio.gpiochip_close(handle)


OPENERS: Final[dict[str, Callable[[dict[str, Any]], None]]] = {"gpio": open_gpio}


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

    def __init__(self, run_dir: Path, tell: Callable[[str], None], *, nobody_resumes: bool = False) -> None:
        self._run_dir = run_dir
        self._nobody_resumes = nobody_resumes
        self._tell = tell
        self._failed: dict[str, str] = {}
        self._known: dict[Path, dict[str, Any]] = {}
        self.sees_all = True

    def step(self, now: int, *, orphans_only: bool = False) -> int:
        """Open what is past or orphaned; give the number of leases that could not be opened.

        A lease that was seen once is remembered for as long as its owner lives: whatever becomes of the file,
        what it lent is opened with its owner's end.
        """
        found = self._read()
        failures = 0
        for path in sorted(self._known | found):
            lost = path not in found
            record = found.get(path) or self._known[path]
            self._known[path] = record
            try:
                failures += not self._look_at(path, record, now, lost=lost, orphans_only=orphans_only)
            except Exception as error:  # noqa: BLE001 - one bad lease must not keep the others closed
                failures += 1
                self.say_once(path.name, f"{path.name}: cannot be opened yet: {error!r}")
                if lost:
                    self._known.pop(path, None)  # somebody else has the line: it is theirs to open
        return failures

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
            return True
        if not lost and lease.read(path) != record:
            return True  # renewed, or given back, while we looked
        if owner_lives:
            self._tell(f"{path.name}: lease is past and process {record['pid']} hangs on to it: killed")
            kill(record["pid"])
        OPENERS[record["opening"]["kind"]](record["opening"])
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        self._failed.pop(path.name, None)
        del self._known[path]
        if not lost or garbled:
            self._tell(f"{path.name}: opened, {'its lease was past' if past else 'its daemon is gone'}")
        return True

    def say_once(self, name: str, sentence: str) -> None:
        """Say a sentence about one thing, unless it was the last that was said of it."""
        if self._failed.get(name) != sentence:
            self._failed[name] = sentence
            self._tell(sentence)


def main(arguments: list[str] | None = None) -> int:
    """Run the guard; with --once, open what a dead daemon left closed and end."""
    parser = argparse.ArgumentParser(
        prog="loquet-guard",
        description="Opens every output whose lease is past. Without it no guarded output closes.",
    )
    parser.add_argument("--run-dir", type=Path, default=DEFAULT_RUN_DIR, help="where the leases are")
    parser.add_argument(
        "--once", action="store_true", help="open what a dead daemon left closed, then end (ExecStopPost=)"
    )
    parser.add_argument("--beside", type=int, metavar="PID", help="end once this process is gone and all is open")
    options = parser.parse_args(arguments)
    stopped = os.environ.get("SERVICE_RESULT") in STOPPED
    guard = Guard(
        options.run_dir,
        lambda sentence: print(sentence, file=sys.stderr, flush=True),
        nobody_resumes=options.once and stopped,
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
    manager = notify.Manager()
    while not stop():
        now = lease.boottime_ms()
        guard.step(now)
        try:
            if guard.sees_all:  # who cannot read a lease does not look after it: nothing more closes then
                lease.say_guarded(options.run_dir, now + lease.GUARD_MS)
        except OSError as error:  # nothing closes then; what is closed is looked after all the same
            guard.say_once("guard", f"{options.run_dir} cannot be written: {error.strerror}")
        manager.say(notify.READY, notify.ALIVE)
        if options.beside and not (lease.started(options.beside) or lease.held(options.run_dir)):
            break
        time.sleep(TICK)
    (options.run_dir / lease.GUARD_FILE).unlink(missing_ok=True)
    return 0


def _stopped_by_signals() -> Callable[[], bool]:
    seen: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda caught, _frame: seen.append(caught))
    return lambda: bool(seen)


if __name__ == "__main__":
    sys.exit(main())
