"""Two workshops' worth of programs and a folder carried between them: no line is ever there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from commands import told
from programs import environment, listed
from taps import MARIE, idle, journal, lay_and_wait, opens

from simulator.stage import until

pytestmark = pytest.mark.process


def at_server(central, *arguments):
    """Run a command of the server's."""
    return subprocess.run(
        [sys.executable, "-m", "controller", "server", "--config", str(central.config), "stick", *arguments],
        env=environment(central.program, LANGUAGE="en"),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def code(central):
    """A code whose server no line reaches."""
    return central.code().replace(central.address, "server.invalid:8443")


def good(done):
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_enrolled_told_and_heard_by_stick_alone(ends, tmp_path):
    stage, central = ends
    stick = tmp_path / "stick"
    stick.mkdir()
    central.start(central.program)
    stage.start_daemon()
    good(stage.loquet("stick", "enrol", code(central), str(stick)))
    assert "is taken in" in good(at_server(central, "import", str(stick)))
    said = good(stage.loquet("stick", "import", str(stick)))
    assert "enrolled as" in said and "is in force" in said

    lay_and_wait(stage)
    stage.take("laser", MARIE)
    opens(stage)
    idle(stage)
    assert "entries" in good(stage.loquet("stick", "export", str(stick)))
    central.ask("edit(drop=['certification/marie/laser'])")
    assert "new" in good(at_server(central, "import", str(stick)))
    assert central.count("usage_session where ended") == 1
    taken = json.loads(good(stage.loquet("stick", "import", str(stick), "--json")))
    assert taken["word"] == "new" and taken["received"] > 0
    assert "certification/marie/laser" not in listed(stage)
    refused = len(journal(stage, "refused"))
    stage.lay("laser", MARIE)
    until(lambda: len(journal(stage, "refused")) > refused, "a refusal")
    assert not stage.closed("laser")


def test_each_thing_that_is_wrong_with_a_stick_is_said_with_what_to_do(ends, tmp_path):
    stage, central = ends
    stick = tmp_path / "stick"
    stick.mkdir()

    def wrong(said, done):
        assert done.returncode == 1 and said in done.stderr + done.stdout, done.stdout + done.stderr
        assert "Traceback" not in done.stderr

    wrong("belongs to no server yet", stage.loquet("stick", "export", str(stick)))
    wrong("is the stick plugged in", stage.loquet("stick", "export", str(tmp_path / "gone")))
    wrong("no enrolment code", stage.loquet("stick", "enrol", "what", str(stick)))
    central.start(central.program)
    wrong("no file for this server", at_server(central, "import", str(stick)))
    wrong("no controller is enrolled yet", at_server(central, "export", str(stick)))
    stage.start_daemon()
    good(stage.loquet("stick", "enrol", code(central), str(stick)))
    wrong("belongs to no server yet", stage.loquet("stick", "import", str(stick)))
    good(at_server(central, "import", str(stick)))
    good(stage.loquet("stick", "import", str(stick)))
    wrong('no controller "Nobody"', at_server(central, "export", str(stick), "--controller", "Nobody"))
    for path in (stick / "loquet").glob("*-down.loquet"):
        path.rename(path.with_suffix(".kept"))
    wrong("there is no list for this controller", stage.loquet("stick", "import", str(stick)))
    (stick / "loquet/x-down.loquet").write_bytes(b"photo" * 100)
    wrong("no file of Loquet", stage.loquet("stick", "import", str(stick)))
    (stick / "loquet/x-down.loquet").unlink()
    stage.kill("daemon", 15)
    good(at_server(central, "export", str(stick)))
    wrong("does not run", stage.loquet("stick", "import", str(stick)))


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system")
def test_a_stick_that_is_full_or_write_protected_says_so_and_keeps_what_it_had(ends, tmp_path):
    stage, central = ends
    stick = tmp_path / "small"
    stick.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "loquet-test", stick], check=True)
    try:
        central.start(central.program)
        stage.start_daemon()
        good(stage.loquet("stick", "enrol", code(central), str(stick)))
        good(at_server(central, "import", str(stick)))
        good(stage.loquet("stick", "import", str(stick)))
        good(stage.loquet("stick", "export", str(stick)))
        before = {path.name: path.read_bytes() for path in (stick / "loquet").iterdir()}
        with (stick / "photos").open("wb", buffering=0) as file:
            while True:
                try:
                    file.write(bytes(1_024))
                except OSError:
                    break
        full = stage.loquet("stick", "export", str(stick))
        assert full.returncode == 1 and "is full" in full.stderr
        done = at_server(central, "export", str(stick))
        assert done.returncode == 1 and "is there room" in done.stderr
        assert {path.name: path.read_bytes() for path in (stick / "loquet").iterdir()} == before
        (stick / "photos").unlink()
        good(stage.loquet("stick", "export", str(stick)))
        subprocess.run(["mount", "-o", "remount,ro", stick], check=True)
        protected = stage.loquet("stick", "export", str(stick))
        assert protected.returncode == 1 and "write-protected" in protected.stderr
    finally:
        subprocess.run(["umount", stick], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a folder")
def test_a_stick_that_is_plugged_in_is_taken_up_by_itself_and_a_strangers_is_left_alone(ends, tmp_path):
    stage, central = ends
    stick, photos = tmp_path / "stick", tmp_path / "photos"
    stick.mkdir()
    photos.mkdir()
    (photos / "holiday.jpg").write_bytes(b"photo")
    central.start(central.program)
    stage.start_daemon()
    good(stage.loquet("stick", "enrol", code(central), str(stick)))
    good(at_server(central, "import", str(stick)))
    said = good(stage.loquet("stick", "plugged", str(stick)))
    assert "enrolled as" in said and "is in force" in said and "-up.loquet" in said
    before = sorted(path.name for path in (stick / "loquet").iterdir())
    assert any(name.endswith("-up.loquet") for name in before)
    lay_and_wait(stage)
    stage.take("laser", MARIE)
    opens(stage)
    idle(stage)
    central.ask("edit(drop=['certification/marie/laser'])")
    good(at_server(central, "export", str(stick)))
    good(stage.loquet("stick", "plugged", str(stick)))
    assert "certification/marie/laser" not in listed(stage)
    good(at_server(central, "import", str(stick)))
    assert central.count("usage_session where ended") == 1
    assert good(stage.loquet("stick", "plugged", str(photos))) == ""
    assert [path.name for path in photos.iterdir()] == ["holiday.jpg"]
    next((stick / "loquet").glob("*-down.loquet")).write_bytes(b"")
    wrong = stage.loquet("stick", "plugged", str(stick))
    assert wrong.returncode == 1 and "no file of Loquet" in wrong.stderr
    mounts = Path("/proc/self/mounts").read_text()
    assert "/run/loquet-stick" not in mounts, "whatever happened, the stick may be pulled"


def test_a_new_card_takes_over_from_the_copy_on_the_stick_alone(ends, tmp_path):
    stage, _central = ends
    stick = tmp_path / "stick"
    stick.mkdir()
    stage.start_daemon()
    assert "no copy is kept" in stage.loquet("stick", "copy").stderr
    said = good(stage.loquet("stick", "keep", str(stick)))
    secret = next(line for line in said.splitlines() if "code" in line).rsplit(" ", 1)[1]
    lay_and_wait(stage)
    stage.take("laser", MARIE)
    opens(stage)
    idle(stage)
    assert "written" in good(stage.loquet("stick", "copy"))
    assert "nothing has changed" in good(stage.loquet("stick", "copy"))
    sessions = told(stage, "sessions")
    (copy,) = (stick / "loquet").glob("*-copy.loquet")
    raw = copy.read_bytes()
    for word in (b"marie", b"Marie", b"SQLite", b"laser", secret.encode(), secret.replace("-", "").encode()):
        assert word not in raw
    stage.kill("daemon", 9)
    data = stage.settings.data_dir
    already = stage.loquet("stick", "recover", secret, str(stick))
    assert already.returncode == 1 and "is there already" in already.stderr
    data.rename(data.with_name("dead"))
    data.mkdir()
    wrong = stage.loquet("stick", "recover", "ABCD-EFGH-JKLM-NPQR", str(stick))
    assert wrong.returncode == 1 and "no copy under this code" in wrong.stderr
    copy.write_bytes(raw[:-100])
    cut = stage.loquet("stick", "recover", secret, str(stick))
    assert cut.returncode == 1 and "not whole" in cut.stderr
    assert not list(data.iterdir()), "nothing of it was taken"
    copy.write_bytes(raw)
    good(stage.loquet("stick", "recover", secret.lower(), str(stick)))
    stage.start_daemon()
    again = told(stage, "sessions")  # when they were is known better by now
    said = ("session", "machine", "member", "powered_s")
    assert [[each[key] for key in said] for each in again] == [[each[key] for key in said] for each in sessions]
    lay_and_wait(stage)
    stage.take("laser", MARIE)
    opens(stage)


@pytest.mark.parametrize("part", [0.0, 0.2, 0.5, 0.9])
def test_a_copy_that_is_cut_short_leaves_the_one_before(ends, tmp_path, part):
    """The plug is pulled while a copy is written: what stands there is whole."""
    from controller.sync import stick_copy

    stage, _central = ends
    stick = tmp_path / "stick"
    stick.mkdir()
    stage.start_daemon()
    good(stage.loquet("stick", "keep", str(stick)))
    (copy,) = (stick / "loquet").glob("*-copy.loquet")
    before = copy.read_bytes()
    copy.with_suffix(".new").write_bytes(before[: int(len(before) * part)])  # as the pulled plug leaves it
    stage.loquet("whitelist", "revoke", "marie", "laser")
    good(stage.loquet("stick", "copy"))
    assert copy.read_bytes() != before
    said = stick_copy.kept(stage.settings.data_dir)
    assert not copy.with_suffix(".new").exists() and said.mark


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system")
def test_where_the_stick_is_not_there_no_copy_is_written_onto_the_card_itself(ends, tmp_path):
    stage, _central = ends
    stick = tmp_path / "stick"
    stick.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "loquet-test", stick], check=True)
    try:
        stage.start_daemon()
        good(stage.loquet("stick", "keep", str(stick)))
    finally:
        subprocess.run(["umount", stick], check=True)
    stage.loquet("whitelist", "revoke", "marie", "laser")
    gone = stage.loquet("stick", "copy")
    assert gone.returncode == 1 and "is not there" in gone.stderr
    assert not list(stick.iterdir())
    assert "the stick is not there" in stage.loquet("check").stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to another user")
