"""What each controller is to know, kept in memory, and who waits for it with a held request.

No held request keeps a database connection. New versions are learnt by one cheap query, five times a second, and at
once of those that this process made. Everything here but `wake` runs on the event loop's thread; the database is asked
in threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, Final, TypeVar

import msgspec
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.db.models import Min

from server.core import clock, state
from server.core.models import ServerState
from server.devices.feed import REMEMBERED, Feed, Step
from server.devices.models import Device, Proposal
from server.devices.problems import ProblemError
from server.devices.sent import note
from server.edits import editing, rows
from server.edits.models import Change
from server.whitelist.models import Machine

POLL_S: Final = 0.2  # between two looks for what another process wrote
BLIND_S: Final = 10.0
EPOCHS: Final = 5  # epochs of a controller of which it is told up to where its edits are taken over
log = logging.getLogger("loquet.server")
T = TypeVar("T")
Processed = Callable[[], Iterable[tuple[str, str, int]]]  # controller, epoch, number; the newest journals first


class KnownDevice(msgspec.Struct, frozen=True):
    """What the API knows of a controller: its key, its machines, its site, below which version it gets all anew."""

    device: str
    key: str
    machines: frozenset[str]
    site: str
    whole: int
    retired: bool
    includes: dict[str, int]


class News(msgspec.Struct, frozen=True):
    """What was read at once: a version, the changes that led there, and how each controller is known."""

    version: int
    generation: int
    steps: list[Step]
    devices: dict[str, KnownDevice]


class Seen(msgspec.Struct):
    """What is to be written of a controller: when it was heard of, what it has in force, what it was sent."""

    at: float = 0.0
    holds: int | None = None
    sent: int | None = None


class LiveFeed:
    """The whitelist in memory, and everybody who waits for the next version of it."""

    def __init__(self, threads: Executor, processed: Processed) -> None:
        """Begin empty. processed: reads up to which entry the journals of each controller are processed."""
        self._threads = threads
        self._processed = processed
        self.feed = Feed((), 0)
        self.generation = 0
        self.devices: dict[str, KnownDevice] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()
        self._due = asyncio.Event()
        self._refreshing = asyncio.Lock()
        self._seen: dict[str, Seen] = {}
        self._looked = time.monotonic()

    async def begin(self) -> None:
        """Read the whole list."""
        self._loop = asyncio.get_running_loop()
        editing.WAKE.append(self.wake)
        feed, news = await self.ask(read_all, self._processed)
        self.feed = feed
        self._take(news)

    @property
    def is_blind(self) -> bool:
        """Whether the database has not answered for so long that nothing may be confirmed."""
        return time.monotonic() - self._looked > BLIND_S

    def end(self) -> None:
        """Hear of nothing any more."""
        with contextlib.suppress(ValueError):
            editing.WAKE.remove(self.wake)

    async def ask(self, work: Callable[..., T], *arguments: Any) -> T:  # noqa: ANN401 - the work's own
        """Have work done in a thread of the API's."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, _done, work, *arguments)

    async def ask_twice(self, work: Callable[..., T], *arguments: Any) -> T:  # noqa: ANN401 - likewise
        """Have work done, once more where a connection had gone. Raises ProblemError where that fails too."""
        return await self.ask(_done_twice, work, *arguments)

    def wake(self) -> None:
        """Have the version looked at now; from any thread."""
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the server ends
                loop.call_soon_threadsafe(self._due.set)

    async def run(self) -> None:
        """Look for new versions until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), POLL_S)
            self._due.clear()
            try:
                await self.refresh()
                await self._write_seen()
            except Exception as error:  # noqa: BLE001 - whatever a database does, it is asked again
                log.error("the database does not answer: %s", error)
                await asyncio.sleep(POLL_S)

    async def refresh(self) -> None:
        """Take up what is new, if anything is."""
        async with self._refreshing:
            version, generation = await self.ask(_versions)
            self._looked = time.monotonic()
            # Two numbers by their keys, five times a second: what an idle server asks its database.
            if (version, generation) == (self.feed.version, self.generation):
                return
            found = await self.ask(_read_news, self.feed.version, self.generation, self._processed)
            if found is not None:
                self._take(found)
                return
            self.feed, whole = await self.ask(read_all, self._processed)
            self._take(whole)

    def _take(self, news: News) -> None:
        self.feed.apply(news.steps, news.version)
        self.generation = news.generation
        self.devices = news.devices
        # Whoever waits holds the old event: it is set once, and the next wait begins with the new one.
        told, self._news = self._news, asyncio.Event()
        told.set()

    async def changed(self, seconds: float) -> bool:
        """Wait for the next version; return whether it came in time."""
        news = self._news
        try:
            await asyncio.wait_for(news.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def saw(self, device: str, *, holds: int | None = None, sent: int | None = None) -> None:
        """Note that a controller was heard of; which version it has in force, and which it was sent."""
        seen = self._seen.setdefault(device, Seen())
        seen.at = clock.seconds()
        if holds is not None and holds <= self.feed.version:  # what was never there nobody has
            seen.holds = holds
        if sent is not None:
            seen.sent = sent
            note(device, sent)

    async def _write_seen(self) -> None:
        if self._seen:
            seen, self._seen = self._seen, {}
            try:
                await self.ask(_write_seen, seen)
            except Exception:
                self._seen = seen | self._seen  # it is written with what comes next
                raise


def _done(work: Callable[..., T], *arguments: Any) -> T:  # noqa: ANN401 - the work's own
    """Do it; a connection that broke is let go, so that the next one is new."""
    try:
        return work(*arguments)
    except (DatabaseError, InterfaceError):
        connection.close()
        raise


def _done_twice(work: Callable[..., T], *arguments: Any) -> T:  # noqa: ANN401 - the work's own
    try:
        return work(*arguments)
    except (OperationalError, InterfaceError) as error:
        connection.close()
        log.warning("the database is asked once more: %s", error)
        try:
            return work(*arguments)
        except DatabaseError as again:
            raise ProblemError("busy") from again


def _versions() -> tuple[int, int]:
    found = dict(ServerState.objects.filter(key__in=[state.VERSION, state.GENERATION]).values_list("key", "value"))
    return int(found[state.VERSION]), int(found[state.GENERATION])


def read_all(processed: Processed) -> tuple[Feed, News]:
    """Read the whole list, and how each controller is known."""
    with transaction.atomic():
        version, _generation = _versions()
        recent = list(Change.objects.order_by("-version").values_list("version", "key")[:REMEMBERED])
        feed = Feed(rows.everything(), version, reversed([each for each in recent if each[0] <= version]))
        news = _news(version, processed)
    return feed, news


def _read_news(version: int, generation: int, processed: Processed) -> News | None:
    with transaction.atomic():
        if _versions()[1] != generation:
            return None
        return _news(version, processed)


def _news(since: int, processed: Processed) -> News:
    # The version first: a change that is committed meanwhile is read now, and once more with the next version.
    version, generation = _versions()
    steps = list(
        Change.objects.filter(version__gt=since, version__lte=version)
        .order_by("version")
        .values_list("version", "key", "after")
    )
    return News(version, generation, steps, _devices(processed))


def _devices(processed: Processed) -> dict[str, KnownDevice]:
    machines: dict[str, set[str]] = {}
    for machine, device in Machine.objects.exclude(device=None).filter(retired=False).values_list("pk", "device_id"):
        machines.setdefault(device, set()).add(machine)
    includes: dict[str, dict[str, int]] = {}
    for device, epoch, seq in processed():
        mine = includes.setdefault(device, {})
        if len(mine) < EPOCHS:
            mine[epoch] = seq
    held = Proposal.objects.exclude(epoch="").values("device_id", "epoch").annotate(first=Min("seq"))
    for row in held:
        mine = includes.get(row["device_id"], {})
        if row["epoch"] in mine:
            mine[row["epoch"]] = min(mine[row["epoch"]], row["first"] - 1)
    found = Device.objects.values_list("pk", "key", "site_id", "whole", "retired")
    return {
        device: KnownDevice(
            device, key, frozenset(machines.get(device, ())), site, whole, retired, includes.get(device, {})
        )
        for device, key, site, whole, retired in found
    }


def _write_seen(seen: dict[str, Seen]) -> None:
    with transaction.atomic():
        for device, each in sorted(seen.items(), key=itemgetter(0)):  # by every process in one order
            fields: dict[str, Any] = {"seen": datetime.fromtimestamp(each.at, UTC)}
            if each.holds is not None:
                fields["holds"] = each.holds
            Device.objects.filter(pk=device).update(**fields)
            if each.sent is not None:  # another process may have sent a later one
                Device.objects.filter(pk=device, sent__lt=each.sent).update(sent=each.sent)
