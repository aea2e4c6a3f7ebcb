"""A display whose supply dipped, or that heard a stray pulse: set up again it shows the truth, and does not blink."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.displays.lcd import LCD, LCDSettings
from simulator.hd44780 import HD44780
from simulator.stage import STAND_INS

LINES = ["Laser", "Marie", "used 0:12", "left 2:48"]


@contextlib.contextmanager
def character_display(patch):
    """The shipped driver and RPLCD on a simulated glass; what it shows after each write that reaches it."""
    glass = HD44780(20, 4)
    seen = []

    class Bus:
        def __init__(self, *_):
            pass

        def write_byte(self, _address, value):
            glass.write(bytes((value,)))
            seen.append([line.rstrip() for line in glass.lines()])

        def close(self):
            pass

    patch.syspath_prepend(str(STAND_INS))
    from drivers.displays import lcd_panel

    patch.setattr(lcd_panel, "SMBus", Bus)
    for name in ("msleep", "usleep"):
        patch.setattr(f"RPLCD.lcd.c.{name}", lambda _time: None)
        patch.setattr(f"RPLCD.i2c.c.{name}", lambda _time: None)
    patch.setattr(lcd_panel, "SETTLES", 0)
    with contextlib.closing(LCD(LCDSettings())) as display:
        display.show([line.ljust(20) for line in LINES])
        seen.clear()
        yield glass, display, seen


@given(st.binary(max_size=20), st.booleans())
def test_whatever_a_character_display_heard_it_shows_the_truth_once_it_is_set_up_again(heard, dips):
    with pytest.MonkeyPatch.context() as patch, character_display(patch) as (glass, display, _seen):
        if dips:
            glass.power(on=False)
            glass.power(on=True)
        glass.write(heard)
        display.show([line.ljust(20) for line in LINES], anew=True)
        assert [line.rstrip() for line in glass.lines()] == LINES
        assert glass.backlight


def test_one_that_is_well_is_set_up_again_unseen(monkeypatch):
    with character_display(monkeypatch) as (_glass, display, seen):
        display.show([line.ljust(20) for line in LINES], anew=True)
        assert seen, "it was set up"
        assert all(each == LINES for each in seen)


def test_a_dip_that_nobody_sets_right_leaves_it_dark(monkeypatch):
    """The control: what setting up again is for."""
    with character_display(monkeypatch) as (glass, display, _seen):
        glass.power(on=False)
        glass.power(on=True)
        display.show([line.ljust(20) for line in LINES])
        assert [line.rstrip() for line in glass.lines()] != LINES
