"""A writer that was told that a card is being read: ready for the tap, and as if nothing had been where none comes."""

import contextlib
import sqlite3

import pytest
from fixed import moment

from controller.station.events import CommitFailed, Committed
from controller.store import database, journal, whitelist
from controller.store.answers import GrantAnswer
from controller.store.whitelist import Change
from controller.store.writer import Edit, Writer
from protocol import entries
from protocol.rows import Level, Member


def granted():
    return entries.Granted("s1", "laser", "marie", "a" * 32, Level.USER)


@pytest.fixture
def db(tmp_path):
    made = database.open_for_writing(tmp_path)
    yield made
    made.close()


@pytest.fixture
def told():
    return []


class Seconds:
    """Boot-time milliseconds that a test moves."""

    at = 10_000

    def __call__(self):
        return self.at


@pytest.fixture
def ready(db, told, tmp_path):
    """A writer whose time a test moves, and which is told that a card is being read."""
    clock = Seconds()
    writer = Writer(db, told.append, lambda: 0, data_dir=tmp_path, now=clock)
    writer.clock = clock
    writer.step()
    writer.queue.near.set()
    assert writer.step() is not None, "it looks again soon"
    assert db.conn.in_transaction, "what a tap needs is begun"
    return writer


def test_a_tap_finds_its_transaction_begun_and_is_all_that_is_in_it(ready, db, told):
    statements = []
    db.conn.set_trace_callback(statements.append)
    ready.queue.commit(moment(1), granted())
    ready.step()
    assert told == [GrantAnswer("laser", Committed("s1"))]
    assert [line.seq for line in journal.lines(db)] == [1], "nothing of the rehearsal is left, not even a number"
    assert [each.upper() for each in statements if each.upper().startswith(("BEGIN", "COMMIT"))][:1] == ["COMMIT"]
    assert not db.conn.in_transaction


def test_where_no_tap_comes_the_transaction_is_over_after_a_moment_and_nothing_was_written(ready, db, tmp_path):
    ready.clock.at += 200
    ready.step()
    assert db.conn.in_transaction
    ready.clock.at += 200
    ready.step()
    assert not db.conn.in_transaction
    assert list(journal.lines(db)) == []
    with contextlib.closing(sqlite3.connect(tmp_path / database.DATABASE, timeout=0)) as other:
        other.execute("begin immediate")  # nobody holds it


def test_an_edit_that_comes_meanwhile_is_written_as_always(ready, db):
    edit = Edit(Change(put=(Member("eve", "Eve"),)), "root", moment(1), lambda _done, _of: None)
    ready.queue.edit(edit)
    ready.step()
    assert edit.wait(0) and "eve" in whitelist.load(db).members
    assert not db.conn.in_transaction


def test_a_database_that_is_taken_away_meanwhile_is_noticed_and_no_tap_is_let_in(ready, told, tmp_path):
    (tmp_path / database.DATABASE).rename(tmp_path / "elsewhere.db")
    ready.queue.commit(moment(1), granted())
    ready.step()
    assert GrantAnswer("laser", CommitFailed("s1")) in told


def test_a_disk_that_fails_while_it_gets_ready_is_a_disk_that_fails(ready, db, monkeypatch):
    ready.clock.at += 400
    ready.step()
    monkeypatch.setattr(
        journal, "rehearse", lambda _db: (_ for _ in ()).throw(sqlite3.OperationalError("disk I/O error"))
    )
    ready.queue.near.set()
    ready.step()
    ready.clock.at += 400
    ready.step()
    assert not db.conn.in_transaction
    ready.queue.commit(moment(1), granted())
    ready.step()
    assert [line.seq for line in journal.lines(db)] == [1]
