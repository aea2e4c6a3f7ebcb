"""The API's routes. Each request is read within its bounds, held to its signature, answered, and the answer signed."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from protocol import messages, signing
from protocol.messages import MAX_BODY, MessageError
from protocol.signing import SignatureError, VerifyKey, decoded
from server.core import clock
from server.core.keys import Keys
from server.devices.api.calls import Answer, Call, Handler, Lines, read_in_time, target
from server.devices.api.challenges import Challenges
from server.devices.api.turns import Turns
from server.devices.live_feed import LiveFeed
from server.devices.problems import MEDIA, ProblemError
from server.front.bounds import BusyError, Lane
from server.front.connections import identify

OPEN_BODIES: Final = 32  # of requests that nobody has signed, read at once
MOST_OPEN, OPEN_OF_ONE = 128, 8  # that wait for it, of all and of one address
UNSIGNED: Final = 256 * 1024  # bytes of one: a controller's settings, and what says who it is
NONCE: Final = 64
PIECE: Final = 32_768  # bytes of an answer that are written at once
log = logging.getLogger("loquet.server")


class _AnyMethod:
    """An endpoint for every method there is: what is not done here is refused with a signature."""

    def __init__(self, endpoint: Callable[[Request], Awaitable[Response]]) -> None:
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        response = await self._endpoint(Request(scope, receive))
        await response(scope, receive, send)


class _InPieces(Response):
    """A body that goes out piece by piece, each once there is room for it. long: one that is nowhere in one piece.

    TLS keeps a buffer as large as the largest write, for as long as the connection lasts: two hundred controllers that
    hold a line after a whole list of 20,000 members would cost the server half a gigabyte.
    """

    def __init__(self, body: bytes | Lines, status: int, headers: dict[str, str], media: str) -> None:
        self._long = body if isinstance(body, Lines) else None
        if isinstance(body, Lines):
            headers["Content-Length"] = str(body.size)
        super().__init__(b"" if isinstance(body, Lines) else body, status, headers, media)

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if self._long is not None:
            for piece in self._long.pieces():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
            return
        for start in range(0, max(1, len(self.body)), PIECE):
            end = start + PIECE
            more = end < len(self.body)
            await send({"type": "http.response.body", "body": bytes(self.body[start:end]), "more_body": more})


class Api:
    """Reads requests, holds them to their signatures, and signs the answers."""

    def __init__(self, keys: Keys, live: LiveFeed) -> None:
        self._signer = keys.signer
        self._challenges = Challenges(decoded(keys.challenges))
        self._live = live
        self._turns = Turns()
        self._open_bodies = Lane(asyncio.Semaphore(OPEN_BODIES), MOST_OPEN, of_one_at_most=OPEN_OF_ONE)
        self._routes: list[Route] = []

    def add(
        self, path: str, method: str, handler: Handler, media: str = "", *, signed: bool = True, in_turn: bool = True
    ) -> None:
        """Have a handler answer; media: of the body that it reads, signed: whether only a controller is heard.

        in_turn: whether it answers one request of a sender after the other.
        """
        answers = self._one_by_one(handler) if in_turn else handler
        self._routes.append(self._route(path, {method: (answers, media)}, signed=signed))

    def _one_by_one(self, handler: Handler) -> Handler:
        async def answer(call: Call) -> Answer:
            async with self._turns.of(call.sender):
                return await handler(call)

        return answer

    def application(self) -> Starlette:
        """Make the API."""
        nothing = Route("/{rest:path}", _AnyMethod(self._endpoint({}, signed=False)))
        return Starlette(routes=[*self._routes, nothing])

    def _route(self, path: str, methods: dict[str, tuple[Handler, str]], *, signed: bool = False) -> Route:
        return Route(path, _AnyMethod(self._endpoint(methods, signed=signed)))

    def _endpoint(
        self, methods: dict[str, tuple[Handler, str]], *, signed: bool
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            call = Call(request, target(request), request.headers.get(signing.NONCE, "")[:NONCE])
            status = 200
            headers: dict[str, str] = {}
            try:
                handler, media = _chosen(methods, request.method, headers)
                await self._read(call, media, signed=signed)
                body, kind = await handler(call)
            except ProblemError as error:
                status, body, kind = error.status, messages.encode(error.problem()), MEDIA
                if error.kind in {"large", "slow"}:
                    headers["Connection"] = "close"  # what is still on its way is not waited for
            except (MessageError, SignatureError) as error:
                problem = ProblemError("malformed", str(error))
                status, body, kind = problem.status, messages.encode(problem.problem()), MEDIA
            except ClientDisconnect:
                return Response(status_code=400)
            except Exception:
                log.exception("%s %s", request.method, request.url.path)
                problem = ProblemError("broken")
                status, body, kind = problem.status, messages.encode(problem.problem()), MEDIA
            return self._signed(call, status, body, kind, headers)

        return endpoint

    def _signed(self, call: Call, status: int, body: bytes | Lines, media: str, headers: dict[str, str]) -> Response:
        now, challenge = str(clock.ms()), self._challenges.new()
        digest = body.digest if isinstance(body, Lines) else hashlib.sha256(body).hexdigest()
        text = signing.answer_text_of(status, call.target, call.nonce, now, challenge, digest)
        headers |= {signing.TIME: now, signing.CHALLENGE: challenge, signing.SIGNATURE: self._signer.sign(text)}
        return _InPieces(body, status, {**headers, "Cache-Control": "no-store"}, media)

    # --- reading ---

    @contextlib.contextmanager
    def _place(self, call: Call) -> Iterator[None]:
        """Have a place among those whom nobody knows yet, a few of each address. Raises ProblemError."""
        try:
            with self._open_bodies.place(call.sender):
                yield
        except BusyError as error:
            raise ProblemError("busy") from error

    async def _read(self, call: Call, media: str, *, signed: bool) -> None:
        """Read the body, and hold the request to its signature. Whoever is unknown is not listened to."""
        request = call.request
        if media and request.headers.get("content-type", "").partition(";")[0].strip().lower() != media:
            raise ProblemError("media", f"send {media}")
        if not signed:
            if media:
                # Nobody has signed yet: a stranger may open many connections, and each body costs memory.
                with self._place(call):
                    async with self._open_bodies.at_once:
                        call.body = await read_in_time(request, UNSIGNED)
            return
        known = self._live.devices.get(request.headers.get(signing.DEVICE, ""))
        if known is None or known.retired:
            raise ProblemError("unsigned", "no such controller is enrolled here")
        challenge = request.headers.get(signing.CHALLENGE, "")
        if not self._challenges.holds(challenge):
            raise ProblemError("stale")
        call.body = await read_in_time(request, MAX_BODY)
        text = signing.request_text(request.method, call.target, known.device, challenge, call.nonce, call.body)
        try:
            VerifyKey(decoded(known.key)).verify(text, request.headers.get(signing.SIGNATURE, ""))
        except SignatureError as error:
            raise ProblemError("unsigned", "the signature does not fit") from error
        call.known = known
        identify(request.scope, f"device/{known.device}")
        self._live.saw(known.device)


def _chosen(methods: dict[str, tuple[Handler, str]], method: str, headers: dict[str, str]) -> tuple[Handler, str]:
    if not methods:
        raise ProblemError("unknown")
    if method not in methods:
        headers["Allow"] = ", ".join(methods)
        raise ProblemError("method", headers["Allow"])
    return methods[method]
