"""The API's routes. Each request is read within its bounds, held to its signature, answered, and the answer signed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.utils import timezone
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from protocol import delivery, messages, signing
from protocol.digest import written
from protocol.messages import MAX_BODY, WAIT, Enrol, Hello, Manifest, MessageError, Proposals, Report, Ring
from protocol.signing import SignatureError, VerifyKey, decoded, seal_for
from server import enrolment, ingest, proposals
from server.api.challenges import Challenges
from server.api.line import Line, Seat
from server.api.openapi import document
from server.api.problems import MEDIA, ProblemError
from server.enrolment import EnrolError
from server.keys import Keys
from server.models import Device, Machine

JSON: Final = "application/json"
LINES: Final = "application/x-ndjson"
OPEN_BODIES: Final = 100  # of requests that nobody has signed, read at once
BODY_S: Final = 10.0
NONCE: Final = 64
log = logging.getLogger("loquet.server")

Answer = tuple[bytes, str]


class Call(msgspec.Struct):
    """One request, read: whose it is once its signature holds."""

    request: Request
    target: str
    nonce: str
    body: bytes = b""
    seat: Seat | None = None

    @property
    def device(self) -> Seat:
        """Whose request it is."""
        if self.seat is None:
            raise ProblemError("unsigned")
        return self.seat


Handler = Callable[[Call], Awaitable[Answer]]


class _AnyMethod:
    """An endpoint for every method there is: what is not done here is refused with a signature."""

    def __init__(self, endpoint: Callable[[Request], Awaitable[Response]]) -> None:
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        response = await self._endpoint(Request(scope, receive))
        await response(scope, receive, send)


class Api:
    """What the routes share."""

    def __init__(self, keys: Keys, name: str, certificate: str, line: Line, booked: Callable[[], None]) -> None:
        self._keys = keys
        self._signer = keys.signer
        self._challenges = Challenges(decoded(keys.challenges))
        self._hello = messages.encode(Hello(name, self._signer.public.text, certificate=certificate))
        self._openapi = msgspec.json.format(messages.encode(document()))
        self._line = line
        self._booked = booked
        self._open_bodies = asyncio.Semaphore(OPEN_BODIES)

    def application(self) -> Starlette:
        """Make the API."""
        return Starlette(
            routes=[
                self._route("/hello", {"GET": (self._say_hello, "")}),
                self._route("/openapi.json", {"GET": (self._say_openapi, "")}),
                self._route("/enrol", {"POST": (self._enrol, JSON)}),
                self._route("/whitelist", {"GET": (self._whitelist, "")}, signed=True),
                self._route("/ring", {"GET": (self._ring, "")}, signed=True),
                self._route("/journal", {"POST": (self._journal, LINES)}, signed=True),
                self._route("/report", {"POST": (self._report, JSON)}, signed=True),
                self._route("/proposals", {"POST": (self._proposals, JSON)}, signed=True),
                Route("/{rest:path}", _AnyMethod(self._endpoint({}, signed=False))),
            ]
        )

    def _route(self, path: str, methods: dict[str, tuple[Handler, str]], *, signed: bool = False) -> Route:
        return Route(path, _AnyMethod(self._endpoint(methods, signed=signed)))

    def _endpoint(
        self, methods: dict[str, tuple[Handler, str]], *, signed: bool
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            call = Call(request, _target(request), request.headers.get(signing.NONCE, "")[:NONCE])
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

    def _signed(self, call: Call, status: int, body: bytes, media: str, headers: dict[str, str]) -> Response:
        now, challenge = str(time.time_ns() // 1_000_000), self._challenges.new()
        text = signing.answer_text(status, call.target, call.nonce, now, challenge, body)
        headers |= {signing.TIME: now, signing.CHALLENGE: challenge, signing.SIGNATURE: self._signer.sign(text)}
        return Response(body, status, {**headers, "Cache-Control": "no-store"}, media)

    # --- reading ---

    async def _read(self, call: Call, media: str, *, signed: bool) -> None:
        """Read the body, and hold the request to its signature. Whoever is unknown is not listened to."""
        request = call.request
        if media and request.headers.get("content-type", "").partition(";")[0].strip().lower() != media:
            raise ProblemError("media", f"send {media}")
        if not signed:
            if media:
                async with self._open_bodies:
                    call.body = await _in_time(request)
            return
        seat = self._line.seats.get(request.headers.get(signing.DEVICE, ""))
        if seat is None or seat.retired:
            raise ProblemError("unsigned", "no such controller is enrolled here")
        challenge = request.headers.get(signing.CHALLENGE, "")
        if not self._challenges.holds(challenge):
            raise ProblemError("stale")
        call.body = await _in_time(request)
        text = signing.request_text(request.method, call.target, seat.device, challenge, call.nonce, call.body)
        try:
            VerifyKey(decoded(seat.key)).verify(text, request.headers.get(signing.SIGNATURE, ""))
        except SignatureError as error:
            raise ProblemError("unsigned", "the signature does not fit") from error
        call.seat = seat
        self._line.saw(seat.device)

    async def _ask(self, work: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401 - the work's own
        """Ask the database in a thread; once more where a connection had gone."""
        return await self._line.ask(_asked, work, *arguments)

    # --- what is asked ---

    async def _say_hello(self, _call: Call) -> Answer:
        return self._hello, JSON

    async def _say_openapi(self, _call: Call) -> Answer:
        return self._openapi, JSON

    async def _enrol(self, call: Call) -> Answer:
        asked = _said(Enrol, call.body)
        try:
            enrolled = await self._ask(enrolment.enrol, self._keys, asked)
        except EnrolError as error:
            raise ProblemError("refused", str(error)) from error
        await self._line.refresh()  # it asks for its whitelist next
        return messages.encode(enrolled), JSON

    async def _ring(self, call: Call) -> Answer:
        device = await self._ask(lambda: Device.objects.get(pk=call.device.device))
        return messages.encode(Ring(seal_for(decoded(device.sealing), self._keys.ring_bytes))), JSON

    async def _journal(self, call: Call) -> Answer:
        receipt = await self._ask(self._take, call.device.device, call.body)
        self._booked()
        return messages.encode(receipt), JSON

    @staticmethod
    def _take(device: str, body: bytes) -> messages.Receipt:
        upload = ingest.read(body)
        try:
            return ingest.take(Device(pk=device), upload)
        except ingest.ExpectedError as error:
            raise ProblemError("order", expected=error.expected) from error
        except ingest.ConflictError as error:
            raise ProblemError("conflict") from error

    async def _report(self, call: Call) -> Answer:
        await self._ask(_keep_report, call.device.device, _said(Report, call.body))
        return b"{}", JSON

    async def _proposals(self, call: Call) -> Answer:
        said = _said(Proposals, call.body)
        try:
            await self._ask(lambda: proposals.keep(Device.objects.get(pk=call.device.device), said))
        except proposals.TooManyError as error:
            raise ProblemError("large", f"at most {proposals.MOST} rows") from error
        return b"{}", JSON

    async def _whitelist(self, call: Call) -> Answer:
        """Answer as soon as there is something new for this controller, or once the line was held for long enough."""
        base, generation = _number(call.request, "base"), _number(call.request, "generation")
        wait = min(_number(call.request, "wait") or 0, WAIT)
        until = time.monotonic() + wait
        line, device = self._line, call.device.device
        if base is not None and generation == line.generation:
            line.saw(device, base)
        includes = call.device.includes
        while True:
            seat = line.seats.get(device)
            if seat is None or seat.retired:
                raise ProblemError("unsigned", "this controller was taken out")
            known = base is not None and generation == line.generation and base >= seat.whole
            found = line.roll.since(base, seat.machines) if known and base is not None else None
            left = until - time.monotonic()
            if found is None or found[0] or found[1] or seat.includes != includes or left <= 0:
                break
            await line.changed(left)
        if line.is_blind:
            raise ProblemError("busy", "the database does not answer")
        put, drop = found if found is not None else (list(line.roll.whole(seat.machines)), [])
        manifest = Manifest(
            device=device,
            generation=line.generation,
            version=line.roll.version,
            time=time.time_ns() // 1_000_000,
            digest=written(line.roll.digest(seat.machines)),
            rows=len(put) + len(drop),
            base=base if found is not None else None,
            includes=seat.includes,
            ring=self._keys.ring_name,
        )
        if len(put) < messages.BATCH:
            return b"".join(delivery.write(manifest, self._signer, put, drop)), LINES
        return await line.ask(lambda: b"".join(delivery.write(manifest, self._signer, put, drop))), LINES


def _chosen(methods: dict[str, tuple[Handler, str]], method: str, headers: dict[str, str]) -> tuple[Handler, str]:
    if not methods:
        raise ProblemError("unknown")
    if method not in methods:
        headers["Allow"] = ", ".join(methods)
        raise ProblemError("method", headers["Allow"])
    return methods[method]


def _target(request: Request) -> str:
    """Return path and query as they were sent."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    query: bytes = request.scope.get("query_string", b"")
    return (raw.split(b"?", 1)[0] + (b"?" + query if query else b"")).decode("latin-1")


