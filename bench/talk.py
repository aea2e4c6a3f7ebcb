"""One connection of one device: what a controller's line says, with as little of ours as can be."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import ssl
from typing import Any, Final

PREFIX: Final = "/api/v1"
ANSWER_S: Final = 180.0  # for an answer; longer than any line is held, and than a busy machine takes
OPEN_S: Final = 120.0


class Talk:
    """In asyncio; nothing waits without an end."""

    def __init__(self, port: int, device: str, key: Any) -> None:  # noqa: ANN401 - a signing key
        self.port, self.device, self.key = port, device, key
        self.challenge = ""
        self.reader: Any = None
        self.writer: Any = None

    async def open(self) -> None:
        """Connect, and ask for a challenge."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=context, limit=64 * 1024 * 1024, ssl_handshake_timeout=OPEN_S
        )
        if not self.challenge:
            await self.ask("GET", "/hello")

    async def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Ask, and give status and body of the answer."""
        self.send(method, path, body)
        return await self.answer()

    def send(self, method: str, path: str, body: bytes = b"") -> None:
        """Send a request, signed."""
        from protocol import signing

        target, nonce = PREFIX + path, secrets.token_hex(8)
        text = signing.request_text(method, target, self.device, self.challenge, nonce, body)
        head = (
            f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
            f"Content-Type: application/x-ndjson\r\n{signing.NONCE}: {nonce}\r\n{signing.DEVICE}: {self.device}\r\n"
            f"{signing.CHALLENGE}: {self.challenge}\r\n{signing.SIGNATURE}: {self.key.sign(text)}\r\n\r\n"
        )
        self.writer.write(head.encode() + body)

    async def answer(self) -> tuple[int, bytes]:
        """Return status and body of the next answer. Raises TimeoutError."""
        async with asyncio.timeout(ANSWER_S):
            _head, status, body = await self.whole_answer()
        return status, body

    async def whole_answer(self) -> tuple[str, int, bytes]:
        """Return head, status and body of the next answer."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        length = int(re.search(r"content-length: (\d+)", head, re.IGNORECASE)[1])  # type: ignore[index]
        self.challenge = re.search(r"loquet-challenge: (\S+)", head, re.IGNORECASE)[1]  # type: ignore[index]
        return head, int(head.split(" ", 2)[1]), await self.reader.readexactly(length)

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await self.writer.wait_closed()
