"""What is kept on disk: durable, in order, never numbered twice; the whitelist whole or not at all."""

import contextlib
import os
import sqlite3
import stat
import threading

import pytest
from fixed import moment
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from controller.station.events import CommitFailed, Committed, OpenSession
from controller.store import clock_readings, database, journal, open_sessions, usage, whitelist
from controller.store.answers import GrantAnswer, StorageChanged
from controller.store.database import StorageError
from controller.store.key import badge_key
from controller.store.whitelist import Change
from controller.store.write_queue import STUCK_MS
from controller.store.writer import Edit, WhitelistChanged, WhitelistReplaced, Writer
from guard.leases import boottime_ms
from protocol import entries
from protocol.access import Reason
from protocol.entries import Ending
from protocol.moment import Quality
from protocol.rows import Badge, Level, Machine, Member
from protocol.whitelist import Whitelist
from simulator.stage import until


def nothing(_done, _total):
    """Progress that nobody watches."""


def granted(session="s1", machine="laser"):
    return entries.Granted(session, machine, "marie", "a" * 32, Level.USER)


def refused(machine="laser"):
    return entries.Refused(machine, Reason.UNKNOWN_BADGE)


@pytest.fixture
def db(tmp_path):
    made = database.open_for_writing(tmp_path)
    yield made
    made.close()


@pytest.fixture
def told():
    return []


@pytest.fixture
def writer(db, told, tmp_path):
    return Writer(db, told.append, lambda: 0, data_dir=tmp_path)


def kinds(db):
    return [entries.kind(line.entry) for line in journal.lines(db)]


def break_disk(db):
    """Make every write fail, as a full disk does: no page may be added."""
    pages = db.execute("pragma page_count").fetchone()[0]
    db.execute(f"pragma max_page_count = {pages}")


def mend_disk(db):
    db.execute("pragma max_page_count = 1000000")


def test_wal_and_full_are_in_force(db):
    assert db.execute("pragma journal_mode").fetchone()[0] == "wal"
    assert db.execute("pragma synchronous").fetchone()[0] == 2


def test_numbers_are_never_used_again_after_a_purge(db):
    with db.atomic():
        journal.append(db, [(moment(), refused())] * 3)
    db.execute("delete from journal")
    with db.atomic():
        journal.append(db, [(moment(), refused())])
    assert [line.seq for line in journal.lines(db)] == [4]


def test_an_entry_is_the_same_after_the_disk(db):
    one = entries.Ended("s", "laser", Ending.LONGEST, 5, "marie")
    with db.atomic():
        journal.append(db, [(moment(7), one)])
    line = next(journal.lines(db))
    assert (line.entry, line.at, line.boot) == (one, 7, "boot-1")


def test_wall_time_is_derived_from_the_best_reading_of_its_boot(db):
    with db.atomic():
        journal.append(
            db,
            [
                (moment(1), entries.Clock(100, Quality.RESTORED)),
                (moment(50), entries.Clock(9_000, Quality.SYNCHRONISED)),
            ],
        )
    clocks = clock_readings.Clocks(db)
    assert clocks.wall("boot-1", 10) == (9_010, Quality.SYNCHRONISED)
    assert clocks.wall("boot-2", 10) == (None, Quality.UNKNOWN)


def test_a_grant_is_answered_only_once_it_is_on_disk(writer, told, tmp_path):
    writer.queue.commit(moment(), granted())
    assert told == []
    writer.step()
    assert told == [GrantAnswer("laser", Committed("s1"))]
    assert kinds(database.open_for_reading(tmp_path)) == ["granted"]


def test_a_tap_costs_one_commit(writer, db):
    commits = []
    db.conn.set_trace_callback(lambda sql: commits.append(sql) if sql.strip().upper() == "COMMIT" else None)
    writer.queue.commit(moment(), granted())
    writer.step()
    db.conn.set_trace_callback(None)
    assert len(commits) == 1


def test_a_full_disk_refuses_grants_keeps_usage_and_writes_it_once_there_is_room(writer, db, told):
    writer.queue.commit(moment(), granted("s1"))
    writer.step()
    break_disk(db)
    ended = entries.Ended("s1", "laser", Ending.BADGE_REMOVED, 1_000, "m" * 9_000)
    writer.queue.record(moment(), ended)
    writer.queue.commit(moment(), granted("s2"))
    waits = [writer.step() for _ in range(3)]
    assert waits == sorted(waits) and waits[0] is not None
    assert GrantAnswer("laser", CommitFailed("s2")) in told
    assert [each.works for each in told if isinstance(each, StorageChanged)] == [False]
    mend_disk(db)
    writer.step()
    assert kinds(db) == ["granted", "ended"]
    assert [each.works for each in told if isinstance(each, StorageChanged)] == [False, True]


