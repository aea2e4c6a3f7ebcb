"""Whose badge is needed: supervised members, two people, classes, maintainers."""

import pytest
from machines import GROUP, LOCK, ORDER, TAP, machine
from workshop import GroupAsked, Workshop

from controller.station.events import Signal
from protocol.entries import Purpose


def test_a_supervised_member_starts_once_a_trainer_has_tapped():
    with Workshop() as w:
        w.lay("lea")
        assert w.is_in == "Awaiting"
        assert not w.closed()
        w.wait(10)
        w.lay("tom")
        w.take("tom")
        assert w.closed()
        (granted,) = w.entries("granted")
        assert (granted.member, granted.beside) == ("lea", "tom")


def test_a_trainer_who_comes_too_late_or_is_none_opens_nothing():
    with Workshop() as w:
        w.lay("lea")
        w.lay("jean")
        assert not w.closed()
        w.take("jean")
        w.wait(20)
        assert w.refusals() == ["supervision_needed", "supervision_needed"]
        w.tap("tom")
        assert w.entries("granted", "ended") == []


def test_a_supervised_machine_asks_a_user_for_a_trainer_and_a_trainer_for_nobody():
    with Workshop(machine(TAP + "\nsupervised = true")) as w:
        w.tap("marie")
        assert w.is_in == "Awaiting"
        w.wait(20)
        w.tap("tom")
        assert w.closed()


def test_a_supervised_machine_by_the_whitelist_alone():
    with Workshop() as w:
        w.replace("machines", "laser", supervised=True)
        w.lay("marie")
        assert w.is_in == "Awaiting"


def test_the_members_badge_makes_room_for_the_trainers_and_comes_back():
    with Workshop() as w:
        w.lay("lea")
        w.take("lea")
        w.tap("tom")
        assert not w.closed(), "her badge does not lie there"
        w.wait(5)
        w.lay("lea")
        assert w.closed()


def test_buddy_takes_two_different_certified_members():
    with Workshop(machine(TAP + "\nbuddy = true")) as w:
        w.tap("marie")
        for who in ("marie", "paul", "lea", "nobody"):
            w.tap(who)
            assert not w.closed(), who
        w.tap("jean")
        assert w.closed()
        assert w.entries("granted")[0].beside == "jean"


def test_nobody_works_alone_where_two_are_asked_for():
    with Workshop(machine(TAP + "\nbuddy = true")) as w:
        w.tap("laure")
        w.wait(21)
        assert w.refusals() == ["buddy_needed"]


def test_a_trainer_lets_a_class_in_by_button():
    with Workshop(machine(inputs=[GROUP])) as w:
        w.press("class")
        w.tap("marie")
        assert w.refusals() == ["level_needed"]
        w.tap("tom")
        assert w.closed()
        w.wait(3600)
        assert w.closed(), "no badge has to lie there"
        w.tap("tom")
        (session,) = w.sessions()
        assert (session.group, session.organisation, session.purpose) == (True, "Collège Jean Moulin", "training")


def test_an_open_evening_by_the_shell_with_its_head_count():
    with Workshop() as w:
        w.ask(GroupAsked("Journée portes ouvertes", 300, Purpose.DEMONSTRATION))
        w.wait(120)
        w.tap("marie")
        assert w.refusals() == ["level_needed"]
        w.tap("tom")
        (session,) = w.sessions()
        assert (session.people, session.purpose, session.organisation) == (
            300,
            "demonstration",
            "Journée portes ouvertes",
        )


def test_what_nobody_took_up_is_forgotten():
    with Workshop(machine(inputs=[GROUP])) as w:
        w.press("class")
        assert [told.signal for told in w.told][-1] is Signal.AWAITING
        w.wait(31)
        w.lay("tom")
        assert not w.sessions()[0].group


def test_the_purpose_is_chosen_by_button_before_or_during_and_else_the_settings():
    with Workshop(machine('grace = 0\npurpose = "training"', [ORDER])) as w:
        w.lay("marie")
        w.take("marie")
        w.press("order")
        w.lay("marie")
        w.take("marie")
        w.lay("marie")
        w.press("order")
        w.take("marie")
        assert [session.purpose for session in w.sessions()] == ["training", "order", "order"]
        assert [entry.purpose.value for entry in w.entries("granted")] == ["training", "order", "training"]


def test_a_maintainers_badge_locks_and_unlocks_and_survives_a_restart():
    with Workshop(machine(inputs=[LOCK])) as w:
        w.press("lock")
        w.tap("tom")
        assert w.refusals() == ["level_needed"]
        w.tap("laure")
        assert w.is_in == "Locked"
        w.kill()
        w.start()
        assert w.is_in == "Locked"
        w.lay("marie")
        assert w.refusals()[-1] == "machine_locked"
        w.take("marie")
        w.press("lock")
        w.tap("laure")
        assert w.is_in == "Idle"
        w.lay("marie")
        assert w.closed()
        assert [entry.by for entry in w.entries("locked")] == ["laure"]
        assert [entry.by for entry in w.entries("unlocked")] == ["laure"]


def test_a_trainer_does_not_lock_by_badge_but_ends_the_session():
    with Workshop(machine(TAP, [LOCK])) as w:
        w.tap("marie")
        w.press("lock")
        w.tap("tom")
        assert (w.is_in, w.ends()) == ("Idle", ["badge_tapped"])


def test_the_same_purpose_twice_is_one_correction():
    with Workshop(machine(TAP, [ORDER])) as w:
        w.tap("marie")
        w.press("order")
        w.press("order")
        assert w.state.session.purpose is Purpose.ORDER
        assert len(w.entries("corrected")) == 1


def test_a_lock_by_badge_during_a_session_waits_for_its_end():
    with Workshop(machine(TAP, [LOCK])) as w:
        w.tap("marie")
        w.press("lock")
        w.tap("laure")
        assert w.closed()
        w.tap("marie")
        assert w.is_in == "Locked"


def test_a_severe_report_locks_the_machine_when_it_is_next_idle():
    """rit#1240."""
    with Workshop(grace=0) as w:
        w.lay("marie")
        w.replace("machines", "laser", locked="bearing")
        w.wait(3600)
        assert w.closed()
        w.take("marie")
        assert w.is_in == "Locked"


def test_the_managers_badge_works_on_a_locked_machine_and_it_locks_again():
    """rit#1403."""
    with Workshop(grace=0) as w:
        w.replace("machines", "laser", locked="bearing")
        w.lay("laure")
        assert w.closed()
        w.take("laure")
        assert w.is_in == "Locked"
        w.lay("marie")
        assert not w.closed()


def test_which_training_is_missing_is_said():
    """rit#916."""
    with Workshop() as w:
        w.lay("paul")
        assert w.entries("refused")[0].wants == ("safety",)
        assert " ".join(w.display) == "you need the training Sécurité; ask for the next date"


@pytest.mark.parametrize("kind", ["member", "spare", "visitor"])
def test_a_badge_of_any_kind_opens_only_between_its_days(kind):
    from datetime import timedelta

    import msgspec
    from fixed import TODAY

    from protocol.rows import BadgeKind

    with Workshop(grace=0) as w:
        (badge,) = w.badges.whitelist.badges_of("marie")
        day = timedelta(days=1)
        for since, until, opens in (
            (None, TODAY, True),
            (None, TODAY - day, False),
            (TODAY, None, True),
            (TODAY + day, None, False),
        ):
            w.edit([msgspec.structs.replace(badge, kind=BadgeKind(kind), since=since, until=until)])
            w.lay("marie")
            assert w.closed() is opens, (since, until)
            w.take("marie")
