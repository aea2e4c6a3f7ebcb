"""The package in a Debian of its own: installed, started, killed, hung, upgraded in mid-session, removed."""

import re
import time

import pytest
from build_root import ROOT
from container import BOARD, STANDS, Disk
from installed import MARIE, NEEDS, STRANGER, active, only_session, opens, work

from simulator.stage import until

pytestmark = NEEDS


def test_dpkg_alone_leaves_a_running_controller_that_nobody_has_enrolled(boot, board, packages):
    pi = boot(ROOT / "root")
    (board.folder / "loquet.deb").write_bytes(packages[0].read_bytes())
    said = pi.good("dpkg -i /srv/board/loquet.deb 2>&1")
    assert "Next: sudo loquet check" in said
    status = pi.ready()
    assert [each["state"] for each in status["stations"]] == ["idle"]
    assert status["version"] == 0  # nobody may do anything yet
    assert "machine = " in pi.good("cat /etc/loquet/controller.toml")
    assert pi.good("stat -c '%a %U:%G' /etc/loquet/controller.toml").strip() == "640 root:loquet"
    assert "WRONG" not in pi.good("loquet check")
    board.lay("laser", STRANGER)
    until(lambda: [each for each in pi.lines("loquet journal --json") if each["kind"] == "refused"], "a refusal")
    assert not board.closed("laser")


def test_it_starts_at_boot_and_a_badge_closes_the_relay(pi, board):
    work(pi, board)
    board.take("laser", MARIE)
    opens(board)
    until(lambda: only_session(pi)["why"] == "badge_removed", "the session's end")
    assert pi.good("stat -c '%a %U' /var/lib/loquet/badge.key").strip() == "400 loquet"
    assert pi.good("find /var/lib/loquet /run/loquet -perm /007 -not -type l").strip() == ""
    assert (
        pi.good("find /var/lib/loquet -not -user loquet").strip() == ""
    )  # root's own commands leave nothing of root's


def test_a_member_of_the_group_needs_no_sudo_and_another_is_refused(pi):
    pi.good("useradd --groups loquet laure; useradd paul")
    assert '"laser"' in pi.good("runuser -u laure -- loquet status --json")
    assert "marie" in pi.good("runuser -u laure -- loquet whitelist list")
    pi.good("runuser -u laure -- loquet whitelist grant jean laser-training --badge 04A3C6112233FF")
    refused = pi.sh("runuser -u paul -- loquet status")
    assert refused.returncode != 0
    assert "Traceback" not in refused.stderr


def test_killed_in_mid_session_the_relay_opens_and_the_daemon_comes_back(pi, board):
    work(pi, board)
    before = pi.show("loquet.service", "MainPID")
    pi.good("systemctl kill --signal=KILL --kill-whom=main loquet.service")
    opens(board)
    board.take("laser", MARIE)
    pi.ready()
    assert pi.show("loquet.service", "MainPID") != before
    assert only_session(pi)["why"] == "interrupted"


def test_hung_in_mid_session_the_guard_kills_it_and_opens_the_relay(pi, board):
    work(pi, board)
    pi.good("systemctl kill --signal=STOP --kill-whom=main loquet.service")
    opens(board)
    board.take("laser", MARIE)
    pi.ready()
    assert "hangs on to it: killed" in pi.journal()


def test_hung_while_idle_the_watchdog_restarts_it(boot, installed_root):
    pi = boot(installed_root, ROOT / "root", drop_in="WatchdogSec=3\n")
    pi.ready()
    before = pi.show("loquet.service", "MainPID")
    pi.good("systemctl kill --signal=STOP --kill-whom=main loquet.service")
    until(lambda: pi.show("loquet.service", "MainPID") not in {before, "0"}, "another daemon")
    pi.ready()
    assert "Watchdog timeout" in pi.journal()


def test_daemon_and_guard_killed_at_one_instant_leave_no_relay_closed(pi, board):
    work(pi, board)
    pids = [pi.show(unit, "MainPID") for unit in ("loquet.service", "loquet-guard.service")]
    pi.good(f"kill -KILL {' '.join(pids)}")
    opens(board)


def test_a_daemon_that_root_starts_by_hand_is_looked_after_by_the_guard_all_the_same(pi, board):
    pi.good("systemctl stop loquet.path loquet.service")
    by_hand = pi.start(f"PYTHONPATH={STANDS} LOQUET_BOARD={BOARD}/board.sock LOQUET_BOARD_REVISION=c03114 loquet run")
    until(lambda: "ready" in by_hand.stdout.readline(), "the daemon")
    pi.ready()
    work(pi, board)
    pi.good("pkill -KILL -f 'bin/[l]oquet run'")
    opens(board)
    board.take("laser", MARIE)
    by_hand.communicate(timeout=30)
    assert pi.good("find /var/lib/loquet /run/loquet -user root").strip() == ""
    pi.good("systemctl start loquet")
    pi.ready()


