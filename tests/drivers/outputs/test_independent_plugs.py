"""Plugs whose twins were written from their makers' documents alone."""

import contextlib
import json
import re
import socketserver
import threading

import independent_plugs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import SECRET, a_plug_that_lies_raises, opened, until, within
from urllib3.connection import HTTPConnection

from drivers.bus import plug_http
from drivers.bus.plug_http import Plug
from drivers.contracts import DriverError, OutputError
from drivers.outputs.shelly import Shelly, ShellySettings
from drivers.outputs.tasmota import Tasmota, TasmotaSettings


@pytest.fixture
def hurried(monkeypatch):
    """Less patience than with real ones."""
    monkeypatch.setattr(plug_http, "READ_S", 0.12)
    monkeypatch.setattr(plug_http, "PATIENCE_S", 0.15)


def test_a_plug_is_as_it_was_told_and_tells_what_flows(make, plug, output, seconds):
    output.open()
    for closed in (True, True, False, True):
        output.switch(closed=closed)
        assert plug.on is closed
        seen = output.look()
        assert seen.closed is closed and seen.watts == (60.0 if closed else 0.0)
    seconds.ms += 60_000
    assert output.look().counted_wh == pytest.approx(1.0, abs=0.01)
    with contextlib.closing(make[3](make[4](host=plug.address, password=SECRET))) as watts:
        assert watts.read() == 60.0 and watts.counted_wh == pytest.approx(1.0, abs=0.01)
    plug.press_button()
    assert output.look().closed is False


FAULTS = {
    "drip": {"drip": True, "drip_interval": 0.02},
    "huge": {"huge": True},
    "garbage": {"garbage": True},
    "wrong types": {"wrong_types": True},
    "redirect": {"redirect": True},
    "500": {"status_500": True},
    "late": {"latency": 0.3},
    "unreachable": {"unreachable": True},
    "another password": {"password": "another"},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_plug_that_does_not_do_as_plugs_do_is_an_output_error_in_time(make, plug, output, hurried, fault):
    until(lambda: opened(output), 60)
    well = {name: getattr(plug, name) for name in FAULTS[fault]}
    asked = len(plug.received)
    for name, value in FAULTS[fault].items():
        setattr(plug, name, value)
    for act in (lambda: output.switch(closed=True), output.look):
        with within(3), pytest.raises(OutputError):
            act()
    with within(3), pytest.raises(DriverError), contextlib.closing(make[3](make[4](host=plug.address))) as watts:
        watts.read()
    assert all("elsewhere" not in request.target for request in plug.received[asked:])
    for name, value in well.items():
        setattr(plug, name, value)
    until(lambda: opened(output), 60)
    until(lambda: switched(output), 60)
    assert plug.on


def switched(output):
    try:
        output.switch(closed=True)
    except OutputError:
        return False
    return True


def test_no_secret_is_in_what_a_plug_is_asked_for(plug, output):
    output.open()
    output.switch(closed=True)
    output.look()
    plug.password = "another"
    with pytest.raises(OutputError) as caught:
        output.look()
    assert SECRET not in str(caught.value) + repr(caught.value)
    for request in plug.received:
        assert not re.search("sesame|password", request.target)
        assert b"sesame" not in request.body


@pytest.mark.parametrize("what", ["redirect", "password"])
def test_a_plug_whose_answer_never_ends_fills_no_memory(make, plug, output, what):
    plug.huge, plug.huge_limit = True, 40_000_000
    setattr(plug, what, "/elsewhere" if what == "redirect" else "another")
    with within(6), pytest.raises(OutputError):
        output.look()
    plug.huge = False
    assert plug.huge_sent < 20_000_000  # what waits in sockets is not read


def test_a_plug_that_says_yes_and_does_not_switch_raises(plug, output):
    a_plug_that_lies_raises(plug, output)


def test_a_plug_that_forgot_who_asked_is_asked_again(plug, output):
    output.open()
    output.switch(closed=True)
    plug.reboot()  # a Shelly forgets its nonces
    assert output.look().closed in {True, False}
    if isinstance(plug, independent_plugs.Shelly):
        plug.nonce_reuse = False
        output.switch(closed=True)
        assert plug.on


KNOWN = """POWER POWER1 PulseTime1 Set PowerOnState StatusFWR Version StatusSNS ENERGY Power Total WARNING output apower
aenergy total was_on model ver gen initial_state auto_on timer_duration code message"""
keys = st.sampled_from(KNOWN.split())
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(["ON", "OFF", "", "190"]), st.text(max_size=5)
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=6,
)
bodies = st.one_of(
    st.dictionaries(keys, values, max_size=5).map(json.dumps).map(str.encode),
    values.map(json.dumps).map(str.encode),
    st.binary(max_size=20),
    st.sampled_from([b"[" * 50_000, b'{"POWER":' + b"[" * 990 + b"]" * 990 + b"}", b"1" * 5000, b" "]),
)


