"""A line to a server in this thread: the shipped ends on both sides, and between them whatever a fate decides.

Requests go through the real `requests` session of the controller into the real application of the server, signatures
and all; no socket, no thread, no clock of the machine's.
"""

import asyncio
import os
from concurrent.futures import Executor, Future

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

UNSAFE = "DJANGO_ALLOW_ASYNC_UNSAFE"  # one thread: what is asked for is done at once, in the loop's own


class AtOnce(Executor):
    """Does what it is given before it says that it will."""

    def submit(self, work, /, *arguments, **named):
        done = Future()
        try:
            done.set_result(work(*arguments, **named))
        except Exception as error:  # noqa: BLE001 - whoever waits for it is told
            done.set_exception(error)
        return done


class Raw:
    """What is left to read of an answer."""

    def __init__(self, body):
        self._body = body

    def read1(self, size, **_how):
        part, self._body = self._body[:size], self._body[size:]
        return part

    def close(self):
        self._body = b""

    release_conn = close


class ServerHere:
    """The server's API on one thread."""

    def __init__(self, keys):
        from server.asgi import api_of
        from server.devices.api.handlers import Handlers
        from server.devices.live_feed import LiveFeed
        from server.journal import processing
        from server.journal.api import Uploads
        from server.usage.counters import counters_of

        os.environ[UNSAFE] = "true"
        self._loop = asyncio.new_event_loop()
        self.live = LiveFeed(AtOnce(), processing.processed)
        handlers = Handlers(keys, "Saillans", "", self.live, counters_of)
        self._app = api_of(keys, self.live, handlers, Uploads(self.live, lambda: None)).application()
        self._loop.run_until_complete(self.live.begin())

    def close(self):
        os.environ.pop(UNSAFE, None)
        self.live.end()
        self._loop.close()

    def ask(self, method, target, headers, body):
        """Answer one request: status, headers, body."""
        from protocol.messages import PREFIX

        self._loop.run_until_complete(self.live.refresh())
        path, _sep, query = target.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "https",
            "path": path,
            "raw_path": path.encode(),
            "root_path": PREFIX,
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("localhost", 8443),
        }
        said, parts = {}, []

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            if message["type"] == "http.response.start":
                said.update(message)
            else:
                parts.append(message.get("body", b""))

        self._loop.run_until_complete(self._app(scope, receive, send))
        self._loop.run_until_complete(self.live._write_seen())
        return said["status"], {k.decode(): v.decode() for k, v in said["headers"]}, b"".join(parts)


class Line(BaseAdapter):
    """Carries requests to `server()`, as `fate(target)` says."""

    def __init__(self, server, fate, sees=lambda _raw: None):
        super().__init__()
        self._server, self._fate, self._sees = server, fate, sees
        self._late = []

    def close(self):
        pass

    def send(self, request, **_how):
        asked = request.method, request.path_url, dict(request.headers), request.body or b""
        self._sees(asked[3])
        fate = self._fate(request.path_url)
        if fate == "later":
            self._late.append(asked)
        if fate in {"lost", "later"}:
            raise requests.ConnectionError("the line is gone")
        if fate == "portal":
            return self._answer(request, 302, {"Location": "http://wifi.free"}, b"<html>")
        answer = self._server().ask(*asked)
        if fate == "twice":
            answer = self._server().ask(*asked)
        if self._late and fate == "passes":
            self._server().ask(*self._late.pop(0))  # what was taken for lost comes after what was sent since
        if fate == "unheard":
            raise requests.ConnectionError("the line is gone")
        self._sees(answer[2])
        return self._answer(request, *answer)

    @staticmethod
    def _answer(request, status, headers, body):
        made = requests.Response()
        made.status_code, made.headers, made.raw = status, CaseInsensitiveDict(headers), Raw(body)
        made.request, made.url = request, request.url
        return made
