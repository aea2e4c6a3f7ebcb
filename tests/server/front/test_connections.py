"""Connections: a stranger has seconds, whoever is known keeps their line, and no flood keeps anybody else out."""

import asyncio
import contextlib
import socket
import threading

import pytest
from central import until

from server.front import connections
from server.front.connections import FIRST_S, NEXT_S, Connections, Counted, identify, listen

HEAD = b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n"


class Beside:
    """A server of uvicorn's on the counted socket, on a thread of its own; its clock stands still."""

    def __init__(self, most):
        import uvicorn

        self.now = 0.0
        self.opened = []
        self.book = Connections(most, lambda: self.now)
        self.release = threading.Event()
        (self.listener,) = listen("127.0.0.1", 0, self.book, 128)
        self.port = self.listener.getsockname()[1]
        settings = uvicorn.Config(Counted(self.app, self.book), log_level="error", http="h11", lifespan="off")
        self.server = uvicorn.Server(settings)
        self.thread = threading.Thread(target=lambda: asyncio.run(self.server.serve(sockets=[self.listener])))

    async def app(self, scope, _receive, send):
        """Answer; /known is somebody, /held waits."""
        path = scope["path"].strip("/")
        if path.startswith("known"):
            self.book.is_known(scope[connections.KEY], path)
        if path == "told":
            self.book._loop = asyncio.get_running_loop()
            await asyncio.to_thread(identify, scope, "told")
        while path == "held" and not self.release.is_set():  # noqa: ASYNC110 - it is set by the test's thread
            await asyncio.sleep(0.01)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    def look(self, after):
        """Let time pass, and look."""
        self.now += after
        loop = self.server.servers[0].get_loop()
        asyncio.run_coroutine_threadsafe(self._look(), loop).result(10)

    async def _look(self):
        self.book.look()

    def open(self, *said):
        """Connect, and send that."""
        made = socket.create_connection(("127.0.0.1", self.port), 10)
        self.opened.append(made)
        for each in said:
            made.sendall(each)
        return made

    def counted(self, many):
        until(lambda: len(self.book) == many, f"{many} connections")


@pytest.fixture
def beside():
    with contextlib.ExitStack() as held:

        def started(most=64):
            made = Beside(most)
            made.thread.start()
            until(lambda: made.server.started, "the server")

            def end():
                made.release.set()
                made.server.should_exit = True
                made.thread.join(10)
                for each in made.opened:
                    each.close()

            held.callback(end)
            return made

        yield started


def is_open(each):
    """Whether the other end has not closed; waits for nothing."""
    each.setblocking(False)
    try:
        return each.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def closed(each):
    until(lambda: not is_open(each), "the end of a connection")


def answer(each):
    each.settimeout(10)
    found = b""
    while not found.endswith(b"ok") and (more := each.recv(4096)):
        found += more
    return found


def test_whoever_says_nothing_and_whoever_says_half_a_head_is_cut_in_seconds(beside):
    server = beside()
    silent, half = server.open(), server.open(b"GET / HTTP/1.1\r\nHost:")
    server.counted(2)
    server.look(FIRST_S)
    assert is_open(silent)
    half.sendall(b" x\r\nX-More:")
    server.look(0.1)
    closed(silent)
    closed(half)
    server.counted(0)


def test_a_line_that_is_held_for_an_answer_is_not_cut_and_one_that_rests_is(beside):
    server = beside()
    held, resting = server.open(HEAD % b"held"), server.open(HEAD % b"")
    assert answer(resting).endswith(b"ok")
    until(lambda: [each.requests for each in server.book._by_ends.values()].count(1) == 1, "the end of the other")
    until(lambda: any(each.requests for each in server.book._by_ends.values()), "the held request")
    server.look(NEXT_S)
    assert is_open(resting)
    server.look(0.1)
    closed(resting)
    assert is_open(held)
    server.release.set()
    assert answer(held).endswith(b"ok")


def test_half_a_second_head_on_a_line_that_was_answered_is_waited_for_no_longer(beside):
    server = beside()
    made = server.open(HEAD % b"")
    answer(made)
    until(lambda: not any(each.requests for each in server.book._by_ends.values()), "the end of the request")
    made.sendall(b"GET / HTTP")
    server.look(NEXT_S + 0.1)
    closed(made)


