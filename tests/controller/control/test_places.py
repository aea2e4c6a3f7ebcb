"""Commands that do not finish what they began leave room for those that ask quickly."""

import contextlib
import json
import select
import socket
import threading
from types import SimpleNamespace

import pytest
from central import until

from controller.control import server
from controller.control.server import MAX_CONNECTIONS, MAX_LONG, SOCKET, ControlServer
from controller.runtime.messages import Asked


@pytest.fixture
def control(tmp_path):
    """The control socket of a daemon whose loop answers at once."""

    def put(message):
        if isinstance(message, Asked):
            message.answer({"alive": True})

    nothing = dict.fromkeys(("key", "now", "enrolled", "take_stick"), lambda: None)
    made = ControlServer(tmp_path / SOCKET, put, SimpleNamespace(), ("laser",), **nothing)
    thread = threading.Thread(target=made.run, daemon=True)
    thread.start()
    with contextlib.ExitStack() as held:
        yield lambda said=b"": held.enter_context(opened(tmp_path / SOCKET, said))
        made.stop()
        thread.join(10)


@contextlib.contextmanager
def opened(path, said):
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(10)
        link.connect(str(path))
        link.sendall(said)
        yield link


def answer(link):
    return json.loads(link.makefile("rb").readline() or b"null")


STATUS = b'{"do":"status"}\n'
UNFINISHED = b'{"do":"edit","rows":1000,"replace":false}\n'


def test_edits_that_do_not_end_leave_room_for_a_question(control):
    held = [control(UNFINISHED) for _each in range(MAX_CONNECTIONS - 1)]
    refused = set()

    def all_but_some():
        refused.update(select.select(held, [], [], 0)[0])
        return len(refused) == MAX_CONNECTIONS - 1 - MAX_LONG

    until(all_but_some, "the others are told")
    assert all("busy" in answer(each)["error"]["template"] for each in refused)
    assert answer(control(STATUS)) == {"is": {"alive": True}}


def test_an_edit_that_does_not_go_on_and_a_caller_that_says_nothing_give_their_place_back(control, monkeypatch):
    monkeypatch.setattr(server, "ASK_S", 0.1)
    monkeypatch.setattr(server, "ANSWER_S", 0.1)
    for _each in range(MAX_CONNECTIONS):
        control()
    until_answered(control)
    for _each in range(MAX_LONG):
        until(lambda: is_let_in(control), "a place")  # those of before go one after the other
    until_answered(control)


def is_let_in(control):
    try:
        control(UNFINISHED)
    except OSError:
        return False
    return True


def until_answered(control):
    def asked():
        with contextlib.suppress(OSError):
            return answer(control(STATUS)) == {"is": {"alive": True}}
        return False

    until(asked, "an answer")
