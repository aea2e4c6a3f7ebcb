"""Settings errors name the place and the remedy."""

import copy
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.texts import translate
from controller.settings import SettingsError, load, read
from controller.station.rules import Mode

GOOD = {
    "controller": {"data_dir": "data", "language": "fr"},
    "station": [
        {
            "machine": "laser",
            "mode": "presence",
            "reader": {"driver": "rc522", "bus": 0, "device": 0, "reset_pin": 25},
            "relay": {"driver": "gpio", "pin": 17},
            "light": {"driver": "rgb", "red": 22, "green": 23, "blue": 24},
        }
    ],
}
HERE = Path("/etc/loquet/controller.toml")


def changed(*path, to=None, drop=False):
    document = copy.deepcopy(GOOD)
    place = document
    for key in path[:-1]:
        place = place[key]
    if drop:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return document


def test_the_shape_of_the_design_is_read():
    found = read(GOOD, HERE)
    assert found.stations[0].mode is Mode.PRESENCE
    assert found.data_dir == Path("/etc/loquet/data")
    assert found.run_dir == Path("/run/loquet")


SECOND = {
    "machine": "printer",
    "mode": "tap",
    "longest": "4 h",
    "reader": {"driver": "rc522", "bus": 0, "device": 1},
    "relay": {"driver": "gpio", "pin": 27},
}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (changed("controler", to={}), ['"controler"', "controller"]),
        (changed("controller", "langage", to="fr"), ["[controller]", '"langage"', '"language"']),
        (changed("controller", "language", to="de"), ["[controller], language", "'de'"]),
        (changed("controller", "timezone", to="Europe"), ["timezone", "Europe/Paris"]),
        (changed("controller", "timezone", to="x" * 300), ["timezone", "Europe/Paris"]),
        (changed("controller", "data_dir", to="a\0b"), ["data_dir"]),
        (changed("controller", "timezone", to="Paris"), ["timezone", "Paris", "Europe/Paris"]),
        (changed("station", to=[]), ["[[station]]", "config/"]),
        (changed("station", 0, "machine", drop=True), ["[[station]] 1", '"machine"', "missing"]),
        (changed("station", 0, "machine", to="La ser"), ["machine", "La ser"]),
        (changed("station", 0, "mode", to="presense"), ["laser", "mode", "presense"]),
        (changed("station", 0, "graze", to=3), ["laser", '"graze"', '"grace"']),
        (changed("station", 0, "grace", to="3 days"), ["laser), grace", "3 days", '"90 s"']),
        (changed("station", 0, "longest", to=5), ["longest", "60 s"]),
        (changed("station", 0, "reader", drop=True), ["laser", '"reader"', "missing"]),
        (changed("station", 0, "reader", to="rc522"), ["laser", "reader", "rc522"]),
        (changed("station", 0, "reader", "driver", to="rc523"), ["laser), reader", "rc523", "rc522"]),
        (changed("station", 0, "reader", "driver", drop=True), ["laser), reader", "driver"]),
        (changed("station", 0, "reader", "buss", to=0), ["laser), reader", '"buss"', '"bus"']),
        (changed("station", 0, "reader", "bus", to=99), ["laser), reader, bus", "99"]),
        (changed("station", 0, "reader", "reset_pin", to=17), ["GPIO 17", "taken already", "laser, reader, reset_pin"]),
        (changed("station", 0, "relay", "pin", drop=True), ["laser), relay", '"pin"', "missing"]),
        (changed("station", 0, "relay", "pin", to=4), ["GPIO 4", "pulled up", "17", "external_pull"]),
        (
            changed("station", 0, "relay", to={"driver": "gpio", "pin": 17, "active_low": True}),
            ["GPIO 17", "pulled down", "4, 5, 6"],
        ),
        (changed("station", 0, "relay", "pin", to=14), ["console", "GPIO 14", "17"]),
        (changed("station", 0, "relay", "pin", to=True), ["relay, pin"]),
        (
            changed("station", 0, "outputs", to={"extractor": {"driver": "gpio", "pin": 17}}),
            ["GPIO 17", "extractor", "laser, relay"],
        ),
        (
            changed("station", 0, "outputs", to={"extractor": {"driver": "gpio", "pin": 4}}),
            ["outputs, extractor", "GPIO 4"],
        ),
        (changed("station", 0, "outputs", to={"machine": {"driver": "gpio", "pin": 27}}), ["outputs", "another name"]),
        (changed("station", 0, "outputs", to={"Ex Tractor": {"driver": "gpio", "pin": 27}}), ["outputs"]),
        (changed("station", 0, "relay", "pin", to=10), ["GPIO 10", "bus of laser, reader"]),
        (changed("station", 0, "longest", to="60 s"), ["warning", "60 s"]),
        (changed("controller", "run_dir", to="/" + "x" * 120), ["run_dir", "too long"]),
        (changed("station", to=[GOOD["station"][0], GOOD["station"][0]]), ["[[station]] 2", '"laser"']),
        (
            changed("station", to=[GOOD["station"][0], {**SECOND, "relay": {"driver": "gpio", "pin": 17}}]),
            ["GPIO 17", "printer, relay", "laser, relay"],
        ),
        (
            changed("station", to=[GOOD["station"][0], {**SECOND, "reader": {"driver": "rc522"}}]),
            ["device 0", "laser, reader"],
        ),
    ],
)
def test_an_error_names_its_place_and_what_to_do(document, words):
    with pytest.raises(SettingsError) as error:
        read(document, HERE)
    for word in words:
        assert word in str(error.value)


