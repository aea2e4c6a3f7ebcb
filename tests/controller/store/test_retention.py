"""How long what is kept: three classes of data, and a clock that jumps purges nothing at once."""

import pytest
from fixed import moment
from workshop import Workshop

from controller.settings.periods import Periods
from controller.store import journal, machine_counters, open_sessions, usage
from controller.store.damage import open_store
from controller.store.retention import purge
from controller.store.writer import Writer
from protocol import entries
from protocol.access import Reason
from protocol.entries import Ending
from protocol.moment import Quality
from protocol.rows import Level

DAY = 86_400_000
START = 1_700_000_000_000
OFFSET = START - 1_000


@pytest.fixture
def db(tmp_path):
    opened = open_store(tmp_path)
    put(opened.db, 0, entries.Clock(OFFSET, Quality.SYNCHRONISED))
    purge(opened.db, Periods(), START, lambda: None)
    yield opened.db
    opened.db.close()


def put(db, day, *said):
    with db.atomic():
        journal.append(db, [(moment(1_000 + round(day * DAY)), entry) for entry in said])


def session(number, day, length=3_600_000):
    name = f"s{number}"
    return (
        (day, entries.Granted(name, "laser", "marie", "a" * 32, Level.USER)),
        (day + 0.04, entries.Ended(name, "laser", Ending.BADGE_REMOVED, length, busy=length // 2)),
    )


def live(db, days):
    """One refusal and one session a day."""
    for day in range(days):
        put(db, day, entries.Refused("laser", Reason.UNKNOWN_BADGE, badge="b" * 32))
        for when, entry in session(day, day):
            put(db, when, entry)


def kept(db):
    counts = {}
    for line in journal.lines(db):
        kind = entries.kind(line.entry)
        counts[kind] = counts.get(kind, 0) + 1
    return counts


def purge_daily(db, periods, days):
    for day in days:
        purge(db, periods, START + day * DAY, lambda: None)


def test_refusals_go_after_their_period_usage_after_its_own_and_statistics_stay(db):
    live(db, 200)
    purge_daily(db, Periods(passages=90, usage=150), range(1, 201))
    found = kept(db)
    assert found["refused"] == 90
    assert found["granted"] == found["ended"] == 150
    rows = db.execute("select sum(sessions), sum(powered), sum(busy), sum(refused) from statistics").fetchone()
    assert rows == (50, 50 * 3_600_000, 50 * 1_800_000, 110)
    assert not [column for column in db["statistics"].columns_dict if column in {"member", "badge", "session"}]
    assert len(list(usage.sessions(db))) == 150, "none is told of by half"
    assert machine_counters.counters(db)["laser"].sessions == 200, "hours are never taken away"


def test_kept_for_good_is_kept(db):
    live(db, 120)
    purge_daily(db, Periods(passages=None, usage=None), range(1, 4_000, 30))
    assert kept(db)["refused"] == kept(db)["ended"] == 120


def test_a_clock_that_says_2036_purges_a_months_worth_at_the_most(db):
    live(db, 100)
    purge_daily(db, Periods(passages=90, usage=90), range(1, 101))
    before = kept(db)["refused"]
    purge(db, Periods(passages=90, usage=90), 2_085_978_496_000, lambda: None)
    assert before - kept(db)["refused"] == 31


def test_it_looks_once_a_day(db):
    live(db, 100)
    purge(db, Periods(passages=1), START + 20 * DAY, lambda: None)
    before = kept(db)
    purge(db, Periods(passages=1), START + 20 * DAY + DAY // 2, lambda: None)
    assert kept(db) == before


def test_a_session_that_is_open_and_what_nobody_knows_the_time_of_stay(db):
    put(db, 0, entries.Granted("open", "laser", "marie", "a" * 32, Level.USER))
    with db.atomic():
        journal.append(db, [(moment(5, boot="dark"), entries.Refused("laser", Reason.UNKNOWN_BADGE))])
    put(db, 100, entries.Started("1"))
    purge_daily(db, Periods(passages=1, usage=1), range(1, 400, 20))
    assert [left.session for left in open_sessions.left_open(db)] == ["open"]
    assert kept(db)["refused"] == 1


def test_numbers_go_on_where_everything_was_purged(db):
    live(db, 10)
    last = journal.last(db)
    purge_daily(db, Periods(passages=1, usage=1), range(1, 400, 20))
    put(db, 401, entries.Started("1"))
    assert journal.last(db) == last + 1


def test_without_a_sure_clock_nothing_goes(db):
    live(db, 10)
    purge(db, Periods(passages=1, usage=1), 0, lambda: None)
    assert kept(db)["refused"] == 10


def test_the_writer_purges_by_itself_and_says_so(tmp_path):
    opened = open_store(tmp_path)
    put(opened.db, 0, entries.Clock(OFFSET, Quality.SYNCHRONISED))
    told, now = [], [0]
    known = [START]
    writer = Writer(
        opened.db, told.append, lambda: known[0], data_dir=tmp_path, periods=Periods(passages=90), now=lambda: now[0]
    )
    writer.step()
    live(opened.db, 5)
    for day in range(1, 120):
        now[0] += DAY + 1
        known[0] = START + day * DAY
        writer.step()
    assert sum(each.passages for each in told) == 5
    assert kept(opened.db).get("refused") is None
    writer.close()


def test_what_a_wrong_clock_calls_old_is_kept_until_a_right_one_says_so(db):
    with db.atomic():
        journal.append(db, [(moment(5, boot="flat"), entries.Clock(0, Quality.KEPT))])  # a battery that failed: 1970
        journal.append(db, [(moment(6 + n, boot="flat"), entry) for n, (_day, entry) in enumerate(session(1, 0))])
    purge_daily(db, Periods(passages=1, usage=1), range(1, 50))
    assert kept(db)["ended"] == 1, "nobody knows yet when that was"
    put(db, 50, entries.Clock(OFFSET, Quality.SYNCHRONISED))
    purge_daily(db, Periods(passages=1, usage=1), range(50, 52))
    assert kept(db)["ended"] == 1, "a day ago at the latest"
    put(db, 53, entries.Started("1"))
    purge_daily(db, Periods(passages=1, usage=1), range(52, 56))
    assert "ended" not in kept(db)


def test_a_fault_that_nobody_cleared_is_kept_for_as_long_as_that(db):
    put(db, 0, entries.FaultLatched("laser", "emergency-stop"), entries.FaultLatched("saw", "emergency-stop"))
    put(db, 1, entries.FaultCleared("saw", "laure"))
    put(db, 300, entries.Started("1"))
    purge_daily(db, Periods(passages=1), range(1, 300, 20))
    assert open_sessions.uncleared(db) == {"laser": ("emergency-stop",)}
    assert kept(db)["fault"] == 1


def test_a_time_server_that_serves_the_past_makes_nothing_old():
    with Workshop() as w:
        w.power_cut()
        w.time.wall = 1_000_000_000_000  # 2001, and sure of it
        w.start()
        w.lay("marie")
        w.wait(60)
        w.take("marie")
        w.wait(40 * DAY / 1000)
        assert len(w.entries("ended")) == 1
        assert w.clock.reading.quality is Quality.UNKNOWN