def test_refusals_are_thinned_and_counted_and_usage_never(writer, db, monkeypatch):
    monkeypatch.setattr("controller.store.write_queue.MAX_REFUSALS", 3)
    for _ in range(10):
        writer.queue.record(moment(), refused())
    writer.queue.record(moment(), entries.Ended("s1", "laser", Ending.STOPPED, 1))
    writer.step()
    assert kinds(db) == ["refused"] * 3 + ["ended", "thinned"]
    assert list(journal.lines(db))[-1].entry.count == 7


def test_thinned_refusals_are_counted_even_when_nothing_else_is_written(writer, db, monkeypatch):
    monkeypatch.setattr("controller.store.write_queue.MAX_REFUSALS", 0)
    writer.queue.record(moment(), refused())
    writer.step()
    assert kinds(db) == ["thinned"]


def test_a_change_made_from_another_version_is_refused(writer, db):
    edit(writer, Change(put=(Member("a"),)))
    late = Edit(Change(put=(Member("b"),)), "root", moment(), nothing, base=0)
    writer.queue.edit(late)
    writer.step()
    with pytest.raises(StorageError, match="meanwhile"):
        late.wait(0)
    assert list(whitelist.load(db).members) == ["a"]


def test_a_row_that_makes_no_sense_does_not_end_the_writer(writer, db):
    db["whitelist"].insert({"slot": 0, "key": "member/x", "body": "{"})
    with pytest.raises(StorageError):
        edit(writer, Change(put=members(600)))
    writer.queue.record(moment(), refused())
    for _turn in range(3):
        writer.step()
    assert kinds(writer.connection.db) == ["refused"], "in a new database, in the place of the one that was damaged"


def test_a_session_cut_short_ended_at_its_last_heartbeat(writer, db):
    writer.queue.record(moment(1), entries.Clock(1_000, Quality.KEPT))
    writer.queue.commit(moment(10), granted("s1"))
    ended = entries.Ended("s1", "laser", Ending.INTERRUPTED, 40, until=entries.Past("boot-1", 50))
    writer.queue.record(moment(9_000_000, boot="boot-2"), ended)
    writer.step()
    assert next(usage.sessions(db)).ended == 1_050


def test_at_its_bound_the_journal_refuses_new_sessions(writer, monkeypatch):
    assert not writer.queue.is_full
    monkeypatch.setattr("controller.store.write_queue.MAX_JOURNAL", 0)
    assert writer.queue.is_full


def test_a_session_left_open_has_its_last_heartbeat_and_one_that_ended_has_none(writer, db):
    for session in ("s1", "s2", "s3"):
        writer.queue.commit(moment(1), granted(session))
    writer.queue.record(moment(2), entries.Withdrawn("s3", "laser"))
    writer.queue.record(moment(3), entries.Extended("s1", "laser"))
    writer.queue.beat((OpenSession("s1", "laser", 44, "boot-1", 45, 7), OpenSession("s2", "laser", 44, "boot-1", 45)))
    writer.step()
    writer.queue.record(moment(50), entries.Ended("s2", "laser", Ending.LONGEST, 50))
    writer.step()
    left = OpenSession("s1", "laser", 44, "boot-1", 45, 7, began=1, extended=3, member="marie", badge="a" * 32)
    assert open_sessions.left_open(db) == [left]
    assert db["heartbeats"].count == 1


def test_sessions_are_read_out_of_the_journal(writer, db):
    writer.queue.record(moment(1), entries.Clock(1_000, Quality.KEPT))
    writer.queue.commit(moment(10), granted("s1"))
    writer.queue.record(moment(70), entries.Ended("s1", "laser", Ending.BADGE_TAPPED, 59_600, "marie"))
    writer.queue.commit(moment(80), granted("s2"))
    writer.queue.commit(moment(90), granted("s3"))
    writer.queue.record(moment(91), entries.Withdrawn("s3", "laser"))
    writer.step()
    first, second = usage.sessions(db)
    assert (first.session, first.started, first.powered_s, first.ended_by) == ("s1", 1_010, 60, "marie")
    assert (second.session, second.why) == ("s2", None)