def test_two_machines_on_one_bus_are_fine():
    assert len(read({**GOOD, "station": [*GOOD["station"], SECOND]}, HERE).stations) == 2


def test_presence_needs_a_reader_that_senses_it(monkeypatch):
    from drivers.readers.rc522 import RC522Reader

    monkeypatch.setattr(RC522Reader, "senses_presence", False)
    with pytest.raises(SettingsError, match='mode "tap"'):
        read(GOOD, HERE)
    tap = changed("station", 0, "mode", to="tap")
    tap["station"][0]["longest"] = "4 h"
    assert read(tap, HERE)


def test_a_resistor_outside_is_an_explicit_word():
    assert read(changed("station", 0, "relay", to={"driver": "gpio", "pin": 4, "external_pull": True}), HERE)


@pytest.mark.parametrize(
    "content",
    [b"a = " + b"[" * 100_000, b"a = " + b"1" * 5_000, b"\xff\xfe", b"[controller", b"a = 1", b"x" * 300_000, b""],
)
def test_a_file_that_is_none_is_named(tmp_path, content):
    path = tmp_path / "c.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"c\.toml"):
        load(path)


def test_a_file_that_is_not_there_says_how_to_name_another(tmp_path):
    with pytest.raises(SettingsError, match="LOQUET_CONFIG"):
        load(tmp_path / "none.toml")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["driver", "pin", "machine", "reader", "relay", "bus"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["controller", "station", "x"]), values, max_size=3))
def test_whatever_a_file_says_only_our_error_leaves(document):
    try:
        read(document, HERE)
    except SettingsError as error:
        assert str(error)


RUNNING = {"driver": "gpio", "pin": 5, "does": "running"}
FAN = {"driver": "gpio", "pin": 27}
FLOW = {"driver": "gpio", "pin": 5, "does": "fault", "normally_closed": True}
PINS = {"driver": "mcp3008-pins", "channel": 0, "does": "fault", "normally_closed": False, "above": 9.0, "below": 8.0}
PINS |= {"clock_pin": 21, "mosi_pin": 20, "miso_pin": 19, "select_pin": 16}
METER = {"driver": "mcp3008", "channel": 0, "does": "running"}


