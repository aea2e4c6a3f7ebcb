"""Smart plugs, Shelly (Gen2+) and Tasmota: small HTTP servers with a relay, a meter and a timer, as documented."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import secrets
import threading
import time
from base64 import b64decode
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

MOST: Final = 65_536


class Plug:
    """What plugs have in common. obeys: it does what it says it does. delay: seconds to each answer."""

    def __init__(
        self,
        host: str,
        changed: Callable[[bool], None],
        *,
        password: str = "",
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.closed = False
        self.obeys = True
        self.reachable = True
        self.delay = 0.0
        self.load = 0.0  # watts that flow while it is closed
        self.watt_hours = 0.0
        self.password = password
        self.initial_state = "off"  # Shelly's word, and
        self.power_on_state = self.pulse = 0  # Tasmota's, for what follows a power cut
        self._nonces: set[str] = set()
        self._changed = changed
        self._now = now
        self._opens_at: float | None = None
        self._counted_at = now()
        self._lock = threading.RLock()
        self._address = host
        self._server: ThreadingHTTPServer | None = None
        self._ended = threading.Event()
        self.plug()
        threading.Thread(target=self._watch, name=f"plug {host}", daemon=True).start()

    def plug(self) -> None:
        """Join the network."""
        if self._server is not None:
            return
        name, _, port = self._address.partition(":")
        plug = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_what: object) -> None:
                """Say nothing."""

            def do_GET(self) -> None:
                plug.serve(self, b"")

            def do_POST(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                plug.serve(self, self.rfile.read(min(size, MOST)))

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

        self._server = Server((name, int(port)), Handler)
        threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name=f"http {self._address}", daemon=True
        ).start()

    def unplug(self) -> None:
        """Leave the network; the relay stays as it is."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()

    def close(self) -> None:
        """End."""
        self._ended.set()
        self.unplug()

    def lose_power(self) -> None:
        """Lose the mains: the relay opens, the timer is forgotten."""
        obeyed, self.obeys = self.obeys, True
        self.switch(closed=False)
        self.obeys = obeyed

    def serve(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        """Answer one request."""
        if self.delay:
            self._ended.wait(self.delay)
        status, headers, said = self.answer(request, body)
        with contextlib.suppress(OSError):
            request.send_response(status)
            for name, value in headers.items():
                request.send_header(name, value)
            request.send_header("Content-Type", "application/json")
            request.send_header("Content-Length", str(len(said)))
            request.end_headers()
            request.wfile.write(said)

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body."""
        raise NotImplementedError

    def switch(self, *, closed: bool, seconds: float | None = None) -> None:
        """Switch, with a time after which it opens by itself."""
        with self._lock:
            self._count()
            self._opens_at = self._now() + seconds if closed and seconds else None
            if self.obeys and closed is not self.closed:
                self.closed = closed
                self._changed(closed)

    def press(self) -> None:
        """Press the button on the plug."""
        self.switch(closed=not self.closed)

    def pass_time(self, seconds: float) -> None:
        """Have so much time pass for its timer."""
        with self._lock:
            if self._opens_at is not None:
                self._opens_at -= seconds

    def use(self, watt_hours: float) -> None:
        """Have what hangs on it use so much."""
        self.watt_hours += watt_hours

    @property
    def left(self) -> float:
        """How many seconds its timer has left."""
        return max(0.0, self._opens_at - self._now()) if self._opens_at is not None else 0.0

    @property
    def watts(self) -> float:
        """What flows now."""
        return self.load if self.closed else 0.0

    def _count(self) -> None:
        now = self._now()
        self.watt_hours += self.watts * (now - self._counted_at) / 3600
        self._counted_at = now

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            self.tick()

    def tick(self) -> None:
        """Open once the timer is past."""
        with self._lock:
            self._count()
            if self._opens_at is not None and self._now() >= self._opens_at:
                self.switch(closed=False)


class Shelly(Plug):
    """A Shelly Plus Plug S."""

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Answer an RPC."""
        method = urlsplit(request.path).path.removeprefix("/rpc/")
        if method != "Shelly.GetDeviceInfo" and self.password and not self._knows(request):
            nonce = secrets.token_hex(8)
            self._nonces.add(nonce)
            asked = f'Digest qop="auth", realm="shelly", nonce="{nonce}", algorithm=SHA-256'
            return 401, {"WWW-Authenticate": asked}, b"{}"
        try:
            wanted = json.loads(body or b"{}")
            return 200, {}, json.dumps(self._do(method, wanted)).encode()
        except (KeyError, ValueError, TypeError):
            return 404, {}, b'{"code":404,"message":"No handler"}'

    def _knows(self, request: BaseHTTPRequestHandler) -> bool:
        said = dict(re.findall(r'(\w+)="?([^",]*)"?', request.headers.get("Authorization", "")))
        if said.get("nonce") not in self._nonces:
            return False

        def hashed(text: str) -> str:
            return hashlib.sha256(text.encode()).hexdigest()

        one = hashed(f"admin:shelly:{self.password}")
        two = hashed(f"{request.command}:{said.get('uri')}")
        whole = ":".join((one, said["nonce"], said.get("nc", ""), said.get("cnonce", ""), said.get("qop", ""), two))
        return said.get("response") == hashed(whole)

    def _do(self, method: str, wanted: dict[str, Any]) -> dict[str, Any]:
        match method:
            case "Shelly.GetDeviceInfo":
                return {"model": "SNPL-00112EU", "gen": 2, "ver": "1.4.4", "auth_en": bool(self.password)}
            case "Switch.Set":
                was = self.closed
                self.switch(closed=bool(wanted["on"]), seconds=wanted.get("toggle_after"))
                return {"was_on": was}
            case "Switch.GetStatus":
                self.tick()
                timer = {"timer_duration": round(self.left)} if self.left else {}
                return {
                    "id": 0,
                    "output": self.closed,
                    "apower": self.watts,
                    "aenergy": {"total": self.watt_hours},
                    **timer,
                }
            case "Switch.GetConfig":
                return {"id": 0, "initial_state": self.initial_state}
            case _:
                raise KeyError(method)


class Tasmota(Plug):
    """A plug that runs Tasmota."""

    def answer(self, request: BaseHTTPRequestHandler, _body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Answer /cm."""
        if self.password and not self._knows(request):
            return 401, {}, b'{"WARNING":"Need user=<username>&password=<password>"}'
        command = parse_qs(urlsplit(request.path).query).get("cmnd", [""])[0]
        return 200, {}, json.dumps(self._do(*command.lower().partition(" ")[::2])).encode()

    def _knows(self, request: BaseHTTPRequestHandler) -> bool:
        kind, _, word = request.headers.get("Authorization", "").partition(" ")
        with contextlib.suppress(ValueError):
            return kind == "Basic" and b64decode(word).decode() == f"admin:{self.password}"
        return False

    def _do(self, command: str, value: str) -> dict[str, Any]:  # noqa: PLR0911 - one answer a command
        match command:
            case "power" | "power1":
                if value in {"on", "off"}:
                    seconds = self.pulse - 100 if self.pulse > 111 else self.pulse / 10  # noqa: PLR2004
                    self.switch(closed=value == "on", seconds=seconds)
                self.tick()
                return {"POWER": "ON" if self.closed else "OFF"}
            case "pulsetime1":
                self.pulse = int(value) if value.isdigit() else self.pulse
                left = round(self.left) + 100 if self.left > 11.1 else round(self.left * 10)  # noqa: PLR2004
                return {"PulseTime1": {"Set": self.pulse, "Remaining": left}}
            case "poweronstate":
                return {"PowerOnState": self.power_on_state}
            case "status" if value == "2":
                return {"StatusFWR": {"Version": "14.2.0(tasmota)"}}
            case "status" if value == "11":
                self.tick()
                return {"StatusSTS": {"POWER": "ON" if self.closed else "OFF"}}
            case "status" if value == "10":
                self.tick()
                return {"StatusSNS": {"ENERGY": {"Power": self.watts, "Total": self.watt_hours / 1000}}}
            case _:
                return {"Command": "Unknown"}