def edit(writer, change):
    made = Edit(change, "root", moment(), nothing)
    writer.queue.edit(made)
    writer.step()
    return made.wait(0)


def test_a_change_is_journalled_with_who_made_it_and_told_to_the_loop(writer, db, told):
    change = Change(put=(Machine("laser"),))
    assert edit(writer, change) == 1
    assert told == [WhitelistChanged(change, 1, confirmed=0, by=told[0].by)]
    assert told[0].by
    assert next(journal.lines(db)).entry == entries.Edited(1, 1, 0, "root", rows=change.put)


def members(count):
    return tuple(Member(f"m{number}") for number in range(count))


def test_a_large_change_is_staged_in_small_transactions_and_taps_go_between(writer, db, told):
    sizes, rows = [], [0]

    def trace(sql):
        if sql.strip().upper() == "COMMIT":
            sizes.append(rows[0])
            rows[0] = 0

    db.conn.set_trace_callback(trace)
    made = Edit(
        Change(put=members(1_700), replace=True),
        "root",
        moment(),
        lambda _d, _t: writer.queue.commit(moment(), granted("tap")),
    )
    writer.queue.edit(made)
    writer.step()
    db.conn.set_trace_callback(None)
    assert len(sizes) >= 4
    kinds_of = [type(each) for each in told]
    assert kinds_of.index(GrantAnswer) < kinds_of.index(WhitelistReplaced), "the tap did not wait for the whole"
    assert len(whitelist.load(db).members) == 1_700


def test_a_change_that_fails_half_way_leaves_the_old_one_in_force(writer, db):
    edit(writer, Change(put=(Member("old"),)))
    break_disk(db)
    with pytest.raises(StorageError, match="nothing of it is in force"):
        edit(writer, Change(put=members(2_000), replace=True))
    assert list(whitelist.load(db).members) == ["old"]
    mend_disk(db)
    edit(writer, Change(put=members(600), replace=True))
    assert len(whitelist.load(db).members) == 600
    assert db.execute("select count(distinct slot) from whitelist").fetchone()[0] == 1


class Whitelists(RuleBasedStateMachine):
    """Whatever is put, dropped, merged and replaced: the disk holds what a plain dictionary holds."""

    rows = st.lists(
        st.one_of(
            st.builds(Member, st.sampled_from("abcde"), st.text("xyz", max_size=2)),
            st.builds(Badge, st.sampled_from(["a" * 32, "b" * 32]), st.sampled_from("abcde")),
            st.builds(Machine, st.sampled_from("abcde")),
        ),
        max_size=4,
    )

    @initialize()
    def begin(self):
        import tempfile
        from pathlib import Path

        self.folder = tempfile.TemporaryDirectory()
        self.db = database.open_for_writing(Path(self.folder.name))
        self.live = Whitelist()
        self.writer = Writer(self.db, self.hear, lambda: 0)
        self.model = {}

    def hear(self, answer):
        if isinstance(answer, WhitelistReplaced):
            self.live = answer.whitelist
        elif isinstance(answer, WhitelistChanged):
            for row in answer.change.put:
                self.live.put(row)
            for row in answer.change.drop:
                self.live.drop(row)

    @rule(put=rows, drop=rows, replace=st.booleans())
    def change(self, put, drop, replace):
        drop = [row for row in drop if row.key not in {each.key for each in put}]
        edit(self.writer, Change(tuple(put), tuple(drop), replace))
        if replace:
            self.model = {}
        self.model |= {row.key: row for row in put}
        for row in drop:
            self.model.pop(row.key, None)
        assert {row.key: row for row in whitelist.load(self.db).rows()} == self.model
        assert {row.key: row for row in self.live.rows()} == self.model

    def teardown(self):
        if hasattr(self, "db"):
            self.db.close()
            self.folder.cleanup()


Whitelists.TestCase.settings = settings(max_examples=30, stateful_step_count=15)
TestWhitelists = Whitelists.TestCase


