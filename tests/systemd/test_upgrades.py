"""The package over time: upgraded in mid-session, removed, typed from the pages; and the server beside a controller."""

import re

from build_root import ROOT
from container import BOARD, STANDS
from installed import MARIE, NEEDS, REPOSITORY, active, only_session, opens, work

from simulator.stage import until

pytestmark = NEEDS
TYPED_ELSEWHERE = {  # what only a Raspberry Pi, a network, or a person before an editor can do
    "ssh ": "another machine",
    "scp ": "another machine",
    "sudo raspi-config ": "Raspberry Pi OS",
    "sudo reboot": "the header's wiring",
    "sudo nano ": "a person",
    "sudo hwclock ": "a real clock",
    "echo 'LABEL=": "a stick",
    "sudo mount /media/": "a stick",
    "sudo apt install util-linux-extra": "a line",
    "sudo apt install ./loquet_0.1.1": "tested above, by dpkg",
    "sudo apt remove": "tested above, by dpkg",
}


def test_an_upgrade_waits_for_the_end_of_a_session_and_keeps_everything(pi, board, packages):
    (board.folder / "next.deb").write_bytes(packages[1].read_bytes())
    pi.good("sed -i 's/^longest = .*/longest = \"3 h\"/' /etc/loquet/controller.toml")
    work(pi, board)
    upgrade = pi.start("dpkg -i /srv/board/next.deb")
    said = []
    until(
        lambda: "waiting until nobody uses: laser" in (said.append(upgrade.stdout.readline()) or said[-1]), "its wait"
    )
    assert board.closed("laser")
    assert pi.status()["stations"][0]["state"] == "running"
    board.take("laser", MARIE)
    rest, _ = upgrade.communicate(timeout=120)
    assert upgrade.returncode == 0, "".join(said) + rest
    pi.ready()
    assert pi.good("dpkg-query --show --showformat '${Version}' loquet") == "0.1.1"
    assert only_session(pi)["why"] == "badge_removed"
    assert "3 h" in pi.good("cat /etc/loquet/controller.toml")
    board.lay("laser", MARIE)
    until(lambda: board.closed("laser"), "the relay closes under the new version")


def test_an_upgrade_that_may_not_wait_leaves_the_old_version_at_work(pi, board, packages):
    (board.folder / "next.deb").write_bytes(packages[1].read_bytes())
    work(pi, board)
    refused = pi.sh("LOQUET_UPDATE_WAIT='1 s' dpkg -i /srv/board/next.deb")
    assert refused.returncode != 0
    assert "nothing was changed: a machine is in use" in refused.stderr
    assert board.closed("laser")
    assert pi.status()["stations"][0]["state"] == "running"
    assert pi.good("dpkg-query --show --showformat '${Version} ${db:Status-Status}' loquet") == "0.1.0 installed"


def test_an_upgrade_that_cannot_ask_the_daemon_cuts_nobodys_work(pi, board, packages):
    (board.folder / "next.deb").write_bytes(packages[1].read_bytes())
    work(pi, board)
    pi.good("cp /etc/loquet/controller.toml /root/good.toml; echo 'x = [' >> /etc/loquet/controller.toml")
    refused = pi.sh("dpkg -i /srv/board/next.deb")
    assert refused.returncode != 0
    assert "a relay is closed" in refused.stderr
    assert board.closed("laser")
    assert active(pi)
    pi.good("cp /root/good.toml /etc/loquet/controller.toml")
    assert pi.status()["stations"][0]["state"] == "running"


def test_an_upgrade_that_was_killed_while_it_waited_stops_nothing_later(pi, board, packages):
    (board.folder / "next.deb").write_bytes(packages[1].read_bytes())
    work(pi, board)
    upgrade = pi.start("exec dpkg -i /srv/board/next.deb")
    until(lambda: "waiting until nobody uses" in upgrade.stdout.readline(), "its wait")
    pi.good("pkill -KILL -x dpkg")
    rest, _ = upgrade.communicate(timeout=60)  # its script ends too
    assert "nothing was changed" in rest
    board.take("laser", MARIE)
    until(lambda: only_session(pi)["why"] == "badge_removed", "the session's end")
    assert active(pi)
    board.lay("laser", MARIE)
    until(lambda: board.closed("laser"), "the next session")


def test_an_upgrade_is_the_cure_of_a_daemon_that_does_not_answer(pi, board, packages):
    (board.folder / "next.deb").write_bytes(packages[1].read_bytes())
    pi.good("systemctl kill --signal=STOP --kill-whom=main loquet.service")
    pi.good("dpkg -i /srv/board/next.deb")
    pi.ready()


def test_a_removal_opens_the_relay_and_a_purge_keeps_what_was_used(pi, board):
    work(pi, board)
    pi.good("dpkg --remove loquet")
    assert not board.closed("laser")
    assert not pi.good("ls /usr/lib/loquet 2>/dev/null || true").strip()
    units = pi.sh("systemctl is-active loquet.service loquet-guard.service loquet.path").stdout.split()
    assert units == ["inactive"] * 3, pi.journal()
    said = pi.good("dpkg --purge loquet 2>&1")
    assert "stay in /var/lib/loquet" in said
    assert pi.good("ls /var/lib/loquet").split().count("loquet.db") == 1
    assert pi.sh("test -e /etc/loquet").returncode != 0


