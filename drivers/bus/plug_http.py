"""One request to a plug: bounded in time as a whole, in size, and never led elsewhere. Through `requests`."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import threading
import time
from typing import Annotated, Any, Final

import msgspec
import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from drivers.contracts import N_, DriverSettings, OutputError

CONNECT_S: Final = 2.0
READ_S: Final = 2.0
PATIENCE_S: Final = 4.0  # for all of it: a plug that answers byte by byte keeps nobody longer
MOST: Final = 65_536  # bytes of an answer
LINE: Final = 80
OK: Final = 200
UNAUTHORIZED: Final = 401
TOO_MANY: Final = 429

Host = Annotated[
    str, msgspec.Meta(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.?(:[1-6]?[0-9]{1,4})?$")
]
Secret = Annotated[str, msgspec.Meta(max_length=64)]
Amount = Annotated[float, msgspec.Meta(ge=-1e9, le=1e12)]


class PlugSettings(DriverSettings, frozen=True, kw_only=True):
    """Where the plug is (give it a fixed address in the router), and its password if it has one.

    timer: seconds after which it opens by itself unless it is told again to stay closed. interval: between two looks.
    """

    host: Host
    password: Secret = ""
    timer: Annotated[int, msgspec.Meta(ge=15, le=600)] = 90
    interval: Annotated[float, msgspec.Meta(ge=0.5, le=30.0)] = 2.0

    @property
    def place(self) -> str:
        """Return the address as it is compared: a name has no case, and the usual port may be left out."""
        return self.host.lower().removesuffix(":80").rstrip(".")


class PlugMeterSettings(DriverSettings, frozen=True, kw_only=True):
    """Where the plug is whose power is read, its password if it has one, and how often it is read (seconds)."""

    host: Host
    password: Secret = ""
    interval: Annotated[float, msgspec.Meta(ge=0.5, le=30.0)] = 2.0


class StrangeError(OutputError):
    """An answer that no such plug gives."""


class _Connection(HTTPConnection):
    """A connection that can be ended from outside, whatever it waits for."""

    def connect(self) -> None:
        super().connect()
        _Adapter.now.connections.append(self)
        if time.monotonic() > _Adapter.now.until:  # whoever ends connections has gone by
            self.close()
            raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _Connections(threading.local):
    """The connections that this thread's request has opened."""

    def __init__(self) -> None:
        self.connections: list[_Connection] = []
        self.until = 0.0


class _Adapter(HTTPAdapter):
    now: Final = _Connections()

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - as requests calls it
        super().init_poolmanager(*arguments, **named)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool}

    def send(self, *arguments: Any, **named: Any) -> requests.Response:  # noqa: ANN401 - as requests calls it
        """Send; of an answer that is not OK nothing but its head is read, and nobody is led elsewhere by it."""
        answer = super().send(*arguments, **named)
        if answer.status_code != OK:
            answer.close()
            answer._content = b""  # noqa: SLF001 - what `requests` reads of it from now on
            answer._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001
            answer.headers.pop("Location", None)
        return answer


class Plug:
    """A plug by its address. `name` is the make, for the sentences. Raises OutputError. Owned by one thread."""

    def __init__(self, name: str, host: str, auth: Any = None) -> None:  # noqa: ANN401 - as requests takes it
        self.name = name
        self.host = host
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy stands between a Pi and its plug
        self._session.mount("http://", _Adapter())
        self._session.auth = auth
        self._session.headers["Connection"] = "close"  # plugs have few sockets, and forget them

    def ask(self, method: str, path: str, **what: Any) -> bytes:  # noqa: ANN401 - as requests takes it
        """Send a request; return its answer's body."""
        opened = _Adapter.now.connections
        opened.clear()
        _Adapter.now.until = time.monotonic() + PATIENCE_S
        timer = threading.Timer(PATIENCE_S, _end, [opened])
        timer.daemon = True
        timer.start()
        try:
            with self._session.request(
                method,
                f"http://{self.host}{path}",
                timeout=(CONNECT_S, READ_S),
                allow_redirects=False,
                stream=True,
                **what,
            ) as answer:
                status = answer.status_code
                body = bytes(answer.raw.read(MOST + 1, decode_content=True)) if status == OK else b""
        except Exception as error:  # urllib3's errors of a body that ends early are nobody's child here
            raise self._unreachable(error) from error
        finally:
            timer.cancel()
            self._session.close()  # no connection is kept: the plug may close it while it is used again
        if status == UNAUTHORIZED:
            raise OutputError(
                N_('{name} at {host} wants a password, or refuses this one: password = "…"'),
                name=self.name,
                host=self.host,
            )
        if status == TOO_MANY:
            told = N_(
                "{name} at {host} is asked too often (HTTP 429): does something else ask it too? It has few "
                "connections; have the others ask less"
            )
            raise OutputError(told, name=self.name, host=self.host)
        if status != OK:
            raise self.strange(f"HTTP {status}")
        if len(body) > MOST:
            raise self.strange("> 64 kB")
        return body

    def strange(self, what: str) -> StrangeError:
        """Make the error for an answer that no such plug gives."""
        return StrangeError(
            N_("{host} does not answer as {name} does ({what}): is it one, is this its address?"),
            name=self.name,
            host=self.host,
            what=in_short(what),
        )

    def _unreachable(self, error: Exception) -> OutputError:
        cause = _cause(error)
        if isinstance(cause, ConnectionRefusedError):
            told = N_(
                "{name} at {host} cannot be reached: what has that address takes no connection. Is it the {name}, is "
                "its web interface on, is the port right?"
            )
            return OutputError(told, name=self.name, host=self.host)
        return OutputError(
            N_(
                "{name} at {host} cannot be reached ({why}): is it plugged in, on this network, still at this address? "
                "Give it a fixed one in the router"
            ),
            name=self.name,
            host=self.host,
            # Without addresses of objects or of requests: those may carry what is nobody's business.
            why=type(error).__name__ if cause is None else cause.strerror,
        )

    def close(self) -> None:
        """Let connections go; may be called twice."""
        self._session.close()


def in_short(told: str) -> str:
    """Return what a plug calls itself as it may be shown: what is printable, and no more than a line."""
    return "".join(each for each in told[:400] if each.isprintable()).strip()[:LINE]


def _end(connections: list[_Connection]) -> None:
    for connection in list(connections):
        if connection.sock is not None:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)


def _cause(error: Exception) -> OSError | None:
    """Return what the system said, under all that libraries say of it."""
    reason: BaseException | None = error
    while reason is not None:
        if isinstance(reason, OSError) and reason.errno is not None and reason.strerror:
            return reason
        reason = reason.__cause__ or reason.__context__
    return None
