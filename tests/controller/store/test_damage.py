"""A damaged database: nothing is believed that was not written, and what can be read of it is kept."""

import contextlib
import os
import random
import shutil
import sqlite3
import subprocess
import tempfile
from pathlib import Path

import files
import pytest
from fixed import moment
from workshop import Workshop

from controller.store import damage, database, document, journal, rescue, set_aside, whitelist
from controller.store.carve import Found, carve
from controller.store.damage import open_store
from controller.store.database import DATABASE, DamagedError, meta, set_meta
from controller.store.edits import Edit
from controller.store.key import badge_key
from controller.store.whitelist import Change
from controller.store.writer import Writer
from protocol import entries
from protocol.entries import Ending
from protocol.rows import Badge, Certification, Level, Machine, Member, Training

LIST = [Training("safety"), Machine("laser", requires=("safety",))]
LIST += [row for n in range(200) for row in (Member(f"m{n:03}", f"Name {n}"), Badge(f"{n:032x}", f"m{n:03}"))]
LIST += [Certification(f"m{n:03}", "safety") for n in range(200)]


def session(number):
    """A session, from grant to end."""
    name = f"s{number:04}"
    yield moment(number * 1000), entries.Granted(name, "laser", "m001", f"{1:032x}", Level.USER)
    yield moment(number * 1000 + 500), entries.Ended(name, "laser", Ending.BADGE_TAPPED, 500)


def fill(folder, sessions=120):
    """Live a while: an import, sessions, edits that lie over the list; killed, so that the log is still there."""
    badge_key(folder, make=True)
    opened = open_store(folder)
    writer = Writer(opened.db, lambda _message: None, lambda: 1_795_000_000_000, data_dir=folder)
    edit = Edit(Change(put=tuple(LIST), replace=True), "root", moment())
    writer.queue.edit(edit)
    writer.step()
    edit.wait(0)
    writer.step()
    for number in range(sessions):
        for when, entry in session(number):
            writer.queue.record(when, entry)
        writer.step()
        if number == sessions // 2:
            database.open_for_reading(folder).execute("select 1")
            writer.house.checkpoint()
    for who in ("late", "later"):
        writer.queue.edit(Edit(Change(put=(Member(who, who.title()), Certification(who, "safety"))), "root", moment()))
        writer.step()
    return writer


def copy_of(folder, tmp):
    """The files as a kill leaves them; copied by another process, since a writer of ours is still open on them."""
    place = Path(tempfile.mkdtemp(dir=tmp))
    names = (DATABASE, f"{DATABASE}-wal", "badge.key", document.DOCUMENT)
    subprocess.run(["cp", "-p", *(folder / name for name in names if (folder / name).exists()), place], check=True)
    return place


@pytest.fixture(scope="module")
def lived():
    """A folder that was lived in, and was not closed."""
    folder = Path(tempfile.mkdtemp(prefix="loquet-"))
    writer = fill(folder)
    yield folder
    writer.close()
    shutil.rmtree(folder)


@pytest.fixture
def tmp():
    folder = Path(tempfile.mkdtemp(prefix="loquet-"))
    yield folder
    shutil.rmtree(folder)


def everything(db):
    """All entries, wherever they are now, as the journal had them."""
    return [(line.seq, line.entry) for line in journal.lines(db)]


def test_a_flipped_byte_anywhere_costs_at_most_what_stood_on_its_page(lived, tmp):
    seed = int(os.environ.get("SEED", "0")) or random.randrange(2**32)
    print("seed", seed)
    rng = random.Random(seed)
    place = copy_of(lived, tmp)
    opened = open_store(place)
    whole, expected = everything(opened.db), {row.key: row for row in opened.whitelist.rows()}
    opened.db.close()
    assert len(whole) == 243
    pages = sum((lived / name).stat().st_size for name in (DATABASE, f"{DATABASE}-wal")) // 4096
    noticed = 0
    for _flip in range(80):
        place = copy_of(lived, tmp)
        name = rng.choice([DATABASE, DATABASE, f"{DATABASE}-wal"])
        raw = bytearray(files.read(place / name))
        at = rng.randrange(len(raw))
        raw[at] ^= 1 << rng.randrange(8)
        files.write(place / name, raw)
        opened = open_store(place)
        try:
            found = everything(opened.db)
            lost = [seq for seq, entry in whole if (seq, entry) not in found]
            assert [each for each in found if each not in whole] == [], (name, at)
            assert len(lost) <= 30, f"{name} at {at}: {len(lost)} of {len(whole)} lost"
            rows = {row.key: row for row in opened.whitelist.rows()}
            if not lost:
                assert rows.keys() == expected.keys(), (name, at)
            assert {key for key in expected if "late" not in key} <= rows.keys(), (name, at)
            if opened.replaced is not None:
                noticed += 1
                assert (place / "damaged" / "0001" / DATABASE).exists()
                assert opened.replaced.saved == len(found)
            for _step in damage.examine(opened.db):
                pass
        finally:
            opened.db.close()
            shutil.rmtree(place)
    print(noticed, "of 80 flips were noticed;", pages, "pages")
    assert noticed > 8