def test_a_removal_leaves_a_daemon_that_was_started_by_hand_its_guard(pi, board):
    pi.good("systemctl stop loquet.path loquet.service")
    by_hand = pi.start(f"PYTHONPATH={STANDS} LOQUET_BOARD={BOARD}/board.sock LOQUET_BOARD_REVISION=c03114 loquet run")
    until(lambda: "ready" in by_hand.stdout.readline(), "the daemon")
    pi.ready()
    work(pi, board)
    refused = pi.sh("dpkg --remove loquet")
    assert refused.returncode != 0
    assert "systemd did not start" in refused.stderr
    assert active(pi, "loquet-guard.service")
    pi.good("pkill -KILL -f 'bin/[l]oquet run'")
    opens(board)
    by_hand.communicate(timeout=30)


def test_settings_that_were_lost_are_not_replaced_by_an_example(pi, packages, board):
    (board.folder / "next.deb").write_bytes(packages[1].read_bytes())
    pi.good("rm -r /etc/loquet")
    said = pi.good("dpkg -i /srv/board/next.deb 2>&1")
    assert "controller.toml is missing" in said
    assert pi.sh("test -e /etc/loquet").returncode != 0
    assert not active(pi)
    pi.good(
        "mkdir /etc/loquet && cp /usr/share/doc/loquet/config/controller.toml /etc/loquet/ && systemctl restart loquet"
    )
    pi.ready()


def test_what_the_pages_tell_to_type_works_in_their_order(boot, board, packages):
    pi = boot(ROOT / "root")
    (board.folder / "loquet.deb").write_bytes(packages[0].read_bytes())
    typed = []
    for page in ("install", "daily", "trouble"):
        text = (REPOSITORY / f"docs/{page}.md").read_text(encoding="utf-8")
        for line in "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)).splitlines():
            if not line or any(line.startswith(start) for start in TYPED_ELSEWHERE):
                continue
            command = line.removeprefix("sudo ")
            if command.startswith("apt install ./loquet_0.1.0"):
                command = "dpkg -i /srv/board/loquet.deb && cp /usr/share/doc/loquet/config/members.csv /root/"
            typed.append(command)
            if command == "loquet read --once":
                reading = pi.start(command)
                assert "lay a badge on it" in reading.stdout.readline()
                board.lay("laser", MARIE)
                assert MARIE in reading.communicate(timeout=60)[0]
                board.take("laser", MARIE)
                continue
            pi.good(f"cd /root && {command}")
            if command.startswith("dpkg"):
                pi.ready()
            if command == 'loquet whitelist grant marie laser-training --badge 04A3C6CAE26180 --name "Marie Curie"':
                until(lambda: not pi.status()["stations"][0]["badges_lying"], "the badge is away")
                work(pi, board)
                board.take("laser", MARIE)
                opens(board)
    assert len(typed) > 20
    assert "Marie Curie" in pi.good("cat /root/usage.csv")
    assert "<h1>" in pi.good("cat /root/laser.html")


AT_THE_SERVER = """
import sys
from server.commands.begin import set_up
configuration = set_up()
from server.core import keys
from server.devices import enrolment
from server.edits import editing
from server.usage.models import Session
if sys.argv[1] == "code":
    print(enrolment.make_code(keys.load(configuration.data_dir), "127.0.0.1:8443"))
if sys.argv[1] == "held":
    from server.core import state
    from server.devices.models import Device

    version = int(state.get(state.VERSION))
    print(version if Device.objects.filter(holds=version).exists() else 0)
if sys.argv[1] == "revoke":
    editing.carry_out(editing.Author(name="test"), "revoked", drop=["certification/marie/laser-training"])
if sys.argv[1] == "sessions":
    print(*Session.objects.filter(ended=True).values_list("member", flat=True))
"""


def test_the_server_beside_a_controller_takes_it_in_and_its_revocation_is_a_refusal(pi, board):
    (board.folder / "ask.py").write_text(AT_THE_SERVER)

    def server(word):
        return pi.good(f"runuser -u loquet-server -- /usr/lib/loquet/bin/python3 /srv/board/ask.py {word}").strip()

    pi.good("systemctl start loquet-server")
    until(lambda: pi.sh("bash -c '</dev/tcp/127.0.0.1/8443'").returncode == 0, "the server listens")
    assert pi.good("stat -c '%a %U' /var/lib/loquet-server/keys.json").strip() == "600 loquet-server"
    assert "enrolled as" in pi.good(f"loquet enrol {server('code')}")
    until(lambda: server("held") not in {"", "0"}, "the list that the server took over, and gave back")
    assert pi.lines("loquet whitelist list --json")
    work(pi, board)
    board.take("laser", MARIE)
    opens(board)
    until(lambda: server("sessions") == "marie", "her session at the server")
    server("revoke")
    explain = "loquet whitelist explain marie laser || true"
    until(lambda: "you need the training" in pi.good(explain), "the revocation")
    board.lay("laser", MARIE)
    until(lambda: [each for each in pi.lines("loquet journal --json") if each["kind"] == "refused"], "a refusal")
    assert not board.closed("laser")
    assert pi.show("loquet-server.service", "NRestarts") == "0"


def test_a_workbook_is_read_under_the_servers_own_hardening(pi, board):
    import xlsxwriter

    with xlsxwriter.Workbook(board.folder / "list.xlsx") as book:
        book.add_worksheet("2026").write_row(0, 0, ["Nom", "Badge"])
    unit = (REPOSITORY / "systemd/loquet-server.service").read_text().partition("LimitCORE=0\n")[2]
    hardening = [line for line in unit.partition("[Install]")[0].splitlines() if line and not line.startswith("#")]
    assert len(hardening) > 20, "the control: it is the server's"
    properties = " ".join(f"--property '{line}'" for line in ("User=loquet-server", *hardening))
    child = "/usr/lib/loquet/bin/python3 -m server.imports.workbooks"
    said = pi.good(f"systemd-run --quiet --wait --pipe {properties} sh -c '{child} < /srv/board/list.xlsx'")
    assert '"Nom"' in said and '"2026"' in said