@pytest.mark.parametrize("act", ["open", "look", "notes", "on", "off", "measure"])
def test_whatever_a_plug_answers_only_our_errors_leave(make, monkeypatch, act):
    output = make[1](make[2](host="plug"))
    watts = make[3](make[4](host="plug"))
    acts = {
        "open": output.open,
        "look": output.look,
        "notes": output.notes,
        "on": lambda: output.switch(closed=True),
        "off": lambda: output.switch(closed=False),
        "measure": watts.read,
    }

    @settings(max_examples=30)
    @given(st.lists(bodies, min_size=1, max_size=3))
    def holds(many):
        said = iter(many)
        monkeypatch.setattr(Plug, "ask", lambda *_a, **_n: next(said, many[-1]))
        try:
            found = acts[act]()
        except DriverError as error:
            assert act == "measure" or isinstance(error, OutputError)
            assert str(error)
        else:
            assert act != "look" or found.closed in {True, False}
            assert act != "measure" or isinstance(found, float)

    holds()


HEADS = {
    "nothing": b"",
    "no HTTP": b"\xff" * 100,
    "a long line": b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70_000 + b"\r\n\r\n",
    "many lines": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 5000 + b"\r\n",
    "no status": b"HTTP/1.1 999999 X\r\n\r\n",
    "nowhere": b"HTTP/1.1 302 X\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n",
    "bad chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n{}",
    "no gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nxx",
    "bad digest": b'HTTP/1.1 401 X\r\nWWW-Authenticate: Digest qop="auth"\r\n\r\n',
    "another digest": b'HTTP/1.1 401 X\r\nWWW-Authenticate: Digest realm="a", nonce="b", algorithm=FOO\r\n\r\n',
    "too short": b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{",
}


@pytest.mark.parametrize("head", HEADS)
def test_whatever_a_plug_sends_only_our_errors_leave(make, head):
    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(65_536)
            with contextlib.suppress(OSError):
                self.request.sendall(HEADS[head])

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            said = make[2](host=f"127.0.0.1:{server.server_address[1]}", password=SECRET)
            with contextlib.closing(make[1](said)) as output, within(5), pytest.raises(OutputError):
                output.look()
        finally:
            server.shutdown()
            thread.join()


# Tasmota documentation and its sources: what PulseTime answers, from the oldest to the newest version.
@pytest.mark.parametrize(
    "told",
    [
        {"PulseTime1": "190 (Active 189)"},
        {"PulseTime1": {"190": {"Active": "189"}}},
        {"PulseTime1": {"Set": 190, "Remaining": 190}},
    ],
    ids=["6", "8", "9"],
)
def test_the_timer_of_every_tasmota_is_understood(told):
    with independent_plugs.Tasmota() as plug, contextlib.closing(Tasmota(TasmotaSettings(host=plug.address))) as output:
        plug.wrong_types = lambda said: told if "PulseTime1" in said else said
        output.open()


@pytest.mark.parametrize("setting", ["auto_on", "initial_state"])
def test_a_shelly_that_closes_by_itself_is_refused_or_told_of(setting):
    with independent_plugs.Shelly() as plug, contextlib.closing(Shelly(ShellySettings(host=plug.address))) as output:
        output.open()
        assert not output.notes()
        plug.config[setting] = {"auto_on": True, "initial_state": "on"}[setting]
        output.open()
        assert output.notes() or output.look().unfit


def test_a_shelly_whose_timer_does_not_begin_is_told_of():
    class Timeless(independent_plugs.Shelly):
        def _switch(self, on, source, _toggle_after=None):
            super()._switch(on, source)

    for plug, is_told in ((independent_plugs.Shelly(), False), (Timeless(), True)):
        with plug, contextlib.closing(Shelly(ShellySettings(host=plug.address))) as output:
            output.open()
            assert bool(output.switch(closed=True).unfit) is is_told
            assert bool(output.look().unfit) is is_told
            assert output.switch(closed=False).closed is False, "it opens all the same"
            with pytest.raises(OutputError, match="timer") if is_told else contextlib.nullcontext():
                output.switch(closed=True)


def test_looking_at_a_tasmota_ends_no_timer_of_an_old_one(seconds):
    """Its firmware ends the timer when it is asked for `Power` without a value."""
    with independent_plugs.Tasmota(now=seconds.plug) as plug:
        plug.query_cancels_pulse = True
        with contextlib.closing(Tasmota(TasmotaSettings(host=plug.address))) as output:
            output.open()
            output.switch(closed=True)
            for _look in range(3):
                assert output.look().held
            assert plug.timer_left == pytest.approx(90, abs=2)
            output.notes()
            assert output.look().held
            assert not any(request.command.lower() in {"power", "power1"} for request in plug.received)


@pytest.mark.parametrize("ends", ["at once", "later"])
def test_a_tasmota_whose_timer_does_not_run_is_opened_and_not_closed_again(ends):
    class Timeless(independent_plugs.Tasmota):
        def _arm(self):
            if ends == "later":
                super()._arm()

    with Timeless() as plug, contextlib.closing(Tasmota(TasmotaSettings(host=plug.address))) as output:
        output.open()
        seen = output.switch(closed=True)
        assert seen.held is (ends == "later")
        if ends == "later":
            plug._timer = None
            seen = output.look()
        assert "would stay on" in str(seen.unfit)
        assert output.switch(closed=False).closed is False
        with pytest.raises(OutputError, match="would stay on"):
            output.switch(closed=True)
        assert not plug.on
        output.open()
        assert output.look().unfit is None, "found anew, it may have another firmware"


def test_a_tasmota_whose_timer_somebody_took_away_has_it_again_or_is_not_taken_for_closed():
    with independent_plugs.Tasmota() as plug, contextlib.closing(Tasmota(TasmotaSettings(host=plug.address))) as output:
        output.open()
        output.switch(closed=True)
        plug.pulse_time = 0
        output.switch(closed=True)
        assert plug.timer_left == pytest.approx(90, abs=5)


def test_a_connection_that_takes_its_time_makes_no_request_endless(plug, output, hurried, monkeypatch):
    connect = HTTPConnection.connect

    def slowly(connection):
        plug._closing.wait(0.2)
        connect(connection)

    until(lambda: opened(output), 60)
    monkeypatch.setattr(HTTPConnection, "connect", slowly)
    plug.drip, plug.drip_interval = True, 0.004
    with within(2), pytest.raises(OutputError):
        output.look()


def test_a_tasmota_that_inverts_its_timer_is_refused():
    with (
        independent_plugs.Tasmota(power_on_state=5) as plug,
        contextlib.closing(Tasmota(TasmotaSettings(host=plug.address))) as output,
    ):
        output.open()
        with pytest.raises(OutputError, match="PowerOnState"):
            output.switch(closed=True)


class Worded(independent_plugs.Tasmota):
    """One whose words for off and on somebody has set."""

    words = ("OFF", "ON")

    def _command(self, text, execute):
        if text.lower() in {"statetext1", "statetext2"}:
            return {f"StateText{text[-1]}": self.words[int(text[-1]) - 1]}
        answer = super()._command(text, execute)
        for each in (answer, answer.get("StatusSTS", {})):
            if "POWER" in each:
                each["POWER"] = self.words[each["POWER"] == "ON"]
        return answer


@pytest.mark.parametrize("words", [("OFF", "ON"), ("0", "1"), ("éteint", "allumé"), ("ON", "OFF"), ("off", "on")])
def test_a_tasmota_may_say_off_and_on_in_whatever_words(words):
    with Worded() as plug, contextlib.closing(Tasmota(TasmotaSettings(host=plug.address))) as output:
        plug.words = words
        output.open()
        for closed in (True, False, True):
            assert output.switch(closed=closed).closed is closed is plug.on
            assert output.look().closed is closed


def test_a_tasmota_that_says_one_word_for_both_is_refused_and_told_what_to_set():
    with Worded() as plug, contextlib.closing(Tasmota(TasmotaSettings(host=plug.address))) as output:
        plug.words = ("X", "X")
        with pytest.raises(OutputError, match="StateText1 OFF"):
            output.open()


def test_a_tasmota_whose_words_are_set_anew_is_understood_once_it_is_found_again():
    with Worded() as plug, contextlib.closing(Tasmota(TasmotaSettings(host=plug.address))) as output:
        output.open()
        plug.words = ("0", "1")
        with pytest.raises(OutputError):
            output.look()
        output.open()
        assert output.look().closed is False


@pytest.mark.parametrize(("password", "said"), [(SECRET, "update the firmware"), ("", "wants a password")])
def test_a_tasmota_that_takes_a_password_in_the_address_alone_is_told_of_and_never_gets_it_there(password, said):
    class Old(independent_plugs.Tasmota):
        def _authorized(self, _request, arguments):
            return arguments.get("password") == self.password

    with (
        Old(password=SECRET) as plug,
        contextlib.closing(Tasmota(TasmotaSettings(host=plug.address, password=password))) as output,
    ):
        plug.auth_status = 200
        with pytest.raises(OutputError, match=said):
            output.open()
        assert not any(SECRET in str(request.query) for request in plug.received)


def test_a_plug_that_is_asked_too_often_and_one_that_takes_no_connection_are_told_apart(
    make, plug, output, monkeypatch
):
    output.open()
    answer = plug._handle
    monkeypatch.setattr(plug, "_handle", lambda *what: (independent_plugs._Answer(429, b"{}"), answer(*what)[1]))
    with pytest.raises(OutputError, match="asked too often"):
        output.look()
    plug.unreachable = True
    with pytest.raises(OutputError, match="takes no connection"):
        output.look()
