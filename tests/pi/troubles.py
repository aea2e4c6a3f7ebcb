"""What goes wrong: kills, a line that another program holds, an update while somebody works, a power cut."""

from __future__ import annotations

import re
import time

from build import NEXT
from pi import ACT_S, MARIES_TAG, READY_S, RELAYS, Pi, Set
from report import Report

OPENS_S = 10.0  # for a guard that the emulation makes slow; docs/trouble.md says two seconds
IN_ORDER_S = 20  # for a line that is free again: tried every few seconds
UPDATE_S = 2400
BEAT_S = 4  # the first heartbeat of each session comes after five seconds
RECOVERS = re.compile(r"EXT4-fs.*(recovery complete|recovering|orphan)", re.IGNORECASE)
SOUND = """
import sqlite3, glob
for path in sorted(glob.glob("/var/lib/loquet/*.db")):
    db = sqlite3.connect(path)
    print(path, db.execute("pragma integrity_check").fetchone()[0], db.execute("pragma journal_mode").fetchone()[0])
"""


def _kill(pi: Pi, unit: str) -> tuple[float, int]:
    """Kill a unit's process; return when, on its kernel's clock, and which it was."""
    process = int(pi.show(unit, "MainPID"))
    at = float(pi.good(f"kill -KILL {process} && cut -d' ' -f1 /proc/uptime"))
    return at, process


def _opened_by(pi: Pi, machine: str, since: float) -> Set | None:
    """Return who but the daemon set a relay's line to 0."""
    found = [each for each in pi.traced(since) if each.line == RELAYS[machine] and each.what == "set 0"]
    return next((each for each in found if each.task.startswith("loquet-guard")), None)


def daemon_killed(pi: Pi, report: Report) -> None:
    """Kill the daemon while somebody works, on a kernel that keeps a freed line's level, and on one that does not."""
    for keeps, name in (("Y", "keeps a freed line's level"), ("N", "lets a freed line fall to its pull")):
        pi.good(f"echo {keeps} >/sys/module/gpio_sim_oot/parameters/keep")
        report.note(f"a kernel that {name}:")
        _daemon_killed(pi, report)


def _daemon_killed(pi: Pi, report: Report) -> None:
    pi.tap("laser", 1)
    time.sleep(8)
    guard = int(pi.show("loquet-guard", "MainPID"))
    at, process = _kill(pi, "loquet")
    opened = pi.until(lambda: _opened_by(pi, "laser", at), "the guard opens", OPENS_S * 3)
    who = "loquet-guard" if opened.pid == guard else "loquet-guard --once, which systemd runs"
    told = opened.at - at
    report.must(told <= OPENS_S, f"daemon killed in mid-session: {who} sets the line to 0, {told:.2f} s later")
    report.must(not pi.level("laser"), "and it stands at 0")
    pi.ready()
    now = int(pi.show("loquet", "MainPID"))
    report.must(now != process, f"the daemon is back and ready {pi.uptime() - at:.0f} s after it was killed")
    session = pi.until(lambda: pi.ended("laser"), "the session's end", 60)
    said = f"the session is closed: {session['why']}, {session['powered_s']} s of 8 or more"
    report.must(session["why"] == "interrupted" and session["powered_s"], said)
    report.must(not [each for each in pi.traced(at) if each.what == "set 1"], "no relay's line was set to 1 in between")


def guard_killed(pi: Pi, report: Report) -> None:
    """Kill the guard while somebody works."""
    pi.tap("laser", 1)
    session = pi.station("laser")["session"]
    at, process = _kill(pi, "loquet-guard")
    pi.until(lambda: pi.show("loquet-guard", "MainPID") not in {"0", str(process)}, "another guard", ACT_S)
    pi.until(lambda: (pi.status() or {}).get("guard"), "the new guard's word", ACT_S * 3)
    back = int(pi.show("loquet-guard", "ActiveEnterTimestampMonotonic")) / 1e6 - at
    report.must(True, f"guard killed in mid-session: another one is ready {back:.1f} s later")
    state = pi.station("laser")
    report.must(
        state["state"] == "running" and state["session"] == session and pi.level("laser"), "the session has gone on"
    )
    report.must(True, f"and ends by a tap, relay 0 after {pi.tap('laser', 0):.2f} s")


def both_killed(pi: Pi, report: Report) -> None:
    """Kill daemon and guard at one instant, on a kernel that keeps what they leave closed."""
    pi.good("echo Y >/sys/module/gpio_sim_oot/parameters/keep")
    pi.tap("laser", 1)
    pids = " ".join(pi.show(unit, "MainPID") for unit in ("loquet", "loquet-guard"))
    took = pi.act(lambda: pi.good(f"kill -KILL {pids}"), "laser", 0, READY_S)
    report.must(took <= OPENS_S * 3, f"daemon and guard killed at one instant: the relay is 0 after {took:.2f} s")
    pi.ready()
    session = pi.until(lambda: pi.ended("laser"), "the session's end", 60)
    report.must(session["why"] == "interrupted", f"both are back, the session is closed: {session['why']}")
    pi.good("echo N >/sys/module/gpio_sim_oot/parameters/keep")


