"""Controls of the power cuts: what is known to keep its word keeps it here, and what is known not to is caught."""

import random
import re
import shutil
import signal
import sqlite3
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from disk import Disk, write
from recording import (
    Create,
    Mark,
    Reading,
    Recording,
    RecordingError,
    Rename,
    Sync,
    SyncDir,
    Truncate,
    Unlink,
    Write,
    read_folder,
    record,
)

WRITER = str(Path(__file__).parent / "one_writer.py")
traced = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


@pytest.fixture
def memory():
    with tempfile.TemporaryDirectory(prefix="crash-") as folder:
        yield Path(folder)


# --- SQLite, of which it is known what it keeps ---


def acknowledged(_path, data):
    return int(data.split()[1]) if data.startswith(b"ack ") else None


def after_the_cut(path, marks):
    """What somebody finds who opens the database again: ok, lost (an acknowledged row is not there), corrupt."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        if connection.execute("pragma integrity_check").fetchone()[0] != "ok":
            return "corrupt"
        made = connection.execute("select 1 from sqlite_master where name = 'lines'").fetchone()
        rows = {number for (number,) in connection.execute("select number from lines")} if made else set()
    except sqlite3.DatabaseError:
        return "corrupt"
    finally:
        connection.close()
    return "ok" if rows.issuperset(marks) else "lost"


def cuts(memory, rng, *options, rows=35, per_cut=5):
    """Record the writer, cut the power everywhere, count what was found: by outcome, and by kind and outcome."""
    data, image_folder = memory / "data", memory / "image"
    data.mkdir()
    image_folder.mkdir()
    recording = record([sys.executable, WRITER, str(data / "lines.db"), "--rows", str(rows), *options], data)
    operations = recording.operations(acknowledged)
    assert [each.value for each in operations if isinstance(each, Mark)] == list(range(1, rows + 1))
    found = Counter()
    for cut in Disk(recording.initial).every_cut(operations, rng, per_cut):
        for kind, image in cut.images:
            write(image, image_folder)
            outcome = after_the_cut(image_folder / "lines.db", cut.marks)
            found.update([outcome, (kind, outcome)])
    assert cut.images[0] == ("killed", read_folder(data)), "what was followed call by call is what is there at the end"
    print(dict(found))
    return found


@traced
@pytest.mark.process
@pytest.mark.parametrize("checkpoint", ["1000", "20"])
def test_with_full_synchronisation_no_cut_loses_an_acknowledged_row(memory, rng, checkpoint):
    found = cuts(memory, rng, "--synchronous", "full", "--checkpoint", checkpoint)
    assert (found["lost"], found["corrupt"]) == (0, 0)
    assert found["torn", "ok"] > 100
    assert found["reordered", "ok"] > 100


@traced
@pytest.mark.process
def test_with_normal_synchronisation_a_cut_loses_acknowledged_rows_and_corrupts_nothing(memory, rng):
    found = cuts(memory, rng, "--synchronous", "normal", "--checkpoint", "20")
    assert found["corrupt"] == 0
    assert found["dropped", "lost"] > 10
    assert found["torn", "lost"] > 10
    assert found["killed", "lost"] == 0, "a process that is killed loses nothing that was written"


@traced
@pytest.mark.process
def test_without_synchronisation_a_cut_loses_rows_and_a_checkpoint_corrupts_the_database(memory, rng):
    found = cuts(memory, rng, "--synchronous", "off", "--checkpoint", "20")
    assert found["dropped", "lost"] > 10
    assert found["reordered", "corrupt"] > 10
    assert found["torn", "corrupt"] > 10
    assert found["killed", "ok"] == sum(found["killed", outcome] for outcome in ("ok", "lost", "corrupt"))


@traced
@pytest.mark.process
def test_a_journal_whose_unlinking_is_not_synced_takes_the_last_row_back(memory, rng):
    (memory / "full").mkdir()
    (memory / "extra").mkdir()
    full = cuts(memory / "full", rng, "--journal", "delete", "--synchronous", "full", rows=12)
    extra = cuts(memory / "extra", rng, "--journal", "delete", "--synchronous", "extra", rows=12)
    assert full["corrupt"] == extra["corrupt"] == 0
    assert full["dropped", "lost"] > 10
    assert extra["lost"] == 0


@traced
@pytest.mark.process
def test_a_writer_that_speaks_too_early_is_caught_without_any_power_cut(memory, rng):
    found = cuts(memory, rng, "--early", rows=5)
    assert found["killed", "lost"] > 5


@traced
@pytest.mark.process
def test_what_was_heard_from_a_writer_before_it_was_killed_is_in_its_recording(memory):
    with Recording([sys.executable, WRITER, str(memory / "lines.db"), "--rows", "100000"], memory).start() as recording:
        heard = [recording.process.stdout.readline() for _ in range(5)]
        assert recording.stop(signal.SIGKILL) == -signal.SIGKILL
    marks = [each.value for each in recording.operations(acknowledged) if isinstance(each, Mark)]
    assert marks == list(range(1, len(marks) + 1))
    assert heard == [f"ack {number}\n" for number in range(1, 6)]
    assert len(marks) >= 4, "the call that was under way never came back"


# --- lines of a trace ---


def read(text, mark=lambda _path, _data: None, initial=None):
    """Read a trace in which strings stand as they are."""
    text = re.sub(r'"([^"]*)"', lambda found: '"' + "".join(f"\\x{b:02x}" for b in found[1].encode()) + '"', text)
    return Reading("/data", initial or {}, "/", mark).read(line for line in text.splitlines() if line.strip())


def test_a_sync_covers_what_had_come_back_when_it_began():
    operations = read("""
        1  openat(AT_FDCWD, "/data/a", O_RDWR|O_CREAT|O_CLOEXEC, 0644) = 3
        1  pwrite64(3, "early", 5, 0 <unfinished ...>
        2  +++ exited with 0 +++
        1  <... pwrite64 resumed>) = 5
        1  clone3({flags=CLONE_VM|CLONE_FILES|CLONE_THREAD, stack=0x7f, stack_size=0x7} => {parent_tid=[4]}, 88) = 4
        4  pwrite64(3, "under way", 9, 5 <unfinished ...>
        1  fsync(3 <unfinished ...>
        4  <... pwrite64 resumed>) = 9
        1  <... fsync resumed>) = 0
    """)
    assert operations == [
        Create("a", 1),
        Write("a", 1, 0, b"early"),
        Write("a", 1, 5, b"under way"),
        Sync(1, started=2),
    ]
    disk = Disk({})
    for operation in operations:
        disk.apply(operation)
    assert dict(disk.images(random.Random(0), 2)) == {"killed": {"a": b"earlyunder way"}, "dropped": {"a": b"early"}}


def test_a_duplicate_shares_the_position_and_outlives_the_first():
    operations = read("""
        1  open("/data/a", O_WRONLY|O_CREAT, 0644) = 3
        1  dup2(3, 7) = 7
        1  write(3, "one", 3) = 3
        1  close(3) = 0
        1  fcntl(7, F_DUPFD_CLOEXEC, 0) = 3
        1  writev(7, [{iov_base="t", iov_len=1}, {iov_base="wo", iov_len=2}], 2) = 3
        1  lseek(3, 1, SEEK_SET) = 1
        1  read(0x3, 0x7f00, 0x4) = 0x4
        1  write(7, "!", 1) = 1
    """)
    assert operations[1:] == [Write("a", 1, 0, b"one"), Write("a", 1, 3, b"two"), Write("a", 1, 5, b"!")]


def test_a_fork_has_descriptors_of_its_own_and_a_thread_has_not():
    operations = read("""
        1  openat(AT_FDCWD, "/data/a", O_WRONLY|O_CREAT|O_CLOEXEC, 0644) = 3
        1  vfork( <unfinished ...>
        2  close(3) = 0
        2  openat(AT_FDCWD, "/data/b", O_WRONLY|O_CREAT, 0644) = 3
        2  execve("/bin/x", ["x"], 0x7f /* 0 vars */ <unfinished ...>
        1  <... vfork resumed>) = 2
        2  <... execve resumed>) = 0
        2  write(3, "child", 5) = 5
        2  +++ exited with 0 +++
        1  write(3, "parent", 6) = 6
        1  fork() = 3
        3  fcntl(3, F_SETFD, 0) = 0
        3  execve("/bin/x", ["x"], 0x7f /* 0 vars */) = 0
        3  write(3, "kept", 4) = 4
        1  clone(child_stack=0x7f, flags=CLONE_VM|CLONE_FILES) = 5
        5  close(3) = 0
        1  write(3, "nobody", 6) = -1 EBADF (Bad file descriptor)
        5  creat("/data/d", 0644) = 3
        1  write(3, "thread", 6) = 6
        1  close(3) = 0
        1  openat(AT_FDCWD, "/data/c", O_WRONLY|O_CREAT|O_CLOEXEC, 0644) = 3
        1  fork() = 4
        4  fcntl(3, F_SETFD, 0) = 0
        1  execve("/bin/x", ["x"], 0x7f /* 0 vars */) = 0
        1  write(3, "a pipe by now", 13) = 13
    """)
    writes = [each for each in operations if isinstance(each, Write)]
    assert [(each.path, each.offset, each.data) for each in writes] == [
        ("b", 0, b"child"),
        ("a", 0, b"parent"),
        ("a", 6, b"kept"),
        ("d", 0, b"thread"),
    ]


def test_what_failed_did_nothing_and_a_short_write_wrote_what_it_wrote():
    operations = read("""
        1  open("/data/none", O_RDWR) = -1 ENOENT (No such file or directory)
        1  open("/data/a", O_RDWR|O_TRUNC) = 3
        1  write(3, "all of it", 9) = 3
        1  pwrite64(3, "nothing", 7, 0) = -1 ENOSPC (No space left on device)
        1  fsync(3) = -1 EIO (Input/output error)
        1  unlink("/data/a") = -1 EPERM (Operation not permitted)
        1  pwrite64(3, "for ever", 8, 0 <unfinished ...>
        1  <... pwrite64 resumed> <unfinished ...>) = ?
        1  +++ killed by SIGKILL +++
    """, initial={"a": b"long"})  # fmt: skip
    assert operations == [Truncate(1, 0), Write("a", 1, 0, b"all")]


def test_what_is_appended_goes_to_the_end_wherever_one_was():
    operations = read("""
        1  open("/data/a", O_WRONLY|O_APPEND) = 3
        1  open("/data/a", O_WRONLY) = 4
        1  write(3, "5", 1) = 1
        1  write(4, "01234567", 8) = 8
        1  write(3, "8", 1) = 1
        1  fallocate(4, 0, 0, 12) = 0
        1  write(3, "c", 1) = 1
    """, initial={"a": b"01234"})  # fmt: skip
    assert [each.offset for each in operations if isinstance(each, Write)] == [5, 0, 8, 12]
    assert Truncate(1, 12) in operations


def test_a_renamed_file_is_the_same_file_and_paths_are_seen_from_where_one_is():
    operations = read("""
        1  chdir("/data/x/..") = 0
        1  openat(AT_FDCWD, "new", O_WRONLY|O_CREAT, 0644) = 3
        1  openat(AT_FDCWD, ".", O_RDONLY|O_DIRECTORY) = 4
        1  renameat(4, "new", AT_FDCWD, "/data/a") = 0
        1  write(3, "x", 1) = 1
        1  fdatasync(4) = 0
        1  unlinkat(4, "a", 0) = 0
        1  openat(4, "new", O_WRONLY|O_CREAT, 0644) = 5
        1  unlink("/data/lines.db-shm") = 0
    """, initial={"a": b""})  # fmt: skip
    assert operations == [
        Create("new", 2),
        Rename("new", "a"),
        Write("a", 2, 0, b"x"),
        SyncDir("", started=3),
        Unlink("a"),
        Create("new", 3),
    ]


def test_a_mark_stands_where_it_began_and_comes_from_what_is_no_file_of_ours():
    offered = []

    def mark(path, data):
        offered.append((path, data))
        return data if path is None else None

    operations = read("""
        1  open("/data/a", O_RDWR|O_CREAT, 0644) = 3
        1  open("/tmp/log", O_RDWR|O_CREAT, 0644) = 4
        1  open("/data/a-shm", O_RDWR|O_CREAT, 0644) = 5
        1  mmap(NULL, 32768, PROT_READ|PROT_WRITE, MAP_SHARED, 5, 0) = 0x7f0000
        1  clone(flags=CLONE_FILES) = 2
        2  sendto(8, "done", 4, 0, NULL, 0 <unfinished ...>
        1  write(3, "x", 1) = 1
        2  <... sendto resumed>) = 4
        1  write(4, "log", 3) = 3
        1  write(5, "index", 5) = 5
        1  sendmsg(8, {msg_name=NULL, msg_iov=[{iov_base="so", iov_len=2}], msg_iovlen=1, msg_flags=0}, 0) = 2
    """, mark)  # fmt: skip
    assert operations == [Create("a", 1), Mark(b"done"), Write("a", 1, 0, b"x"), Mark(b"so")]
    assert offered == [(None, b"done"), ("/tmp/log", b"log"), (None, b"so")]


@pytest.mark.parametrize(
    "line",
    [
        "mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0) = 0x7f0000",
        "copy_file_range(9, NULL, 3, NULL, 10, 0) = 10",
        "fallocate(3, FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE, 0, 10) = 0",
        'linkat(AT_FDCWD, "/data/a", AT_FDCWD, "/data/b", 0) = 0',
        'rename("/tmp/b", "/data/a") = 0',
        'openat(AT_FDCWD, "/data", O_RDWR|O_TMPFILE, 0600) = 4',
        'openat(AT_FDCWD, "/data/b", O_RDWR) = 4',
        'write(3, "cut by str"..., 50) = 50',
        "something else",
    ],
)
def test_what_the_disk_could_not_follow_is_refused(line):
    with pytest.raises(RecordingError):
        read(f'1  open("/data/a", O_RDWR) = 3\n1  {line}', initial={"a": b""})


# --- images ---


def images_of(operations, initial=None, count=300):
    """Give the images after some operations, by kind."""
    disk = Disk(initial or {})
    for operation in operations:
        disk.apply(operation)
    found = {"killed": [], "dropped": [], "reordered": [], "torn": []}
    for kind, image in disk.images(random.Random(1), count):
        found[kind].append(image)
    return found


def test_what_is_synced_is_in_every_image():
    operations = [Create("a", 1), Write("a", 1, 0, b"x" * 2000), Sync(1)]
    assert images_of(operations) == {
        "killed": [{"a": b"x" * 2000}],
        "dropped": [],
        "reordered": [],
        "torn": [],
    }


def test_a_new_name_may_be_missing_until_its_folder_or_its_file_is_synced():
    made = [Create("f/a", 1), Write("f/a", 1, 0, b"x")]
    assert images_of(made)["dropped"] == [{}]
    assert images_of([*made, SyncDir("f")])["dropped"] == [{"f/a": b""}]
    assert images_of([*made, SyncDir("")])["dropped"] == [{}]
    assert images_of([*made, Sync(1)])["killed"] == [{"f/a": b"x"}]


def test_a_file_that_is_replaced_is_the_old_one_or_the_new_one_and_nothing_between():
    replaced = [Create("new", 2), Write("new", 2, 0, b"new"), Sync(2), Rename("new", "a")]
    found = images_of(replaced, {"a": b"old"})
    assert found["killed"] == [{"a": b"new"}]
    assert found["dropped"] == [{"a": b"old", "new": b"new"}]
    assert found["reordered"] == found["torn"] == []
    assert images_of([*replaced, SyncDir("")], {"a": b"old"})["dropped"] == []
    assert images_of([*replaced, Sync(2)], {"a": b"old"})["dropped"] == []


def test_a_file_that_is_replaced_unsynced_may_be_empty():
    found = images_of([Create("new", 2), Write("new", 2, 0, b"new"), Rename("new", "a")], {"a": b"old"})
    assert {"a": b""} in found["reordered"]


def test_a_name_that_lasts_is_not_taken_back_by_what_came_before_it():
    found = images_of([Create("a", 1), Unlink("a"), Create("a", 2), Write("a", 2, 0, b"second"), Sync(2)])
    assert found == {"killed": [{"a": b"second"}], "dropped": [], "reordered": [], "torn": []}


def test_names_change_in_order():
    found = images_of([Unlink("a"), Unlink("b"), Unlink("c")], {"a": b"", "b": b"", "c": b""})
    names = {tuple(image) for images in found.values() for image in images}
    assert names == {(), ("c",), ("b", "c"), ("a", "b", "c")}


def test_writes_land_in_any_part_and_what_did_not_reads_as_zeros():
    writes = [Write("a", 1, 1024 * place, bytes([49 + place]) * 512) for place in range(3)]
    found = images_of(writes, {"a": b""})
    every = [image["a"] for images in found.values() for image in images]
    assert {bytes(sorted(set(each) - {0})) for each in every} == {b"", b"1", b"2", b"3", b"12", b"13", b"23", b"123"}
    assert bytes(2048) + b"3" * 512 in every
    assert b"1" * 512 in every, "and its size is what landed"


def test_a_write_is_torn_at_its_sectors_and_nowhere_else():
    found = images_of([Write("a", 1, 100, b"n" * 1500)], {"a": b"o" * 2048})
    assert all(image["a"][:100] == b"o" * 100 and image["a"][1600:] == b"o" * 448 for image in found["torn"])
    for image in found["torn"]:
        for first, last in ((100, 512), (512, 1024), (1024, 1536), (1536, 1600)):
            assert len(set(image["a"][first:last])) == 1
    every = {image["a"] for images in found.values() for image in images}
    assert len(every) == 16, "all of four sectors, each there or not"


def test_a_sector_that_landed_has_all_that_was_in_it():
    found = images_of([Write("a", 1, 0, b"one"), Write("a", 1, 3, b"two")], {"a": bytes(512)})
    every = {image["a"].rstrip(b"\0") for images in found.values() for image in images}
    assert every == {b"", b"one", b"onetwo"}


def test_the_same_seed_gives_the_same_images():
    operations = [Create("a", 1), *(Write("a", 1, 700 * place, b"x" * 900) for place in range(9)), Rename("a", "b")]
    first, second = ([*Disk({}).every_cut(operations, random.Random(5), 9)] for _ in range(2))
    assert first == second
    assert [cut.index for cut in first] == list(range(len(operations) + 1))


def test_a_cut_knows_what_had_been_told_before_it():
    operations = [Mark("a"), Create("a", 1), Mark("b"), Mark("c"), Sync(1), Mark("d")]
    told = [(cut.index, cut.marks) for cut in Disk({}).every_cut(operations, random.Random(5), 9)]
    assert told == [(1, ("a",)), (4, ("a", "b", "c")), (6, ("a", "b", "c", "d"))]


def test_an_image_replaces_whatever_was_in_the_folder(memory):
    write({"a": b"1", "b": b"long", "f/g/c": b"2"}, memory)
    write({"b": b"", "f/d": b"3"}, memory)
    assert read_folder(memory) == {"b": b"", "f/d": b"3"}
