"""A life of the arm64 package on an emulated Raspberry Pi: `make pi`. Prints what was seen, a line for each thing.

Needs root, on Debian 12; see docs/testing.md. --only NAME… lives those parts alone, after the boot.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

import build
import daily
import troubles
from debian import CACHE, PiError, run
from pi import Pi
from report import Report

Scene = Callable[[Pi, Report], None]
ALWAYS = ("boot", "people")
SCENES: dict[str, tuple[str, Scene]] = {
    "boot": ("It boots", daily.boot),
    "hardware": ("What runs there is the real thing", daily.hardware),
    "check": ("It says how it is", daily.check),
    "people": ("People", daily.people),
    "taps": ("Badges are tapped", daily.taps),
    "keyboard": ("A reader that types", daily.keyboard),
    "inputs": ("Buttons and the emergency stop", daily.inputs),
    "daemon": ("The daemon is killed", troubles.daemon_killed),
    "guard": ("The guard is killed", troubles.guard_killed),
    "both": ("Both are killed at one instant", troubles.both_killed),
    "busy": ("A line is busy at the start", troubles.busy_line),
    "update": ("An update while somebody works", troubles.update),
    "power": ("A power cut", troubles.power_cut),
}


def live(pi: Pi, report: Report, names: list[str]) -> None:
    """Live through the parts that are named, each as far as it goes."""
    for name, (title, scene) in SCENES.items():
        if name not in names:
            continue
        report.title(f"{title}:")
        try:
            scene(pi, report)
        except AssertionError as error:
            report.must(False, f"{name}: {error}")
        except (PiError, KeyError, ValueError, OSError):
            report.must(False, f"{name}: {traceback.format_exc(limit=4)}")
            if name == "boot":
                return


def _disk_is_sound(image: Path, report: Report) -> None:
    done = subprocess.run(["e2fsck", "-fn", str(image)], capture_output=True, text=True, check=False)
    said = "nothing to mend" if done.returncode == 0 else done.stdout[-500:]
    report.must(done.returncode == 0, f"e2fsck of the disk afterwards: {said}")


def main() -> int:
    """Build what is not there, and live."""
    parser = argparse.ArgumentParser(prog="make pi", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(SCENES), metavar="NAME", help=f"of: {', '.join(SCENES)}")
    parser.add_argument("--keep", action="store_true", help="keep the disk and the logs of this run")
    options = parser.parse_args()
    try:
        build.build()
    except PiError as error:
        sys.stderr.write(f"make pi: {error}\n")
        return 2
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=CACHE))
    image = folder / "disk.img"
    run("cp", "--sparse=always", build.IMAGE, image)
    report = Report()
    pi = Pi(image, folder)
    try:
        live(pi, report, [*ALWAYS, *options.only] if options.only else list(SCENES))
        report.title("It is switched off:")
        pi.machine.power_off()
        _disk_is_sound(image, report)
    except PiError as error:
        report.must(False, str(error))
    finally:
        pi.close()
    print(f"\n{report.proved} as they must be, {len(report.failed)} not", flush=True)
    if report.failed or options.keep:
        print(f"kept: {folder}")
    else:
        run("rm", "-r", folder)
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
