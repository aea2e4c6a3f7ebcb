"""Clocks that are wrong: usage counts boot time, expiries the time known to have passed, no jump decides for good."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from workshop import Workshop

from controller.runtime.messages import ClockAsked
from controller.settings import SettingsError, read
from controller.store import clock_readings, database, journal
from protocol.moment import Quality
from protocol.rows import Certification, Member

DAY = 86_400_000
YEAR = 365 * DAY
TODAY = date(2026, 11, 20)
Y2036 = 2_085_978_496_000  # what a time server says that sends zeroes: the next era begins
TAP = 'mode = "tap"\nlongest = "none"'
PLAIN = """
[[station]]
machine = "laser"
reader = {{ driver = "rc522" }}
relay = {{ driver = "gpio", pin = 17 }}
display = {{ driver = "hd44780", columns = 20, rows = 4 }}
{more}
"""


def workshop(more="", head=""):
    return Workshop(head + PLAIN.format(more=more))


def set_wall(w, ms):
    """Set the wall clock; boot time goes on."""
    w.time.wall = ms - w.time.at
    w.wait(11)  # the loop looks at it every ten seconds


def restart(w, *, after=0, wall=None, quality=None):
    """The power fails and comes back, after some time that no boot time counts."""
    true = w.time.wall + w.time.at + after
    w.power_cut()
    w.time.wall = (true if wall is None else wall) - w.time.at
    w.time.quality = quality or w.time.quality
    w.start()


def opens(w, who="marie"):
    """Tell whether that badge closes the relay now."""
    w.tap(who) if w.settings.stations[0].mode == "tap" else w.lay(who)
    closed = w.closed()
    w.take(who)
    w.wait(20)
    return closed


def expire(w, days, who="marie"):
    w.edit([Certification(who, "safety", until=TODAY + timedelta(days=days))])


@given(steps=st.lists(st.sampled_from([-20 * YEAR, -DAY, -3_600_000, 3_600_000, DAY, YEAR, 10 * YEAR]), max_size=5))
def test_usage_is_right_to_the_second_and_order_is_kept_whatever_the_clock_does(steps):
    with workshop() as w:
        w.lay("marie")
        for step in steps:
            w.wait(60)
            set_wall(w, max(0, w.time.wall + w.time.at + step))
        w.take("marie")
        w.wait(10)
        (usage,) = w.sessions()
        assert usage.powered_s == 71 * len(steps) + 5
        assert usage.powered_s == round(w.contacts["laser", "machine"].closed_ms() / 1000)
        seqs = [(line.seq, line.at) for line in journal.lines(w.db)]
        assert seqs == sorted(seqs)
        assert usage.started <= usage.ended


def test_an_expired_certification_opens_nothing_because_a_clock_fell_back():
    with workshop() as w:
        expire(w, -1)
        assert not opens(w)
        for back in (DAY * 30, YEAR, 20 * YEAR):
            set_wall(w, w.time.wall + w.time.at - back)
            assert not opens(w)
        restart(w, wall=0, quality=Quality.UNKNOWN)  # 1970
        assert not opens(w)
        restart(w, wall=1_700_000_000_000, quality=Quality.SYNCHRONISED)  # 2023, and sure of it
        assert not opens(w)
        assert w.refusals()[-1] == "training_expired"


def test_a_certification_that_expired_before_the_cut_is_expired_after_it_without_any_write_for_that():
    with workshop() as w:
        expire(w, 0)
        assert opens(w)
        w.wait(2 * DAY / 1000)
        w.tap("nobody")  # all that happens on those days
        restart(w, wall=0, quality=Quality.UNKNOWN)
        assert not opens(w)


@pytest.mark.parametrize("quality", [Quality.SYNCHRONISED, Quality.KEPT])
def test_one_jump_to_2036_locks_nobody_out_for_ever(quality):
    with workshop() as w:
        expire(w, 400)
        right = w.time.wall
        set_wall(w, Y2036)
        w.time.quality = quality
        w.wait(11)
        assert not opens(w), "by that clock it is over"
        w.wait(1_000)
        w.time.wall, w.time.quality = right, Quality.SYNCHRONISED
        w.wait(11)
        assert opens(w), "and by the right one it is not"


def test_nor_one_over_a_power_cut():
    with workshop() as w:
        expire(w, 400)
        right = w.time.wall
        set_wall(w, Y2036)
        w.tap("nobody")
        w.power_cut()
        w.time.wall = right
        w.start()
        assert opens(w)


def test_a_clock_that_has_said_so_for_an_hour_is_believed_and_a_person_may_take_it_back():
    from controller.runtime.messages import ClockAsked

    with workshop() as w:
        expire(w, 400)
        right = w.time.wall
        set_wall(w, Y2036)
        w.wait(3_700)
        w.time.wall = right
        w.wait(11)
        assert not opens(w)
        answers = []
        w.loop.put(ClockAsked("root", w.time.wall + w.time.at, answers.append))
        w.settle()
        assert opens(w)
        assert [entry.by for entry in w.entries("clock_lowered")] == ["root"]
        restart(w, wall=0, quality=Quality.UNKNOWN)
        assert opens(w), "it stays lowered"


def test_a_boot_in_1970_opens_to_members_and_judges_expiries_by_what_was_known():
    with workshop() as w:
        expire(w, 30)
        expire(w, -1, "jean")
        restart(w, wall=0, quality=Quality.UNKNOWN)
        assert opens(w)
        assert not opens(w, "jean")
        (usage,) = w.sessions()
        assert usage.quality is Quality.UNKNOWN


def test_a_controller_that_never_knew_the_time_lets_members_in():
    with Workshop(PLAIN.format(more="")) as w:
        w.kill()
        for path in w.settings.data_dir.glob("loquet.db*"):
            path.unlink()
        w.time.wall, w.time.quality = -w.time.at, Quality.UNKNOWN
        (w.settings.data_dir / "whitelist.document").unlink(missing_ok=True)
        w.start()
        from workshop import whitelist_of

        w.edit(whitelist_of(["laser"], w.key))
        expire(w, 30)
        assert opens(w)


def test_what_begins_in_the_future_does_not_begin_by_a_clock_that_fell_back_and_does_by_one_that_is_right():
    with workshop() as w:
        w.edit([Certification("marie", "safety", since=TODAY + timedelta(days=2))])
        assert not opens(w)
        w.time.wall += 3 * DAY
        w.wait(11)
        assert opens(w)


@pytest.mark.parametrize(("minutes", "closed"), [(-1, True), (1, False)])
def test_a_day_ends_at_midnight_there_in_summer_and_in_winter(minutes, closed):
    """20 November, 13:00 in Paris (UTC+1): the day ends 11 hours later; in June (UTC+2) 10 hours after 14:00."""
    with workshop() as w:
        expire(w, 0)
        w.time.wall += 11 * 3_600_000 + minutes * 60_000
        w.wait(11)
        assert opens(w) is closed
    with workshop() as w:
        w.edit([Certification("marie", "safety", until=date(2027, 6, 20))])
        w.time.wall += 212 * DAY + 10 * 3_600_000 + minutes * 60_000
        w.wait(11)
        assert opens(w) is closed


def test_an_hour_that_comes_twice_is_one_hour_more_of_use():
    """25 October 2026, 03:00 summer time becomes 02:00: a session over it counts boot time."""
    with workshop(TAP) as w:
        w.time.wall = 1_792_888_200_000 - w.time.at  # 02:30 summer time
        w.tap("marie")
        w.wait(3_600)
        w.tap("marie")
        assert w.sessions()[0].powered_s == 3_600


# --- how old the list is ---


def to_be_removed(days, on_stale="deny"):
    return f'[whitelist]\nstale_after = "{days}"\non_stale = "{on_stale}"\n'


def test_a_list_that_nobody_confirmed_is_warned_of_and_then_refused_where_the_settings_say_so():
    with workshop(head=to_be_removed("30 d")) as w:
        w.wait(22 * DAY / 1000)
        assert "days old" not in " ".join(w.display)
        w.wait(2 * DAY / 1000)
        assert "24 days" in " ".join(w.display)
        assert opens(w)
        w.wait(7 * DAY / 1000)
        assert not opens(w)
        assert w.refusals()[-1] == "whitelist_stale"
        w.edit([])
        assert opens(w), "the fabmanager said that it is still right"
        assert "days old" not in " ".join(w.display)


def test_a_session_that_runs_is_not_cut_by_a_list_that_grows_old():
    with workshop(TAP, head=to_be_removed("1 d")) as w:
        w.tap("marie")
        w.wait(3 * DAY / 1000)
        assert w.closed()
        w.tap("marie")
        w.wait(20)
        w.tap("marie")
        assert not w.closed()


@pytest.mark.parametrize(
    "head", [to_be_removed("30 d", "allow"), to_be_removed("never"), "", '[whitelist]\non_stale = "deny"\n']
)
def test_else_it_opens_however_old_it_is(head):
    with workshop(head=head) as w:
        w.wait(400 * DAY / 1000)
        assert opens(w)
        assert ("days old" in " ".join(w.display)) is ("allow" in head)


def test_time_without_power_counts_as_far_as_a_clock_knows_of_it():
    with workshop(head=to_be_removed("30 d")) as w:
        restart(w, after=40 * DAY)
        w.wait(3_700)
        assert not opens(w)


def test_what_a_trainer_does_at_a_reader_confirms_nothing():
    teach = 'inputs = { teach = { driver = "gpio", pin = 5, does = "teach" } }'
    with workshop(teach, head=to_be_removed("30 d")) as w:
        w.wait(29 * DAY / 1000)
        w.press("teach")
        w.tap("tom")
        w.tap("paul")
        w.tap("tom")
        w.wait(2 * DAY / 1000)
        assert not opens(w)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[whitelist]\nstale_after = "0 d"', "stale_after"),
        ('[whitelist]\nstale_after = "31 y"', "stale_after"),
        ('[whitelist]\nstale_after = "soon"', "stale_after"),
        ('[whitelist]\non_stale = "maybe"', "on_stale"),
        ("[whitelist]\nstale = 3", "stale"),
        ('[retention]\npassages = "for ever"', "passages"),
        ("[retention]\nusage = -1", "usage"),
    ],
)
def test_a_period_that_makes_no_sense_is_refused_by_its_name(text, says, tmp_path):
    import tomllib

    with pytest.raises(SettingsError, match=says):
        read(tomllib.loads(text + PLAIN.format(more="")), tmp_path / "controller.toml")


def test_a_member_who_left_is_a_member_again_by_no_clock():
    with workshop() as w:
        w.edit([Member("marie", "Marie Curie", until=TODAY - timedelta(days=1))])
        restart(w, wall=1_600_000_000_000, quality=Quality.KEPT)
        assert not opens(w)


def test_what_was_known_outlives_an_idle_summer():
    with workshop() as w:
        expire(w, 20)
        w.wait(120 * DAY / 1000)
        restart(w, wall=0, quality=Quality.UNKNOWN)
        assert not opens(w)


@pytest.mark.parametrize("quality", [Quality.UNKNOWN, Quality.RESTORED])
def test_no_time_is_before_the_program_was_written(quality):
    """The first start of a card without a clock: 1970 is over, and so is a membership that ended last year."""
    with workshop() as w:
        w.edit([Member("marie", until=date(2025, 12, 31)), Member("tom", until=date(2026, 12, 31))])
        w.db.execute("delete from journal")
        for key in ("floor", "confirmed"):
            database.set_meta(w.db, key, "0")
        restart(w, wall=0, quality=quality)
        assert clock_readings.known(w.db) == 0, "nothing was ever known"
        assert w.clock.now().known >= date(2026, 11, 1)
        assert not opens(w, "marie")
        assert opens(w, "tom")


@pytest.mark.parametrize("left", ["the list's", "an entry's"])
def test_the_newest_row_and_the_newest_entry_are_a_floor_too(left):
    """The floor itself was lost, or never written: what is newer says that its time has passed."""
    with workshop() as w:
        expire(w, 20)
        w.wait(30 * 86_400)
        known = clock_readings.known(w.db)
        if left == "the list's":
            w.edit([Member("new")])
            w.db.execute("delete from journal")
        else:
            w.tap("nobody")
            w.take("nobody")
            w.db.execute("delete from meta where key = 'confirmed'")
        database.set_meta(w.db, "floor", "0")
        assert known - 3 * DAY <= clock_readings.known(w.db) <= known + DAY
        restart(w, wall=0, quality=Quality.UNKNOWN)
        assert not opens(w)


def test_a_time_that_a_person_lowered_is_not_raised_again_by_what_was_written_before():
    with workshop() as w:
        set_wall(w, w.time.wall + w.time.at + 20 * DAY)
        w.wait(2 * 3600)
        far = clock_readings.known(w.db)
        w.time.quality = Quality.UNKNOWN  # the time server that said so is gone
        set_wall(w, 0)
        w.loop.put(ClockAsked("root", far - 15 * DAY, lambda _told: None))
        w.settle()
        assert clock_readings.known(w.db) <= far - 14 * DAY
        restart(w, wall=0, quality=Quality.UNKNOWN)
        assert clock_readings.known(w.db) <= far - 14 * DAY
