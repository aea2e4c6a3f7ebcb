"""By which names the server may be asked for."""

from __future__ import annotations

import re
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

_HOST: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:@/\[\]\s]+))(?::\d{1,5})?")


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
