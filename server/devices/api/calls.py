"""One request of a controller's, read within its bounds."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

import msgspec
from starlette.requests import Request

from protocol import messages
from protocol.rows import FIRST, KINDS
from server.devices.live_feed import KnownDevice
from server.devices.problems import ProblemError

JSON: Final = "application/json"
LINES: Final = "application/x-ndjson"
BODY_S: Final = 30.0  # a batch of a controller on a line of 10 kB/s, with what is lost on the way
TOGETHER: Final = 250  # lines in one piece
MOST_READ: Final = 10_000_000  # bytes of a body that is too large, before the connection is closed under it


class Lines(msgspec.Struct, frozen=True):
    """A long body: lines that many answers share, nowhere in one piece. digest: SHA-256, in hexadecimal."""

    lines: list[bytes]
    size: int
    digest: str

    def pieces(self) -> Iterator[bytes]:
        """Return it in pieces of some kilobytes."""
        return pieces(self.lines)


def long(lines: list[bytes]) -> Lines:
    """Make a long body of lines."""
    size, digest = 0, hashlib.sha256()
    for piece in pieces(lines):
        size += len(piece)
        digest.update(piece)
    return Lines(lines, size, digest.hexdigest())


def pieces(lines: list[bytes]) -> Iterator[bytes]:
    """Put lines together, some at a time."""
    for start in range(0, len(lines), TOGETHER):
        yield b"".join(lines[start : start + TOGETHER])


Answer = tuple[bytes | Lines, str]


class Call(msgspec.Struct):
    """One request, read: whose it is once its signature holds."""

    request: Request
    target: str
    nonce: str
    body: bytes = b""
    known: KnownDevice | None = None

    @property
    def sender(self) -> str:
        """Who sent it: a controller, else an address."""
        client = self.request.client
        return self.known.device if self.known is not None else f"at {client.host if client else '?'}"

    @property
    def device(self) -> KnownDevice:
        """Whose request it is."""
        if self.known is None:
            raise ProblemError("unsigned")
        return self.known


Handler = Callable[[Call], Awaitable[Answer]]


def target(request: Request) -> str:
    """Return path and query as they were sent."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    query: bytes = request.scope.get("query_string", b"")
    return (raw.split(b"?", 1)[0] + (b"?" + query if query else b"")).decode("latin-1")


async def read_in_time(request: Request, most: int) -> bytes:
    """Read a body, up to so many bytes, before whoever sends it has held us up for too long."""
    try:
        async with asyncio.timeout(BODY_S):
            return await _body(request, most)
    except TimeoutError as error:
        raise ProblemError("slow") from error


async def _body(request: Request, most: int) -> bytes:
    """Read a body up to its bound, however long it says that it is.

    What is too large is read to its end and let go, up to a bound of its own: a proxy or a client that is still sending
    when the connection is closed never sees the answer.
    """
    large = ProblemError("large", f"at most {most} bytes")
    said = int(request.headers.get("content-length") or 0)
    if said > MOST_READ:
        raise large
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > MOST_READ:
            raise large
        if size <= most >= said:
            pieces.append(piece)
        else:
            pieces.clear()
    if size > most:
        raise large
    return b"".join(pieces)


def said(kind: Any, body: bytes) -> Any:  # noqa: ANN401 - the struct that is asked for
    """Read a message; a NUL is in none, since not every database keeps one."""
    if b"\\u0000" in body:
        raise ProblemError("malformed", "U+0000 is not sent")
    return messages.read(kind, body)


def knows(request: Request) -> frozenset[str]:
    """Read which kinds of row a controller knows: the first ones, and those that it names of ours."""
    named = request.query_params.get("knows", "")
    return FIRST | (KINDS.keys() & set(named.split(",")))


def number(request: Request, name: str) -> int | None:
    """Read a whole number of the query; None where none was said. Raises ProblemError."""
    text = request.query_params.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 17):  # noqa: PLR2004 - 2**53
        raise ProblemError("malformed", f"{name}: a whole number is expected")
    return int(text)