def laser(**keys):
    document = copy.deepcopy(GOOD)
    document["station"][0] |= keys
    return document


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        # what could stay on for ever
        ({"mode": "tap"}, ["forgets to tap out", '"none"']),
        ({"mode": "job", "inputs": {"r": RUNNING}}, ["forgets to tap out"]),
        # what nobody senses
        ({"mode": "job", "longest": "4 h"}, ['mode = "job"', 'does = "running"']),
        ({"idle": "10 min"}, ["idle", "running"]),
        ({"wait_for_rest": "10 min"}, ["wait_for_rest", "running"]),
        ({"takeover": True}, ["takeover", "running"]),
        ({"coast_down": "5 s"}, ["coast_down", "running"]),
        # times
        ({"mode": "timed"}, ["period", "1 h"]),
        ({"period": "1 h"}, ["period", "timed"]),
        ({"longest": "1 min", "warning": "2 min"}, ["warning", "120", "60"]),
        ({"mode": "timed", "period": "1 min"}, ["warning", "period"]),
        ({"inputs": {"r": RUNNING}, "coast_down": 0, "takeover": True, "shortest_off": "1 min"}, ["taken over"]),
        ({"inputs": {"r": RUNNING}}, ["coast_down", "stand still"]),
        ({"inputs": {"r": RUNNING}, "mode": "job", "longest": "4 h", "coast_down": 0}, ["coast_down"]),
        ({"inputs": {"c": METER | {"above": 31.0, "below": 1.0}}}, ["scale"]),
        ({"inputs": {"c": METER | {"above": math.nan, "below": 1.0}}}, ["scale"]),
        ({"inputs": {"o": FLOW | {"settle": "1 min"}}}, ["settle", "15"]),
        ({"inputs": {"c": PINS | {"mosi_pin": 19}}}, ["mosi_pin", "GPIO 19"]),
        ({"inputs": {"c": PINS | {"mosi_pin": 17}}}, ["mosi_pin", "GPIO 17"]),
        ({"run_on": {"fan": "2 min"}}, ["run_on", '"fan"']),
        ({"run_on": {"machine": "2 min"}}, ["run_on", '"machine"']),
        ({"outputs": {"fan": FAN}, "run_on": {"fan": "2 h"}}, ["run_on, fan", "3600"]),
        ({"maintenance": 10}, ["maintenance", "3600"]),
        # inputs
        ({"inputs": {"stop": {"driver": "gpio", "pin": 5}}}, ["inputs, stop", "say what it does"]),
        ({"inputs": {"stop": {"driver": "gpio", "pin": 5, "does": "explode"}}}, ["'explode'", '"fault"']),
        ({"inputs": {"stop": {"driver": "gpio", "pin": 5, "does": "fault"}}}, ["normally_closed = true", "cut wire"]),
        ({"inputs": {"lid": {"driver": "gpio", "pin": 5, "does": "open"}}}, ["which output it opens"]),
        ({"inputs": {"lid": {"driver": "gpio", "pin": 5, "does": "open", "output": "machine"}}}, ['"machine"']),
        ({"inputs": {"lid": {"driver": "gpio", "pin": 5, "does": "open", "output": "beam"}}}, ['"beam"']),
        ({"inputs": {"lid": {"driver": "gpio", "pin": 5, "does": "end", "output": "fan"}}}, ["output", '"open"']),
        ({"inputs": {"o": {"driver": "gpio", "pin": 5, "does": "purpose"}}}, ["which purpose", '"order"']),
        ({"inputs": {"o": {"driver": "gpio", "pin": 5, "does": "purpose", "purpose": "fun"}}}, ["'fun'"]),
        ({"inputs": {"o": {"driver": "gpio", "pin": 5, "does": "tell", "settle": 3}}}, ["settle", '"fault"']),
        ({"inputs": {"o": {"driver": "gpio", "pin": 5, "does": "end", "clears": "user"}}}, ["clears", '"fault"']),
        (
            {
                "inputs": {
                    "o": {
                        "driver": "gpio",
                        "pin": 5,
                        "does": "fault",
                        "normally_closed": True,
                        "settle": 3,
                        "clears": "release",
                    }
                }
            },
            ["clears", "name a level"],
        ),
        ({"inputs": {"o": {"driver": "gpio", "pin": 5, "does": "group", "people": 100_000}}}, ["people"]),
        ({"inputs": {"relay": FLOW}}, ['"relay"', "another part"]),
        ({"inputs": {"c": METER}}, ["above", "below"]),
        (
            {"inputs": {"c": {"driver": "mcp3008", "channel": 0, "does": "running", "above": 1.0, "below": 2.0}}},
            ["below"],
        ),
        ({"inputs": {"c": RUNNING | {"above": 1.0, "below": 0.5}}}, ["above", "measures"]),
        # services, restart
        ({"services": ["air"]}, ["services", '"air"']),
        ({"restart": "maybe"}, ["'maybe'", '"resume"']),
    ],
)
def test_what_could_hurt_or_makes_no_sense_is_refused_by_name(keys, words):
    with pytest.raises(SettingsError) as error:
        read(laser(**keys), HERE)
    for word in words:
        assert word in str(error.value), str(error.value)


