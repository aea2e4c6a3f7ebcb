"""Settings errors name the place and the remedy."""

import copy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.settings import Mode, SettingsError, load, read

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
    from drivers.rc522 import RC522Reader

    monkeypatch.setattr(RC522Reader, "senses_presence", False)
    with pytest.raises(SettingsError, match='mode "tap"'):
        read(GOOD, HERE)
    assert read(changed("station", 0, "mode", to="tap"), HERE)


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
