"""Whatever a server sends, signed or not, the threads that speak to it go on, and say what is wrong."""

import pytest

from controller.sync import line as lines
from controller.sync.down import Down
from controller.sync.line import MAX_ANSWER, MAX_WHITELIST, LineError
from controller.sync.retry import Retry
from controller.sync.up import Up
from protocol import delivery
from protocol.messages import Manifest
from protocol.rows import Badge, Member
from protocol.signing import SealingKey, SigningKey

KEY = SigningKey()
ROWS = (Member("m", "M"), Badge("a" * 32, "m"))


class Line:
    """A line on which a server that signs well answers what it likes."""

    server = KEY.public

    def __init__(self, answer):
        self.answer = answer

    def get(self, *_asked):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def signed(*extra, rows=ROWS):
    manifest = Manifest("d", 1, 1, 1, "0" * 64, len(rows) + len(extra))
    return b"".join([*delivery.write(manifest, KEY, rows, []), *(each + b"\n" for each in extra)])


class Writes:
    def edit(self, _brought):
        raise AssertionError("nothing of this is written")


def down(tmp_path, answer, monkeypatch):
    made = Down(
        tmp_path, Line(answer), "d", SealingKey(), Writes(),
        ring=lambda: "", new_ring=lambda _ring: None, confirmed=lambda _ms: None, retry=Retry(),
    )  # fmt: skip
    monkeypatch.setattr(made, "_held", lambda: (None, 0, ""))
    return made


HOSTILE = {
    "nested": signed(b'{"zzz":' + b"[" * 100_000 + b"]" * 100_000 + b',"type":"member","id":"m"}'),
    "nested-row": signed(b'{"type":"member","id":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}"),
    "nested-drop": signed(b'{"drop":' + b"[" * 100_000),
    "not-a-row": signed(b'{"type":"member"}'),
    "no-text": signed(b"\xff\xfe{}"),
    "nothing": b"",
    "no-signature": b"{}\n{}",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_no_whitelist_is_told_and_asked_for_again(tmp_path, what, monkeypatch):
    asked = down(tmp_path, HOSTILE[what], monkeypatch)
    waits = [asked.step() for _turn in range(3)]
    assert all(wait > 0 for wait in waits)
    assert asked.trouble


@pytest.mark.parametrize("error", [RecursionError("deep"), MemoryError(), ZeroDivisionError("0"), KeyError("x")])
def test_an_error_that_nobody_thought_of_ends_no_thread_and_is_told(tmp_path, error, monkeypatch, caplog):
    asked = down(tmp_path, error, monkeypatch)
    assert asked.step() > 0
    assert type(error).__name__ in asked.trouble
    assert "asked for again" in caplog.text
    asked._line.answer = LineError("gone")
    asked.step()
    assert asked.trouble == "gone", "what was wrong before is not told any more"


def test_an_error_that_nobody_thought_of_keeps_the_journal_from_nowhere(tmp_path, caplog):
    def broken():
        raise ZeroDivisionError("report")

    sent = Up(tmp_path, Line(b""), None, broken, lambda: 0.0)
    sent._next = lambda: None
    assert sent.step() > 0
    assert "ZeroDivisionError" in sent.trouble
    assert "tried again" in caplog.text


class Endless:
    """An answer without end; counts what was read of it."""

    def __init__(self):
        self.read = 0

    @property
    def raw(self):
        return self

    def read1(self, size, **_how):
        self.read += size
        return b"x" * size


@pytest.mark.parametrize(("is_whitelist", "most"), [(False, MAX_ANSWER), (True, MAX_WHITELIST)])
def test_an_answer_without_end_is_given_up_before_anybody_looks_at_its_signature(is_whitelist, most):
    answer = Endless()
    with pytest.raises(LineError, match="too long"):
        lines._whole(answer, is_whitelist=is_whitelist)
    assert answer.read <= most + 65_536


def test_of_an_answer_that_leads_elsewhere_no_more_is_read_than_of_any(tmp_path):
    """`requests` reads all of one, where nobody keeps it from that."""
    from requests.adapters import BaseAdapter
    from requests.models import Response
    from requests.structures import CaseInsensitiveDict

    from common.http import Session

    endless = Endless()
    endless.close = endless.release_conn = lambda: None

    class Portal(BaseAdapter):
        def send(self, request, **_how):
            made = Response()
            made.status_code, made.headers = 302, CaseInsensitiveDict({"Location": "http://wifi.free"})
            made.raw, made.request, made.url = endless, request, request.url
            return made

        def close(self):
            pass

    with Session() as session:
        session.mount("https://", Portal())
        answer = session.get("https://x/", stream=True, allow_redirects=False)
        with pytest.raises(LineError, match="too long"):
            lines._whole(answer, is_whitelist=False)
    assert endless.read <= MAX_ANSWER + 65_536


def test_an_answer_that_drips_is_given_up_in_time(monkeypatch):
    now = [0.0]

    class Dripping:
        @property
        def raw(self):
            return self

        def read1(self, _size, **_how):
            now[0] += 30
            return b"x"

    monkeypatch.setattr(lines.time, "monotonic", lambda: now[0])
    with pytest.raises(LineError, match="does not end"):
        lines._whole(Dripping(), is_whitelist=False)
    assert now[0] <= lines.WHOLE_S + 30


def test_what_a_server_refuses_is_a_whole_sentence():
    from controller.sync.line import RefusedError
    from protocol.messages import Problem

    title = "The controller is not taken in"
    said = RefusedError(Problem("urn:loquet:refused", title, 403, 'the machine "laser" belongs to another'))
    assert str(said) == f'the server refuses: {title}: the machine "laser" belongs to another'
    assert str(RefusedError(Problem("urn:loquet:busy", "Busy", 503))) == "the server refuses: Busy"
