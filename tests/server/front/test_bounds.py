"""Requests: how large, how long and how many at once, before a byte of them is read."""

import asyncio

import central
import pytest

from server.front import bounds, sessions
from server.front.bounds import DRAIN, FORM, SHEET, SMALL, Bounds
from server.front.sessions import Known

assert central.configuration, "Django's settings say what a session's cookie is called"
PIECE = b"x" * 8_192


async def reads(_scope, receive, send):
    """An application that reads all that comes, as Django does, and then answers."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"taken"})


class Asked:
    """One request as the server hands it on: pieces without end, or so many; counts those that were taken."""

    def __init__(self, path="/login", method="POST", *, pieces=None, headers=(), client="192.0.2.1", stalls=False):
        self.scope = {"type": "http", "path": path, "method": method, "headers": list(headers), "client": (client, 1)}
        self.pieces, self.taken, self.stalls, self.sent = pieces, 0, stalls, []

    async def receive(self):
        if self.stalls:
            await asyncio.Event().wait()
        self.taken += 1
        over = self.pieces is not None and self.taken >= self.pieces
        return {"type": "http.request", "body": PIECE, "more_body": not over}

    async def send(self, message):
        self.sent.append(message)

    @property
    def status(self):
        return self.sent[0]["status"] if self.sent else None


async def never(_session):
    return False


async def always(_session):
    return True


def through(*asked, app=reads, may_upload=never):
    async def all_of_them():
        front = Bounds(app, may_upload)
        await asyncio.gather(*(front(each.scope, each.receive, each.send) for each in asked))

    asyncio.run(all_of_them())
    return asked[0]


def cookie(session):
    return (b"cookie", f"a=b; sessionid={session}".encode())


@pytest.fixture
def known():
    for name, uploads in (("k" * 32, True), ("m" * 32, False)):
        sessions.saw(name, Known(ord(name[0]), uploads))
    yield "k" * 32, "m" * 32
    for name in ("k" * 32, "m" * 32):
        sessions.lost(name)


def test_an_endless_body_is_read_up_to_its_bound_and_no_further():
    asked = through(Asked())
    assert asked.status == 413
    assert asked.taken == SMALL // len(PIECE) + 1
    assert (b"connection", b"close") in asked.sent[0]["headers"]


def test_what_says_itself_that_it_is_too_large_is_answered_unread():
    for said in (b"100000000000", b"1" * 400, b"-1", b"x"):
        asked = through(Asked(headers=[(b"content-length", said)]))
        assert (asked.status, asked.taken) == (413, 0), said


def test_a_body_that_a_person_may_have_meant_is_read_off_before_the_answer():
    size = SMALL * 4
    asked = through(Asked(headers=[(b"content-length", str(size).encode())], pieces=size // len(PIECE)))
    assert size < DRAIN
    assert (asked.status, asked.taken) == (413, size // len(PIECE))


def test_what_fits_is_taken():
    assert through(Asked(pieces=SMALL // len(PIECE))).status == 200


@pytest.mark.parametrize(
    ("path", "who", "most"),
    [
        ("/members/new", "k" * 32, FORM), ("/members/new", "s" * 32, SMALL), ("/import", "k" * 32, SHEET),
        ("/import", "m" * 32, FORM), ("/import", "s" * 32, SMALL), ("/import/", "k" * 32, SHEET),
        ("/imports", "k" * 32, FORM), ("/report/laser", "", SMALL),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("known")
def test_how_large_a_form_may_be_is_told_by_whose_it_is_and_where_it_goes(path, who, most):
    pieces = most // len(PIECE)
    headers = [cookie(who)] if who else []
    assert through(Asked(path, pieces=pieces, headers=headers)).status == 200
    assert through(Asked(path, pieces=pieces + 1, headers=headers)).status == 413


def test_somebody_whom_this_process_has_not_seen_is_looked_up_before_a_sheet_is_read():
    headers = [cookie("s" * 32)]
    assert through(Asked("/import", pieces=200, headers=headers), may_upload=always).status == 200
    assert through(Asked("/import", pieces=200), may_upload=always).status == 413, "without a session nobody is asked"


def test_a_body_that_does_not_come_in_time_is_waited_for_no_longer(monkeypatch):
    monkeypatch.setattr(bounds, "BODY_S", 0.05)
    assert through(Asked(stalls=True)).status == 408


def test_passwords_are_looked_at_one_at_a_time_and_a_full_queue_says_so(monkeypatch):
    inside = []
    most = []

    async def hashes(scope, receive, send):
        inside.append(1)
        most.append(len(inside))
        await asyncio.sleep(0)
        inside.pop()
        await reads(scope, receive, send)

    crowd = [Asked(pieces=1, client=f"192.0.2.{number}") for number in range(40)]
    through(*crowd, app=hashes)
    assert max(most) == 1
    assert {each.status for each in crowd} == {200, 503}
    assert sum(each.status == 200 for each in crowd) == 24


@pytest.mark.usefixtures("known")
def test_strangers_in_a_queue_hold_up_neither_who_is_known_nor_controllers_nor_one_another():
    gate = None

    async def held(scope, receive, send):
        nonlocal gate
        gate = gate or asyncio.Event()
        if scope["client"][0] == "198.51.100.1":
            await gate.wait()
        await reads(scope, receive, send)
        if scope["path"] == "/last":
            gate.set()

    flood = [Asked("/report/laser", pieces=1, client="198.51.100.1") for _each in range(50)]
    mine = Asked("/whitelist", "GET", pieces=1, headers=[cookie("k" * 32)], client="198.51.100.1")
    mine.scope["client"] = ("192.0.2.9", 1)
    device = Asked("/api/v1/journal", pieces=1, client="192.0.2.7")
    last = Asked("/last", "GET", pieces=1, headers=[cookie("m" * 32)], client="192.0.2.8")
    through(*flood, mine, device, last, app=held)
    assert (mine.status, device.status, last.status) == (200, 200, 200)
    assert sum(each.status == 503 for each in flood) == 50 - 48


def test_whoever_sends_slowly_or_reads_slowly_holds_no_turn():
    slow = [Asked("/report/laser", stalls=True, client=f"198.51.100.{number}") for number in range(8)]

    async def all_of_them():
        front = Bounds(reads, never)
        unread = asyncio.Event()

        async def never_read(_message):
            await unread.wait()

        waiting = [asyncio.create_task(front(each.scope, each.receive, each.send)) for each in slow]
        for number in range(8):
            asked = Asked("/login", "GET", pieces=1, client=f"203.0.113.{number}")
            waiting.append(asyncio.create_task(front(asked.scope, asked.receive, never_read)))
        await asyncio.sleep(0)
        mine = Asked("/login", "GET", pieces=1, client="192.0.2.1")
        async with asyncio.timeout(5):
            await front(mine.scope, mine.receive, mine.send)
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return mine.status

    assert asyncio.run(all_of_them()) == 200


def test_a_session_that_was_left_is_a_strangers(known):
    sessions.lost(known[0])
    assert through(Asked("/import", pieces=200, headers=[cookie(known[0])])).status == 413


def test_so_many_sessions_are_known_at_once_and_no_more(monkeypatch):
    monkeypatch.setattr(sessions, "MOST", 3)
    for number in range(5):
        sessions.saw(f"session-{number}", Known(number, uploads=False))
    assert sessions.known("session-0") is None
    assert sessions.known("session-4") == Known(4, uploads=False)
    for number in range(5):
        sessions.lost(f"session-{number}")