async def _in_time(request: Request) -> bytes:
    """Read a body before whoever sends it has held us up for too long."""
    try:
        return await asyncio.wait_for(_body(request), BODY_S)
    except TimeoutError as error:
        raise ProblemError("slow") from error


async def _body(request: Request) -> bytes:
    """Read a body up to its bound, however long it says that it is."""
    if int(request.headers.get("content-length") or 0) > MAX_BODY:
        raise ProblemError("large", f"at most {MAX_BODY} bytes")
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > MAX_BODY:
            raise ProblemError("large", f"at most {MAX_BODY} bytes")
        pieces.append(piece)
    return b"".join(pieces)


def _said(kind: Any, body: bytes) -> Any:  # noqa: ANN401 - the struct that is asked for
    """Read a message; a NUL is in none, since not every database keeps one."""
    if b"\\u0000" in body:
        raise ProblemError("malformed", "U+0000 is not sent")
    return messages.read(kind, body)


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 17):  # noqa: PLR2004 - 2**53
        raise ProblemError("malformed", f"{name}: a whole number is expected")
    return int(text)


def _asked(work: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401 - the work's own
    try:
        return work(*arguments)
    except (OperationalError, InterfaceError) as error:
        connection.close()
        log.warning("the database is asked once more: %s", error)
        try:
            return work(*arguments)
        except DatabaseError as again:
            raise ProblemError("busy") from again


def _keep_report(device: str, report: Report) -> None:
    """Keep how a controller is, and each of its own machines."""
    said = msgspec.to_builtins(report)
    Device.objects.filter(pk=device).update(report=said, seen=timezone.now())
    mine = {machine.pk: machine for machine in Machine.objects.filter(device=device)}
    for station in said.get("stations", ()):
        machine = mine.get(station["machine"])
        if machine is not None and machine.state != station:
            Machine.objects.filter(pk=machine.pk).update(state=station)
