"""What a request may be: how large, for how long, and how many at once, by whose it is and where it goes.

A stranger's form is small, and only somebody who may import a sheet sends a large one. Passwords are hashed one at a
time. Who is known, who is not, and controllers each have a queue of their own; a full one says so at once, and holds
nobody else up.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.texts import N_, _
from protocol import messages
from server.front import sessions
from server.front.connections import one_address
from server.front.sessions import Known

SMALL: Final = 64 * 1024  # bytes of a stranger's request
FORM: Final = 512 * 1024  # of somebody's who is logged in
SHEET: Final = 66 * 1024 * 1024  # of whoever may import: the largest sheet, and what a form wraps it in
BODY_S: Final = 10.0
SHEET_S: Final = 300.0
STALLED_S: Final = 10.0  # without a byte of an upload
DRAIN, DRAIN_S = 8_000_000, 3.0
DIGITS: Final = 12  # of a length
OF_ONE: Final = 6  # requests of one account or address in a queue
UPLOADS: Final = ("/import", "/devices/stick")
LOGINS: Final = ("/login", "/second", "/first/", "/invitation")
ABROAD: Final = ("/oidc/", "/invitation/at-provider")  # what waits for another server

MayUpload = Callable[[str], Awaitable[bool]]


class BusyError(Exception):
    """There is no turn for this request."""


LARGE: Final = (413, N_("This is larger than what may be sent here."))
SLOW: Final = (408, N_("What you sent did not arrive in time."))
BUSY: Final = (503, N_("The server has too much to do; try again in a moment."))


class Lane(msgspec.Struct):
    """A queue: so many at once, so many that wait, and of one sender so many of both."""

    at_once: asyncio.Semaphore
    most: int
    inside: int = 0
    of_one_at_most: int = OF_ONE
    of_one: defaultdict[str, int] = msgspec.field(default_factory=lambda: defaultdict(int))

    @contextlib.contextmanager
    def place(self, who: str) -> Iterator[None]:
        """Have a place in it. Raises BusyError where too many have one."""
        if self.inside >= self.most or self.of_one[who] >= self.of_one_at_most:
            raise BusyError
        self.inside += 1
        self.of_one[who] += 1
        try:
            yield
        finally:
            self.inside -= 1
            self.of_one[who] -= 1
            if not self.of_one[who]:
                del self.of_one[who]


class _Turn:
    """A turn: from when a request is there, whole, to when its answer begins. Who reads it slowly holds up nobody."""

    def __init__(self, at_once: asyncio.Semaphore, send: Send) -> None:
        self._at_once, self._send, self._has_it = at_once, send, False

    async def begin(self) -> None:
        """Wait for it."""
        await self._at_once.acquire()
        self._has_it = True

    def end(self) -> None:
        """Give it to the next one."""
        if self._has_it:
            self._has_it = False
            self._at_once.release()

    async def send(self, message: Message) -> None:
        """Send a part of the answer."""
        self.end()
        await self._send(message)


class Bounds:
    """Holds every request to its bounds, in front of pages and files; the API holds messages to bounds of its own."""

    def __init__(self, app: ASGIApp, may_upload: MayUpload) -> None:
        self._app = app
        self._may_upload = may_upload
        # A class behind one address opens the door together.
        self._logins = Lane(asyncio.Semaphore(1), 24, of_one_at_most=12)
        self._abroad = Lane(asyncio.Semaphore(4), 24, of_one_at_most=12)
        self._strangers = Lane(asyncio.Semaphore(4), 96, of_one_at_most=48)
        self._people = Lane(asyncio.Semaphore(8), 64)
        self._files = Lane(asyncio.Semaphore(16), 512, of_one_at_most=64)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] != "http" or scope["path"].startswith(f"{messages.PREFIX}/"):
            await self._app(scope, receive, send)
            return
        session = sessions.of(scope["headers"])
        known = sessions.known(session) if session else None
        lane, who = self._lane(scope, known)
        try:
            with lane.place(who):
                body = _Body(receive, *await self._most(scope, session, known))
                if body.fits(scope["headers"]) and await body.is_here():
                    turn = _Turn(lane.at_once, send)
                    try:
                        await turn.begin()
                        await self._app(scope, body.receive, turn.send)
                    finally:
                        turn.end()
        except BusyError:
            await _refuse(send, *BUSY)
            return
        if body.refused is not None:
            await body.drain()
            await _refuse(send, *body.refused)

    def _lane(self, scope: Scope, known: Known | None) -> tuple[Lane, str]:
        path: str = scope["path"]
        address = one_address(scope["client"][0]) if scope.get("client") else ""
        if path.startswith("/static/"):
            return self._files, address
        if scope["method"] == "POST" and path.startswith(LOGINS):
            return self._logins, address
        if path.startswith(ABROAD):
            return self._abroad, address
        return (self._strangers, address) if known is None else (self._people, str(known.account))

    async def _most(self, scope: Scope, session: str, known: Known | None) -> tuple[int, float]:
        """Return how large a request may be, and how long it may take."""
        is_upload = bool(session) and scope["path"].rstrip("/") in UPLOADS and scope["method"] == "POST"
        if is_upload and (known.uploads if known is not None else await self._may_upload(session)):
            return SHEET, SHEET_S
        return (FORM if known is not None else SMALL), BODY_S


class _Body:
    """A request's body on its way in, counted and timed. refused: why the rest of it is not taken."""

    def __init__(self, receive: Receive, most: int, seconds: float) -> None:
        self._receive = receive
        self._left = most
        self._until = asyncio.get_running_loop().time() + seconds
        self._is_over = False
        self._is_worth_draining = False
        self._read: deque[Message] = deque()
        self.refused: tuple[int, str] | None = None

    def fits(self, headers: list[tuple[bytes, bytes]]) -> bool:
        """Return whether it may be read, by what it says itself."""
        said = next((value for name, value in headers if name == b"content-length"), b"0")
        if not said.isdigit() or len(said) > DIGITS or int(said) > self._left:
            self.refused = LARGE
            self._is_worth_draining = said.isdigit() and len(said) <= DIGITS and int(said) <= DRAIN
        return self.refused is None

    async def is_here(self) -> bool:
        """Read what is small to its end, before anybody's turn begins; return whether it was taken.

        A sheet is not kept here: it is read as it comes, by somebody who may send one.
        """
        if self._left > FORM:
            return True
        pieces: list[Message] = []
        while not self._is_over and self.refused is None:
            pieces.append(await self.receive())
            if pieces[-1]["type"] == "http.disconnect":
                return False
        self._read = deque(pieces)
        return self.refused is None

    async def receive(self) -> Message:
        """Return the next piece; one that is too large or too late ends the request."""
        if self._read:
            return self._read.popleft()
        if self._is_over:  # it was read: what comes now is that the client has gone
            return await self._receive()
        if self.refused is None:
            try:
                message = await self._next(self._until)
            except TimeoutError:
                self.refused = SLOW
            else:
                self._left -= len(message.get("body", b""))
                if self._left >= 0:
                    self._is_over = not message.get("more_body", False)
                    return message
                self.refused = LARGE
        return {"type": "http.disconnect"}

    async def _next(self, until: float) -> Message:
        now = asyncio.get_running_loop().time()
        async with asyncio.timeout(max(0.0, min(STALLED_S, until - now))):
            return await self._receive()

    async def drain(self) -> None:
        """Let go what is still coming, for as long as a person waits: who is cut off while sending hears no answer."""
        until, left = asyncio.get_running_loop().time() + DRAIN_S, DRAIN
        with contextlib.suppress(TimeoutError):
            while self._is_worth_draining and left > 0:
                message = await self._next(until)
                left -= len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


async def _refuse(send: Send, status: int, why: str) -> None:
    """Answer in a sentence, and end the connection: what is still on its way is not waited for."""
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close"), (b"retry-after", b"2")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"{_(why)}\n".encode()})
