"""Plugs on a network (HTTP on the loopback), from their makers' documents alone: nothing here knows how a driver talks.

`on`, `switch_log`, `timer_left`, `energy_wh`, `received` (requests) tell what is; `press_button`, `reboot`. What goes
wrong: lies (says that it switched), latency (s), drip (a byte each drip_interval), huge (a body without end, or of
huge_limit bytes), garbage (True or bytes), wrong_types (True or a function of the result), status_500, redirect (True
or where to), unreachable (nothing listens; the same port later), fault_executes (None: status_500 and redirect do not
switch, the others do).
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

Quantity = float | Callable[[], float]


def _value(quantity: Quantity) -> float:
    """A number, or what the function gives."""
    return float(quantity() if callable(quantity) else quantity)


class _Closing:
    """Something that is closed at the end of a with."""

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    def close(self) -> None:
        """End it."""


@dataclass
class Request:
    """One request a plug received; `status` is 0 while it is not answered."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    path: str = ""
    query: dict[str, str] = field(default_factory=dict)
    command: str = ""
    authorized: bool | None = None
    stale: bool = False
    status: int = 0
    at: float = 0.0


@dataclass
class _Answer:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "application/json"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    twin: _Plug

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A host that went away is no error of the device."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 30
    wbufsize = 0
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.server.twin._sockets.add(self.connection)

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            self.server.twin._sockets.discard(self.connection)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        """Say nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _serve(self) -> None:
        twin = self.server.twin
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = 0
        body = self.rfile.read(min(max(length, 0), 1 << 20))
        parts = urlsplit(self.path)
        request = Request(
            method=self.command,
            target=self.path,
            headers={k.lower(): v for k, v in self.headers.items()},
            body=body,
            path=unquote(parts.path),
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            at=twin.now(),
        )
        self.close_connection = True
        try:
            keep = twin._serve(request, self.connection, self.request_version == "HTTP/1.1")
        except OSError:
            return
        if keep and request.headers.get("connection", "").lower() != "close" and self.request_version == "HTTP/1.1":
            self.close_connection = False


class _Plug(_Closing):
    """A plug with one relay and an HTTP server: what Shelly and Tasmota share."""

    server_name = "plug"

    def __init__(
        self, *, password: str | None, now: Callable[[], float], load: Quantity, voltage: float, port: int
    ) -> None:
        self.password = password
        self.now = now
        self.voltage = voltage
        self.host = "127.0.0.1"
        self.lies = False
        self.latency = 0.0
        self.drip = False
        self.drip_interval = 0.002
        self.huge = False
        self.huge_limit: int | None = None
        self.huge_sent = 0
        self.garbage: bool | bytes = False
        self.wrong_types: bool | Callable[[Any], Any] = False
        self.status_500 = False
        self.redirect: bool | str = False
        self.fault_executes: bool | None = None
        self.keep_alive = False
        self.received: list[Request] = []
        self.switch_log: list[tuple[float, bool, str]] = []
        self.reboots = 0
        self._lock = threading.RLock()
        self._on = False
        self._claimed = False
        self._welded = False
        self._source = "init"
        self._load: Quantity = load
        self._wh = 0.0
        self._counted_to = now()
        self._boot = now()
        self._timer: tuple[float, float, bool] | None = None  # started, duration, state at the end
        self._closing = threading.Event()
        self._sockets: set[socket.socket] = set()
        self._server: _Server | None = None
        self.port = port
        self._listen()

    # -- network

    @property
    def address(self) -> str:
        """host:port"""
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The plug's base address."""
        return f"http://{self.address}"

    @property
    def unreachable(self) -> bool:
        """Is the listening socket closed?"""
        return self._server is None

    @unreachable.setter
    def unreachable(self, gone: bool) -> None:
        if gone:
            self._hang_up()
        elif self._server is None and not self._closing.is_set():
            self._listen()

    def _listen(self) -> None:
        server = _Server((self.host, self.port), _Handler)
        server.twin = self
        self.port = server.server_address[1]
        self._server = server
        thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.01}, name=f"plug-{self.port}", daemon=True
        )
        thread.start()

    def _hang_up(self) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        server.shutdown()
        server.server_close()
        for connection in list(self._sockets):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Switch the server off for good."""
        self._closing.set()
        self._hang_up()

    # -- relay

    @property
    def on(self) -> bool:
        """Is the relay on now?"""
        with self._lock:
            self._settle()
            return self._on

    @property
    def load(self) -> Quantity:
        """What is plugged in, in watts."""
        return self._load

    @load.setter
    def load(self, watts: Quantity) -> None:
        with self._lock:
            self._settle()
            self._load = watts

    @property
    def welded(self) -> bool:
        """Contact stuck closed: current flows whatever the relay's state is."""
        return self._welded

    @welded.setter
    def welded(self, stuck: bool) -> None:
        with self._lock:
            self._settle()
            self._welded = stuck

    @property
    def watts(self) -> float:
        """Power flowing now."""
        with self._lock:
            self._settle()
            return self._watts()

    @property
    def energy_wh(self) -> float:
        """The energy counter."""
        with self._lock:
            self._settle()
            return self._wh

    @property
    def timer_left(self) -> float | None:
        """Seconds until the running timer ends, None without one."""
        with self._lock:
            self._settle()
            return None if self._timer is None else self._timer[0] + self._timer[1] - self.now()

    def press_button(self) -> bool:
        """Press the button on the plug; the relay's new state."""
        with self._lock:
            self._settle()
            self._switch(not self._on, "button")
            return self._on

    def reboot(self) -> None:
        """Supply off and on: relay off unless the settings say otherwise, timers gone; the energy counter stays."""
        with self._lock:
            self._settle()
            before = self._on
            self.reboots += 1
            self._boot = self.now()
            self._timer = None
            self._set(False, "init")
            self._after_boot(before)

    def _after_boot(self, before: bool) -> None:
        """What a boot sets."""

    def _watts(self) -> float:
        return _value(self._load) if self._on or self._welded else 0.0

    def _integrate(self, moment: float) -> None:
        if moment > self._counted_to:
            self._wh += self._watts() * (moment - self._counted_to) / 3600
        self._counted_to = moment

    def _settle(self) -> None:
        """Apply everything the clock has brought since last time."""
        now = self.now()
        while self._timer is not None and self._timer[0] + self._timer[1] <= now:
            started, duration, state = self._timer
            self._timer = None
            self._integrate(started + duration)
            self._timer_over(state, started + duration)
        self._integrate(now)

    def _timer_over(self, state: bool, moment: float) -> None:
        self._set(state, "timer", moment)

    def _set(self, on: bool, source: str, moment: float | None = None, log: bool = True) -> None:
        """Move the relay; no timers."""
        changed = self._on != on
        if moment is None:
            self._integrate(self.now())
        self._on = self._claimed = on
        self._source = source
        if changed and log:
            self.switch_log.append((self.now() if moment is None else moment, on, source))

    def _switch(self, on: bool, source: str) -> None:
        """A command: move the relay and see to the timers."""
        self._timer = None
        self._set(on, source)

    # -- requests

    def _handle(self, request: Request, execute: bool) -> tuple[_Answer, Any]:
        """The honest answer, and the result in it for wrong types (None: leave it alone)."""
        raise NotImplementedError

    def _serve(self, request: Request, connection: socket.socket, http11: bool) -> bool:
        """Do one request, faults and all; True when the connection may stay."""
        with self._lock:
            self.received.append(request)
            self._settle()
            blocked = bool(self.status_500 or self.redirect)
            execute = not blocked if self.fault_executes is None else self.fault_executes
            faulty = blocked or self.garbage or self.huge
            if self.fault_executes is False and not faulty:
                execute = True
            answer, result = self._handle(request, execute)
            self._settle()
        if answer.status == 401:
            pass
        elif self.status_500:
            answer = _Answer(500, b"Internal Server Error", kind="text/plain")
        elif self.redirect:
            where = self.redirect if isinstance(self.redirect, str) else self.url + "/elsewhere"
            answer = _Answer(302, b"", {"Location": where}, "text/html")
        elif self.garbage:
            body = self.garbage if isinstance(self.garbage, bytes) else b"<html><body>\xff\xfe{not json</body>"
            answer = _Answer(answer.status, body)
        elif self.wrong_types and result is not None:
            spoilt = self.wrong_types(result) if callable(self.wrong_types) else _wrong(result)
            answer.body = json.dumps(spoilt).encode()
        request.status = answer.status
        if self.latency:
            self._closing.wait(self.latency)
        return self._transmit(answer, request, connection, http11)

    def _transmit(self, answer: _Answer, request: Request, connection: socket.socket, http11: bool) -> bool:
        keep = self.keep_alive and http11 and not self.huge
        chunked = http11 and self._chunked() and answer.status == 200
        reason = {200: "OK", 302: "Found", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}
        head = [f"HTTP/1.1 {answer.status} {reason.get(answer.status, 'Internal Server Error')}"]
        head.append(f"Server: {self.server_name}")
        head.append(f"Content-Type: {answer.kind}")
        if self.huge:
            chunked = False
        elif chunked:
            head.append("Transfer-Encoding: chunked")
        else:
            head.append(f"Content-Length: {len(answer.body)}")
        head.extend(f"{name}: {value}" for name, value in answer.headers.items())
        head.append(f"Connection: {'keep-alive' if keep else 'close'}")
        data = ("\r\n".join(head) + "\r\n\r\n").encode("latin-1")
        body = b"" if request.method == "HEAD" else answer.body
        if chunked and body:
            body = b"%x\r\n%s\r\n" % (len(body), body)
        data += body + (b"0\r\n\r\n" if chunked else b"")
        if self.huge:
            self._endless(data, connection)
        elif self.drip:
            for i in range(len(data)):
                if self._closing.is_set():
                    return False
                connection.sendall(data[i : i + 1])
                self._closing.wait(self.drip_interval)
        else:
            connection.sendall(data)
        return keep

    def _endless(self, data: bytes, connection: socket.socket) -> None:
        """Something like the beginning of an answer, and then no end of it."""
        connection.settimeout(0.2)
        piece = b'{"filler":[' + b" " * 4096
        head = data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        pieces = [head, piece]
        while not self._closing.is_set() and not self.unreachable and self.huge:
            todo = pieces.pop(0) if pieces else b"0," * 8192
            while todo and not self._closing.is_set() and not self.unreachable:
                try:
                    n = connection.send(todo)
                except TimeoutError:
                    continue
                todo = todo[n:]
                self.huge_sent += n
            if self.huge_limit is not None and self.huge_sent >= self.huge_limit:
                return

    def _chunked(self) -> bool:
        return False


