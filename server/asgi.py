"""The server as one ASGI application: the devices' API in front, the pages behind, and what goes on beside them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import threading
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, cast

import django_htmx
from django.core.asgi import get_asgi_application
from django.db import connection
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from protocol import messages
from server.accounts.uploads import may_upload
from server.core import clock, tls
from server.core.configuration import Certificate, Configuration
from server.core.keys import Keys
from server.devices.api.app import Api
from server.devices.api.calls import JSON, LINES
from server.devices.api.handlers import Handlers
from server.devices.live_feed import LiveFeed
from server.front.bounds import Bounds
from server.front.connections import Connections, Counted
from server.journal import processing
from server.journal.api import Uploads
from server.mail.post import Postman
from server.operations.chores import Chores
from server.usage.counters import counters_of

THREADS: Final = 4  # of the API's that ask the database; each keeps one connection
TRUSTED: Final = "FORWARDED_ALLOW_IPS"  # uvicorn's name for the addresses of proxies
_HOST: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:@/\[\]\s]+))(?::\d{1,5})?")
STATIC: Final = Path(__file__).parent / "core/static"
HTMX: Final = Path(django_htmx.__file__).parent / "static/django_htmx"


def _let_go(threads: ThreadPoolExecutor) -> None:
    """Close the connections of the API's threads, each in its own."""
    together = threading.Barrier(THREADS)

    def close() -> None:
        with contextlib.suppress(threading.BrokenBarrierError):
            together.wait(1.0)
        connection.close()

    for _ in range(THREADS):
        threads.submit(close)
    threads.shutdown(wait=True)


class KnownHosts:
    """Answers only to the names that the server goes by: another page's name for it is somebody's trick."""

    def __init__(self, app: ASGIApp, names: list[str]) -> None:
        self._app = app
        self._names = {name.lower() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through what asks for one of our names."""
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1") if scope["type"] == "http" else ""
        # An address that this machine was given since: whoever asks for it has reached it there.
        here = (scope.get("server") or ("",))[0]
        if scope["type"] == "http" and not self._is_ours(host, here):
            headers = [(b"content-type", b"text/plain; charset=utf-8")]
            await send({"type": "http.response.start", "status": 421, "headers": headers})
            body = "This server goes by other names; add yours to hosts in server.toml.\n"
            await send({"type": "http.response.body", "body": body.encode()})
            return
        await self._app(scope, receive, send)

    def _is_ours(self, host: str, here: str) -> bool:
        found = _HOST.fullmatch(host)
        name = (found[1] or found[2]).lower().rstrip(".") if found else ""
        return bool(name) and (name in self._names or name == here)


def application(
    configuration: Configuration,
    keys: Keys,
    now: clock.Clock = time.time,
    connections: Connections | None = None,
) -> Starlette:
    """Make the whole; Django is set up already. now: the clock by which the server lives.

    connections: those that whoever listens counts.
    """
    clock.hand(now)
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="api")
    live = LiveFeed(threads, processing.processed)
    open_ones = Connections() if connections is None else connections
    behind = configuration.server.certificate is Certificate.PROXY
    trusted = os.environ.get(TRUSTED, "127.0.0.1,::1")
    chores, postman = Chores(configuration), Postman()
    own = configuration.server.certificate is Certificate.OWN
    certificate = tls.fingerprint(configuration.data_dir / tls.FILE) if own else ""
    handlers = Handlers(keys, configuration.server.name, certificate, live, counters_of)
    api = api_of(keys, live, handlers, Uploads(live, chores.wake))

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await live.begin()
        looking = [asyncio.create_task(live.run()), asyncio.create_task(open_ones.run())]
        booking = threading.Thread(target=chores.run, name="chores", daemon=True)
        booking.start()
        carrying = threading.Thread(target=postman.run, name="postman", daemon=True)
        carrying.start()
        try:
            yield
        finally:
            for each in looking:
                each.cancel()
            live.end()
            chores.stop()
            postman.stop()
            await asyncio.to_thread(booking.join, 5.0)
            await asyncio.to_thread(_let_go, threads)

    made = Starlette(
        routes=[
            Mount(messages.PREFIX, api.application()),
            Mount("/static/htmx", StaticFiles(directory=HTMX)),
            Mount("/static", StaticFiles(directory=STATIC)),
            Mount("/", cast("ASGIApp", get_asgi_application())),
        ],
        middleware=[
            Middleware(Counted, connections=open_ones),
            *([Middleware(ProxyHeadersMiddleware, trusted_hosts=trusted)] if behind else []),
            Middleware(Bounds, may_upload=may_upload),
            Middleware(KnownHosts, names=configuration.names),
        ],
        lifespan=lifespan,
    )
    made.state.api, made.state.handlers, made.state.live = api, handlers, live
    return made


def api_of(keys: Keys, live: LiveFeed, handlers: Handlers, uploads: Uploads) -> Api:
    """Make the devices' API: which path is answered by what."""
    api = Api(keys, live)
    api.add("/hello", "GET", handlers.hello, signed=False)
    api.add("/openapi.json", "GET", handlers.openapi, signed=False)
    api.add("/enrol", "POST", handlers.enrol, JSON, signed=False)
    api.add("/whitelist", "GET", handlers.whitelist)
    api.add("/ring", "GET", handlers.ring)
    api.add("/journal", "POST", uploads.journal, LINES)
    api.add("/report", "POST", handlers.report, JSON)
    api.add("/proposals", "POST", handlers.proposals, JSON)
    return api
