"""A PIN beside a badge: who is asked for one, what lets in, who has to wait; through the shipped loop and writer."""

import hashlib

import pytest
from workshop import CARDS, Workshop

from protocol.badge import BadgeKey
from protocol.pin import PinError, checked_pin, is_right, made_pin
from protocol.rows import Badge, Pin

SETTINGS = """
[[station]]
machine = "laser"
mode = "tap"
pin = true
longest = "4 h"
reader = { driver = "wiegand", d0 = 5, d1 = 6, bits = 34, technology = "em4100" }
relay = { driver = "gpio", pin = 17 }
display = { driver = "hd44780", columns = 20, rows = 4 }

"""


def workshop(**keys):
    made = Workshop(SETTINGS, **keys)
    made.give_pin("marie", "4711")
    made.give_pin("tom", "280645")
    return made


def refused(w):
    return [entry.reason.value for entry in w.entries("refused")]


def test_a_badge_opens_once_its_pin_is_typed_and_the_display_shows_stars():
    with workshop() as w:
        w.tap("marie")
        assert w.is_in == "AwaitingPin"
        assert "your PIN, then #" in w.display
        w.type("47")
        assert "**" in w.display
        w.type("11")
        assert not w.closed()
        w.type("#")
        assert w.closed()
        assert [entry.member for entry in w.entries("granted")] == ["marie"]


def test_a_star_begins_the_pin_anew_and_a_badge_alone_ends_the_session():
    with workshop() as w:
        w.tap("marie")
        w.type("99*4711#")
        assert w.closed()
        w.tap("marie")
        assert not w.closed(), "switching off needs no PIN"


@pytest.mark.parametrize("typed", ["4712#", "47#", "#", "471#1#", "4711", "47114711#", "4711*#", "99994711#"])
def test_nothing_else_opens(typed):
    with workshop() as w:
        w.tap("marie")
        w.type(typed)
        assert not w.closed()


def test_keys_that_nobody_asked_for_are_nothing_and_count_for_no_later_pin():
    with workshop() as w:
        w.type("4711#")
        w.tap("marie")
        w.type("#")
        assert not w.closed()
        w.type("4711")
        w.wait(25)
        assert refused(w) == ["pin_needed"]
        w.tap("marie")
        w.type("#")
        assert not w.closed(), "what was typed before belongs to the tap before"


def test_whoever_has_no_pin_is_told_to_get_one():
    with workshop() as w:
        w.tap("jean")
        assert refused(w) == ["pin_missing"]
        assert w.is_in == "Idle"


def test_a_pin_under_a_badge_key_that_is_held_no_more_is_none():
    with workshop() as w:
        w.edit([Pin("marie", "0" * 32, "0" * 16, "0" * 64)])
        w.tap("marie")
        assert refused(w) == ["pin_missing"]


def test_after_three_wrong_pins_the_member_waits_and_each_more_doubles_it():
    with workshop() as w:
        w.tap("marie")
        for _ in range(3):
            w.type("0815#")
        assert refused(w) == ["pin_wrong", "pin_wrong", "pin_later"]
        w.tap("marie")
        assert refused(w)[-1] == "pin_later"
        assert w.is_in == "Idle"
        for seconds in (31, 61, 121):
            w.wait(seconds)
            w.tap("marie")
            assert w.is_in == "AwaitingPin", "the wait is over"
            w.type("0815#")
            assert refused(w)[-1] == "pin_later", "one more, and no three"
        w.wait(200)
        w.tap("marie")
        assert refused(w)[-1] == "pin_later"
        w.wait(60)
        w.tap("marie")
        w.type("4711#")
        assert w.closed()


def test_guesses_at_one_member_are_no_others_wait_and_a_right_one_forgets_them():
    with workshop() as w:
        for _ in range(2):
            w.tap("marie")
            w.type("0815#")
            w.wait(25)
        w.tap("tom")
        w.type("280645#")
        assert w.closed()
        w.tap("tom")
        w.tap("marie")
        w.type("4711#")
        assert w.closed()
        w.tap("marie")
        w.tap("marie")
        for _ in range(2):
            w.type("0815#")
        assert refused(w)[-1] == "pin_wrong"