def test_however_many_say_nothing_whoever_asks_is_answered(beside):
    server = beside(most=32)
    silent = [server.open() for _each in range(100)]
    for _turn in range(5):
        assert answer(server.open(HEAD % b"")).endswith(b"ok")
    until(lambda: len(server.book) <= 17, "the oldest ones have gone")
    assert not is_open(silent[0])
    assert is_open(silent[-1])


def test_whoever_is_known_keeps_their_line_whatever_strangers_do(beside):
    server = beside(most=32)
    known = server.open(HEAD % b"known-d1")
    answer(known)
    told = server.open(HEAD % b"told")
    answer(told)
    silent = [server.open() for _each in range(100)]
    until(lambda: not is_open(silent[50]), "strangers have gone")
    for each in (known, told):
        each.setblocking(True)
        each.sendall(HEAD % b"")
        assert answer(each).endswith(b"ok")


def test_of_one_controller_or_account_the_oldest_line_gives_way(beside, monkeypatch):
    monkeypatch.setattr(connections, "OF_ONE", 3)
    server = beside()
    lines = []
    for _each in range(5):
        lines.append(server.open(HEAD % b"known-d1"))
        answer(lines[-1])
    other = server.open(HEAD % b"known-d2")
    answer(other)
    closed(lines[0])
    closed(lines[1])
    assert all(is_open(each) for each in [*lines[2:], other])


def made_of(book, address, port):
    one = connections.Connection(socket.AF_INET, socket.SOCK_STREAM)
    book.came(one, (address, port, "10.0.0.9"))
    return one


def test_where_there_are_too_many_one_of_the_address_that_has_the_most_goes():
    book = Connections(64)
    few = [made_of(book, "10.0.0.1", port) for port in range(3)]
    many = [made_of(book, "10.0.0.2", port) for port in range(40)]
    assert all(each in book._strangers["10.0.0.1"] for each in few)
    assert list(book._strangers["10.0.0.2"]) == many[-29:]
    for each in [*few, *many]:
        each.close()
    assert len(book) == 0
    assert book._stranger_count == 0


@pytest.mark.parametrize(
    ("one", "other"), [("2001:db8:1:2::1", "2001:db8:1:2:3:4:5:6"), ("::ffff:192.0.2.1", "192.0.2.1")]
)
def test_what_one_customer_has_counts_as_one_address(one, other):
    assert connections.one_address(one) == connections.one_address(other)


def test_a_listener_lets_everybody_who_is_in_have_a_turn(monkeypatch):
    monkeypatch.setattr(connections, "AT_ONCE", 2)
    book = Connections(16)
    (listener,) = listen("127.0.0.1", 0, book, 16)
    callers = [socket.create_connection(listener.getsockname(), 10) for _each in range(3)]
    let_in = [listener.accept()[0] for _each in range(2)]
    with pytest.raises(BlockingIOError):
        listener.accept()
    let_in.append(listener.accept()[0])
    for each in [*callers, *let_in, listener]:
        each.close()
    assert len(book) == 0


def test_an_address_where_somebody_listens_is_an_error(beside):
    server = beside()
    with pytest.raises(OSError, match="Address already in use"):
        listen("127.0.0.1", server.port, Connections(8), 1)


def test_one_port_at_two_addresses_of_this_machine_is_two_connections():
    book = Connections(16)
    here, there = (connections.Connection(socket.AF_INET, socket.SOCK_STREAM) for _each in range(2))
    book.came(here, ("10.0.0.1", 40_000, "10.0.0.9"))
    book.came(there, ("10.0.0.1", 40_000, "10.0.0.8"))
    assert len(book) == 2
    assert book.begins(("10.0.0.1", 40_000), ("10.0.0.8", 8_443)) is there
    for each in (here, there):
        each.close()
    assert len(book) == 0


def test_of_a_flood_of_many_addresses_the_one_that_waited_the_longest_goes_and_not_a_browser():
    now = [0.0]
    book = Connections(64, lambda: now[0])
    flood = [made_of(book, f"10.1.{number // 250}.{number % 250}", 1) for number in range(20)]
    now[0] = 1.0
    browser = [made_of(book, "10.0.0.1", port) for port in range(3)]
    now[0] = 2.0
    flood += [made_of(book, f"10.2.{number // 250}.{number % 250}", 1) for number in range(20)]
    assert all(each in book._strangers["10.0.0.1"] for each in browser)
    for each in [*flood, *browser]:
        each.close()
    assert len(book) == 0
