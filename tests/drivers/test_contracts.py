"""One contract a kind; every driver that is registered runs it."""

import pytest

from drivers import registry
from drivers.contracts import (
    Buzzer,
    Card,
    Display,
    DriverError,
    DriverMissingError,
    DriverSettings,
    Input,
    Light,
    Meter,
    Opening,
    Output,
    Reader,
)
from simulator.cards import SimulatedCard

SETTINGS = {
    ("readers", "rc522"): {"reset_pin": 25},
    ("outputs", "gpio"): {"pin": 17},
    ("lights", "rgb"): {"red": 22, "green": 23, "blue": 24},
    ("buzzers", "gpio"): {"pin": 27},
    ("inputs", "gpio"): {"pin": 6},
    ("inputs", "mcp3008"): {"channel": 3, "full_scale": 10.0},
    ("inputs", "mcp3008-pins"): {
        "channel": 3,
        "full_scale": 10.0,
        "clock_pin": 21,
        "mosi_pin": 20,
        "miso_pin": 19,
        "select_pin": 16,
    },
    ("displays", "ssd1306"): {},
    ("displays", "hd44780"): {},
}


def drivers(kind):
    return [pytest.param(name, id=f"{kind}-{name}") for name in registry.names(kind)]


def make(kind, name):
    driver = registry.find(kind, name)
    return registry.make(kind, name, driver.Settings(**SETTINGS[kind, name]))


@pytest.mark.parametrize("kind", registry.KINDS)
def test_every_driver_has_settings_whose_pins_are_named(kind):
    assert registry.names(kind)
    for name in registry.names(kind):
        settings = registry.find(kind, name).Settings(**SETTINGS[kind, name])
        assert isinstance(settings, DriverSettings)
        assert set(settings.pins().values()) <= set(range(28))


@pytest.mark.parametrize("name", drivers("readers"))
def test_a_reader_sees_what_lies_there_and_closes_twice(name, chip, clock):
    reader = registry.find("readers", name)(registry.find("readers", name).Settings(), clock.sleep)
    assert isinstance(reader, Reader)
    assert reader.open()
    assert reader.look().cards == frozenset()
    chip.lay(SimulatedCard(bytes.fromhex("04A3C6CAE26180")))
    assert reader.look().cards == {Card(bytes.fromhex("04A3C6CAE26180"))}
    reader.close()
    reader.close()
    assert reader.open()
    reader.close()


@pytest.mark.parametrize("name", drivers("outputs"))
def test_an_output_is_made_open_obeys_and_is_left_open(name, board):
    output = make("outputs", name)
    assert isinstance(output, Output)
    assert isinstance(output.opening, Opening)
    assert not output.is_on
    for _ in range(2):
        output.on()
        assert output.is_on
    for _ in range(2):
        output.off()
        assert not output.is_on
    output.on()
    output.close()
    output.close()
    output.off()
    assert not output.is_on


@pytest.mark.parametrize("name", drivers("lights"))
def test_a_light_takes_any_colour_in_any_order(name, board):
    light = make("lights", name)
    assert isinstance(light, Light)
    for colour in ((1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 0)):
        light.show(colour)
    light.close()
    light.close()


@pytest.mark.parametrize("name", drivers("buzzers"))
def test_a_buzzer_plays_over_what_it_played(name, board):
    buzzer = make("buzzers", name)
    assert isinstance(buzzer, Buzzer)
    buzzer.play(3, 0.01)
    buzzer.play(1, 0.01)
    buzzer.close()
    buzzer.close()


def measuring(name):
    return bool(getattr(registry.find("inputs", name), "measures", ""))


@pytest.mark.parametrize("name", [name for name in registry.names("inputs") if not measuring(name)])
def test_an_input_says_how_it_stands(name, board):
    made = make("inputs", name)
    assert isinstance(made, Input)
    assert made.is_closed is False
    board.hand.do("drive", number=6, level=0)
    assert made.is_closed is True
    made.close()
    made.close()


@pytest.mark.parametrize("name", [name for name in registry.names("inputs") if measuring(name)])
def test_a_meter_says_what_it_measures(name, board):
    from simulator.stage import converter

    address = converter(registry.find("inputs", name).Settings(**SETTINGS["inputs", name]))
    board.board.add_converter(address)
    made = make("inputs", name)
    assert isinstance(made, Meter)
    for level in (0.0, 0.5, 1.0, 0.25):
        board.hand.do("level", address=list(address), channel=3, level=level)
        assert made.read() == pytest.approx(10.0 * level, abs=0.02)
    made.close()
    made.close()


KIND_OF = {"ssd1306": "ssd1306", "hd44780": "lcd2004"}


@pytest.mark.parametrize("name", drivers("displays"))
def test_a_display_shows_whole_lines_and_comes_back_after_its_cable(name, board):
    address = {"bus": 1, "address": registry.find("displays", name).Settings().address}
    board.board.add_display(kind=KIND_OF[name], **address)
    display = make("displays", name)
    assert isinstance(display, Display)
    columns, rows = display.size

    def shown():
        found = board.hand.do("display", **address)
        return "".join(found["lines"]) if "lines" in found else found["pixels"]

    blank = shown()
    display.show(["Léa".ljust(columns)] * rows)
    first = shown()
    assert first != blank
    board.hand.do("unplug", **address)
    with pytest.raises(DriverError, match="display"):
        display.show(["…".ljust(columns)] * rows)
    board.hand.do("plug", **address)
    display.show(["Léa".ljust(columns)] * rows)
    assert shown() == first
    display.close()
    display.close()
    assert shown() != first


def test_a_character_display_writes_french_without_what_its_rom_lacks(board):
    board.board.add_display(1, 0x27, "lcd2004")
    display = make("displays", "hd44780")
    display.show([line.ljust(20) for line in ("Découpeuse laser", "arrêt à 2 h…", "l’œuvre · ça", "日本")])
    lines = [line.rstrip() for line in board.hand.do("display", bus=1, address=0x27)["lines"]]
    assert lines == ["Decoupeuse laser", "arret a 2 h.", "l'ouvre - ca", "??"]
    display.close()


def test_a_driver_that_is_not_there_names_those_that_are():
    with pytest.raises(registry.UnknownDriverError, match="rc522"):
        registry.find("readers", "rc523")


def test_a_driver_whose_module_is_missing_says_how_to_install_it(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "spidev", None)
    monkeypatch.delitem(sys.modules, "drivers.rc522_chip", raising=False)
    monkeypatch.delitem(sys.modules, "mfrc522", raising=False)
    monkeypatch.delitem(sys.modules, "mfrc522.MFRC522", raising=False)
    with pytest.raises(DriverMissingError, match=r"spidev.*pip install"):
        make("readers", "rc522")
