"""A disk that takes nothing more, under the running daemon: a limit of the kernel on the size of its files."""

import json
import resource

import pytest
from taps import JEAN, MARIE, idle, journal, lay_and_wait, opens

from simulator.stage import until

pytestmark = pytest.mark.process
SMALL = 8_192  # a lease still fits, a database does not


def limit(daemon, size):
    hard = resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (size, hard))


def test_nothing_starts_what_runs_goes_on_off_is_immediate_and_nothing_is_lost(stage):
    daemon = stage.start_daemon()
    lay_and_wait(stage)
    limit(daemon, SMALL)
    stage.lay("printer", JEAN)
    until(lambda: stage.status()["storage"] != "ok", "the disk is found full")
    assert not stage.closed("printer")
    assert stage.closed("laser"), "what runs goes on"
    stage.take("laser", MARIE)
    opens(stage)
    idle(stage)
    stage.take("printer", JEAN)
    until(lambda: stage.state("printer")["badges_lying"] == 0, "the badge is gone")
    stage.lay("printer", JEAN)
    until(lambda: stage.state("printer")["badges_lying"] == 1, "it is there again")
    assert not stage.closed("printer")

    limit(daemon, resource.RLIM_INFINITY)
    until(lambda: stage.status()["storage"] == "ok", "there is room again")
    assert [each["why"] for each in journal(stage, "ended")] == ["badge_removed"]
    assert {each["reason"] for each in journal(stage, "refused")} == {"no_storage"}
    stage.take("printer", JEAN)
    until(lambda: stage.state("printer")["badges_lying"] == 0, "the badge is gone")
    lay_and_wait(stage, "printer", JEAN)


def test_an_import_that_finds_no_room_changes_nothing_and_says_so(stage, stage_folder):
    daemon = stage.start_daemon()
    rows = [f"{number:08X};m{number};laser" for number in range(0xA0000000, 0xA0000000 + 3_000)]
    sheet = stage_folder / "many.csv"
    sheet.write_text("badge;member;trainings\n" + "\n".join(rows) + "\n")
    before = stage.loquet("whitelist", "list", "--json").stdout
    limit(daemon, 200_000)
    done = stage.loquet("whitelist", "import", "--replace", str(sheet))
    assert done.returncode == 1
    assert "nothing of it is in force" in done.stderr
    assert stage.loquet("whitelist", "list", "--json").stdout == before
    limit(daemon, resource.RLIM_INFINITY)
    done = stage.loquet("whitelist", "import", "--replace", str(sheet))
    assert done.returncode == 0, done.stderr
    listed = [json.loads(line) for line in stage.loquet("whitelist", "list", "--json").stdout.splitlines()]
    assert sum(row["type"] == "badge" for row in listed) == 3_000


def test_a_lock_now_waits_for_no_disk(stage):
    daemon = stage.start_daemon()
    lay_and_wait(stage)
    limit(daemon, SMALL)
    locked = stage.loquet("machine", "lock", "laser", "--reason", "fire", "--now")
    opens(stage)
    assert locked.returncode != 0, "the whitelist could not be written, and it says so"
    limit(daemon, resource.RLIM_INFINITY)
