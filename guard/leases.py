"""Leases: a closed output is lent for a time, and whoever finds the time past opens it.

One file per closed output in the run directory's `leases/`, on a file system in memory. It carries all that
opening needs and nothing of the settings. Written by the daemon, read by `loquet-guard`. Standard library
only: the guard lives on this and next to nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

LEASE_MS: Final = 2_000
RESUME_MS: Final = 60_000  # for a station that resumes: the watchdog's patience, and a restart on a slow Pi
GUARD_MS: Final = 2_000
MARGIN_MS: Final = 2_000  # a lease that is nearly past is left to the guard
GUARD_FILE: Final = "guard"
DAEMON_FILE: Final = "daemon"  # which process is the daemon
HELD_FILE: Final = "held"  # there while the guard holds lines that a dead daemon had
POLL_S: Final = 0.02
LINES_S: Final = 2.0  # for the guard to let go of them; it looks five times a second
LEASES: Final = "leases"


def boottime_ms() -> int:
    """Return the boot-time clock in milliseconds: it goes on while the machine sleeps, and is never set."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def me() -> tuple[int, int | None]:
    """Name this process as its leases do."""
    return os.getpid(), started(os.getpid())


def boot_id() -> str:
    """Name this boot; boot-time means something within it alone (random(4))."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def left_closed(run_dir: Path, machine: str, output: str, opening: dict[str, Any], now: int) -> bool:
    """Return whether an earlier daemon, dead now, left that very output closed, to be found so for some time yet."""
    try:
        record = read(run_dir / LEASES / f"{machine}.{output}")
    except PermissionError:
        return False
    try:
        return (
            record is not None
            and record["resume"] is True
            and record["closed"] is True
            and record["boot"] == boot_id()
            and record["opening"] == opening
            and record["until"] > now + MARGIN_MS
            and started(record["pid"]) != record["started"]
        )
    except (KeyError, TypeError):
        return False


def started(pid: int) -> int | None:
    """Return when a process began, in clock ticks since boot (proc(5), stat field 22); None if it is gone.

    With the pid it names a process for good: pids are used again. A zombie is gone: it holds no line.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in {b"Z", b"X"} else int(fields[19])


def write(path: str, content: bytes) -> None:
    """Replace a file whole: a reader sees the old one or the new one. On the way of a tap, so three calls."""
    draft = f"{path}.new"
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
    try:
        os.write(fd, content)
    finally:
        os.close(fd)
    os.replace(draft, path)  # noqa: PTH105 - strings are quicker than paths


def read(path: Path) -> dict[str, Any] | None:
    """Read a lease; None where there is none, or it is none of ours. Raises PermissionError."""
    try:
        record = json.loads(path.read_bytes())
    except PermissionError:
        raise
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


class Lease:
    """The lease of one output of one machine. `opening` says how to open it without its driver."""

    def __init__(
        self, run_dir: Path, machine: str, output: str, opening: dict[str, Any], *, resume: bool = False
    ) -> None:
        self._path = f"{run_dir}/{LEASES}/{machine}.{output}"
        self.duration = RESUME_MS if resume else LEASE_MS
        record = {
            "machine": machine,
            "output": output,
            "opening": opening,
            "pid": os.getpid(),
            "started": started(os.getpid()),
            "resume": resume,
            "boot": boot_id(),
        }
        self._head = json.dumps(record).encode()[:-1]

    def renew(self, now: int, *, closed: bool = False) -> None:
        """Take the lease, or make it longer: until *now* + its duration (ms on the boot-time clock).

        closed: whether the contact is, for a daemon that finds the lease.
        """
        self._say(now + self.duration, closed=closed)

    def run_out(self) -> None:
        """Have the guard open the contact now: its driver could not."""
        self._say(0, closed=True)

    def _say(self, until: int, *, closed: bool) -> None:
        write(self._path, b'%b, "until": %d, "closed": %b}' % (self._head, until, b"true" if closed else b"false"))

    def is_there(self) -> bool:
        """Return whether anybody holds it, or held it and is gone."""
        return Path(self._path).exists()

    def drop(self) -> None:
        """Give the lease back: the output is open."""
        Path(self._path).unlink(missing_ok=True)


def prepare(run_dir: Path) -> None:
    """Make the run directory's folder of leases. Raises OSError."""
    (run_dir / LEASES).mkdir(mode=0o770, parents=True, exist_ok=True)


def held(run_dir: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Return the leases that there are. Raises OSError where they may not be read."""
    try:
        paths = sorted((run_dir / LEASES).iterdir())
    except FileNotFoundError:
        return []  # any other error is the caller's to tell
    found = [(path, read(path)) for path in paths if path.suffix != ".new"]
    return [(path, record) for path, record in found if record is not None]


def say_guarded(run_dir: Path, until: int) -> None:
    """Report that a guard looks after the leases until then (boot-time ms). Written in place: it needs no new room."""
    fd = os.open(run_dir / GUARD_FILE, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        os.pwrite(fd, b"%020d" % until, 0)
    finally:
        os.close(fd)


def guard_until(run_dir: Path) -> int:
    """Return until when a guard has said that it looks after leases (boot-time ms); 0 where none has."""
    try:
        fd = os.open(f"{run_dir}/{GUARD_FILE}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        return int(os.read(fd, 20))
    except (OSError, ValueError):
        return 0
    finally:
        os.close(fd)


def say_daemon(run_dir: Path, sleep: Callable[[float], None] = time.sleep) -> None:
    """Say that this process is the daemon, and wait until the guard has let go of the lines that it holds.

    Raises OSError.
    """
    pid, began = me()
    write(str(run_dir / DAEMON_FILE), f"{pid} {began}".encode())
    end = LINES_S
    while end > 0 and (run_dir / HELD_FILE).exists() and guard_alive(run_dir, boottime_ms()):
        sleep(POLL_S)
        end -= POLL_S


def daemon_lives(run_dir: Path) -> bool:
    """Return whether there is a daemon."""
    try:
        pid, began = (run_dir / DAEMON_FILE).read_text().split()
        return str(started(int(pid))) == began
    except (OSError, ValueError):
        return False


class GuardWord:
    """The guard's word, its file kept open: reading it is one system call, on the way of a tap.

    A word that is past may be one of a file that was replaced: it is looked up anew before it is believed.
    """

    def __init__(self, run_dir: Path) -> None:
        self._path = f"{run_dir}/{GUARD_FILE}"
        self._fd: int | None = None

    def until(self, now: int) -> int:
        """Return until when a guard has said that it looks after leases (boot-time ms)."""
        word = self._read()
        if word <= now:
            self.close()
            with contextlib.suppress(OSError):
                self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            word = self._read()
        return word

    def _read(self) -> int:
        try:
            return int(os.pread(self._fd, 20, 0)) if self._fd is not None else 0
        except (OSError, ValueError):
            return 0

    def close(self) -> None:
        """Let the file go."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def guard_alive(run_dir: Path, now: int) -> bool:
    """Return whether a guard has lately said that it looks after the leases."""
    return guard_until(run_dir) > now