def test_what_could_hurt_is_accepted_by_an_explicit_word():
    assert read(laser(mode="tap", longest="none"), HERE).stations[0].rules.longest is None
    open_output = {"driver": "gpio", "pin": 5, "does": "fault", "normally_closed": False}
    assert read(laser(inputs={"stop": open_output}), HERE)


@pytest.mark.parametrize(
    ("services", "uses", "words"),
    [
        ({"air": FAN}, [], ["[services], air", "no machine uses it"]),
        ({"laser": FAN}, ["laser"], ['"laser"']),
        ({"machine": FAN}, ["machine"], ["[services], machine"]),
        ({"Air": FAN}, ["Air"], ["[services], Air"]),
        ({"air": {"driver": "gpio", "pin": 17}}, ["air"], ["GPIO 17", "taken"]),
        ({"air": {"driver": "gpio", "pin": 14}}, ["air"], ["console"]),
    ],
)
def test_services_are_named_used_and_wired_well(services, uses, words):
    document = laser(services=uses) | {"services": services}
    with pytest.raises(SettingsError) as error:
        read(document, HERE)
    for word in words:
        assert word in str(error.value), str(error.value)


def test_a_service_and_its_machines_are_read():
    document = laser(services=["air"]) | {"services": {"air": FAN}}
    (station,) = read(document, HERE).stations
    assert station.rules.outputs == {"machine", "air"}
    document["station"][0]["restart"] = "resume"
    with pytest.raises(SettingsError, match="does not resume"):
        read(document, HERE)


def test_several_inputs_may_share_one_converter_and_nothing_else_may():
    current = {"driver": "mcp3008", "device": 1, "does": "running", "above": 1.0, "below": 0.5, "channel": 0}
    overload = current | {"does": "fault", "normally_closed": False, "above": 20.0, "below": 15.0}
    assert read(laser(coast_down=5, inputs={"current": current, "overload": overload}), HERE)
    assert read(laser(inputs={"one": PINS, "other": PINS | {"channel": 1}}), HERE)
    with pytest.raises(SettingsError, match="SPI bus 0, device 0 is taken"):
        read(laser(coast_down=5, inputs={"current": current | {"device": 0}}), HERE)


RS485 = "/dev/serial/by-id/rs485"


def shop(**parts):
    """Two machines with readers of their own, whose other parts are given by machine."""
    stations = []
    for number, (machine, said) in enumerate(parts.items()):
        base = {"machine": machine, "mode": "tap", "longest": "1 h", "reader": {"driver": "rc522", "device": number}}
        stations.append(base | {"relay": {"driver": "gpio", "pin": (17, 27)[number]}} | said)
    return {"station": stations}


