"""Every open connection, and who is to go first where there are too many.

Whoever has shown who they are keeps their line: a controller by a signature, a person by an account. All others are
strangers until then: they have seconds to say what they want, and where there are too many of them the one goes that
has waited the longest, of the address that has the most. So neither a thousand silent sockets nor a thousand half
headers keep anybody else out, not even somebody behind the same address.

uvicorn bounds the size of a head and the number of requests; that a head comes at all, in time, it leaves open, and so
do the other servers that were looked at (decision 31). This is what is put under it: the socket that it listens on.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST: Final = 4_096  # connections at once
KEPT_BACK: Final = 200  # descriptors for database, files, and those who are being let in
FIRST_S: Final = 10.0  # in which a new connection has shaken hands and said what it wants
NEXT_S: Final = 75.0  # in which one that was answered says what it wants next
OF_ONE: Final = 32  # connections of one controller or account
AT_ONCE: Final = 16  # let in before others have their turn
LOOK_S: Final = 0.5
A_BROWSERS: Final = 8  # lines that one address may well have
LOOKED_AT: Final = 50  # of the oldest, for one that never said anything
STALLED_S: Final = 30.0  # without room for a byte of an answer
KEY: Final = "loquet.connection"  # in a request's scope

Clock = Callable[[], float]
Ends = tuple[str, int, str]  # address and port of the other end, and the address here


class Connection(socket.socket):
    """One accepted connection: of which address, who it is once that is known, and since when it is waited for."""

    book: Connections | None = None
    address = ""
    ends: Ends = ("", 0, "")
    who = ""
    since = 0.0
    is_new = True
    requests = 0

    def close(self) -> None:
        """Close it, and have it be counted no more."""
        if self.book is not None:
            self.book.gone(self)
        super().close()

    def cut(self) -> None:
        """End it from here: whoever reads from it sees its end."""
        with contextlib.suppress(OSError):
            self.shutdown(socket.SHUT_RDWR)


class Connections:
    """All connections of a process. most: how many at once, half of them strangers'."""

    def __init__(self, most: int | None = None, now: Clock = time.monotonic) -> None:
        self.most = most or room()
        self.strangers_at_most = max(8, self.most // 2)
        self._now = now
        self._by_ends: dict[Ends, Connection] = {}
        self._strangers: defaultdict[str, OrderedDict[Connection, None]] = defaultdict(OrderedDict)
        self._stranger_count = 0
        self._known: defaultdict[str, OrderedDict[Connection, None]] = defaultdict(OrderedDict)
        self._loop: asyncio.AbstractEventLoop | None = None

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._by_ends)

    # --- as they come and go ---

    def came(self, made: Connection, ends: Ends) -> None:
        """Count one more; where there are too many strangers, one of them goes."""
        made.book, made.ends, made.address = self, ends, one_address(ends[0])
        made.since = self._now()
        self._by_ends[ends] = made
        self._strangers[made.address][made] = None
        self._stranger_count += 1
        if self._stranger_count > self.strangers_at_most or len(self) > self.most:
            self._let_one_go()

    def gone(self, gone: Connection) -> None:
        """Count it no more."""
        if self._by_ends.get(gone.ends) is gone:
            del self._by_ends[gone.ends]
        self._forget(gone)

    def _forget(self, gone: Connection) -> None:
        mine = self._known if gone.who else self._strangers
        key = gone.who or gone.address
        if mine[key].pop(gone, gone) is None and not gone.who:
            self._stranger_count -= 1
        if not mine[key]:
            del mine[key]

    def _let_one_go(self) -> None:
        """Cut the stranger that waited the longest, of the address that has the most; else the oldest line of all."""
        groups = list((self._strangers or self._known).values())
        most = groups[max(range(len(groups)), key=lambda each: len(groups[each]))]
        if len(most) < A_BROWSERS:  # a flood of many addresses: nobody's few lines are the most
            most = min(groups, key=lambda each: next(iter(each)).since)
        # Whoever has not asked for anything yet goes before those who have.
        oldest = next((each for each in islice(most, LOOKED_AT) if each.is_new), next(iter(most)))
        self._forget(oldest)
        oldest.cut()

    # --- as they are used ---

    def begins(self, client: Sequence[Any] | None, server: Sequence[Any] | None) -> Connection | None:
        """Note that a request has come, whole in its head; return by which connection."""
        found = self._by_ends.get((client[0], client[1], server[0])) if client and server else None
        if found is not None:
            found.requests += 1
            found.is_new = False
        return found

    def ends(self, found: Connection) -> None:
        """Note that a request was answered: the next one is waited for."""
        found.requests -= 1
        found.since = self._now()

    def is_known(self, found: Connection, who: str) -> None:
        """Note who speaks there: a controller, an account. Of one there are so many; the oldest goes."""
        if found.who == who:
            return
        if self._by_ends.get(found.ends) is not found:
            return
        self._forget(found)
        found.who = who
        mine = self._known[who]
        mine[found] = None
        if len(mine) > OF_ONE:
            oldest = next(iter(mine))
            self._forget(oldest)
            oldest.cut()

    def tell(self, found: Connection, who: str) -> None:
        """Note who speaks there, from any thread."""
        if found.who != who and self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the server ends
                self._loop.call_soon_threadsafe(self.is_known, found, who)

    def look(self) -> None:
        """Cut those that have been waited for too long."""
        now = self._now()
        for each in list(self._by_ends.values()):
            if not each.requests and now - each.since > (FIRST_S if each.is_new else NEXT_S):
                each.cut()

    async def run(self) -> None:
        """Look until cancelled."""
        self._loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_S)
            self.look()


