"""How commands reach the controller's memory: through its socket while it runs, else under its lock.

Both doors do the same; a command never knows which one it went through.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

import msgspec
from sqlite_utils import Database

from common.errors import LoquetError
from common.texts import N_
from controller.control.server import ANSWER_S, EDIT_S, SOCKET, user_name
from controller.runtime.clock import SystemClock
from controller.settings import Settings
from controller.store import clock_readings, database
from controller.store.answers import Answer
from controller.store.damage import open_store
from controller.store.database import StorageError
from controller.store.edits import Edit, Progress
from controller.store.key import badge_key
from controller.store.served import zone as zone_in
from controller.store.whitelist import Change, load
from controller.store.writer import Writer
from protocol.badge import BadgeKey
from protocol.entries import Clock, Corrected, Locked, Maintained, Mended, Reported, Unlocked, encode_entry
from protocol.moment import Moment
from protocol.pin import SALT_BYTES, made_pin
from protocol.rows import Pin, encode_row
from protocol.whitelist import Whitelist

Recordable = Corrected | Maintained | Reported | Mended | Locked | Unlocked
HASHES: Final = 500  # badges in one request
WAKE_S: Final = 1.0


class NotRunningError(LoquetError, ConnectionError):
    """The daemon does not run, and only it could have answered."""


class Client(Protocol):
    """What commands do with the controller's memory. All raise LoquetError."""

    running: bool

    def database(self) -> Database:
        """Return a read-only connection."""
        ...

    def whitelist(self) -> Whitelist:
        """Read the whitelist in force."""
        ...

    def zone(self) -> ZoneInfo:
        """Return the time zone by which days are told here: the site's, or the settings'."""
        ...

    def fingerprint(self) -> str:
        """Name the badge key."""
        ...

    def hash(self, cards: Sequence[tuple[bytes, str]]) -> list[str]:
        """Hash badges (UID, technology) under this controller's key."""
        ...

    def pin(self, member: str, digits: str) -> Pin:
        """Hash a member's PIN under this controller's key. Raises PinError."""
        ...

    def edit(
        self, change: Change, progress: Progress, *, base: int | None = None, cut: bool = False, forgets: bool = False
    ) -> int:
        """Change the whitelist, if its version is still *base*; return its new version."""
        ...

    def record(self, entry: Recordable) -> None:
        """Put an entry into the journal, in the name of whoever asks."""
        ...

    def moment(self) -> Moment:
        """Return this moment, as decisions see it."""
        ...


@contextlib.contextmanager
def open_client(settings: Settings, *, write: bool = False) -> Iterator[Client]:
    """Open the door that there is; with *write*, without a daemon, under the lock. Raises LoquetError."""
    link = connect(settings)
    if link is not None:
        link.close()
        with contextlib.closing(DaemonClient(settings)) as found:
            yield found
        return
    if not write:
        with contextlib.closing(FileClient(settings, write=False)) as found:
            yield found
        return
    become_owner(settings.data_dir)
    held = database.lock(settings.data_dir)
    try:
        with contextlib.closing(FileClient(settings, write=True)) as found:
            yield found
    finally:
        os.close(held)


def become_owner(data_dir: Path) -> None:
    """As root, write as the database's owner: what root made, the daemon's user could not read."""
    if os.geteuid() == 0 and data_dir.exists():
        owner = data_dir.stat()
        os.setegid(owner.st_gid)
        os.seteuid(owner.st_uid)


def connect(settings: Settings) -> socket.socket | None:
    """Connect to the daemon; None where none runs. Raises NotRunningError where it may not be spoken to."""
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        link.connect(str(settings.run_dir / SOCKET))
    except PermissionError as error:
        link.close()
        raise NotRunningError(
            N_("{path} may not be opened; belong to the group loquet, or use sudo"),
            path=settings.run_dir / SOCKET,
        ) from error
    except OSError:
        link.close()
        return None
    return link


def ask(settings: Settings, request: dict[str, Any], rows: Iterable[bytes] = ()) -> Iterator[dict[str, Any]]:
    """Ask the daemon one thing; return its answers. Raises NotRunningError, and what it answers as an error."""
    link = connect(settings)
    if link is None:
        raise NotRunningError(
            N_("the controller does not run; start it: `sudo systemctl start loquet`, or `loquet run` in a checkout")
        )
    try:
        for_good = request["do"] == "read"
        link.settimeout(WAKE_S if for_good else EDIT_S if request["do"] == "edit" else ANSWER_S * 2)
        with link:
            link.sendall(json.dumps(request).encode() + b"\n")
            for row in rows:
                link.sendall(row)
            for line in _lines(link, for_good=for_good):
                answer = json.loads(line)
                if "error" in answer:
                    raise LoquetError(answer["error"]["template"], **answer["error"]["parameters"])
                yield answer
    except OSError as error:
        raise NotRunningError(N_("the controller went away while it was asked ({error})"), error=error) from error


def _lines(link: socket.socket, *, for_good: bool) -> Iterator[bytes]:
    """Return the lines that come. for_good: however long that takes. Raises OSError.

    However long, it wakes now and then: of a signal that came just before a call that waits, Python sees nothing until
    that call is over.
    """
    rest = b""
    while True:
        try:
            came = link.recv(65_536)
        except TimeoutError:
            if not for_good:
                raise
            continue
        if not came:
            return
        *lines, rest = (rest + came).split(b"\n")
        yield from lines