@given(st.lists(st.sampled_from(["tap", "purge"]), max_size=8))
@settings(max_examples=20)
def test_no_number_ever_comes_twice(acts):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        db = database.open_for_writing(Path(folder))
        seen = set()
        for act in acts:
            if act == "tap":
                with db.atomic():
                    journal.append(db, [(moment(), refused())])
                number = db.execute("select max(seq) from journal").fetchone()[0]
                assert number not in seen
                seen.add(number)
            else:
                db.execute("delete from journal")
        db.close()


def test_the_key_is_made_once_readable_by_its_owner_alone(tmp_path):
    one = badge_key(tmp_path, make=True)
    assert stat.S_IMODE((tmp_path / "badge.key").stat().st_mode) == 0o400
    assert badge_key(tmp_path, make=True).fingerprint == one.fingerprint


def test_a_key_that_others_can_read_or_that_is_gone_is_refused(tmp_path):
    badge_key(tmp_path, make=True)
    database.open_for_writing(tmp_path).close()
    (tmp_path / "badge.key").chmod(0o444)
    with pytest.raises(StorageError, match="chmod 400"):
        badge_key(tmp_path, make=True)
    (tmp_path / "badge.key").unlink()
    with pytest.raises(StorageError, match="backup"):
        badge_key(tmp_path, make=True)


@pytest.mark.parametrize(
    "content", [b"not a database, but long enough to be looked at" * 20, b"SQLite format 3\0" + bytes(200)]
)
def test_a_file_that_is_no_database_is_named_and_left_as_it_is(tmp_path, content):
    path = tmp_path / "loquet.db"
    path.write_bytes(content)
    for open_it in (database.open_for_writing, database.open_for_reading):
        with pytest.raises(StorageError, match=r"loquet\.db"):
            open_it(tmp_path)
    assert path.read_bytes() == content


def test_a_key_that_was_cut_short_is_named(tmp_path):
    (tmp_path / "badge.key").touch(mode=0o400)
    with pytest.raises(StorageError, match=r"badge\.key.*0 bytes"):
        badge_key(tmp_path, make=True)


def test_a_writer_that_the_disk_keeps_waiting_is_seen_to_be_stuck_and_then_not(writer, tmp_path):
    thread = threading.Thread(target=writer.run)
    with contextlib.closing(sqlite3.connect(tmp_path / "loquet.db")) as other:
        other.execute("begin immediate")  # the disk does not answer
        writer.queue.record(moment(), entries.Stopped())
        thread.start()
        until(lambda: writer.queue.is_stuck(boottime_ms() + STUCK_MS + 1), "the wait")
        assert not writer.queue.is_stuck(boottime_ms())  # it has not lasted long
        other.rollback()
    writer.queue.stop()
    thread.join()
    assert not writer.queue.is_stuck(boottime_ms() + 10 * STUCK_MS)  # idle is not stuck


def test_the_end_of_a_session_that_waits_for_the_disk_is_known_to_be_held(writer):
    writer.queue.record(moment(), entries.Stopped())
    assert not writer.queue.holds_usage
    writer.queue.record(moment(), entries.Ended("s1", "laser", Ending.BADGE_REMOVED, 1_000))
    assert writer.queue.holds_usage
    writer.step()
    assert not writer.queue.holds_usage


def test_two_processes_do_not_write_at_once(tmp_path):
    held = database.lock(tmp_path)
    with pytest.raises(StorageError, match="in use"):
        database.lock(tmp_path)
    os.close(held)
    os.close(database.lock(tmp_path))


def test_a_folder_that_cannot_be_written_is_named():
    from pathlib import Path

    with pytest.raises(StorageError, match="/proc/none"):
        database.lock(Path("/proc/none"))


def test_reading_leaves_no_cursor_open(db, tmp_path):
    with db.atomic():
        journal.append(db, [(moment(), refused())] * 1_200)
    reader = database.open_for_reading(tmp_path)
    lines = journal.lines(reader)
    next(lines)
    assert db.execute("pragma wal_checkpoint(truncate)").fetchone()[0] == 0, "a reader held the log"
    assert sum(1 for _ in lines) == 1_199


def test_a_list_that_would_fill_the_disk_is_refused_before_a_row_is_written(writer, db, monkeypatch):
    real = os.statvfs("/")
    monkeypatch.setattr(os, "statvfs", lambda _path: os.statvfs_result((*real[:4], 100, *real[5:])))
    with pytest.raises(StorageError, match="make room"):
        edit(writer, Change(put=members(600), replace=True))
    assert db["whitelist"].count == 0