def test_a_new_card_takes_over_from_a_stick_that_only_root_may_read(ends, tmp_path):
    """As install.md has it mounted; the data directory is the daemon's user's."""
    stage, _central = ends
    stick, data = tmp_path / "stick", stage.settings.data_dir
    stick.mkdir(mode=0o700)
    stage.start_daemon()
    said = good(stage.loquet("stick", "keep", str(stick)))
    secret = next(line for line in said.splitlines() if "code" in line).rsplit(" ", 1)[1]
    stage.kill("daemon", 15)
    data.rename(data.with_name("dead"))
    data.mkdir()
    for each in (tmp_path, *tmp_path.parents):
        each.chmod(each.stat().st_mode | 0o011)
    os.chown(data, 65_534, 65_534)
    said = good(stage.loquet("stick", "recover", secret, str(stick)))
    assert "no copy is kept" in said.lower()
    assert {path.stat().st_uid for path in data.iterdir()} == {65_534}


def test_a_log_of_another_database_is_not_played_over_what_was_recovered(tmp_path):
    import io

    from controller.store.database import StorageError
    from controller.sync import stick_copy

    for name in ("loquet.db", "loquet.db-wal", "loquet.db-shm"):
        (tmp_path / name).write_bytes(b"x")
        with pytest.raises(StorageError, match="is there already"):
            stick_copy.recover(io.BytesIO(b""), "A" * 16, tmp_path)
        (tmp_path / name).unlink()


def test_a_code_that_nobody_was_shown_seals_nothing(ends, tmp_path):
    """Killed, or out of room, between the two: the copy and the code of before stay."""
    from controller.sync import stick_copy

    stage, _central = ends
    stick = tmp_path / "stick"
    stick.mkdir()
    stage.start_daemon()
    good(stage.loquet("stick", "keep", str(stick)))
    before = stick_copy.kept(stage.settings.data_dir)
    (tmp_path / "full").write_bytes(b"")
    failed = stage.loquet("stick", "keep", str(tmp_path / "full"))  # no folder can be made in it
    assert failed.returncode == 1
    assert stick_copy.kept(stage.settings.data_dir) == before
    good(stage.loquet("stick", "keep", str(stick)))
    assert stick_copy.kept(stage.settings.data_dir).code != before.code
    assert len(list((stick / "loquet").glob("*-copy.loquet"))) == 1, "the old code opens nothing that ages"
