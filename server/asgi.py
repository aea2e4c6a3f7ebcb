"""The server as one ASGI application: the devices' API in front, the pages behind, and what goes on beside them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, cast

from django.db import connection
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from protocol import messages
from server.accounts.uploads import may_upload
from server.core import clock, statics, tls
from server.core.configuration import Certificate, Configuration
from server.core.keys import Keys
from server.devices.api.app import Api
from server.devices.api.calls import JSON, LINES
from server.devices.api.handlers import Handlers
from server.devices.live_feed import LiveFeed
from server.front.bounds import Bounds
from server.front.connections import Connections, Counted
from server.front.hosts import KnownHosts
from server.front.pages import Pages
from server.journal import processing
from server.journal.api import Uploads
from server.mail.post import Postman
from server.operations.chores import Chores
from server.usage.counters import counters_of

THREADS: Final = 4  # of the API's that ask the database; each keeps one connection
TRUSTED: Final = "FORWARDED_ALLOW_IPS"  # uvicorn's name for the addresses of proxies


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
    chores, postman = Chores(configuration), Postman()
    handlers = Handlers(keys, configuration.server.name, _own_certificate(configuration), live, counters_of)
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
            Mount("/static", statics.application()),
            Mount("/", cast("ASGIApp", Pages())),
        ],
        middleware=_in_front(configuration, open_ones),
        lifespan=lifespan,
    )
    made.state.api, made.state.handlers, made.state.live = api, handlers, live
    return made


def _own_certificate(configuration: Configuration) -> str:
    """Return the fingerprint of the certificate that the server made itself; "" where it has another one."""
    is_own = configuration.server.certificate is Certificate.OWN
    return tls.fingerprint(configuration.data_dir / tls.FILE) if is_own else ""


def _in_front(configuration: Configuration, connections: Connections) -> list[Middleware]:
    """Return what each request goes through first, the outermost at the head."""
    is_behind = configuration.server.certificate is Certificate.PROXY
    trusted = os.environ.get(TRUSTED, "127.0.0.1,::1")
    return [
        Middleware(Counted, connections=connections),
        *([Middleware(ProxyHeadersMiddleware, trusted_hosts=trusted)] if is_behind else []),
        Middleware(Bounds, may_upload=may_upload),
        Middleware(KnownHosts, names=configuration.names),
    ]


def api_of(keys: Keys, live: LiveFeed, handlers: Handlers, uploads: Uploads) -> Api:
    """Make the devices' API: which path is answered by what."""
    api = Api(keys, live)
    api.add("/hello", "GET", handlers.hello, signed=False, in_turn=False)
    api.add("/openapi.json", "GET", handlers.openapi, signed=False, in_turn=False)
    api.add("/enrol", "POST", handlers.enrol, JSON, signed=False)
    api.add("/whitelist", "GET", handlers.whitelist, in_turn=False)  # its line may be held
    api.add("/ring", "GET", handlers.ring)
    api.add("/journal", "POST", uploads.journal, LINES)
    api.add("/report", "POST", handlers.report, JSON)
    api.add("/proposals", "POST", handlers.proposals, JSON)
    return api
