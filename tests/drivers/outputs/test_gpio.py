"""Relay, light, buzzer and button through real gpiozero, on pins that outlive their process."""

import subprocess
import sys

import pytest

from drivers.contracts import OutputError


def relay(pin, **more):
    from drivers.outputs.gpio import GPIORelay, RelaySettings

    return GPIORelay(RelaySettings(pin=pin, **more))


@pytest.mark.parametrize(("pin", "active_low"), [(17, False), (5, True)])
def test_a_relay_is_open_from_its_first_instant_to_its_last(board, pin, active_low):
    made = relay(pin, active_low=active_low)
    made.on()
    assert made.is_on
    made.off()
    made.close()
    made.close()
    levels = [level for _, line, level in board.board.pins.history if line == pin]
    on = 0 if active_low else 1
    assert levels == [on, 1 - on], "one closing and one opening, and no pulse around them"
    assert board.board.pins.lines[pin].owner is None


def test_the_stock_pin_class_would_pulse_an_active_low_relay(board, monkeypatch):
    """The control: gpiozero's own factory closes the relay for an instant at start."""
    from gpiozero import Device, OutputDevice
    from gpiozero.pins.lgpio import LGPIOFactory

    monkeypatch.setattr(LGPIOFactory, "_get_revision", lambda _self: 0xC03114)
    Device.pin_factory = LGPIOFactory()
    OutputDevice(5, active_high=False, initial_value=False)
    assert [level for _, line, level in board.board.pins.history if line == 5] == [0, 1]


def test_a_level_kept_by_the_kernel_is_left_as_found_until_it_is_claimed(board):
    hand = object()
    board.board.pins.claim_output(hand, 17, 1)
    board.board.pins.free_all(hand)
    from drivers.bus.header import factory

    factory().pin(17)
    assert board.board.pins.lines[17].level == 1


def test_a_relay_refuses_pins_that_cannot_be_claimed_at_a_level(monkeypatch):
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    with pytest.raises(OutputError, match="GPIOZERO_PIN_FACTORY"):
        relay(17)


def test_a_pin_that_another_process_holds_is_an_output_error(board):
    board.hand.do("claim_output", number=17, level=0)
    with pytest.raises(OutputError, match="busy"):
        relay(17)


def test_a_light_shows_what_it_is_told_and_goes_dark_when_closed(board):
    from drivers.displays.rgb import RGBLight, RGBSettings

    light = RGBLight(RGBSettings(red=22, green=23, blue=24))
    light.show((1, 1, 0))
    assert [board.board.pins.lines[pin].level for pin in (22, 23, 24)] == [1, 1, 0]
    light.show((0, 0, 1))
    assert [board.board.pins.lines[pin].level for pin in (22, 23, 24)] == [0, 0, 1]
    light.close()
    assert [board.board.pins.lines[pin].level for pin in (22, 23, 24)] == [0, 0, 0]


def test_a_buzzer_beeps_as_often_as_it_is_told(board):
    from drivers.displays.buzzer import BuzzerSettings, GPIOBuzzer

    buzzer = GPIOBuzzer(BuzzerSettings(pin=27))
    buzzer.play(3, 0.001)
    buzzer._device._blink_thread.join()
    assert [level for _, line, level in board.board.pins.history if line == 27] == [1, 0] * 3
    buzzer.close()


def test_a_button_tells_when_it_is_pressed_and_let_go(board):
    import threading

    from drivers.inputs.gpio import ContactSettings, GPIOContact

    button = GPIOContact(ContactSettings(pin=6, bounce=0.0))
    seen, changed = [], threading.Event()
    button.watch(lambda closed: (seen.append(closed), changed.set()))
    for level in (0, None):
        changed.clear()
        board.hand.do("drive", number=6, level=level)
        assert changed.wait(10)
    assert seen == [True, False]
    button.close()


def test_reading_settings_needs_no_hardware_module(tmp_path):
    """On a laptop without lgpio and spidev, settings are still checked."""
    code = "import controller.settings, sys; assert not {'lgpio', 'spidev', 'mfrc522'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
