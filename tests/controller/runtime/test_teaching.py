"""A trainer lets others in at a reader: who, for how long, and what cancels it; through the shipped loop and writer."""

import msgspec
import pytest
from workshop import CARDS, Workshop

from controller.station.events import LockAsked, TeachAsked
from protocol.rows import Badge, BadgeKind, Certification, Level, Machine, Member, Training

TEACH = 'teach = { driver = "gpio", pin = 5, does = "teach" }\noff = { driver = "gpio", pin = 6, does = "end" }'


def workshop(more="", inputs=TEACH, **keys):
    return Workshop(
        f"""
[[station]]
machine = "laser"
reader = {{ driver = "rc522" }}
relay = {{ driver = "gpio", pin = 17 }}
display = {{ driver = "hd44780", columns = 20, rows = 4 }}
{more}

[station.inputs]
{inputs}
""",
        **keys,
    )


def badge_of(w, who):
    return w.key.hash(bytes.fromhex(CARDS[who]), "iso14443a")


def test_one_trainers_tap_lets_a_whole_class_in_one_after_the_other():
    with workshop() as w:
        w.press("teach")
        w.tap("tom")
        assert w.is_in == "Teaching"
        assert not w.closed()
        for who in ("paul", "nobody", "lea"):
            w.tap(who)
            w.wait(10)
        assert w.display[:2] == ["laser", "Léa"]
        assert "3 let in" in w.display
        new = f"new-{badge_of(w, 'nobody')[:8]}"
        rights = w.badges.whitelist.certifications
        assert {rights[f"{who}/safety"].level for who in ("paul", new, "lea")} == {Level.USER}
        assert not w.closed()
        w.tap("tom")
        assert w.is_in == "Idle"
        for who in ("paul", "nobody", "lea"):
            w.tap(who)
            assert w.closed(), f"{who} may use it now"
            w.wait(20)
        edits = [entry for entry in w.entries("whitelist_edited") if entry.machine == "laser"]
        assert [entry.by for entry in edits] == ["tom"] * 3
        assert all(not getattr(row, "name", "") for entry in edits for row in entry.rows), "ids only"


def test_a_teaching_badge_needs_no_button_and_starts_nothing():
    with workshop(inputs="") as w:
        w.edit([Badge(badge_of(w, "nobody"), "tom", BadgeKind.TEACHING)])
        w.tap("nobody")
        assert w.is_in == "Teaching"
        w.tap("paul")
        assert "paul/safety" in w.badges.whitelist.certifications
        assert not w.closed()
        w.wait(31)
        assert w.is_in == "Idle"


@pytest.mark.parametrize("who", ["marie", "lea"])
def test_a_teaching_badge_of_somebody_who_is_no_trainer_there_does_nothing(who):
    with workshop() as w:
        w.edit([Badge(badge_of(w, "nobody"), who, BadgeKind.TEACHING)])
        w.tap("nobody")
        assert w.is_in == "Idle"
        assert w.refusals() == ["level_needed"]
        w.press("teach")
        w.tap(who)
        assert w.refusals() == ["level_needed"] * 2
        assert w.is_in == "Idle"


def test_the_shell_may_ask_for_it_too_and_gives_time_to_walk_there():
    with workshop(inputs="") as w:
        w.ask(TeachAsked())
        w.wait(290)
        w.tap("tom")
        assert w.is_in == "Teaching"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda w: w.replace("members", "paul", excluded=True), "member_excluded"),
        (lambda w: w.replace("badges", badge_of(w, "paul"), blocked=True), "badge_blocked"),
        (lambda w: w.replace("members", "paul", until=__import__("datetime").date(2026, 1, 1)), "membership_ended"),
    ],
)
def test_an_exclusion_a_blocked_badge_and_an_ended_membership_cannot_be_overridden_at_a_reader(change, reason):
    with workshop() as w:
        change(w)
        w.press("teach")
        w.tap("tom")
        w.tap("paul")
        assert w.refusals() == [reason]
        assert "paul/safety" not in w.badges.whitelist.certifications
        assert w.is_in == "Teaching", "the class goes on"