class Listener(socket.socket):
    """A socket that others connect to, and whose connections are counted."""

    book: Connections
    _let_in = 0

    def accept(self) -> tuple[socket.socket, tuple[str, int]]:
        """Let one in; after so many, whoever is in already has a turn."""
        if self._let_in >= AT_ONCE:
            self._let_in = 0
            raise BlockingIOError
        try:
            # As socket.socket does it, but that what it makes is ours.
            fd, peer = self._accept()  # type: ignore[attr-defined]
        except OSError:
            self._let_in = 0
            raise
        self._let_in += 1
        made = Connection(self.family, self.type, self.proto, fileno=fd)
        made.setblocking(False)
        self.book.came(made, (peer[0], peer[1], made.getsockname()[0]))
        return made, peer


def listen(host: str, port: int, book: Connections, backlog: int) -> list[socket.socket]:
    """Listen at every address that a name has. Raises OSError."""
    made: list[socket.socket] = []
    try:
        for family, kind, protocol, _name, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            each = Listener(family, kind, protocol)
            each.book = book
            made.append(each)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(host != "::"))
            each.bind(address)
            each.listen(backlog)
            each.setblocking(False)
    except OSError:
        for mine in made:
            mine.close()
        raise
    return made


class Counted:
    """Notes by which connection a request comes, and has no answer wait for ever for somebody to read it."""

    def __init__(self, app: ASGIApp, connections: Connections) -> None:
        self._app = app
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        found = None
        if scope["type"] == "http":
            found = self._connections.begins(scope.get("client"), scope.get("server"))
        if found is None:
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            try:
                async with asyncio.timeout(STALLED_S):
                    await send(message)
            except TimeoutError:
                found.cut()

        scope[KEY] = found
        try:
            await self._app(scope, receive, sending)
        finally:
            self._connections.ends(found)


def identify(scope: Mapping[str, Any], who: str) -> None:
    """Note, from any thread, who sent a request: their connection is a stranger's no more."""
    found = scope.get(KEY)
    if isinstance(found, Connection) and found.book is not None:
        found.book.tell(found, who)


def room() -> int:
    """Return for how many connections there are descriptors, once as many are asked for as one may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST + KEPT_BACK
    if soft < wanted and soft != resource.RLIM_INFINITY:
        best = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (best, hard))
            soft = best
    return MOST if soft == resource.RLIM_INFINITY else max(32, min(MOST, soft - KEPT_BACK))


def one_address(host: str) -> str:
    """Return what counts as one address: of IPv6 the network that one customer has."""
    mapped = host.removeprefix("::ffff:")
    return ":".join(mapped.split(":")[:4]) if ":" in mapped else mapped