def ask_one(settings: Settings, request: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """Ask the daemon one thing that has one answer."""
    for answer in ask(settings, request):
        return answer["is"]
    raise NotRunningError(N_("the controller went away while it was asked ({error})"), error="-")


class _Reading:
    """What both doors read from the file itself."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._reading: Database | None = None

    def database(self) -> Database:
        """Return a read-only connection, open until the door is closed."""
        if self._reading is None:
            self._reading = database.open_for_reading(self._settings.data_dir)
        return self._reading

    def close(self) -> None:
        """Let the database go."""
        if self._reading is not None:
            self._reading.close()

    def whitelist(self) -> Whitelist:
        try:
            return load(self.database())
        except StorageError:
            if (self._settings.data_dir / database.DATABASE).exists():
                raise
            return Whitelist()

    def moment(self) -> Moment:
        try:
            earliest = clock_readings.known(self.database())
        except StorageError:
            earliest = 0
        return SystemClock(self.zone(), earliest).now()

    def zone(self) -> ZoneInfo:
        """Return the time zone by which days are told here: the site's, or the settings'."""
        own = ZoneInfo(self._settings.controller.timezone)
        try:
            return zone_in(self.database(), own)
        except StorageError:
            return own


class DaemonClient(_Reading):
    """Through the socket of the daemon that runs."""

    running = True

    def fingerprint(self) -> str:
        """Name the badge key."""
        return str(ask_one(self._settings, {"do": "fingerprint"}))

    def hash(self, cards: Sequence[tuple[bytes, str]]) -> list[str]:
        """Hash badges under this controller's key."""
        hashed: list[str] = []
        for start in range(0, len(cards), HASHES):
            batch = [[uid.hex(), technology] for uid, technology in cards[start : start + HASHES]]
            hashed += ask_one(self._settings, {"do": "hash", "cards": batch})
        return hashed

    def pin(self, member: str, digits: str) -> Pin:
        """Hash a member's PIN under this controller's key. Raises PinError."""
        return msgspec.convert(ask_one(self._settings, {"do": "pin", "member": member, "pin": digits}), Pin)

    def edit(
        self, change: Change, progress: Progress, *, base: int | None = None, cut: bool = False, forgets: bool = False
    ) -> int:
        """Change the whitelist; return its new version."""
        count = len(change.put) + len(change.drop)
        request = {"do": "edit", "rows": count, "replace": change.replace, "base": base, "cut": cut}
        request["forgets"] = forgets
        rows = [b"+" + encode_row(row) + b"\n" for row in change.put]
        rows += [b"-" + encode_row(row) + b"\n" for row in change.drop]
        for answer in ask(self._settings, request, rows):
            if "is" in answer:
                return int(answer["is"])
            progress(answer["done"], answer["of"])
        raise NotRunningError(N_("the controller went away while it was asked ({error})"), error="-")

    def record(self, entry: Recordable) -> None:
        """Put an entry into the journal, in the name of whoever asks; the daemon knows who that is."""
        ask_one(self._settings, {"do": "record", "entry": msgspec.to_builtins(entry)})


class FileClient(_Reading):
    """Straight to the files; nobody else writes while the lock is held."""

    running = False

    def __init__(self, settings: Settings, *, write: bool) -> None:
        super().__init__(settings)
        self._write = write

    def _key(self) -> BadgeKey:
        return badge_key(self._settings.data_dir, make=self._write)

    def fingerprint(self) -> str:
        """Name the badge key."""
        return self._key().fingerprint

    def hash(self, cards: Sequence[tuple[bytes, str]]) -> list[str]:
        """Hash badges under this controller's key."""
        key = self._key()
        return [key.hash(uid, technology) for uid, technology in cards]

    def pin(self, member: str, digits: str) -> Pin:
        """Hash a member's PIN under this controller's key. Raises PinError."""
        return made_pin(member, digits, self._key(), os.urandom(SALT_BYTES))

    def edit(
        self, change: Change, progress: Progress, *, base: int | None = None, cut: bool = False, forgets: bool = False
    ) -> int:
        """Change the whitelist; return its new version."""
        with self._writer() as (writer, clock):
            edit = Edit(change, user_name(), clock.now(), progress, base=base, cut=cut, forgets=forgets)
            writer.queue.edit(edit)
            writer.step()
        return edit.wait(0)

    def record(self, entry: Recordable) -> None:
        """Put an entry into the journal, in the name of this user. Raises StorageError."""
        encode_entry(entry)  # what cannot be written is refused here
        with self._writer() as (writer, clock):
            moment = clock.now()
            writer.queue.record(moment, Clock(clock.reading.offset, clock.reading.quality))
            writer.queue.record(moment, msgspec.structs.replace(entry, by=user_name()))
            if writer.step() is not None:
                raise StorageError(N_("nothing can be written now, so nothing was changed; is the disk full?"))

    @contextlib.contextmanager
    def _writer(self) -> Iterator[tuple[Writer, SystemClock]]:
        self._key()  # made before the database, which is of no use without it
        opened = open_store(self._settings.data_dir)
        own = ZoneInfo(self._settings.controller.timezone)
        clock = SystemClock(zone_in(opened.db, own), clock_readings.known(opened.db))
        answers: list[Answer] = []
        writer = Writer(opened.db, answers.append, lambda: clock.earliest)
        if opened.replaced is not None:
            writer.queue.record(clock.now(), opened.replaced)
        try:
            yield writer, clock
            writer.step()  # the document
        finally:
            opened.db.close()