def test_an_exclusion_that_comes_at_the_same_instant_wins_on_the_disk():
    with workshop() as w:
        w.press("teach")
        w.tap("tom")
        from controller.sensing.messages import FromReader
        from controller.store.edits import Edit
        from controller.store.whitelist import Change
        from drivers.contracts import Card
        from drivers.readers import presence

        row = msgspec.structs.replace(w.row("members", "paul"), excluded=True)
        w.loop.writes.edit(Edit(Change(put=(row,)), "root", w.clock.now()))
        w.loop.put(FromReader("laser", (presence.Presented(Card(bytes.fromhex(CARDS["paul"])), fresh=True),)))
        w.settle()
        assert "paul/safety" not in w.badges.whitelist.certifications
        assert w.refusals() == ["member_excluded"]


def test_it_ends_by_itself_and_never_lasts_longer_than_a_quarter_of_an_hour():
    with workshop() as w:
        w.press("teach")
        w.tap("tom")
        w.wait(29)
        assert w.is_in == "Teaching"
        w.wait(2)
        assert w.is_in == "Idle"
        w.press("teach")
        w.tap("tom")
        for _turn in range(44):
            w.wait(20)
            w.tap("marie")
        assert w.is_in == "Teaching"
        w.wait(25)
        assert w.is_in == "Idle"


@pytest.mark.parametrize(
    "act",
    [
        lambda w: w.press("off"),
        lambda w: w.press("teach"),
        lambda w: w.ask(LockAsked("broken", "root")),
        lambda w: w.stop() or w.start(),
        lambda w: w.kill() or w.start(),
    ],
)
def test_anything_else_cancels_it(act):
    with workshop() as w:
        w.press("teach")
        w.tap("tom")
        act(w)
        assert w.is_in in {"Idle", "Locked"}
        w.tap("nobody")
        assert f"new-{badge_of(w, 'nobody')[:8]}" not in w.badges.whitelist.members


def test_a_fault_cancels_it():
    stop = 'stop = { driver = "gpio", pin = 12, does = "fault", normally_closed = true }'
    with workshop(inputs=f"{TEACH}\n{stop}") as w:
        w.press("teach")
        w.tap("tom")
        w.input("stop")
        assert w.is_in == "Fault"


def test_whoever_is_trained_already_is_told_so_and_nothing_is_written():
    with workshop() as w:
        w.press("teach")
        w.tap("tom")
        before = w.badges.whitelist.version
        w.tap("marie")
        w.tap("laure")
        assert w.badges.whitelist.version == before
        assert w.badges.whitelist.certifications["laure/safety"].level is Level.MAINTAINER


def test_a_phone_that_changes_its_number_is_nobody():
    with workshop() as w:
        w.press("teach")
        w.tap("tom")
        w.tap("phone")
        assert w.refusals() == ["random_uid"]


def test_a_machine_that_asks_for_several_trainings_gives_those_that_are_missing():
    with workshop() as w:
        w.edit(
            [
                Training("laser"),
                Machine("laser", requires=("safety", "laser")),
                *(Certification(who, "laser", Level.TRAINER) for who in ("tom",)),
            ]
        )
        w.press("teach")
        w.tap("tom")
        w.tap("marie")
        w.tap("paul")
        rights = w.badges.whitelist.certifications
        assert {"marie/laser", "paul/laser", "paul/safety"} <= rights.keys()


def test_who_is_let_in_stays_so_over_a_power_cut():
    with workshop() as w:
        w.press("teach")
        w.tap("tom")
        w.tap("nobody")
        w.power_cut()
        w.start()
        w.tap("nobody")
        assert w.closed()


def test_nothing_is_given_while_nothing_can_be_written():
    with workshop() as w:
        w.press("teach")
        w.tap("tom")
        w.db.execute("pragma query_only=1")
        w.tap("nobody")
        assert w.refusals() == []
        w.db.execute("pragma query_only=0")
        w.wait(20)
        assert w.refusals() == ["no_storage"]
        assert f"new-{badge_of(w, 'nobody')[:8]}" not in w.badges.whitelist.members


def test_the_light_and_the_display_guide_both():
    with workshop() as w:
        w.press("teach")
        assert "now the badge" in " ".join(w.display)
        w.tap("tom")
        assert "now each badge" in " ".join(w.display)
        w.tap("nobody")
        assert "1 let in" in " ".join(w.display)
        signals = [told.signal.value for told in w.told]
        assert signals.count("granted") == 1
        w.wait(31)
        assert "free" in " ".join(w.display)