def test_the_daemon_may_ask_how_sure_the_clock_is_and_may_not_set_it(pi):
    head = "import ctypes; room = ctypes.create_string_buffer(512); kernel = ctypes.CDLL(None);"
    asks = f"{head} print('said', kernel.adjtimex(room))"
    sets = f"{head} print('set', kernel.settimeofday(room, None))"
    unit = pi.good("cat /lib/systemd/system/loquet.service")
    keep = [line for line in unit.splitlines() if not re.match(r"(Type|Exec|Watchdog|Restart|Success|Timeout|#)", line)]
    for name, script in (("asks", asks), ("sets", sets)):
        run = f'Type=oneshot\nExecStart=/usr/bin/python3 -c "{script}"'
        text = "\n".join(keep).replace("[Service]", f"[Service]\n{run}")
        pi.good(f"cat > /run/systemd/system/{name}.service <<'END'\n{text}\nEND\nsystemctl daemon-reload")
        pi.good(f"systemctl start {name}")
    said = pi.good("journalctl --no-pager -o cat -u asks -u sets")
    assert re.search(r"said \d", said), said
    assert "set -1" in said


@pytest.fixture
def disk(board):
    """A disk that can stall."""
    made = Disk(board.folder)
    yield made
    made.close()


def test_a_disk_that_stalls_through_the_end_of_a_session_and_comes_back_has_lost_no_usage(
    disk, boot, installed_root, board
):
    binds = [f"{disk.path}:/var/lib/loquet"]
    pi = boot(installed_root, ROOT / "root", drop_in="WatchdogSec=3\n", binds=binds)
    pi.ready()
    pi.good("loquet whitelist require laser --nothing; loquet whitelist grant marie --badge 04A3C6CAE26180")
    work(pi, board)
    until(lambda: pi.status()["stations"][0].get("powered_s", 0) >= 2, "two seconds of use")
    disk.stall()
    before = pi.show("loquet.service", "MainPID")
    board.take("laser", MARIE)
    opens(board)  # waits for no disk
    until(lambda: pi.status()["storage"] != "ok", "the stall is noticed")
    began = time.monotonic()
    until(lambda: time.monotonic() - began > 8, "more than twice the watchdog's patience")
    assert pi.show("loquet.service", "MainPID") == before
    disk.go_on()
    until(lambda: only_session(pi)["why"] == "badge_removed", "the end is written")
    assert only_session(pi)["powered_s"] >= 2


def test_a_save_of_the_settings_starts_nothing_that_somebody_stopped(pi):
    pi.good("systemctl disable --now loquet.service 2>&1")
    pi.good("echo '# rewired' >> /etc/loquet/controller.toml")
    until(lambda: "skipped" in pi.sh("journalctl --no-pager -u loquet-mended").stdout, "the condition")
    assert not active(pi)


def test_a_killed_guard_is_back_before_the_session_notices(pi, board):
    work(pi, board)
    before = pi.show("loquet-guard.service", "MainPID")
    pi.good("systemctl kill --signal=KILL --kill-whom=main loquet-guard.service")
    until(lambda: pi.show("loquet-guard.service", "MainPID") not in {before, "0"}, "another guard")
    until(lambda: pi.status()["guard"], "its word")
    assert board.closed("laser")
    assert pi.status()["stations"][0]["state"] == "running"


def test_wrong_settings_open_the_relay_say_why_and_mended_ones_start_it_again(pi, board):
    work(pi, board)
    pi.good("cp /etc/loquet/controller.toml /root/good.toml")
    pi.good("sed -i 's/^relay = .*/relay = { driver = \"gpio\", pin = 99 }/' /etc/loquet/controller.toml")
    assert board.closed("laser")  # no hot reload: what runs goes on
    assert pi.sh("systemctl restart loquet").returncode != 0
    opens(board)
    board.take("laser", MARIE)
    assert pi.show("loquet.service", "ExecMainStatus") == "78"
    assert "relay, pin: 99" in pi.sh("systemctl status loquet").stdout
    assert pi.show("loquet.service", "NRestarts") == "0"
    pi.good("cp /root/good.toml /etc/loquet/controller.toml")
    pi.ready()


def test_a_shutdown_opens_the_relay_and_the_next_boot_knows_the_session(boot, installed_root, board):
    pi = boot(installed_root, ROOT / "root")
    pi.ready()
    pi.good("loquet whitelist require laser --nothing")
    pi.good("loquet whitelist grant marie --badge 04A3C6CAE26180")
    work(pi, board)
    pi.power_off()
    assert not board.closed("laser")
    again = boot()
    again.ready()
    assert only_session(again)["why"] == "stopped"
    assert not board.closed("laser")  # the badge lies there still


def test_the_installed_units_are_well_formed(pi):
    said = pi.sh(
        "systemd-analyze verify loquet.service loquet-guard.service loquet.path loquet-mended.service"
        " loquet-copy.service loquet-copy.timer loquet-stick@sda1.service"
    )
    assert (said.returncode, said.stderr) == (0, "")
