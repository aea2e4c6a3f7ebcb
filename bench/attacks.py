"""What strangers, a stolen controller and a colleague do to a server, each for as long as it is let: a process apart.

`python -m bench.attacks NAME PORT SECONDS`, with what it needs to know on its standard input.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from bench.filled import batch
from bench.talk import Talk

ERRORS: Final = (OSError, ssl.SSLError, asyncio.IncompleteReadError, TimeoutError, ValueError, TypeError)
PAGE: Final = b"Host: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"


class Told:
    """What an attacker knows: where the server is, until when to go on, keys of a controller, a session."""

    def __init__(self, port: int, seconds: float, known: dict[str, Any]) -> None:
        self.port = port
        self.until = time.monotonic() + seconds
        self.known = known
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.tls.check_hostname, self.tls.verify_mode = False, ssl.CERT_NONE

    @property
    def goes_on(self) -> bool:
        """Whether it is not over yet."""
        return time.monotonic() < self.until

    async def open(self, *, tls: bool = True) -> tuple[Any, Any]:
        """Connect."""
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=self.tls if tls else None)

    async def talk(self) -> Talk:
        """Speak as the stolen controller."""
        from protocol.signing import SigningKey, decoded

        made = Talk(self.port, self.known["device"], SigningKey(decoded(self.known["key"])))
        await made.open()
        return made


async def _many(told: Told, count: int, one: Callable[[Told], Awaitable[None]]) -> None:
    """Do one thing again and again, so many at once; whatever the server does about it."""

    async def again() -> None:
        while told.goes_on:
            with contextlib.suppress(*ERRORS):
                await one(told)
            await asyncio.sleep(0)

    await asyncio.gather(*(again() for _each in range(count)))


async def _rest(told: Told, writer: Any) -> None:  # noqa: ANN401 - a stream
    while told.goes_on and not writer.is_closing():  # noqa: ASYNC110 - until it is over
        await asyncio.sleep(0.2)
    writer.close()


async def silent(told: Told) -> None:
    """Sockets that say nothing, a thousand of them, opened again where they are closed."""

    async def one(told: Told) -> None:
        reader, writer = await told.open(tls=False)
        with contextlib.suppress(*ERRORS):
            await reader.read(1)
        writer.close()

    await _many(told, 1_100, one)


async def half_heads(told: Told) -> None:
    """Requests whose heads do not end."""

    async def one(told: Told) -> None:
        _reader, writer = await told.open()
        writer.write(b"GET /login HTTP/1.1\r\nX-A: ")
        await _rest(told, writer)

    await _many(told, 300, one)


async def handshakes(told: Told) -> None:
    """Lines that are opened and closed at once, TLS and all."""

    async def one(told: Told) -> None:
        _reader, writer = await told.open()
        writer.close()

    await _many(told, 8, one)


async def bodies(told: Told) -> None:
    """Forms without an end."""

    async def one(told: Told) -> None:
        _reader, writer = await told.open()
        writer.write(b"POST /login HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + PAGE + b"\r\n")
        while told.goes_on and not writer.is_closing():
            writer.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
            await writer.drain()
        writer.close()

    await _many(told, 8, one)


async def logins(told: Told) -> None:
    """Wrong passwords for many names."""

    async def one(told: Told) -> None:
        form = f"username=n{time.monotonic_ns()}&password=x&csrfmiddlewaretoken={'a' * 32}".encode()
        reader, writer = await told.open()
        head = f"POST /login HTTP/1.1\r\nCookie: csrftoken={'a' * 32}\r\nOrigin: https://localhost\r\n"
        writer.write(head.encode() + PAGE + b"Content-Length: %d\r\n\r\n" % len(form) + form)
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    await _many(told, 20, one)


async def _journal(told: Told, made: Callable[[int], bytes], step: int) -> None:
    talk, seq = await told.talk(), 0
    while told.goes_on:
        status, said = await talk.ask("POST", "/journal", made(seq))
        if status == 200:
            seq += step
        elif b"expected" in said:
            seq = json.loads(said)["expected"]
        else:
            await asyncio.sleep(0.01)


def _entries(epoch: str, entry: dict[str, Any], count: int) -> Callable[[int], bytes]:
    body = json.dumps(entry, separators=(",", ":"))

    def made(seq: int) -> bytes:
        head = json.dumps({"epoch": epoch, "after": seq, "upto": seq + count})
        lines = (f'{{"seq":{seq + n},"boot":"b","at":{n},"entry":{body}}}' for n in range(1, count + 1))
        return "\n".join([head, *lines]).encode()

    return made


async def entries(told: Told) -> None:
    """One controller's journal, as large and as fast as it is taken."""
    await _journal(told, lambda seq: batch("1" * 16, seq + 1, 500, told.known["machine"]), 500)


async def faults(told: Told) -> None:
    """One controller's faults without an end."""
    entry = {"type": "fault", "machine": told.known["machine"], "cause": "door"}
    await _journal(told, _entries("2" * 16, entry, 500), 500)


async def edits(told: Told) -> None:
    """One controller's edits, of five hundred rows each."""
    rows = [{"type": "certification", "member": f"q{n}", "training": "t1"} for n in range(500)]
    entry = {
        "type": "whitelist_edited", "version": 0, "put": 1, "dropped": 0, "rows": rows, "by": "p1", "base": 1,
        "generation": told.known["generation"], "machine": told.known["machine"],
    }  # fmt: skip
    await _journal(told, _entries("3" * 16, entry, 20), 20)


async def held(told: Told) -> None:
    """One controller's held lines."""

    async def one(told: Told) -> None:
        talk = await told.talk()
        await talk.ask("GET", f"/whitelist?base={told.known['version']}&generation={told.known['generation']}&wait=5")

    await _many(told, 150, one)


async def lists(told: Told) -> None:
    """One controller that asks for the whole list, again and again."""

    async def one(told: Told) -> None:
        talk = await told.talk()
        while told.goes_on:
            await talk.ask("GET", "/whitelist")

    await _many(told, 4, one)


async def sheets(told: Told) -> None:
    """A colleague who reads sheets of twenty thousand members."""
    known = told.known
    sheet = "member;name\r\n" + "".join(f"z{n};Name {n}\r\n" for n in range(20_000))
    part = '--B\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n{}\r\n'
    parts = [part.format("csrfmiddlewaretoken", "", known["token"]), part.format("do", "", "read")]
    body = "".join([*parts, part.format("sheet", '; filename="m.csv"', sheet), "--B--\r\n"]).encode()

    async def one(told: Told) -> None:
        reader, writer = await told.open()
        head = f"POST /import HTTP/1.1\r\nHost: localhost\r\nCookie: {known['cookie']}\r\nOrigin: https://localhost\r\n"
        head += f"Content-Type: multipart/form-data; boundary=B\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    await _many(told, 1, one)


ATTACKS: Final = {
    each.__name__: each
    for each in (silent, half_heads, handshakes, bodies, logins, entries, faults, edits, held, lists, sheets)
}


def main() -> None:
    """Attack."""
    name, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    with contextlib.suppress(*ERRORS):
        asyncio.run(ATTACKS[name](Told(port, seconds, json.loads(sys.stdin.read()))))


if __name__ == "__main__":
    main()