def test_a_locked_machine_teaches_nobody():
    with workshop() as w:
        w.replace("machines", "laser", locked="broken")
        w.press("teach")
        w.tap("tom")
        assert w.refusals() == ["machine_locked"]
        w.press("teach")
        w.tap("laure")
        assert w.is_in == "Teaching"


def test_a_badge_that_nobody_knew_belongs_to_the_same_person_at_every_machine():
    two = """
[[station]]
machine = "drill"
mode = "tap"
longest = "1 h"
reader = { driver = "rc522", device = 1 }
relay = { driver = "gpio", pin = 24 }
"""
    with workshop(inputs=TEACH + two) as w:
        for machine in ("laser", "drill"):
            w.loop.put(
                __import__("controller.runtime.messages", fromlist=["Asked"]).Asked(
                    TeachAsked(), machine, lambda _: None
                )
            )
            w.settle()
            w.tap("tom", machine)
            w.tap("nobody", machine)
            w.tap("tom", machine)
        assert len([each for each in w.badges.whitelist.members.values() if each.id.startswith("new-")]) == 1
        assert isinstance(w.badges.whitelist.members[f"new-{badge_of(w, 'nobody')[:8]}"], Member)


def test_what_a_member_holds_stays_as_it_is_and_what_is_over_comes_back_as_a_users():
    import datetime as dt

    day = dt.date(2026, 11, 20)
    later = day + dt.timedelta(days=9)
    with workshop() as w:
        w.edit(
            [
                Training("laser"),
                Machine("laser", requires=("safety", "laser")),
                Certification("tom", "laser", Level.TRAINER),
                Certification("laure", "safety", Level.MAINTAINER, until=day - dt.timedelta(days=1)),
                Certification("laure", "laser", Level.MAINTAINER, until=later),
                Certification("lea", "laser", Level.SUPERVISED, until=later),
            ]
        )
        w.press("teach")
        w.tap("tom")
        w.tap("laure")
        w.tap("lea")
        rights = w.badges.whitelist.certifications
        assert (rights["laure/safety"].level, rights["laure/safety"].until) == (Level.USER, None)
        assert (rights["laure/laser"].level, rights["laure/laser"].until) == (Level.MAINTAINER, later)
        assert (rights["lea/laser"].level, rights["lea/laser"].until) == (Level.USER, later)


def test_a_badge_that_somebody_brings_in_meanwhile_is_not_given_to_another():
    from controller.sensing.messages import FromReader
    from controller.store.edits import Edit
    from controller.store.whitelist import Change
    from drivers.contracts import Card
    from drivers.readers import presence

    with workshop() as w:
        w.press("teach")
        w.tap("tom")
        bob = (Member("bob", "Bob", excluded=True), Badge(badge_of(w, "nobody"), "bob", blocked=True))
        w.loop.writes.edit(Edit(Change(put=bob), "root", w.clock.now()))
        w.loop.put(FromReader("laser", (presence.Presented(Card(bytes.fromhex(CARDS["nobody"])), fresh=True),)))
        w.settle()
        assert w.badges.whitelist.badges[badge_of(w, "nobody")].member == "bob"
        assert w.badges.whitelist.badges[badge_of(w, "nobody")].blocked


def test_a_teaching_badge_takes_no_machine_over():
    senses = 'running = { driver = "gpio", pin = 13, does = "running" }'
    with workshop('takeover = true\nmode = "tap"\nlongest = "1 h"\ncoast_down = 1', senses) as w:
        w.edit([Badge(badge_of(w, "nobody"), "tom", BadgeKind.TEACHING)])
        w.tap("marie")
        w.tap("nobody")
        assert [entry.member for entry in w.entries("granted")] == ["marie"]


def test_a_wallet_with_two_foreign_cards_makes_no_two_people():
    with workshop() as w:
        w.press("teach")
        w.tap("tom")
        w.lay("nobody", beside=["stranger"])
        w.wait(1)
        w.take("nobody")
        w.take("stranger")
        assert not [each for each in w.badges.whitelist.members if each.startswith("new-")]
        assert w.entries("refused")[-1].reason == "several_badges"
        w.tap("nobody")
        assert len([each for each in w.badges.whitelist.members if each.startswith("new-")]) == 1
        w.lay("nobody")
        w.wait(1)
        w.lay("stranger")
        w.wait(1)
        assert len([each for each in w.badges.whitelist.members if each.startswith("new-")]) == 1