def _wrong(value: Any) -> Any:
    """The same thing with the wrong types."""
    if isinstance(value, dict):
        return {key: _wrong(inner) for key, inner in value.items()}
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return [str(value)]
    if isinstance(value, str):
        return {"text": value}
    if value is None:
        return 0
    return 7


class _RpcError(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _digest_fields(header: str) -> dict[str, str] | None:
    """The fields of an Authorization: Digest header."""
    kind, _, rest = header.partition(" ")
    if kind.lower() != "digest":
        return None
    found = re.findall(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))', rest)
    return {name.lower(): quoted or plain for name, quoted, plain in found}


def _loose(text: str) -> Any:
    """A value of a query string: JSON where it is, text otherwise."""
    try:
        return json.loads(text)
    except ValueError:
        return text


class Shelly(_Plug):
    """A Gen2+ plug with one metered switch; see above.

    A Switch.Set or Toggle, and the button, end a running timer; `toggle_after` starts a new one, after which the
    output becomes the opposite.  Protected by the digest of RFC 7616 (SHA-256, user admin) when a password is set,
    except Shelly.GetDeviceInfo and /shelly.  A nonce may be used again with a growing nc (`nonce_reuse=False`: once).
    """

    server_name = "ShellyHTTP/1.0.0"

    def __init__(
        self,
        *,
        password: str | None = None,
        now: Callable[[], float] = time.time,
        load: Quantity = 0.0,
        voltage: float = 230.0,
        port: int = 0,
        device_id: str = "shellyplugsg3-aabbccddeeff",
        name: str | None = None,
        nonce_reuse: bool = True,
        nonce_lifetime: float = 3600.0,
    ) -> None:
        self.device_id = device_id
        self.name = name
        self.nonce_reuse = nonce_reuse
        self.nonce_lifetime = nonce_lifetime
        self.error_status = 500
        self.auth_failures = 0
        self.config: dict[str, Any] = {
            "id": 0,
            "name": None,
            "in_mode": "momentary",
            "initial_state": "off",
            "auto_on": False,
            "auto_on_delay": 60.0,
            "auto_off": False,
            "auto_off_delay": 60.0,
            "power_limit": 2500,
            "voltage_limit": 280,
            "undervoltage_limit": 0,
            "current_limit": 12.0,
        }
        self._nonces: dict[str, list[float]] = {}  # nonce: [issued, highest nc]
        self._nonce_number = 0
        super().__init__(password=password, now=now, load=load, voltage=voltage, port=port)

    # -- relay

    def _switch(self, on: bool, source: str, toggle_after: float | None = None) -> None:
        super()._switch(on, source)
        if toggle_after is not None and toggle_after > 0:
            self._timer = (self.now(), toggle_after, not on)
        else:
            self._auto(on, self.now())

    def _auto(self, on: bool, moment: float) -> None:
        kind = "auto_off" if on else "auto_on"
        if self.config[kind]:
            self._timer = (moment, float(self.config[kind + "_delay"]), not on)

    def _timer_over(self, state: bool, moment: float) -> None:
        super()._timer_over(state, moment)
        self._auto(state, moment)

    def _after_boot(self, before: bool) -> None:
        self._nonces.clear()
        start = self.config["initial_state"]
        if start == "on" or (start == "restore_last" and before):
            self._set(True, "init")
            self._auto(True, self.now())

    # -- requests

    def _handle(self, request: Request, execute: bool) -> tuple[_Answer, Any]:
        if not request.path.startswith("/rpc/"):
            request.authorized = self._authorized(request)
            return (
                _Answer(404, b"Not Found", kind="text/plain") if request.authorized else self._challenge(request)
            ), None
        request.command = request.path.removeprefix("/rpc/")
        if request.command.lower() != "shelly.getdeviceinfo":
            request.authorized = self._authorized(request)
            if not request.authorized:
                return self._challenge(request), None
        try:
            result = self._call(request.command, self._parameters(request), execute)
        except _RpcError as error:
            message = {"code": error.code, "message": error.message}
            status = 404 if error.code == 404 else self.error_status
            return _Answer(status, json.dumps(message).encode()), None
        return _Answer(body=json.dumps(result).encode()), result

    @staticmethod
    def _parameters(request: Request) -> dict[str, Any]:
        if request.method != "POST" or not request.body.strip():
            return {key: _loose(text) for key, text in request.query.items()}
        try:
            asked = json.loads(request.body)
        except ValueError:
            raise _RpcError(-32700, "Parse error") from None
        if not isinstance(asked, dict):
            raise _RpcError(-103, "Invalid argument!")
        return asked

    # -- authentication

    def _challenge(self, request: Request) -> _Answer:
        if "authorization" in request.headers:
            self.auth_failures += 1
        self._nonce_number += 1
        nonce = str(int(self.now()) + self._nonce_number)
        self._nonces[nonce] = [self.now(), 0]
        stale = ", stale=true" if request.stale else ""
        header = f'Digest qop="auth", realm="{self.device_id}", nonce="{nonce}", algorithm=SHA-256{stale}'
        return _Answer(401, b"", {"WWW-Authenticate": header})

    def _authorized(self, request: Request) -> bool:
        if self.password is None:
            return True
        given = _digest_fields(request.headers.get("authorization", ""))
        ha1 = _sha(f"admin:{self.device_id}:{self.password}")
        if given is not None:
            if given.get("username") != "admin" or given.get("realm") != self.device_id:
                return False
            if given.get("algorithm", "SHA-256").upper() != "SHA-256" or given.get("qop") != "auth":
                return False
            if given.get("uri") != request.target or not re.fullmatch(r"[0-9a-fA-F]{8}", given.get("nc", "")):
                return False
            ha2 = _sha(f"{request.method}:{request.target}")
            nonce, nc, cnonce = given.get("nonce", ""), given["nc"], given.get("cnonce", "")
            wanted = _sha(f"{ha1}:{nonce}:{nc}:{cnonce}:auth:{ha2}")
            return bool(cnonce) and given.get("response") == wanted and self._use(request, nonce, int(nc, 16))
        return False

    def _use(self, request: Request, nonce: str, nc: int) -> bool:
        """Is this nonce good for one more request?"""
        known = self._nonces.get(nonce)
        if known is None or self.now() - known[0] > self.nonce_lifetime:
            request.stale = True
            return False
        if nc <= known[1] or (known[1] and not self.nonce_reuse):
            return False
        known[1] = nc
        return True

    # -- methods

    def _call(self, method: str, params: dict[str, Any], execute: bool) -> Any:
        handler = {
            "switch.set": self._switch_set,
            "switch.getstatus": self._switch_status,
            "switch.getconfig": self._switch_config,
            "shelly.getdeviceinfo": lambda _params, _execute: self._device_info(),
        }.get(method.lower())
        if handler is None:
            raise _RpcError(404, f"No handler for {method}")
        return handler(params, execute)

    def _channel(self, params: dict[str, Any]) -> None:
        if "id" not in params:
            raise _RpcError(-103, "Missing required argument 'id'!")
        number = params["id"]
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            raise _RpcError(-103, "Invalid argument 'id'!")
        if number != 0:
            raise _RpcError(-105, f"Argument 'id', value {number} not found!")

    def _switch_set(self, params: dict[str, Any], execute: bool) -> dict[str, Any]:
        self._channel(params)
        if "on" not in params:
            raise _RpcError(-103, "Missing required argument 'on'!")
        if not isinstance(params["on"], bool):
            raise _RpcError(-103, "Invalid argument 'on'!")
        after = params.get("toggle_after")
        if after is not None and (isinstance(after, bool) or not isinstance(after, (int, float)) or after < 0):
            raise _RpcError(-103, "Invalid argument 'toggle_after'!")
        return self._do_switch(params["on"], after, execute)

    def _do_switch(self, on: bool, after: float | None, execute: bool) -> dict[str, Any]:
        was = self._claimed if self.lies else self._on
        if self.lies:
            self._claimed = on
        elif execute:
            self._switch(on, "HTTP_in", None if after is None else float(after))
        return {"was_on": was}

    def _switch_status(self, params: dict[str, Any], _execute: bool) -> dict[str, Any]:
        self._channel(params)
        return self._status()

    def _switch_config(self, params: dict[str, Any], _execute: bool) -> dict[str, Any]:
        self._channel(params)
        return dict(self.config)

    def _status(self) -> dict[str, Any]:
        watts = round(self._watts(), 1)
        status: dict[str, Any] = {"id": 0, "source": self._source, "output": self._on}
        if self._timer is not None:
            status["timer_started_at"] = round(self._timer[0], 2)
            status["timer_duration"] = round(self._timer[1], 2)
        status |= {
            "apower": watts,
            "voltage": self.voltage,
            "freq": 50.0,
            "current": round(watts / self.voltage, 3) if self.voltage else 0.0,
            "aenergy": {
                "total": round(self._wh, 3),
                "by_minute": [0.0, 0.0, 0.0],
                "minute_ts": int(self.now()) // 60 * 60,
            },
            "temperature": {"tC": 36.5, "tF": 97.7},
        }
        return status

    def _mac(self) -> str:
        return self.device_id.rpartition("-")[2].upper()

    def _device_info(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "id": self.device_id,
            "mac": self._mac(),
            "slot": 0,
            "model": "S3PL-00112EU",
            "gen": 3,
            "fw_id": "20240819-074343/1.4.2-gc2639da",
            "ver": "1.4.2",
            "app": "PlugSG3",
            "auth_en": self.password is not None,
            "auth_domain": self.device_id if self.password is not None else None,
        }


