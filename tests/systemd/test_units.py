"""The units as files: hardened, and in step with what the code means by its exit statuses and times."""

import shutil
import subprocess
from pathlib import Path

import pytest

from controller.commands.run import SETTINGS_WRONG, STOPPED_AT_REST
from controller.store.write_queue import STUCK_MS

UNITS = Path(__file__).parents[2] / "systemd"


def values(unit, key):
    lines = (UNITS / unit).read_text().splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{key}=")]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("unit", sorted(path.name for path in UNITS.glob("*.service")))
def test_a_unit_may_do_next_to_nothing_beside_its_work(unit, tmp_path):
    judge = ["systemd-analyze", "security", "--offline=true", "--threshold=20"]
    done = subprocess.run([*judge, str(UNITS / unit)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    plain = tmp_path / unit  # the control: the same without its hardening
    plain.write_text("[Service]\nExecStart=/usr/bin/loquet run\n")
    assert subprocess.run([*judge, str(plain)], capture_output=True, check=False).returncode != 0


def test_no_restart_follows_a_stop_that_was_asked_for_or_settings_that_are_wrong():
    assert values("loquet.service", "RestartPreventExitStatus") == [f"{STOPPED_AT_REST} {SETTINGS_WRONG}"]


def test_whatever_else_happens_it_is_started_again_for_ever():
    for unit in ("loquet.service", "loquet-guard.service", "loquet-server.service"):
        assert values(unit, "Restart") == ["always"]
        assert values(unit, "StartLimitIntervalSec") == ["0"]


def test_every_unit_that_says_when_it_is_ready_has_the_time_of_a_slow_card_for_it():
    for path in UNITS.glob("*.service"):
        if values(path.name, "Type") == ["notify"]:
            (patience,) = values(path.name, "TimeoutStartSec")
            assert patience in {"5min", "120", "infinity"}, path.name


def test_a_stuck_disk_is_noticed_within_the_watchdogs_patience():
    (patience,) = values("loquet.service", "WatchdogSec")
    assert int(patience) * 1000 > STUCK_MS
