"""Build the Debian root that the installation tests boot: `make root`. Needs root; kept between runs.

It stands for a fresh Raspberry Pi OS: Debian 12, systemd, Python and spidev, and nothing of ours.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

SUITE = "bookworm"
PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "udev", "python3", "python3-spidev", "tzdata", "init-system-helpers",
    "procps",
)  # fmt: skip
TOOLS = {"debootstrap": "debootstrap", "systemd-nspawn": "systemd-container"}
ROOT = Path(os.environ.get("LOQUET_DEBIAN_ROOT") or Path.home() / ".cache/loquet" / f"debian-{SUITE}")
STAMP = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


def is_built() -> bool:
    """Tell whether the root is there, made by this very file."""
    try:
        return (ROOT / "stamp").read_text() == STAMP
    except OSError:
        return False


def main() -> int:
    """Build it where it is not there."""
    if is_built():
        return 0
    if os.geteuid():
        sys.stderr.write("make root: needs root, as debootstrap does\n")
        return 1
    missing = [package for tool, package in TOOLS.items() if shutil.which(tool) is None]
    if missing:
        subprocess.run(["apt-get", "update", "-q"], check=False)
        subprocess.run(["apt-get", "install", "-qy", "--no-install-recommends", *missing], check=True)
    shutil.rmtree(ROOT, ignore_errors=True)
    ROOT.mkdir(parents=True)
    include = ",".join(PACKAGES)
    subprocess.run(["debootstrap", "--variant=minbase", f"--include={include}", SUITE, str(ROOT / "root")], check=True)
    (ROOT / "stamp").write_text(STAMP)
    return 0


if __name__ == "__main__":
    sys.exit(main())