def meter(**said):
    return {
        "coast_down": 5,
        "inputs": {"power": {"driver": "pzem004t", "port": RS485, "does": "running", "above": 9, "below": 5} | said},
    }


def coil(**said):
    return {"relay": {"driver": "modbus", "port": RS485} | said}


def plug(host):
    return {"relay": {"driver": "shelly", "host": host}}


def card_reader(name):
    return {"reader": {"driver": "pcsc", "name": name}}


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        (coil(), coil(unit=1), "unit 1, coil 0 is taken"),
        (coil(), coil(coil=1, baudrate=19200), "all speak alike"),
        (coil(), meter(unit=2, parity="E"), "all speak alike"),
        (coil(), meter(), "unit 1 is saw, relay already"),
        (coil() | meter(unit=248), coil(coil=1) | meter(unit=2), "every meter answers to unit 248"),
        (coil(), {"reader": {"driver": "pn532", "port": RS485}}, "taken already"),
        (coil(), {"relay": {"driver": "lcus", "port": RS485}}, "taken already"),
        (plug("Plug.local"), plug("plug.local.:80"), "taken"),
        ({"reader": {"driver": "pcsc"}}, {"reader": {"driver": "pcsc", "name": "ACS"}}, "say more of it"),
        (card_reader("ACR122U"), card_reader("ACS ACR122U"), "fits the reader"),
        ({}, {"reader": {"driver": "id12la", "port": "/dev/x"}, "mode": "presence"}, "senses that a badge stays"),
        ({}, {"relay": {"driver": "lcus", "port": "/dev/x"}, "restart": "resume"}, "cannot be found as it was left"),
        ({}, {"relay": {"driver": "shelly", "host": "a..b"}}, "will not do"),
        ({}, {"relay": {"driver": "shelly", "host": "a b"}}, "will not do"),
    ],
)
def test_parts_that_would_be_in_each_others_way_are_refused(one, other, why):
    with pytest.raises(SettingsError) as caught:
        read(shop(saw=one, drill=other), HERE)
    assert why in translate(caught.value)


def test_parts_that_share_a_line_a_board_or_a_plug_as_they_may_are_taken():
    assert read(shop(saw=coil() | meter(unit=2), drill=coil(coil=1)), HERE)
    lcus = {"driver": "lcus", "port": "/dev/x"}
    assert read(shop(saw={"relay": lcus}, drill={"relay": lcus | {"relay": 2}}), HERE)
    shelly = {"driver": "shelly", "host": "192.168.1.5"}
    assert read(shop(saw={"relay": shelly}, drill={"relay": shelly | {"switch": 1}}), HERE)


def test_one_port_under_two_names_is_one_port(tmp_path):
    (tmp_path / "ttyUSB0").touch()
    (tmp_path / "by-id").symlink_to(tmp_path / "ttyUSB0")
    said = [{"reader": {"driver": "pn532", "port": f"{tmp_path}/{name}"}} for name in ("ttyUSB0", "by-id")]
    with pytest.raises(SettingsError, match="taken already"):
        read(shop(saw=said[0], drill=said[1]), HERE)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"technology": "iso14443a", "base": 10, "length": [4, 7]}, "say a single one"),
        ({"technology": "iso14443a", "base": 16, "length": 5}, "one of: 4"),
        ({"technology": "em4100", "base": 10, "length": 4, "whole": True}, "one of: 5"),
        ({"technology": "em4100", "base": 16, "length": 5, "whole": False}, "one of: 3 / 4"),
        ({"technology": "iso14443a", "base": 16, "length": []}, "one of"),
    ],
)
def test_what_a_reader_types_has_to_go_together(said, why):
    reader = {"driver": "keyboard", "port": "/dev/input/x"} | said
    with pytest.raises(SettingsError) as caught:
        read(shop(saw={"reader": reader}), HERE)
    assert why in translate(caught.value)
