"""What another version of the program has stored is kept, counted and passed over; it is no damage."""

import msgspec
import pytest
from fixed import moment

from controller.store import database, document, journal, retention, served, whitelist
from controller.store.damage import examine, open_store
from controller.store.whitelist import Change
from protocol import entries
from protocol.digest import row_hash, written
from protocol.moment import Quality
from protocol.rows import Member, Training

DAY = 86_400_000
KEY, BODY = "cupboard/laser/3", '{"machine":"laser","shelf":3,"type":"cupboard"}'


@pytest.fixture
def folder(tmp_path):
    """A controller's folder whose list holds Marie, and a row of a kind that this program does not know."""
    db = database.open_for_writing(tmp_path)
    with db.atomic():
        whitelist.merge(db, [Member("marie")], [])
        db.conn.execute("insert into whitelist (slot, key, body) values (?, ?, ?)", (whitelist.LATER, KEY, BODY))
        database.set_meta(db, f"digest/{whitelist.LATER}", written(row_hash(BODY)))
        journal.append_stored(
            db, (1, "boot-1", 1_000, "polished", "laser", None, '{"type":"polished","machine":"laser"}')
        )
        journal.append(db, [(moment(), entries.Started("9.9"))])
    db.close()
    return tmp_path


def stored(db):
    slot = int(database.meta(db, "slot"))
    places = [slot, slot + whitelist.LATER]
    return dict(db.execute("select key, body from whitelist where slot in (?, ?)", places).fetchall())


def test_a_row_of_a_later_version_opens_as_a_sound_database_without_it(folder):
    opened = open_store(folder)
    assert opened.replaced is None
    assert list(opened.whitelist.rows()) == [Member("marie")]
    assert [None for _step in examine(opened.db)]
    opened.db.close()


def test_an_edit_and_a_whole_new_list_made_here_keep_it(folder):
    db = open_store(folder).db
    with db.atomic():
        whitelist.lay(db, Change(put=(Training("safety"),)), 3)
        whitelist.fold(db)
    assert stored(db)[KEY] == BODY
    staged = list(whitelist.stage(db, Change(put=(Member("paul"),))))[-1]
    with db.atomic():
        whitelist.swap(db, staged)
    assert stored(db)[KEY] == BODY
    assert {row.key for row in whitelist.load(db).rows()} == {"member/marie", "member/paul", "training/safety"}
    db.close()


def test_the_document_of_a_later_version_is_whole_but_for_what_is_not_known_here(folder):
    db = open_store(folder).db
    document.write(db, folder)
    found = document.read(folder)
    assert found is not None
    assert (found.head.rows, found.rows) == (1, (Member("marie"),))
    lines = (folder / document.DOCUMENT).read_bytes().rstrip().split(b"\n")
    head = msgspec.json.decode(lines[0], type=document.Head)
    digest = written(int(head.digest, 16) + row_hash(BODY))
    more = msgspec.structs.replace(head, rows=2, digest=digest).sealed()
    (folder / document.DOCUMENT).write_bytes(b"\n".join([msgspec.json.encode(more), lines[1], BODY.encode()]) + b"\n")
    found = document.read(folder)
    assert found is not None
    assert (found.head.rows, found.rows) == (2, (Member("marie"),))
    db.close()


def test_a_flipped_byte_in_a_kind_is_damage(folder):
    db = database.open_for_writing(folder)
    db.execute("update whitelist set body = replace(body, '\"member\"', '\"mfmber\"') where key = 'member/marie'")
    db.close()
    opened = open_store(folder)
    assert opened.replaced is not None
    opened.db.close()


def test_an_entry_of_a_later_version_is_read_as_one_and_purged_when_it_is_old(folder):
    db = open_store(folder).db
    found = list(journal.lines(db))
    assert [line.entry for line in found] == [entries.Unknown("polished"), entries.Started("9.9")]
    reason = '{"type":"refused","machine":"laser","reason":"mood"}'
    with db.atomic():
        journal.append(db, [(moment(2_000), entries.Clock(DAY, Quality.SYNCHRONISED))])
        journal.append_stored(db, (4, "boot-1", 3_000, "refused", "laser", None, reason))
        journal.append_stored(db, (5, "boot-1", 4_000, "refused", "laser", None, reason))
        journal.append(db, [(moment(30 * DAY), entries.Clock(DAY, Quality.SYNCHRONISED))])
    retention.purge(db, retention.Periods(passages=1, usage=None), 31 * DAY, lambda: None)
    kinds = [kind for (kind,) in db.execute("select kind from journal order by seq")]
    assert kinds == ["polished", "clock", "clock"], "a refusal for a reason that nobody knows here is gone"
    db.close()


def test_the_release_before_finds_nothing_that_it_does_not_know_among_its_rows(folder):
    """It takes an unknown kind for damage: they stand in a place where it does not look."""
    db = open_store(folder).db
    slot = int(database.meta(db, "slot"))
    found = db.execute("select body from whitelist where slot = ?", [slot]).fetchall()
    assert written(sum(row_hash(body) for (body,) in found)) == database.meta(db, "digest")
    assert all("cupboard" not in body for (body,) in found)
    assert whitelist.digest(db) == written(int(database.meta(db, "digest"), 16) + row_hash(BODY))
    db.close()


def test_rows_of_later_kinds_that_do_not_add_up_are_left_out_and_the_whole_is_asked_for(folder):
    db = open_store(folder).db
    database.set_meta(db, served.KNEW, served.MORE)
    assert served.is_for_this_program(db)
    db.execute("update whitelist set body = replace(body, '3', '4') where key = ?", [KEY])
    assert not served.is_for_this_program(db)
    db.close()
    opened = open_store(folder)
    assert opened.replaced is None
    opened.db.close()
