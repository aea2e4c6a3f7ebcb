"""Nothing that the daemon or a command asks of its database reads all of a journal, or of a list, of ten years."""

import contextlib
import sqlite3

import plans
import pytest
from fixed import moment
from workshop import Workshop

from controller.settings.periods import DAY_MS, Periods
from controller.store import clock_readings, damage, journal, retention, usage
from controller.store.database import DATABASE, open_for_reading
from controller.sync import up
from protocol import entries
from protocol.entries import Ending
from protocol.rows import Badge, Level, Member

GROWING = {"journal", "saved", "whitelist"}
START = 1_700_000_000_000
# Reading all of it by its numbers, 500 rows at a time, is no scan; this is:
EXCEPT = {
    "counts a list that is about to be written whole": "select count(*) from whitelist",
}


def live(workshop):
    """All that is asked in a life: sessions, refusals, edits, a purge, a start on what is there, a look at it."""
    workshop.tap("marie")
    workshop.wait(60)
    workshop.take("marie")
    workshop.tap("jean")
    workshop.tap("nobody")
    workshop.edit([Member("new"), Badge("1" * 32, "new")])
    workshop.edit(drop=[Badge("1" * 32, "new")])
    workshop.edit([Member(f"m{n}") for n in range(600)])
    for _turn in range(300):
        workshop.loop.writes.record(workshop.clock.now(), entries.Warned("laser", "reader", "dirty"))
    workshop.settle()
    for _day in range(3):
        workshop.wait(40 * 86_400)
    workshop.kill()
    workshop.start()
    with_floor = clock_readings.known(workshop.db) + 400 * DAY_MS
    retention.purge(workshop.db, Periods(1, 1), with_floor, lambda: None, only_sent=True)
    reader = open_for_reading(workshop.settings.data_dir)
    list(usage.sessions(reader))
    list(usage.sessions(reader, "laser"))
    usage.named(reader, "00")
    list(journal.lines(reader, machine="laser", kinds=("granted", "ended")))
    up.backlog(reader)
    journal.size(reader)
    sender = up.Up(workshop.settings.data_dir, None, None, lambda: None, lambda: 0.0)
    sender._next()
    for _step in damage.examine(reader):
        pass
    reader.close()


def test_no_statement_reads_a_whole_table_that_grows():
    with plans.collected() as statements, Workshop() as workshop:
        statements.clear()  # bringing a database up to date reads all of it, once
        live(workshop)
        with contextlib.closing(sqlite3.connect(workshop.settings.data_dir / DATABASE)) as connection:
            found = plans.whole_scans(connection, statements, GROWING)
    assert len(statements) > 300, "what was run was heard"
    assert {sql: plan for sql, plan in found.items() if sql not in EXCEPT.values()} == {}


@pytest.mark.parametrize(
    "sql",
    [
        "delete from journal where machine = 'laser'",
        "select count(*) from everything",
        "select epoch from saved group by epoch",
        "select seq from journal where seq > 5 and kind in ('granted', 'ended') and machine = 'x' or at = 5 limit 500",
        "select g.body from journal g where g.at > 5",
    ],
)
def test_a_statement_that_does_is_found(tmp_path, sql):
    """The control: each of these does read all of it."""
    damage.open_store(tmp_path).db.close()
    with contextlib.closing(sqlite3.connect(tmp_path / DATABASE)) as connection:
        assert plans.whole_scans(connection, {sql}, GROWING)


@pytest.fixture
def db(tmp_path):
    opened = damage.open_store(tmp_path).db
    yield opened
    opened.close()


def fill(db, sessions):
    """Sessions of long ago, one a minute."""
    with db.atomic():
        journal.append(db, [(moment(0), entries.Clock(START, moment(0).quality))])
        for number in range(sessions):
            when, name = moment(number * 60_000), f"{number:016x}"
            granted = entries.Granted(name, "laser", "m", "a" * 32, Level.USER)
            journal.append(db, [(when, granted), (when, entries.Ended(name, "laser", Ending.IDLE, 1))])


def test_a_tap_waits_for_no_more_of_a_purge_than_one_transaction_of_a_few_rows(db):
    """However much there is to delete, whoever waits is let in after one deletion; else after some tens of rows."""
    fill(db, 400)
    deleted, turns = [], []
    before = db.execute("select count(*) from journal").fetchone()[0]

    def between():
        now = db.execute("select count(*) from journal").fetchone()[0]
        deleted.append(before - now - sum(deleted))

    def waits():
        turns.append(1)
        return len(deleted) == 1  # somebody comes during the second transaction

    retention.purge(db, Periods(1, 1), START + 500 * DAY_MS, between, waits=waits)
    assert sum(deleted) == 798, "the last entry stays, and its session with it"
    assert max(deleted) <= retention.AT_ONCE + 2
    assert deleted[1] == 2, "one session, and whoever waits is let in"
    assert journal.size(db) == db.execute("select count(*) from everything").fetchone()[0]


def test_the_size_is_known_without_counting_whatever_was_purged_or_lost(db):
    fill(db, 50)
    with db.atomic():
        journal.skip_to(db, journal.last(db) + 100)
        journal.append(db, [(moment(1), entries.Started("1"))])
    assert journal.size(db) == db.execute("select count(*) from everything").fetchone()[0]