def foreign(path):
    """Another program's database."""
    path.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("create table orders (id integer)")
        connection.execute("insert into orders values (1)")
        connection.commit()


REPLACED = {
    "empty": lambda path: files.write(path, b""),
    "zeroes": lambda path: files.write(path, bytes(path.stat().st_size)),
    "a text": lambda path: files.write(path, b"Bonjour " * 1000),
    "cut short": lambda path: files.write(path, files.read(path)[: path.stat().st_size // 2 + 100]),
    "another program's": foreign,
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("what", REPLACED)
def test_whatever_stands_in_its_place_the_whitelist_comes_back(lived, tmp, what):
    place = copy_of(lived, tmp)
    (place / f"{DATABASE}-wal").unlink()
    before = document.read(place)
    REPLACED[what](place / DATABASE)
    opened = open_store(place)
    assert opened.replaced is not None
    assert {row.key for row in opened.whitelist.rows()} >= {row.key for row in before.rows}
    assert opened.replaced.epoch == before.head.epoch
    assert meta(opened.db, "epoch") != before.head.epoch
    assert opened.whitelist.version > before.head.version
    opened.db.close()
    again = open_store(place)
    assert again.replaced is None, "once is enough"
    again.db.close()


def test_a_first_start_is_no_damage(tmp):
    opened = open_store(tmp)
    assert opened.replaced is None
    assert not (tmp / "damaged").exists()


@pytest.mark.parametrize("cut", range(9))
def test_cut_short_anywhere_the_saving_is_gone_through_again(lived, tmp, cut, monkeypatch):
    place = copy_of(lived, tmp)
    raw = bytearray(files.read(place / DATABASE))
    raw[16:40] = bytes(24)
    files.write(place / DATABASE, raw)
    steps = []

    def stopping(original):
        def step(*args, **keys):
            steps.append(original)
            if len(steps) > cut:
                raise KeyboardInterrupt
            return original(*args, **keys)

        return step

    for where, name in (
        (set_aside, "move"), (damage, "open_for_writing"), (rescue, "set_meta"), (rescue.raw, "carve"),
        (rescue, "_save_journal"), (rescue, "_save_counts"), (whitelist, "swap"), (document, "write"),
    ):  # fmt: skip
        monkeypatch.setattr(where, name, stopping(getattr(where, name)))
    with contextlib.suppress(KeyboardInterrupt):
        open_store(place).db.close()
    monkeypatch.undo()
    opened = open_store(place)
    found = everything(opened.db)
    assert len([entry for _seq, entry in found if isinstance(entry, entries.Ended)]) == 120
    assert len(opened.whitelist.members) == 202
    opened.db.close()


def test_a_number_is_never_used_twice_and_an_old_epoch_stays_what_it_was(lived, tmp):
    place = copy_of(lived, tmp)
    files.write(place / DATABASE, b"rubbish" * 10_000)
    (place / f"{DATABASE}-wal").unlink()
    opened = open_store(place)
    epochs = {line.epoch for line in journal.lines(opened.db)}
    assert epochs <= {opened.replaced.epoch}
    with opened.db.atomic():
        journal.append(opened.db, [(moment(1), entries.Started("1"))])
    assert list(journal.lines(opened.db))[-1].epoch == ""
    opened.db.close()


def test_a_meta_value_that_was_changed_behind_our_back_is_not_believed(tmp):
    opened = open_store(tmp)
    opened.db.execute("update meta set value = '9999999999999' where key = 'floor'")
    with pytest.raises(DamagedError, match="floor"):
        meta(opened.db, "floor")
    set_meta(opened.db, "floor", "1")
    assert meta(opened.db, "floor") == "1"


def test_carving_reads_what_stood_on_overflow_pages_too(tmp):
    opened = open_store(tmp)
    rows = tuple(Member(f"m{n:03}") for n in range(300))
    with opened.db.atomic():
        journal.append(opened.db, [(moment(), entries.Edited(1, 300, 0, "root", rows=rows))])
    opened.db.close()
    found = carve(tmp / DATABASE)
    assert len(found.journal) == 1
    assert len(found.journal[1][6]) > 4096


def test_a_body_that_a_flipped_byte_made_no_text_is_damage(lived, tmp):
    place = copy_of(lived, tmp)
    opened = open_store(place)
    opened.db.execute("update whitelist set body = x'05' where key = 'member/m034'")
    with pytest.raises(DamagedError, match="m034"):
        whitelist.load(opened.db)
    opened.db.close()
    again = open_store(place)
    assert again.replaced is not None
    assert "m034" in again.whitelist.members, "the document has it"
    again.db.close()


# --- while the daemon runs ---


@pytest.mark.parametrize("what", ["gone", "another program's", "zeroes"])
def test_a_session_goes_on_while_its_database_is_replaced_and_its_usage_is_whole(what):
    with Workshop() as w:
        w.lay("marie")
        w.wait(100)
        path = w.settings.data_dir / DATABASE
        REPLACED[what](path) if what != "zeroes" else files.write(path, b"\0" * 100)
        w.lay("nobody")  # something to write
        w.wait(60)
        assert w.closed(), "what runs goes on"
        w.take("nobody")
        w.take("marie")
        w.wait(10)
        assert not w.closed()
        (usage,) = w.sessions()
        assert (usage.member, usage.powered_s, usage.why) == ("marie", 165, "badge_removed")
        assert len(w.entries("storage_replaced")) == (what != "zeroes"), "its log still holds every page"
        w.tap("jean")
        assert "granted" in [entry.__struct_config__.tag for entry in w.entries()], "and the next starts"
        w.kill()
        w.start()
        assert len(w.sessions()) == 2


def test_a_session_whose_grant_was_lost_is_told_of_again(monkeypatch):
    with Workshop() as w:
        w.lay("marie")
        w.wait(100)
        epoch = meta(w.db, "epoch")
        monkeypatch.setattr(rescue.raw, "carve", lambda _path: Found())
        (w.settings.data_dir / DATABASE).unlink()
        w.wait(60)  # the next heartbeat finds it
        w.take("marie")
        w.wait(10)
        (usage,) = w.sessions()
        assert (usage.member, usage.powered_s) == ("marie", 165)
        assert w.entries("storage_replaced")[0].epoch == epoch, "as the document says"
        assert set(w.badges.whitelist.members) == {"marie", "jean", "lea", "tom", "laure", "paul"}


def test_usage_whose_beginning_was_lost_is_still_usage(monkeypatch):
    with Workshop() as w:
        w.lay("marie")
        w.wait(30)
        monkeypatch.setattr(rescue.raw, "carve", lambda _path: Found())
        (w.settings.data_dir / DATABASE).unlink()
        w.take("marie")
        w.wait(10)
        (usage,) = w.sessions()
        assert (usage.member, usage.powered_s) == ("", 35), "nobody knows whose, but the minutes are there"


def test_a_session_that_ends_while_its_database_is_replaced_ends_once():
    with Workshop() as w:
        w.lay("marie")
        w.wait(10)
        (w.settings.data_dir / DATABASE).unlink()
        w.stop()
        w.start()
        assert w.ends() == ["stopped"]


def test_a_flipped_byte_in_the_view_of_all_entries_is_damage_when_it_is_opened_and_not_when_it_is_asked(tmp):
    db = database.open_for_writing(tmp)
    db.execute("pragma writable_schema = 1")
    db.execute("update sqlite_master set sql = replace(sql, 'kind', 'ki.d') where name = 'everything'")
    db.close()
    with pytest.raises(DamagedError, match=r"ki\.d"):
        database.open_for_writing(tmp)
    opened = open_store(tmp)
    assert opened.replaced is not None
    opened.db.close()


def test_the_examiner_finds_what_nobody_has_read_yet(tmp):
    from controller.store.integrity import IntegrityCheck

    writer = fill(tmp, sessions=10)
    writer.connection.db.execute("update journal set body = replace(body, 's0003', 's0004') where seq = 8")
    found = []
    examiner = IntegrityCheck(tmp, found.append)
    for _turn in range(20):
        if examiner.step() > 1:
            break
    assert "8" in found[0]
    writer.queue.damaged(found[0])
    writer.step()
    saved = {line.seq: line.entry for line in journal.lines(writer.connection.db) if line.epoch}
    assert {7, 9} <= saved.keys()
    assert "s0004" not in repr(saved.get(8)), "an older page still had it as it was, or it is lost"
    writer.close()


# --- what an enemy found ---


def test_a_text_that_cannot_be_written_holds_up_no_other_and_is_no_damage():
    with Workshop() as w:
        w.loop.writes.record(w.clock.now(), entries.Corrected("s", "laser", "root", note="oubli\udce9"))
        w.settle()
        w.wait(5)
        w.lay("marie")
        assert w.closed()
        assert not w.entries("storage_replaced")


@pytest.mark.parametrize("body", ["{", '{"type":"member"}', "x"])
def test_a_row_that_was_changed_behind_the_writers_back_ends_no_thread(tmp, body):
    writer = fill(tmp, sessions=3)
    writer.connection.db.execute("update whitelist set body = ? where key = 'member/m003'", [body])
    writer.queue.edit(Edit(Change(put=(Member("m5", "New"),)), "root", moment()))
    for _turn in range(6):
        writer.step()
    found = whitelist.load(writer.connection.db)
    assert found.members["m003"].name == "Name 3", "from the document"
    assert meta(writer.connection.db, "version") != "0"
    writer.close()


@pytest.mark.parametrize("count", [9, 12, 17, 512])
@pytest.mark.parametrize("filler", [b"\0", b"\xff"])
def test_a_log_whose_head_is_gone_has_lost_nothing_that_stands_in_it(tmp, count, filler):
    writer = fill(tmp, sessions=20)
    writer.queue.edit(Edit(Change(put=(Member("m001", "Name 1", excluded=True),)), "root", moment()))
    writer.step()
    writer.step()
    place = copy_of(tmp, tmp)
    writer.close()
    log = place / f"{DATABASE}-wal"
    files.write(log, filler * count + files.read(log)[count:])
    opened = open_store(place)
    assert opened.whitelist.members["m001"].excluded
    sessions = [entry for _seq, entry in everything(opened.db) if isinstance(entry, entries.Ended)]
    assert len(sessions) >= 19
    opened.db.close()


def test_of_two_lists_the_newer_comes_back(tmp):
    seed = int(os.environ.get("SEED", "0")) or random.randrange(2**32)
    print("seed", seed)
    rng = random.Random(seed)
    writer = fill(tmp, sessions=20)
    writer.house.checkpoint()
    writer.queue.edit(Edit(Change(put=(Member("m001", "Name 1", excluded=True),)), "root", moment()))
    writer.step()
    writer.step()
    for _pair in range(25):
        place = copy_of(tmp, tmp)
        for name in (DATABASE, f"{DATABASE}-wal"):
            raw = bytearray(files.read(place / name))
            at = rng.randrange(0, len(raw), 512)
            raw[at : at + 512] = bytes(512)
            files.write(place / name, raw)
        opened = open_store(place)
        assert opened.whitelist.members["m001"].excluded
        opened.db.close()
        shutil.rmtree(place)
    writer.close()


def test_edits_over_a_long_list_come_back_when_the_journal_no_longer_has_them(tmp, monkeypatch):
    monkeypatch.setattr(document, "SMALL", 10)
    writer = fill(tmp, sessions=3)
    writer.queue.edit(Edit(Change(put=(Member("m001", "Name 1", excluded=True),)), "root", moment()))
    writer.step()
    writer.connection.db.execute("delete from journal where kind = 'whitelist_edited'")
    writer.connection.db.execute("update whitelist set body = 'x' where key = 'member/m003'")
    writer.queue.damaged("test")
    for _turn in range(4):
        writer.step()
    found = whitelist.load(writer.connection.db)
    assert (found.members["m001"].excluded, found.members["m001"].name) == (True, "Name 1")
    writer.close()


def test_a_session_whose_grant_was_lost_ends_all_the_same_after_a_power_cut(monkeypatch):
    with Workshop() as w:
        w.lay("marie")
        w.wait(100)
        monkeypatch.setattr(rescue.raw, "carve", lambda _path: Found())
        (w.settings.data_dir / DATABASE).unlink()
        w.wait(100)
        monkeypatch.undo()
        w.power_cut()
        w.start()
        (usage,) = w.sessions()
        assert (usage.member, usage.why) == ("marie", "interrupted")
        assert usage.powered_s >= 140


def test_what_is_forgotten_while_somebody_reads_is_gone_once_nobody_does(tmp):
    writer = fill(tmp, sessions=3)
    reader = database.open_for_reading(tmp)
    reader.execute("begin")
    reader.execute("select count(*) from journal").fetchone()
    writer.queue.edit(Edit(Change(drop=(Member("late"),)), "root", moment(), forgets=True))
    writer.step()
    reader.close()
    for _turn in range(4):
        writer.step()
    raw = files.all_of(tmp)
    assert b'"name":"Late"' not in raw
    writer.close()


def test_what_another_version_wrote_is_shown_as_such_and_is_no_damage(tmp):
    opened = open_store(tmp)
    row = (1, "b", 1, "teleported", None, None, '{"type":"teleported"}')
    from controller.store.seal import seal

    opened.db.execute("insert into journal values (?, ?, ?, ?, ?, ?, ?, ?)", [*row, seal("journal", *row)])
    opened.db.close()
    opened = open_store(tmp)
    assert opened.replaced is None
    assert [entry for _seq, entry in everything(opened.db)] == [entries.Unknown("teleported")]
    opened.db.close()
