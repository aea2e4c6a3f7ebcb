"""One contract a kind; every driver that is registered runs it."""

import sys

import msgspec
import pytest

from controller.settings import Part
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
    OutputError,
    Reader,
    ReaderLostError,
    RemoteOutput,
)
from simulator import attached
from simulator.cards import SimulatedCard
from simulator.stage import until

PORT = "/dev/serial/by-id/x"  # at home in a folder of the test
PLUG = "192.168.1.61"
SETTINGS = {
    ("readers", "rc522"): {"reset_pin": 25},
    ("readers", "pn532"): {"port": PORT},
    ("readers", "rdm6300"): {"port": PORT},
    ("readers", "id12la"): {"port": PORT},
    ("readers", "keyboard"): {"port": PORT, "technology": "iso14443a", "base": 16, "length": [4, 7, 10]},
    ("readers", "pcsc"): {"name": "ACS"},
    ("readers", "wiegand"): {"d0": 5, "d1": 6, "bits": 26, "technology": "em4100"},
    ("outputs", "lcus"): {"port": PORT, "answers": True},
    ("outputs", "modbus"): {"port": PORT, "unit": 3, "coil": 2},
    ("outputs", "shelly"): {"host": PLUG, "password": "secret"},
    ("outputs", "tasmota"): {"host": PLUG, "password": "secret"},
    ("inputs", "pzem004t"): {"port": PORT, "unit": 9},
    ("inputs", "shelly"): {"host": PLUG},
    ("inputs", "tasmota"): {"host": PLUG},
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
    ("displays", "sh1106"): {},
    ("displays", "hd44780"): {},
}


def drivers(kind):
    return [pytest.param(name, id=f"{kind}-{name}") for name in registry.names(kind)]


def settings_of(kind, name, folder):
    """A driver's settings, at home: ports are in a folder, plugs on loopback."""
    said = attached.at_home(msgspec.json.encode(SETTINGS[kind, name]).decode(), folder)
    return msgspec.convert(msgspec.json.decode(said), registry.find(kind, name).Settings)


def make(kind, name):
    driver = registry.find(kind, name)
    return registry.make(kind, name, driver.Settings(**SETTINGS[kind, name]))


class Attached:
    """A part of the board, and the driver for it."""

    def __init__(self, board, kind, name, folder):
        self.settings = settings_of(kind, name, folder)
        self.parts = board.board.parts
        (description,) = attached.descriptions([Part(name, self.settings)])
        self.at = description["at"]
        self.parts.add(**description)
        self.made = registry.make(kind, name, self.settings)

    def wait(self, happened, what):
        return until(happened, what, 10)

    def seen(self):
        return self.made.look().cards