def test_somebody_who_is_excluded_while_the_pin_is_typed_is_refused():
    with workshop() as w:
        w.tap("marie")
        badge = w.key.hash(bytes.fromhex(CARDS["marie"]), "iso14443a")
        w.edit([Badge(badge, "marie", blocked=True)])
        w.type("4711#")
        assert refused(w) == ["badge_blocked"]
        assert not w.closed()


def test_a_pin_that_is_taken_away_while_it_is_typed_opens_nothing():
    with workshop() as w:
        w.tap("marie")
        w.type("47")
        w.edit([], drop=[w.badges.whitelist.pins["marie"]])
        w.type("11#")
        assert refused(w) == ["pin_missing"]


def test_another_pin_forgets_guesses_at_the_one_before():
    with workshop() as w:
        w.tap("marie")
        for _ in range(3):
            w.type("0815#")
        w.give_pin("marie", "90210735")
        w.tap("marie")
        w.type("90210735#")
        assert w.closed()


def test_a_pin_that_is_set_here_stays_whatever_else_the_list_brings():
    from protocol.overlay import Edit, lay_over, says_the_same

    with workshop() as w:
        old, new = (made_pin("marie", pin, w.key, b"\1" * 16) for pin in ("4711", "9317"))
        assert not says_the_same(new, old)
        assert lay_over(old, Edit(new, 1), 2) == new
        assert new.unnamed().completed(old) == old


def test_a_pin_that_cannot_be_compared_is_wrong_and_the_next_is_compared():
    from controller.sensing import pins

    def broken(*_what):
        raise MemoryError

    with workshop() as w:
        w.tap("marie")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pins, "is_right", broken)
            w.type("4711#")
        assert refused(w) == ["pin_wrong"]
        w.type("4711#")
        assert w.closed()


def test_a_lock_is_lifted_by_no_badge_alone_while_somebody_works():
    lock = '\n[station.inputs]\nlock = { driver = "gpio", pin = 13, does = "lock" }\n'
    with Workshop(SETTINGS + lock) as w:
        w.give_pin("marie", "4711")
        w.tap("marie")
        w.type("4711#")
        w.replace("machines", "laser", locked="mirror")
        w.press("lock")
        w.tap("laure")
        assert w.badges.whitelist.machines["laser"].locked == "mirror"
        assert w.loop.states["laser"].condition.locked == "mirror"


def test_no_journal_and_no_list_holds_a_pin_and_the_journal_not_even_its_hash():
    with workshop() as w:
        w.tap("marie")
        w.type("4711#")
        row = w.badges.whitelist.pins["marie"]
        for entry in w.entries():
            said = repr(entry)
            assert "4711" not in said.replace(w.loop.states["laser"].session.id, "")
            assert row.hash not in said


def test_a_pin_is_one_of_its_member_its_salt_and_its_key_alone():
    with workshop() as w:
        row = made_pin("marie", "4711", w.key, bytes(16))
        assert is_right(row, "4711", w.key)
        assert not is_right(row, "4710", w.key)
        assert made_pin("marie", "4711", w.key, b"\1" * 16).hash != row.hash
        assert "4711" not in repr(row)


@pytest.mark.parametrize("pin", ["", "123", "1234", "4321", "0000", "7777", "9012", "123456789", "12a4", "-471"])
def test_a_pin_that_is_guessed_at_once_or_is_none_is_refused_without_being_said(pin):
    with pytest.raises(PinError) as told:
        checked_pin(pin)
    assert not pin or len(pin) < 4 or pin not in str(told.value)


def test_a_reader_without_keys_and_a_takeover_are_refused_by_the_settings():
    from common.strict import SettingsError

    with pytest.raises(SettingsError, match="keys"):
        Workshop(SETTINGS.replace('"wiegand", d0 = 5, d1 = 6, bits = 34, technology = "em4100"', '"rc522"'))
    with pytest.raises(SettingsError, match="takeover"):
        Workshop(SETTINGS, takeover=True)


def test_the_protocols_page_is_enough_to_hash_a_pin():
    secret, salt = b"k" * 32, b"s" * 16
    row = made_pin("marie", "4711", BadgeKey(secret), salt)
    keyed = hashlib.blake2b(b"pin\0" + b"4711", key=secret, digest_size=32).digest()
    assert row.hash == hashlib.scrypt(keyed, salt=salt, n=16_384, r=8, p=1, dklen=32, maxmem=2**26).hex()
    assert row.under == hashlib.blake2b(b"loquet badge key", key=secret, digest_size=8).hexdigest()
