"""The RC522 driver, on a register-level chip under the real mfrc522 package."""

import logging
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contracts import ReaderLostError, Sighting
from drivers.readers.presence import MISSES, Found, Lost, Presented, Removed, Watch
from drivers.readers.rc522 import RC522Reader, RC522Settings
from simulator.cards import SimulatedCard

MARIE = bytes.fromhex("04A3C6CAE26180")
TWIN = bytes.fromhex("04A3C6112233FF")  # the same first cascade level


def uids(sighting: Sighting):
    return {card.uid for card in sighting.cards}


def lay(chip, *numbers, **traits):
    cards = [SimulatedCard(number, **traits) for number in numbers]
    for card in cards:
        chip.lay(card)
    return cards


@pytest.mark.parametrize("uid", ["01020304", "04A3C6CAE26180", "0102030405060708090A", "88112233", "00000000"])
def test_a_uid_is_read_whole_whatever_its_length(chip, reader, uid):
    lay(chip, bytes.fromhex(uid))
    assert uids(reader.look()) == {bytes.fromhex(uid)}


def test_two_badges_that_share_a_cascade_level_are_two(chip, reader):
    lay(chip, MARIE, TWIN)
    assert uids(reader.look()) == {MARIE, TWIN}


uid_lists = st.lists(
    st.one_of(*(st.binary(min_size=n, max_size=n) for n in (4, 7, 10))), min_size=1, max_size=6, unique=True
)


def test_every_card_in_the_field_is_read_and_no_other(chip, reader):
    @given(uid_lists)
    def holds(numbers):
        # 88 is the cascade tag: the standard keeps it out of these places (§6.5.4).
        numbers = {n for n in numbers if n[0] != 0x88 and (len(n) != 10 or n[3] != 0x88)}
        for card in list(chip.cards):
            chip.take(card)
        for _ in range(10):
            reader.look()
        lay(chip, *numbers)
        for _ in range(3):
            assert uids(reader.look()) == numbers

    holds()


@pytest.mark.parametrize("noise", [0.1, 0.3])
def test_noise_never_makes_a_uid_that_was_not_sent(chip, reader, rng, noise):
    lay(chip, MARIE, TWIN, noise=noise, rng=rng)
    seen = [uids(reader.look()) for _ in range(100)]
    assert set().union(*seen) == {MARIE, TWIN}
    assert sum(MARIE in each for each in seen) > 20


def test_a_noisy_card_that_stays_is_not_taken_for_gone(chip, reader):
    watch = Watch(reader)
    watch.step()
    lay(chip, MARIE, noise=0.3, rng=random.Random(7))
    events = [event for _ in range(200) for event in watch.step()[0]]
    assert [type(event) for event in events] == [Presented]


def test_a_card_that_only_answers_the_call_hides_no_other(chip, reader):
    lay(chip, TWIN, mute=True)
    lay(chip, MARIE)
    assert MARIE in set().union(*(uids(reader.look()) for _ in range(3)))


def test_a_card_torn_away_in_mid_answer_leaves_nothing(chip, reader, clock):
    (card,) = lay(chip, MARIE)
    plain = clock.sleep
    naps = []

    def sleep(seconds):
        naps.append(seconds)
        if len(naps) == 3:
            plain(seconds / 2)
            chip.take(card)
        plain(seconds)

    reader._chip._sleep = sleep
    assert uids(reader.look()) == set()


def test_whoever_waits_hears_of_a_new_card_before_it_is_read_and_of_one_that_lies_there_no_more(chip, reader):
    heard = []
    reader.nears = lambda: heard.append(chip.transfers)
    reader.open()
    for _look in range(8):
        reader.look()
    assert heard == []
    lay(chip, MARIE)
    before = chip.transfers
    reader.look()
    assert len(heard) == 1 and heard[0] - before < (chip.transfers - before) / 2
    for _look in range(50):
        reader.look()
    assert len(heard) == 1


def test_an_empty_poll_and_a_seven_byte_activation_stay_within_their_transfers(chip, reader):
    before = chip.transfers
    reader.look()
    assert chip.transfers - before <= 14
    lay(chip, MARIE)
    before = chip.transfers
    reader.look()
    assert chip.transfers - before <= 60


