"""What happens every day: it boots, badges are tapped, buttons are pressed."""

from __future__ import annotations

import json
import re
import time
from functools import partial

from pi import EMERGENCY_STOP, MARIE, MARIES_TAG, OFF_BUTTON, PAUL, RELAYS, Pi
from report import Report

MOST_EXPOSED = 2.0
UNITS = ("loquet.service", "loquet-guard.service", "loquet-mended.service", "loquet-server.service")
REAL = {  # what each is read from, and where it has to lie: none is a stand-in
    "lgpio": "/usr/lib/loquet/lib/python3.11/site-packages/",
    "gpiozero": "/usr/lib/loquet/site/",
    "mfrc522": "/usr/lib/loquet/site/",
    "spidev": "/usr/lib/python3/dist-packages/",
    "evdev": "/usr/lib/python3/dist-packages/",
    "serial": "/usr/lib/loquet/site/",
}
VERSIONS = """
import importlib.metadata as m, importlib.util as u
for name, of in {"lgpio": "lgpio", "gpiozero": "gpiozero", "mfrc522": "mfrc522", "spidev": "spidev", "evdev": "evdev",
                 "serial": "pyserial"}.items():
    try: version = m.version(of)
    except m.PackageNotFoundError: version = "?"
    print(name, version, u.find_spec(name).origin)
"""


def boot(pi: Pi, report: Report) -> None:
    """Boot, and wait for the daemon."""
    report.note(f"a root shell {pi.boot():.0f} s after the power, kernel {pi.sh('uname -r')}")
    status = pi.ready()
    for unit in ("loquet-guard", "loquet"):
        active = int(pi.show(unit, "ActiveEnterTimestampMonotonic")) / 1e6
        report.must(pi.show(unit, "ActiveState") == "active", f"{unit} is active {active:.0f} s after the kernel began")
    report.note(f"all readers found at {pi.uptime():.0f} s: {', '.join(s['reader'] for s in status['stations'])}")
    states = {each["machine"]: each["state"] for each in status["stations"]}
    report.must(set(states.values()) == {"idle"}, f"every machine is free: {states}")
    report.must(not any(pi.level(machine) for machine in RELAYS), "every relay's line is 0")
    early = [each for each in pi.traced() if each.what == "set 1"]
    report.must(not early, f"no relay's line was ever 1 since the boot {early or ''}".strip())


def hardware(pi: Pi, report: Report) -> None:
    """See that it is the real thing that runs there."""
    for line in pi.python(f"exec({VERSIONS!r})").splitlines():
        name, version, origin = line.split()
        report.must(origin.startswith(REAL[name]), f"{name} {version}: {origin}")
    process = pi.show("loquet", "MainPID")
    mapped = pi.good(f"grep -o '/[^ ]*\\.so[^ ]*' /proc/{process}/maps | sort -u")
    compiled = sorted(set(re.findall(r"[^/\n]*(?:lgpio|spidev|evdev/_)[^/\n]*", mapped)))
    report.must(len(compiled) >= 3, f"the daemon has mapped {', '.join(compiled)}")
    held = sorted(set(re.findall(r"/dev/(?:gpio|spi|tty|input/)\S+", pi.good(f"ls -l /proc/{process}/fd"))))
    report.must(len(held) >= 4, f"the daemon holds {', '.join(held)}")
    memory = pi.good("ps -o comm=,rss= -C loquet,loquet-guard").split()
    report.note(
        "memory: " + ", ".join(f"{n} {int(kb) / 1024:.0f} MB" for n, kb in zip(*[iter(memory)] * 2, strict=True))
    )


def check(pi: Pi, report: Report) -> None:
    """Ask it how it is; ask systemd how much its units might do."""
    found = json.loads(pi.sh("loquet check --json"))
    wrong = [each for each in found if not each["ok"]]
    notes = [f"{each['part']}: {each['found']}" for each in found if each["warning"]]
    report.must(not wrong, f"loquet check: {len(found)} parts, wrong: {wrong or 'none'}; notes: {notes or 'none'}")
    for unit in UNITS:
        said = pi.sh(f"systemd-analyze security --no-pager {unit} | tail -n 1", 600)
        match = re.search(r"exposure level for \S+: ([\d.]+)", said)
        report.must(match and float(match[1]) <= MOST_EXPOSED, f"exposure of {unit}: {match[1] if match else said}")


