"""What people see and hear."""

import pytest
from machines import machine
from workshop import Workshop

from controller.station.events import Signal


def test_every_signal_has_a_rhythm_of_its_own_whatever_its_colour():
    from controller.indication.signals import LOOKS

    shown = {signal: look.rhythm for signal, look in LOOKS.items() if signal is not Signal.GRANTED}
    assert set(LOOKS) == set(Signal)
    assert len(set(shown.values())) == len(shown)
    assert LOOKS[Signal.GRANTED] == LOOKS[Signal.RUNNING], "what was granted runs"


def test_whatever_sounds_is_seen_too_and_sounds_differ():
    from controller.indication.signals import LOOKS, SOUNDS

    assert set(SOUNDS) <= set(LOOKS)
    assert len(set(SOUNDS.values())) == len(SOUNDS)


def test_a_light_plays_its_rhythm():
    with Workshop() as w:
        w.lights["laser"].shown.clear()
        for _tenth in range(62):
            w.wait(0.1)
        lit = [colour != (0, 0, 0) for colour in w.lights["laser"].shown]
        assert lit in ([True, False, True, False], [False, True, False, True, False], [True, False, True, False, True])


def test_a_display_says_who_for_how_long_and_what_is_left():
    with Workshop(machine('longest = "2 h"')) as w:
        w.lay("marie")
        w.wait(1800)
        assert w.display == ["laser", "Marie", "used 30 min", "left 1 h 30"]


@pytest.mark.parametrize(
    ("names", "shown"), [("full", "Marie Curie"), ("first", "Marie"), ("initials", "M.C."), ("none", None)]
)
def test_a_display_shows_the_name_as_the_settings_allow(names, shown):
    with Workshop(machine(f'display_names = "{names}"')) as w:
        w.lay("marie")
        assert (shown in w.display) is (shown is not None)
        assert names == "full" or "Marie Curie" not in w.display


def test_a_display_that_breaks_is_a_warning_and_comes_back():
    with Workshop() as w:
        w.displays["laser"].broken = True
        w.lay("marie")
        assert w.closed()
        w.displays["laser"].broken = False
        w.wait(20)
        assert w.display[1] == "Marie"


def test_a_refusal_stays_on_the_display_until_it_is_read():
    with Workshop() as w:
        w.tap("paul")
        w.wait(7)
        assert w.display[0] == "you need the"
        w.wait(4)
        assert w.display[0] == "laser"


def test_a_display_is_set_up_again_within_each_minute_though_nothing_changes():
    with Workshop() as w:
        before = w.displays["laser"].times_set_up
        w.wait(600)
        assert w.displays["laser"].times_set_up >= before + 10


def test_a_warning_that_lasts_sounds_once():
    from controller.indication.signals import Indication, Signals

    class Buzzer:
        played = 0

        def play(self, _beeps, _seconds):
            self.played += 1

    buzzer = Buzzer()
    signals = Signals({}, {"laser": buzzer}, lambda *_: None, lambda: 0.0)
    signals.step([Indication("laser", Signal.RUNNING, lasting=True)])
    before = buzzer.played
    signals.step(
        [Indication("laser", Signal.WARNING, lasting=False), Indication("laser", Signal.WARNING, lasting=True)]
    )
    assert buzzer.played == before + 1