@pytest.fixture
def attach(board, tmp_path, monkeypatch):
    for module in ("evdev", "smartcard", "smartcard.System", "smartcard.Exceptions"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    found = []

    def attach(kind, name):
        found.append(Attached(board, kind, name, tmp_path))
        return found[-1]

    yield attach
    for each in found:
        each.made.close()
    board.board.parts.close()


@pytest.mark.parametrize("kind", registry.KINDS)
def test_every_driver_has_settings_whose_pins_are_named(kind):
    assert registry.names(kind)
    for name in registry.names(kind):
        settings = registry.find(kind, name).Settings(**SETTINGS[kind, name])
        assert isinstance(settings, DriverSettings)
        assert set(settings.pins().values()) <= set(range(28))


FAR_READERS = [name for name in registry.names("readers") if name not in {"rc522", "wiegand"}]  # on pins
FAR_OUTPUTS = [name for name in registry.names("outputs") if name != "gpio"]


@pytest.mark.parametrize("name", FAR_READERS)
def test_a_reader_at_a_cable_sees_a_badge_is_lost_and_found_and_sees_it_again(name, attach):
    part = attach("readers", name)
    assert isinstance(part.made, Reader)
    uid = bytes.fromhex("0C004A2F19" if "em4100" in registry.find("readers", name).__module__ else "04A3C6CAE26180")
    assert part.made.open()
    assert part.seen() == frozenset()
    for _ in range(2):
        part.parts.lay(part.at, uid.hex())
        (card,) = part.wait(part.seen, "the badge is seen")
        assert card.uid == uid
        part.parts.take(part.at, uid.hex())
        part.wait(lambda: not part.seen(), "the badge is gone")
        part.parts.unplug(part.at)
        part.wait(lambda: is_lost(part.made), "it is lost")
        assert is_lost(part.made, part.made.open)
        part.parts.plug(part.at)
        assert part.made.open()
    part.made.close()
    part.made.close()


def is_lost(reader, act=None):
    try:
        (act or reader.look)()
    except ReaderLostError as error:
        assert str(error)
        return True
    return False


@pytest.mark.parametrize("name", FAR_OUTPUTS)
def test_a_far_output_switches_tells_how_it_is_and_fails_within_bounds(name, attach):
    part = attach("outputs", name)
    output = part.made
    assert isinstance(output, RemoteOutput)
    assert isinstance(output.opening, Opening)
    assert output.opening == registry.find("outputs", name).opening_of(part.settings)
    for _ in range(2):
        assert output.open()
        for closed in (False, True, True, False, False):
            assert output.switch(closed=closed).closed is closed
            assert output.look().closed is closed
        part.parts.set(part.at, "obeys", False, 3 if name == "modbus" else None)
        with pytest.raises(OutputError, match=r"switch"):
            output.switch(closed=True)
        part.parts.set(part.at, "obeys", True, 3 if name == "modbus" else None)
        part.parts.unplug(part.at)
        for act in (output.look, output.open, lambda: output.switch(closed=False)):
            with pytest.raises(OutputError):
                act()
        part.parts.plug(part.at)
    output.close()
    output.close()


@pytest.mark.parametrize("name", ["rc522"])
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


@pytest.mark.parametrize("name", ["gpio"])
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


@pytest.mark.parametrize("name", ["pzem004t", "shelly", "tasmota"])
def test_a_meter_at_a_cable_says_what_it_measures_and_what_it_counted(name, attach):
    part = attach("inputs", name)
    assert isinstance(part.made, Meter)
    if name == "pzem004t":
        part.parts.set(part.at, "watts", 1234.5, 9)
        part.parts.set(part.at, "watt_hours", 70_000, 9)
    else:
        part.parts.set(part.at, "load", 1234.5)
        part.parts.set(part.at, "watt_hours", 70_000)
        part.parts.do(part.at, "press")
    assert part.made.read() == pytest.approx(1234.5)
    assert part.made.counted_wh == pytest.approx(70_000, abs=1)
    part.parts.unplug(part.at)
    with pytest.raises(DriverError):
        part.made.read()
    part.parts.plug(part.at)
    assert part.made.read() == pytest.approx(1234.5)
    part.made.close()
    part.made.close()


@pytest.mark.parametrize("name", ["mcp3008", "mcp3008-pins"])
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


KIND_OF = {"ssd1306": "ssd1306", "sh1106": "sh1106", "hd44780": "lcd2004"}


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
    board.board.displays[1, address["address"]].power(on=False)  # a dip of its supply: nobody is told
    board.board.displays[1, address["address"]].power(on=True)
    assert shown() != first
    display.show(["Léa".ljust(columns)] * rows, anew=True)
    assert shown() == first
    display.close()
    display.close()
    assert shown() != first


def test_a_character_display_writes_french_without_what_its_rom_lacks(board):
    board.board.add_display(1, 0x27, "lcd2004")
    display = make("displays", "hd44780")
    display.show([line.ljust(20) for line in ("Découpeuse laser", "arrêt à 2 h…", "l’œuvre · ça", "日本")])
    from drivers.displays.letters import ACCENTED

    seen = board.hand.do("display", bus=1, address=0x27)
    letters = {glyph: letter for letter, glyph in ACCENTED.items()}
    own = {chr(0xE000 + place): letters.get(bytes.fromhex(glyph), "?") for place, glyph in enumerate(seen["glyphs"])}
    lines = ["".join(own.get(letter, letter) for letter in line).rstrip() for line in seen["lines"]]
    assert lines == ["Découpeuse laser", "arrêt à 2 h.", "l'œuvre - ça", "??"]
    display.close()


def test_a_picture_with_more_accents_than_it_holds_goes_without_the_rarer_ones(board):
    board.board.add_display(1, 0x27, "lcd2004")
    display = make("displays", "hd44780")
    display.show(["éé".ljust(20), "èèêêàâ".ljust(20), "ùûôîïçœ".ljust(20), "É".ljust(20)])
    display.show(["É".ljust(20), *[" " * 20] * 3])
    lines = board.hand.do("display", bus=1, address=0x27)["lines"]
    assert lines[0][0] >= "\ue000", "and has room again for the next"
    display.close()


def test_a_driver_that_is_not_there_names_those_that_are():
    with pytest.raises(registry.UnknownDriverError, match="rc522"):
        registry.find("readers", "rc523")


def test_a_driver_whose_module_is_missing_says_how_to_install_it(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "spidev", None)
    monkeypatch.delitem(sys.modules, "drivers.readers.rc522_chip", raising=False)
    monkeypatch.delitem(sys.modules, "mfrc522", raising=False)
    monkeypatch.delitem(sys.modules, "mfrc522.MFRC522", raising=False)
    with pytest.raises(DriverMissingError, match=r"spidev.*pip install"):
        make("readers", "rc522")