def test_presence_is_debounced_and_removal_is_told_once(chip, reader):
    watch = Watch(reader)
    assert [type(event) for event in watch.step()[0]] == [Found]
    (card,) = lay(chip, MARIE)
    assert [event.fresh for event in watch.step()[0]] == [True]
    assert watch.step()[0] == []
    chip.take(card)
    told = [watch.step()[0] for _ in range(MISSES + 2)]
    assert [len(each) for each in told] == [0] * (MISSES - 1) + [1, 0, 0]
    assert isinstance(told[MISSES - 1][0], Removed)


def test_a_badge_that_lay_there_before_is_not_fresh(chip, clock):
    lay(chip, MARIE)
    watch = Watch(RC522Reader(RC522Settings(), clock.sleep))
    events, _ = watch.step()
    assert [getattr(event, "fresh", None) for event in events] == [None, False]


@pytest.mark.parametrize("silent", [0x00, 0xFF, 0x5A])
def test_a_dead_chip_is_lost_told_once_and_found_again(chip, reader, silent):
    watch = Watch(reader)
    watch.step()
    lay(chip, MARIE)
    watch.step()
    chip.silent = silent
    waits = []
    events = []
    for _ in range(6):
        new, wait = watch.step()
        events += new
        waits.append(wait)
    assert [type(event) for event in events] == [Lost]
    assert waits == sorted(waits) and waits[-1] > waits[0]
    chip.silent = None
    chip.reset()
    events, _ = watch.step()
    assert [type(event) for event in events] == [Found, Presented]
    assert events[1].fresh is False


def test_a_bus_that_fails_is_a_lost_reader(chip, reader):
    chip.failing = True
    with pytest.raises(ReaderLostError, match="SPI bus failed"):
        reader.look()


def test_a_brown_out_is_noticed_though_the_chip_answers(chip, reader):
    lay(chip, MARIE)
    reader.look()
    chip.reset()
    with pytest.raises(ReaderLostError, match=r"3\.3 V"):
        reader.look()
    reader.open()
    assert uids(reader.look()) == {MARIE}


def test_a_chip_that_never_finishes_a_frame_is_lost(chip, reader):
    chip._advance = lambda: None
    with pytest.raises(ReaderLostError, match="finish a frame"):
        reader.look()


def test_a_card_gone_while_the_reader_was_lost_is_removed_once_it_is_found(chip, reader):
    watch = Watch(reader)
    watch.step()
    (card,) = lay(chip, MARIE)
    watch.step()
    chip.silent = 0
    watch.step()
    chip.take(card)
    chip.silent = None
    chip.reset()
    events = [event for _ in range(MISSES + 1) for event in watch.step()[0]]
    assert [type(event) for event in events] == [Found, Removed]


def test_opening_again_and_again_adds_no_log_handlers_and_holds_one_pin(chip, clock):
    log = logging.getLogger("mfrc522Logger")
    made = RC522Reader(RC522Settings(reset_pin=25), clock.sleep)
    before = len(log.handlers)
    for _ in range(5):
        made.open()
        made.close()
    assert len(log.handlers) == before


def test_a_clone_is_named(chip, clock):
    chip.version = 0x12
    assert "counterfeit" in RC522Reader(RC522Settings(), clock.sleep).open()


def test_no_chip_says_what_to_check(chip, clock):
    chip.silent = 0xFF
    with pytest.raises(ReaderLostError, match="dtparam=spi=on"):
        RC522Reader(RC522Settings(), clock.sleep).open()


def test_a_chip_that_starts_and_fails_at_every_frame_is_told_of_once(chip, reader, clock):
    watch = Watch(reader)
    watch.step()

    class Sagging:
        def look(self):
            raise ReaderLostError("the supply sags")

    events = []
    for _ in range(5):
        reader._field = Sagging()
        reader.open = lambda: "MFRC522 v2"
        events += watch.step()[0]
    assert [type(event) for event in events] == [Lost]


def test_nothing_stands_in_for_rpi_gpio_outside_of_mfrc522():
    import sys

    import drivers.readers.rc522_chip  # noqa: F401

    assert "RPi.GPIO" not in sys.modules