def people(pi: Pi, report: Report) -> None:
    """Let two people in."""
    for machine in RELAYS:
        pi.good(f"loquet whitelist require {machine} --nothing")
    pi.good(f'loquet whitelist grant marie --name "Marie Curie" --badge {MARIE} --badge em4100:{MARIES_TAG}')
    pi.good(f'loquet whitelist grant paul --name "Paul Langevin" --badge {PAUL}')
    version = (pi.status() or {})["version"]
    report.must(version, f"two people are let in by commands: whitelist version {version}")


def taps(pi: Pi, report: Report) -> None:
    """Tap a badge on each kind of reader, in and out."""
    took = pi.tap("saw", 1)
    report.must(pi.station("saw")["state"] == "running", f"RDM6300, UART: tag laid on, relay 1 after {took:.2f} s")
    took = pi.act(lambda: pi.reader.remove(MARIES_TAG), "saw", 0)
    report.must(True, f"RDM6300, UART: tag taken away, relay 0 after {took:.2f} s (hold 0.5 s)")
    report.must(pi.bus.transfers, f"RC522, SPI: the kernel has made {pi.bus.transfers} transfers since the boot")
    report.must(True, f"RC522, SPI: card laid on, relay 1 after {pi.tap('laser', 1):.2f} s")
    report.must(True, f"RC522, SPI: card laid on again, relay 0 after {pi.tap('laser', 0):.2f} s")
    for machine in ("saw", "laser"):
        session = pi.until(partial(pi.ended, machine), f"the end of {machine}'s session", 60)
        report.must(session["why"], f"{machine}: a session of {session['powered_s']} s, ended by {session['why']}")


def keyboard(pi: Pi, report: Report) -> None:
    """Tap a badge on the reader that types."""
    took = pi.tap("printer", 1)
    report.must(pi.station("printer")["member"] == "paul", f"evdev, uinput: number typed, relay 1 after {took:.2f} s")
    time.sleep(3)  # the badge counts as there for a second, and a second one too soon is the same
    report.must(True, f"evdev, uinput: typed again, relay 0 after {pi.tap('printer', 0):.2f} s")


def inputs(pi: Pi, report: Report) -> None:
    """Press the buttons: edges of the kernel, through lgpio."""
    said = pi.good("gpioinfo gpiochip0")
    for line in (EMERGENCY_STOP, OFF_BUTTON):
        found = re.search(rf"line +{line}:.*", said)
        report.must(found and "pull-up" in found[0], f"gpioinfo: {' '.join(found[0].split()) if found else said}")
    pi.tap("laser", 1)
    took = pi.act(lambda: pi.wire(OFF_BUTTON, "down"), "laser", 0)
    pi.wire(OFF_BUTTON, "up")
    session = pi.until(lambda: pi.ended("laser"), "the session's end", 60)
    report.must(
        session["why"] == "input", f"off button, an edge: relay 0 after {took:.2f} s, ended by {session['why']}"
    )
    pi.tap("laser", 1)
    took = pi.act(lambda: pi.wire(EMERGENCY_STOP, "up"), "laser", 0)
    state = pi.station("laser")
    report.must(state["state"] == "fault", f"emergency stop, an edge: relay 0 after {took:.2f} s, {state.get('cause')}")
    status, said = pi.machine.sh("loquet machine clear laser")
    report.must(status, f"loquet machine clear, while it is pressed: refused: {said}")
    pi.wire(EMERGENCY_STOP, "down")
    time.sleep(3)
    report.must(pi.station("laser")["state"] == "fault", "released: the fault is latched")
    pi.lay()
    time.sleep(5)
    report.must(not pi.level("laser"), "a member's badge does not close the relay meanwhile")
    pi.take()
    said = pi.good("loquet machine clear laser")
    report.must(pi.station("laser")["state"] == "idle", f"loquet machine clear, then: {said}")
