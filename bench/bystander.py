"""What the others feel while one attack after another runs: a controller's journal, and a fabmanager's click."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import requests
import urllib3

from bench.attacks import ATTACKS
from bench.central import Bench, closed, opened
from bench.filled import batch, fill, take_in
from bench.talk import Talk

SECONDS: Final = 8.0  # of each attack
BEGINS_S: Final = 1.0  # after which it is on its way
PASSWORD: Final = "correct horse battery"
CELL: Final = "/whitelist/cell/p7/t3"


class Fabmanager:
    """Somebody at a browser, who gives a training and takes it away again."""

    def __init__(self, port: int) -> None:
        self.base = f"https://127.0.0.1:{port}"
        self._session = requests.Session()
        self._session.verify, self._session.trust_env = False, False
        self._gives = True
        self.token = ""
        fields = self._fields("/login") | {"username": "bench", "password": PASSWORD}
        assert self._send("/login", fields).status_code == 302

    @property
    def cookie(self) -> str:
        """What the browser names itself by."""
        return "; ".join(f"{each.name}={each.value}" for each in self._session.cookies)

    def _fields(self, path: str) -> dict[str, str]:
        shown = self._session.get(self.base + path, timeout=60).text
        found = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', shown))
        self.token = found["csrfmiddlewaretoken"]
        return found

    def _send(self, path: str, fields: dict[str, str]) -> requests.Response:
        headers = {"Origin": self.base, "Referer": self.base + path}
        return self._session.post(self.base + path, fields, headers=headers, timeout=60, allow_redirects=False)

    def click(self) -> float:
        """Open a cell, and give or take; return the longer of both, in milliseconds."""
        began = time.perf_counter()
        fields = self._fields(CELL)
        opened_at = time.perf_counter()
        what = {"do": "grant", "level": "user"} if self._gives else {"do": "revoke"}
        status = self._send(CELL, fields | what).status_code
        assert status == 302, status
        self._gives = not self._gives
        return max(opened_at - began, time.perf_counter() - opened_at) * 1000


def figures(folder: Path, kind: str = "sqlite") -> dict[str, float]:
    """Measure every attack; the worst of all is the figure, and is named on standard error."""
    urllib3.disable_warnings()
    bench, stop = opened(folder, kind)
    try:
        fill(20)
        devices = take_in(20)
        known = _known(devices[0])
        bench.start()
        try:
            found = _all(bench, devices[1], known)
        finally:
            bench.stop()
    finally:
        closed(bench, stop)
    worst = max(found, key=lambda name: found[name])
    sys.stderr.write(f"{kind}: worst while {worst}, {found[worst]:.0f} ms\n")
    end = "" if kind == "sqlite" else f"_{kind}"
    return {f"bystander_{name}_ms_p99{end}": value for name, value in found.items()} | {
        f"bystander_ms_p99{end}": found[worst]
    }


def _known(device: tuple[str, Any]) -> dict[str, Any]:
    from protocol.signing import encoded
    from server.accounts.models import Account
    from server.core import state

    account = Account.objects.get(username="bench")
    account.set_password(PASSWORD)
    account.save()
    return {
        "device": device[0], "key": encoded(device[1].raw), "machine": f"m{device[0][1:]}",
        "generation": int(state.get(state.GENERATION)), "version": state.version(),
    }  # fmt: skip


def _all(bench: Bench, device: tuple[str, Any], known: dict[str, Any]) -> dict[str, float]:
    browser = Fabmanager(bench.port)
    known |= {"cookie": browser.cookie, "token": browser.token}
    found = {"quiet": asyncio.run(_measured(bench.port, device, browser, "e" * 16))}
    for number, name in enumerate(ATTACKS):
        said = [sys.executable, "-m", "bench.attacks", name, str(bench.port), str(SECONDS + BEGINS_S + 1)]
        with subprocess.Popen(said, stdin=subprocess.PIPE, text=True) as attack:
            assert attack.stdin is not None
            attack.stdin.write(json.dumps(known))
            attack.stdin.close()
            time.sleep(BEGINS_S)
            found[name] = asyncio.run(_measured(bench.port, device, browser, f"{number:x}" * 16))
            attack.wait(60)
    return found


async def _measured(port: int, device: tuple[str, Any], browser: Fabmanager, epoch: str) -> float:
    """Return the 99th percentile of all that was waited for, in milliseconds."""
    waits: list[float] = []
    until = time.monotonic() + SECONDS

    async def send() -> None:
        talk, seq = Talk(port, *device), 0
        while time.monotonic() < until:
            began = time.perf_counter()
            if talk.writer is None or talk.writer.is_closing():
                await talk.open()
            status, said = await talk.ask("POST", "/journal", batch(epoch, seq + 1, 1, f"m{device[0][1:]}"))
            assert status == 200, said
            seq += 1
            waits.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(0.02)
        await talk.close()

    async def click() -> None:
        while time.monotonic() < until:
            waits.append(await asyncio.to_thread(browser.click))
            await asyncio.sleep(0.05)

    await asyncio.gather(send(), click())
    waits.sort()
    return waits[min(len(waits) - 1, int(len(waits) * 0.99))]