class Tasmota(_Plug):
    """A plug with one relay and a meter, running Tasmota; see above.

    PulseTime: 0 none, 1...111 tenths of a second, from 112 on seconds plus 100.  Setting it starts it; Power On
    restarts it; Power Off and the button end it; a Power without a value leaves it alone (old firmware ended it:
    `query_cancels_pulse`).  The value is a setting: each change is a write to flash (`flash_writes`), and it
    outlives a reboot.  PowerOnState: 0 off, 1 on, 2 opposite, 3 as before (the firmware's default), 4 on for ever,
    5 off and after PulseTime on.
    """

    server_name = "Tasmota/14.2.0 (ESP32)"

    def __init__(
        self,
        *,
        password: str | None = None,
        now: Callable[[], float] = time.time,
        load: Quantity = 0.0,
        voltage: float = 230.0,
        port: int = 0,
        user: str = "admin",
        power_on_state: int = 3,
        version: str = "14.2.0(release-tasmota)",
    ) -> None:
        self.user = user
        self.power_on_state = power_on_state
        self.version = version
        self.pulse_time = 0
        self.flash_writes = 0
        self.query_cancels_pulse = False
        self.chunked = True
        self.auth_status = 401
        self.mac = "AA:BB:CC:DD:EE:FF"
        super().__init__(password=password, now=now, load=load, voltage=voltage, port=port)

    # -- relay

    @staticmethod
    def pulse_seconds(value: int) -> float:
        """What a PulseTime means."""
        return value - 100.0 if value > 111 else value / 10

    def _arm(self) -> None:
        """Start the pulse timer if one is set."""
        self._timer = None
        if self.pulse_time > 0:
            self._timer = (self.now(), self.pulse_seconds(self.pulse_time), self.power_on_state == 5)

    def _switch(self, on: bool, source: str) -> None:
        if self.power_on_state == 4:
            on = True
        super()._switch(on, source)
        if on != (self.power_on_state == 5):
            self._arm()

    def _after_boot(self, before: bool) -> None:
        on = {0: False, 1: True, 2: not before, 3: before, 4: True, 5: False}[self.power_on_state]
        self._set(on, "init", log=on)
        if on or self.power_on_state == 5:
            self._arm()

    def _remaining(self) -> int:
        if self._timer is None:
            return 0
        milliseconds = int((self._timer[0] + self._timer[1] - self.now()) * 1000)
        return milliseconds // 1000 + 100 if milliseconds > 11100 else max(0, milliseconds) // 100

    # -- requests

    def _chunked(self) -> bool:
        return self.chunked

    def _handle(self, request: Request, execute: bool) -> tuple[_Answer, Any]:
        arguments = dict(request.query)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if request.method == "POST" and kind == "application/x-www-form-urlencoded":
            arguments |= dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        request.command = arguments.get("cmnd", "")
        request.authorized = self._authorized(request, arguments)
        if request.path != "/cm":
            if request.path == "/":
                if not request.authorized:
                    return _Answer(401, b"", {"WWW-Authenticate": 'Basic realm="Login Required"'}, "text/html"), None
                return _Answer(body=b"<!DOCTYPE html><html><body>Tasmota</body></html>", kind="text/html"), None
            return _Answer(404, b"File not found\n", kind="text/plain"), None
        if not request.authorized:
            warning = {"WARNING": "Need user=<username>&password=<password>"}
            return _Answer(self.auth_status, json.dumps(warning).encode()), None
        if not request.command.strip():
            return _Answer(body=b'{"WARNING":"Enter command cmnd="}'), None
        result = self._command(request.command.strip(), execute)
        return _Answer(body=json.dumps(result).encode()), result

    def _authorized(self, request: Request, arguments: dict[str, str]) -> bool:
        if not self.password:
            return True
        if arguments.get("user") == self.user and arguments.get("password") == self.password:
            return True
        kind, _, rest = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            return False
        try:
            name, _, word = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
        except ValueError:
            return False
        return name == self.user and word == self.password

    # -- commands

    def _command(self, text: str, execute: bool) -> dict[str, Any]:
        name, _, value = text.partition(" ")
        value = value.strip()
        match = re.fullmatch(r"([a-z]+)(\d*)", name.lower())
        if match is None:
            return {"Command": "Unknown", "Input": text}
        word, digits = match.groups()
        index = int(digits) if digits else 1
        if word == "power":
            return self._power(index, value, execute)
        if word == "pulsetime":
            return self._pulse(index, bool(digits), value, execute)
        if word == "poweronstate" and not digits:
            if value.isdigit() and int(value) <= 5 and execute and not self.lies:
                self.flash_writes += int(value) != self.power_on_state
                self.power_on_state = int(value)
                if self.power_on_state == 4:
                    self._switch(True, "WebCommand")
            shown = int(value) if self.lies and value.isdigit() else self.power_on_state
            return {"PowerOnState": shown}
        if word == "status":
            return self._status(value or digits)
        return {"Command": "Unknown", "Input": text}

    def _power(self, index: int, value: str, execute: bool) -> dict[str, Any]:
        if index > 1:
            return {"Command": "Error"}
        wish = {"0": False, "off": False, "false": False, "1": True, "on": True, "true": True}.get(value.lower())
        if value.lower() in ("2", "toggle"):
            wish = not self._on
        if wish is None:
            if self.query_cancels_pulse:
                self._timer = None
            return {"POWER": "ON" if self._on else "OFF"}
        if self.lies or not execute:
            return {"POWER": "ON" if wish else "OFF"}
        self._switch(wish, "WebCommand")
        return {"POWER": "ON" if self._on else "OFF"}

    def _pulse(self, index: int, indexed: bool, value: str, execute: bool) -> dict[str, Any]:
        if not 1 <= index <= 32:
            return {"Command": "Error"}
        if not indexed and not value:
            return {"PulseTime": {"Set": [self.pulse_time] + [0] * 31, "Remaining": [self._remaining()] + [0] * 31}}
        wish = int(value) if value.isdigit() and int(value) < 65536 else None
        if value.lower() == "off":
            wish = 0
        if index != 1:
            return {f"PulseTime{index}": {"Set": 0, "Remaining": 0}}
        if wish is not None and (self.lies or not execute):
            return {"PulseTime1": {"Set": wish, "Remaining": wish}}
        if wish is not None:
            self.flash_writes += wish != self.pulse_time
            self.pulse_time = wish
            self._arm()
        return {"PulseTime1": {"Set": self.pulse_time, "Remaining": self._remaining()}}

    def _time(self) -> str:
        return datetime.fromtimestamp(self.now(), UTC).strftime("%Y-%m-%dT%H:%M:%S")

    def _energy(self) -> dict[str, Any]:
        watts = self._watts()
        voltage = round(self.voltage) if self._on else 0
        return {
            "TotalStartTime": "2024-01-01T00:00:00",
            "Total": round(self._wh / 1000, 3),
            "Yesterday": 0.0,
            "Today": round(self._wh / 1000, 3),
            "Power": round(watts),
            "ApparentPower": round(watts),
            "ReactivePower": 0,
            "Factor": 1.0 if watts else 0.0,
            "Voltage": voltage,
            "Current": round(watts / self.voltage, 3) if self.voltage else 0.0,
        }

    def _status(self, which: str) -> dict[str, Any]:
        parts: dict[str, dict[str, Any]] = {
            "2": {"StatusFWR": {"Version": self.version, "BuildDateTime": "2024-08-14T12:34:56"}},
            "8": {"StatusSNS": {"Time": self._time(), "ENERGY": self._energy()}},
        }
        parts["10"] = parts["8"]
        parts["11"] = {
            "StatusSTS": {"Time": self._time(), "Uptime": "0T00:00:42", "POWER": "ON" if self._on else "OFF"}
        }
        return parts.get(which, {"Status": {"Module": 0, "PowerOnState": self.power_on_state}})
