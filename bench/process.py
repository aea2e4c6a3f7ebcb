"""What the daemon costs as a process: memory, idle time, idle writes, the way to ready."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import config
from bench.decision import whitelist
from protocol.badge import BadgeKey
from protocol.rows import Badge, encode_row
from simulator.attached import at_home
from simulator.stage import Stage

IDLE_S = 20.0
STARTS = 5
GIVEN = "import gpiozero, mfrc522, requests, sqlite_utils, serial"
RESET_PINS = (25, 12, 13, 26)
RELAYS = (27, 22, 23, 24)
STOPS = (4, 5, 6, 14)
SENSORS = (0, 1, 2, 3)


def settings() -> str:
    """Four stations at the shipped poll rate, each with an emergency stop and a sensor of running."""
    stations = [
        f'[[station]]\nmachine = "m{n}"\nmode = "presence"\n'
        f'reader = {{ driver = "rc522", bus = {n // 2}, device = {n % 2}, reset_pin = {RESET_PINS[n]} }}\n'
        f'relay = {{ driver = "gpio", pin = {RELAYS[n]} }}\ncoast_down = "5 s"\nrestart = "resume"\n[station.inputs]\n'
        f'stop = {{ driver = "gpio", pin = {STOPS[n]}, does = "fault", normally_closed = true }}\n'
        f'running = {{ driver = "gpio", pin = {SENSORS[n]}, does = "running" }}\n'
        for n in range(4)
    ]
    return '[controller]\ndata_dir = "data"\nrun_dir = "run"\n' + "\n".join(stations)


def figures(folder: Path) -> dict[str, float]:
    """Run the daemon with 2,000 badges, leave it alone, and read what the kernel says; on two sets of hardware."""
    return _mixed(folder) | _uniform(folder) | _help()


def _help() -> dict[str, float]:
    """`loquet --help` ÷ an empty Python, in turn; medians."""
    helped: list[float] = []
    empty: list[float] = []
    for _ in range(2 * STARTS + 1):
        for times, words in ((empty, ["-c", "pass"]), (helped, ["-m", "controller", "--help"])):
            began = time.monotonic()
            subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
            times.append(time.monotonic() - began)
    return {"help_over_python": median(helped[1:]) / median(empty[1:])}


def _mixed(folder: Path) -> dict[str, float]:
    """Four stations of mixed hardware: serial readers and one that types, RS-485, USB, two plugs on the network."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        here = Path(name)
        lines = (Path(config.__file__).parent / "demo-wood.toml").read_text().splitlines(keepends=True)
        # Without lights, as the other four: each wink would be paid to the simulated pins.
        said = "".join(line for line in lines if not line.startswith(("light", "buzzer")))
        (here / "settings.toml").write_text(at_home(said, here))
        with Stage(here / "settings.toml") as stage:
            stage.start_board()
            _fill(stage, here, "saw")
            stage.start_guard()
            found = _idle(stage, stage.start_daemon().pid)
    return {
        "anon_mb_4_mixed": found["anon_mb_4_stations"],
        "idle_cpu_percent_mixed": found["idle_cpu_percent_with_simulator"],
        "idle_bytes_written_mixed": found["idle_bytes_written"],
    }


def _uniform(folder: Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory(dir=folder) as name:
        here = Path(name)
        (here / "settings.toml").write_text(settings())
        with Stage(here / "settings.toml") as stage:
            stage.start_board()
            _fill(stage, here, "m0")
            stage.start_guard()
            found = _starts(stage)
            daemon = stage.start_daemon()
            return found | _idle(stage, daemon.pid)


def _fill(stage: Stage, here: Path, machine: str) -> None:
    """Import 2,000 badges as an export under this controller's own key."""
    stage.loquet("whitelist", "require", machine, "laser")
    key = BadgeKey((here / "data/badge.key").read_bytes())
    rows = list(whitelist(2_000).rows())
    assert sum(isinstance(row, Badge) for row in rows) == 2_000
    head = f'{{"kind": "loquet whitelist", "key": "{key.fingerprint}", "rows": {len(rows)}}}\n'
    text = head + "".join(encode_row(row).decode() + "\n" for row in rows)
    (here / "export.jsonl").write_text(text)
    done = stage.loquet("whitelist", "import", "--replace", str(here / "export.jsonl"))
    assert done.returncode == 0, done.stderr


def _starts(stage: Stage) -> dict[str, float]:
    """Start to ready, and a bare import of the given packages, in turn; medians."""
    ready, bare = [], []
    code = f"from drivers.bus import rpi_gpio\nwith rpi_gpio.installed(): {GIVEN}"
    for _ in range(STARTS + 1):
        began = time.monotonic()
        subprocess.run([sys.executable, "-c", code], env=stage.environment, check=True)
        bare.append(time.monotonic() - began)
        began = time.monotonic()
        daemon = stage.start("daemon", ["controller", "run"])
        assert daemon.stdout
        daemon.stdout.readline()
        ready.append(time.monotonic() - began)
        stage.kill("daemon", 15)  # type: ignore[arg-type]
    return {"ready_over_import": median(ready[1:]) / median(bare[1:])}


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _written(pid: int) -> int:
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


def _anonymous_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:")) / 1024


def _idle(stage: Stage, pid: int) -> dict[str, float]:
    time.sleep(2)
    transfers, cpu, written, began = stage.hand.do("transfers"), _cpu(pid), _written(pid), time.monotonic()
    time.sleep(IDLE_S)
    lasted = time.monotonic() - began
    used = _cpu(pid) - cpu
    calls = stage.hand.do("transfers") - transfers
    share = calls * _stand_in_cost(stage)
    return {
        "idle_cpu_percent": max(0.0, used - share) / lasted * 100,
        "idle_cpu_percent_with_simulator": used / lasted * 100,
        "idle_bytes_written": (_written(pid) - written) / lasted * 3600,
        "anon_mb_4_stations": _anonymous_mb(pid),
    }


def _stand_in_cost(stage: Stage) -> float:
    """Processor seconds of one transfer through the stand-in, less what one through spidev would cost too."""
    code = (
        "import spidev, time\n"
        "s = spidev.SpiDev(); s.open(0, 0)\n"
        "def spent(act, n=4000):\n"
        "    began = time.process_time()\n"
        "    for _ in range(n): act()\n"
        "    return (time.process_time() - began) / n\n"
        "real, wire = open('/dev/zero', 'rb', buffering=0), bytearray(2)\n"
        "print(spent(lambda: s.xfer2([130, 0])) - spent(lambda: list(real.read(2))))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=stage.environment, check=True, capture_output=True, text=True
    )
    return float(done.stdout)