def busy_line(pi: Pi, report: Report) -> None:
    """Have another program hold the relay's line while the daemon starts."""
    pi.good("systemctl stop loquet", READY_S)
    line = RELAYS["laser"]
    pi.good(f"systemd-run --quiet --unit=holder gpioset --mode=signal gpiochip0 {line}=0")
    pi.until(lambda: f"{line}:" in pi.sh("gpioinfo gpiochip0 | grep gpioset"), "gpioset holds the line", ACT_S)
    pi.good("systemctl start loquet", READY_S)
    pi.until(lambda: pi.station("laser"), "the daemon", READY_S)
    state = pi.station("laser")
    report.must(state["state"] == "fault", f"gpioset holds the relay's line at the start: {state.get('cause')}")
    others = {machine: pi.station(machine)["state"] for machine in ("saw", "printer")}
    report.must(set(others.values()) == {"idle"}, f"the other machines are as ever: {others}")
    at = pi.uptime()
    pi.good("systemctl stop holder")
    pi.until(lambda: pi.station("laser").get("state") == "idle", "the laser is in order", IN_ORDER_S * 6)
    claimed = [each.at - at for each in pi.traced(at) if each.line == line and each.task == "loquet"]
    said = f"gpioset lets go: claimed {claimed[0] if claimed else -1:.1f} s later, and in order by itself"
    report.must(claimed and claimed[0] <= IN_ORDER_S, said)
    pi.ready()
    report.must(True, f"a tap: relay 1 after {pi.tap('laser', 1):.2f} s; another: 0 after {pi.tap('laser', 0):.2f} s")


def update(pi: Pi, report: Report) -> None:
    """Install the next version while somebody works."""
    before = (pi.status() or {})["version"], len(pi.loquet("sessions")), len(pi.loquet("journal"))
    pi.tap("laser", 1)
    pi.good("systemd-run --quiet --unit=update --property=RemainAfterExit=yes dpkg --install /root/next.deb")
    pi.until(lambda: "waits until nobody" in pi.sh("journalctl -o cat -u update"), "dpkg waits", ACT_S * 3)
    time.sleep(5)
    report.must(pi.level("laser"), "dpkg waits while somebody works: the relay stays 1")
    at = pi.uptime()
    report.must(True, f"the session ends by a tap, relay 0 after {pi.tap('laser', 0):.2f} s")

    def done() -> bool:
        state = pi.show("update", "SubState")
        if state == "failed":
            raise AssertionError(pi.sh("journalctl -o cat --no-pager -n 30 -u update"))
        return state == "exited"

    pi.until(done, "dpkg's end", UPDATE_S)
    installed = pi.good("dpkg-query --show --showformat='${Version} ${Status}' loquet")
    report.must(
        installed == f"{NEXT} install ok installed", f"dpkg: {installed}, {pi.uptime() - at:.0f} s after the tap"
    )
    pi.ready()
    report.must(True, f"the daemon is back with its readers {pi.uptime() - at:.0f} s after the tap")
    after = (pi.status() or {})["version"], len(pi.loquet("sessions")), len(pi.loquet("journal"))
    report.must(
        after[0] == before[0] and after[1] == before[1] + 1 and after[2] >= before[2],
        f"kept: whitelist version {after[0]}, {before[1]} then {after[1]} sessions, {before[2]} then {after[2]} lines",
    )
    closed = [each for each in pi.traced(at) if each.what == "set 1"]
    report.must(not closed, "no relay's line was 1 during the update")
    report.must(True, f"a tap: relay 1 after {pi.tap('laser', 1):.2f} s; another: 0 after {pi.tap('laser', 0):.2f} s")


def power_cut(pi: Pi, report: Report) -> None:
    """Kill QEMU while somebody works, and boot again."""
    known = len(pi.loquet("sessions"))
    pi.act(pi.lay, "laser", 1)
    time.sleep(2)  # so that the second session's first heartbeat is not the first one's
    pi.tap("saw", 1)
    pi.take()
    time.sleep(12)
    pi.cut()
    pi.reader.remove(MARIES_TAG)
    report.note(f"QEMU killed in mid-session; a shell again after {pi.boot():.0f} s")
    mended = "; ".join(line for line in pi.sh("dmesg").splitlines() if RECOVERS.search(line))
    report.must(pi.sh("findmnt -no OPTIONS /").startswith("rw"), f"the root is mounted: {mended or 'nothing to mend'}")
    pi.ready()
    report.must(True, f"the daemon is ready {pi.uptime():.0f} s after the kernel began")
    for line in pi.python(f"exec({SOUND!r})").splitlines():
        path, verdict, mode = line.split()
        report.must(verdict == "ok", f"pragma integrity_check of {path} ({mode}): {verdict}")
    for machine in ("laser", "saw"):
        session = pi.last_session(machine)
        said = f"{machine}: the session is closed: {session['why']}, {session['powered_s']} s known of 12 or more"
        report.must(session["why"] == "interrupted" and session["powered_s"] >= BEAT_S, said)
    report.must(len(pi.loquet("sessions")) == known + 2, f"{known + 2} sessions: none is lost, none twice")
    closed = [each for each in pi.traced() if each.what == "set 1"]
    report.must(not closed and not any(map(pi.level, RELAYS)), "no relay's line was 1 since the boot")
    report.must(True, f"a tap: relay 1 after {pi.tap('laser', 1):.2f} s; another: 0 after {pi.tap('laser', 0):.2f} s")
