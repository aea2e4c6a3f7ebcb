"""Power cuts at every write: whatever of it reached the disk, it is sound, and what was acknowledged is there.

The work is the shipped daemon's and the shipped writer's own, recorded by strace; the images are all kinds of legal
ones.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
from pathlib import Path

import pytest
from commands import told
from disk import Disk, write
from recording import Recording, record
from sqlite_utils import Database

from controller.store import damage, document, journal, machine_counters, usage, whitelist
from controller.store.database import DATABASE, DamagedError, meta, migrations
from controller.store.files import write_whole
from controller.store.key import badge_key
from protocol import entries
from protocol.badge import KEY_BYTES
from simulator.stage import until

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace"),
]
HERE = Path(__file__).parent
MARIE, TOM = "04A3C6CAE26180", "C0FFEE42"
LASER_CLOSES = b"\xa6\x11\x01"  # to the simulated board: pin 17 up
WHOLE = 40  # of so many images one is opened as the daemon does, and its sessions closed


@pytest.fixture
def folder():
    made = Path(tempfile.mkdtemp(prefix="loquet-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def place():
    made = Path(tempfile.mkdtemp(prefix="loquet-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


def heard(path, told):
    """What `work.py` says, what the control socket answers to an edit, and the relay that closes."""
    if told.startswith(b"ack "):
        _ack, kind, value = told.decode().split()
        return kind, int(value) if value.isdecimal() else value
    if path is None and told == LASER_CLOSES:
        return "closed", 1
    if path is None and told.startswith(b'{"is":') and told.strip()[6:-1].isdigit():
        return "version", int(told.strip()[6:-1])
    return None


def acknowledged(marks):
    """What whoever listened relies on, so far."""
    found = {"granted": set(), "closed": 0, "seq": 0, "version": 0, "acknowledged": 0}
    for kind, value in marks:
        if kind == "granted":
            found["granted"].add(value)
        elif kind == "closed":
            found["closed"] += 1
        else:
            found[kind] = max(found[kind], value)
    return found


def wrong(place, told):
    """Say what is wrong with an image; nothing where all is well."""
    path = place / DATABASE
    if not path.exists() or not path.stat().st_size:
        return "no database" if any(told.values()) else None
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        db = Database(connection)
        said = connection.execute("pragma integrity_check").fetchone()[0]
        if said != "ok":
            return said
        if "overlay" not in {name for (name,) in connection.execute("select name from sqlite_master")}:
            return "not begun" if any(told.values()) else None  # not brought up to date yet
        whitelist.load(db)  # holds it to its digest
        machine_counters.counters(db)
        if (place / document.DOCUMENT).exists():
            document.read(place)
        return next((what for what, holds in _kept(db, told) if not holds), None)


def _kept(db, told):
    """Give what has to hold of what was acknowledged."""
    granted = [line.entry.session for line in journal.lines(db) if isinstance(line.entry, entries.Granted)]
    yield "a session was lost", told["granted"] <= set(granted)
    yield "a relay closed for a session that was lost", len(granted) >= told["closed"]
    yield "an entry was lost", journal.last(db) >= told["seq"]
    yield "an edit was lost", int(meta(db, "version")) >= told["version"]
    yield "an acknowledgement was lost", journal.acknowledged(db, meta(db, "epoch")) >= told["acknowledged"]


def go_on(place):
    """Open an image as the daemon does, close what was open; tell what is wrong."""
    opened = damage.open_store(place)
    try:
        if opened.replaced is not None:
            return f"taken for damaged: {opened.replaced.why}"
        for _step in damage.examine(opened.db):
            pass
    finally:
        opened.db.close()
    return None


def cut_everywhere(recording, place, per_cut, *, look=wrong, whole=go_on, seed=None):
    """Cut before each operation; give the number of images and what was wrong with which."""
    seed = seed or int(os.environ.get("SEED", "0")) or random.randrange(2**32)
    print(f"SEED={seed}")
    operations = recording.operations(heard)
    count, bad, before = 0, [], None
    for cut in Disk(recording.initial).every_cut(operations, random.Random(seed), per_cut):
        told = acknowledged(cut.marks)
        for kind, image in cut.images:
            count += 1
            same = kind == "dropped" and (image, told) == before  # what is synced stays for many cuts
            before = (image, told) if kind == "dropped" else before
            if same:
                continue
            write(image, place)
            try:
                what = look(place, told)
                if what is None and whole is not None and count % WHOLE == 0 and (place / DATABASE).exists():
                    what = whole(place)
            except (DamagedError, sqlite3.Error) as error:
                what = repr(error)
            if what is not None:
                bad.append((cut.index, kind, what))
    return count, bad


def at_work(folder, *more):
    return record([sys.executable, str(HERE / "work.py"), str(folder), *more], folder)


def forget_purged(place, told):
    """As `wrong`; sessions that the purge was due to delete may be gone."""
    return wrong(place, told | {"granted": set()})


def test_no_cut_loses_what_was_acknowledged_nor_breaks_anything(folder, place):
    recording = at_work(folder)
    count, bad = cut_everywhere(recording, place, 14, look=forget_purged)
    kinds = {heard(None, f"{line}\n".encode())[0] for line in recording.output.splitlines()}
    assert kinds == {"granted", "seq", "version", "acknowledged"}, "all that is acknowledged was heard"
    print(count, "images")
    assert bad == [], bad[:5]
    assert count > 7_900


@pytest.mark.parametrize("synchronous", ["normal", "off"])
def test_with_less_synchronisation_something_is_lost_so_the_cuts_do_cut(folder, place, synchronous):
    _count, bad = cut_everywhere(
        at_work(folder, "--synchronous", synchronous), place, 2, look=forget_purged, whole=None
    )
    assert any("lost" in what for _index, _kind, what in bad)


def test_no_cut_of_the_daemons_own_life_loses_a_session_or_an_edit(stage, place):
    stage.loquet("whitelist", "grant", "tom", "laser", "--level", "trainer")
    with _daemon(stage) as recording:
        for turn in range(1):
            stage.lay("laser", MARIE)
            until(lambda: stage.closed("laser"), "laser closes")
            until(lambda: stage.state("laser").get("powered_s", 0) >= 1, "heartbeats")
            stage.loquet("whitelist", "grant", f"new{turn}", "laser", "--badge", f"C0FFEE{turn:02}")
            stage.take("laser", MARIE)
            until(lambda: stage.state("laser")["state"] == "idle", "laser is idle")
        rows = [f"{number:08X};m{number};laser" for number in range(0xA0000000, 0xA0000000 + 40)]
        sheet = stage.config.parent / "many.csv"
        sheet.write_text(f"badge;member;trainings\n{MARIE};marie;laser\n" + "\n".join(rows) + "\n")
        assert stage.loquet("whitelist", "import", "--replace", str(sheet)).returncode == 0
        assert stage.loquet("member", "forget", "m2684354560", "--yes").returncode == 0
        stage.lay("laser", MARIE)
        until(lambda: stage.closed("laser"), "laser closes")
        recording.stop(signal.SIGTERM)
    count, bad = cut_everywhere(recording, place, 8)
    told = acknowledged([mark.value for mark in recording.operations(heard) if hasattr(mark, "value")])
    assert told["closed"] == 2
    assert told["version"] >= 4
    print(count, "images")
    assert bad == [], bad[:5]
    assert count > 2_200


@contextlib.contextmanager
def _daemon(stage):
    command = [sys.executable, str(HERE / "quick_daemon.py"), "run"]
    with Recording(command, stage.settings.data_dir, env=stage.environment).start() as recording:
        recording.process.stdout.readline()
        until(lambda: all(each["reader"] for each in stage.status()["stations"]), "the readers")
        yield recording


def old(folder, *, until_migration="seals_and_edits", sessions=60):
    """A folder as the version before left it."""
    write_whole(folder / "badge.key", [bytes(KEY_BYTES)], 0o400)
    with contextlib.closing(sqlite3.connect(folder / DATABASE, isolation_level=None)) as connection:
        db = Database(connection)
        db.enable_wal()
        migrations.apply(db, stop_before=until_migration)
        for number in range(sessions):
            for kind, at in (("granted", 1), ("ended", 2)):
                body = {"type": kind, "session": f"s{number}", "machine": "laser"}
                body |= (
                    {"member": "marie", "badge": "a" * 32, "level": 2}
                    if kind == "granted"
                    else {"why": "idle", "powered": 5}
                )
                db["journal"].insert(
                    {"boot": "b", "at": number * 10 + at, "kind": kind, "machine": "laser", "session": f"s{number}"}
                    | {"body": json.dumps(body)}
                )
    return folder


@pytest.mark.parametrize("migration", ["hours_and_busy_time", "seals_and_edits"])
def test_a_migration_that_is_cut_short_is_done_again_or_was_done(folder, place, migration):
    old(folder, until_migration=migration)
    script = "import sys; from pathlib import Path; from controller.store.damage import open_store; "
    recording = record([sys.executable, "-c", script + "open_store(Path(sys.argv[1])).db.close()", str(folder)], folder)

    def look(place, _told):
        opened = damage.open_store(place)
        with contextlib.closing(opened.db):
            count = len(list(usage.sessions(opened.db)))
            whole = machine_counters.counter(opened.db, "laser").sessions
            due = (60, 60 if migration == "hours_and_busy_time" else 0, None)
            return None if (count, whole, opened.replaced) == due else f"{count} sessions, {whole} counted"

    count, bad = cut_everywhere(recording, place, 6, look=look, whole=None)
    assert count > 20
    assert bad == [], bad[:5]


def test_saving_a_damaged_database_may_be_cut_short_anywhere(folder, place):
    at_work(folder)
    opened = damage.open_store(folder)
    before, rows = len(list(journal.lines(opened.db))), len(list(opened.whitelist.rows()))
    opened.db.close()
    raw = bytearray((folder / DATABASE).read_bytes())
    raw[0:30] = bytes(30)
    (folder / DATABASE).write_bytes(raw)
    script = "import sys; from pathlib import Path; from controller.store.damage import open_store; "
    recording = record([sys.executable, "-c", script + "open_store(Path(sys.argv[1])).db.close()", str(folder)], folder)

    def look(place, _told):
        opened = damage.open_store(place)
        with contextlib.closing(opened.db):
            lines = [
                line for line in journal.lines(opened.db) if line.entry.__struct_config__.tag != "storage_replaced"
            ]
            found = len(lines), len(list(opened.whitelist.rows()))
            return None if found[0] >= before and found[1] == rows else f"{found} of {(before, rows)}"

    count, bad = cut_everywhere(recording, place, 3, look=look, whole=None)
    assert count > 100
    assert bad == [], bad[:5]


def test_the_daemon_itself_starts_on_images_and_no_session_stays_open(stage, place):
    with _daemon(stage) as recording:
        stage.lay("laser", MARIE)
        until(lambda: stage.closed("laser"), "laser closes")
        until(lambda: stage.state("laser").get("powered_s", 0) >= 1, "heartbeats")
        recording.stop(signal.SIGKILL)
    stage.take("laser", MARIE)
    cuts = list(Disk(recording.initial).every_cut(recording.operations(heard), random.Random(1), 2))
    after = [cut for cut in cuts if any(kind == "closed" for kind, _value in cut.marks)]
    for cut in (after[0], after[len(after) // 2], after[-1]):
        write(cut.images[-1][1], stage.settings.data_dir)
        for name in ("badge.key",):
            (stage.settings.data_dir / name).chmod(0o400)
        stage.start_daemon()
        until(lambda: [session["why"] for session in told(stage, "sessions")], "it")
        ends = [session["why"] for session in told(stage, "sessions")]
        assert ends == ["interrupted"]
        stage.kill("daemon", signal.SIGTERM)


def test_the_key_is_there_whole_or_not_at_all(folder, place):
    script = "import sys; from pathlib import Path; from controller.store.key import badge_key; "
    command = [sys.executable, "-c", script + "badge_key(Path(sys.argv[1]), make=True)", str(folder)]

    def look(place, _told):
        if (place / "badge.key").exists():
            (place / "badge.key").chmod(0o400)
            badge_key(place, make=False)

    count, bad = cut_everywhere(record(command, folder), place, 20, look=look, whole=None)
    assert count > 5
    assert bad == []
