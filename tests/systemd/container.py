"""A Debian of its own, booted by systemd-nspawn, whose SPI and GPIO are the simulated board outside it."""

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from simulator.stage import STAND_INS, until

BOARD = "/srv/board"
STANDS = "/srv/stand_ins"
DROP_IN = f"""[Service]
Environment=PYTHONPATH={STANDS} LOQUET_BOARD={BOARD}/board.sock LOQUET_BOARD_REVISION=c03114
"""
ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "LOQUET_LANGUAGE": "en"}
_numbers = itertools.count()


class Overlay:
    """A root of layers, the last of them ours to write in."""

    def __init__(self, folder, *lower):
        self.upper, self.root = folder / "upper", folder / "root"
        for each in (self.upper, folder / "work", self.root):
            each.mkdir(parents=True)
        layers = f"lowerdir={':'.join(map(str, lower))},upperdir={self.upper},workdir={folder / 'work'}"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, str(self.root)], check=True)

    def run(self, *command, **options):
        """Run a command in it as in a chroot, without any service manager."""
        return subprocess.run(
            ["chroot", str(self.root), *command], capture_output=True, text=True, check=False, **options
        )

    def close(self):
        subprocess.run(["umount", "--lazy", str(self.root)], check=True)


class Disk:
    """A file system of its own that can be made to stall, as a worn card does."""

    def __init__(self, folder):
        self.path = folder / "disk"
        self.path.mkdir()
        image = folder / "disk.img"
        with image.open("wb") as file:
            file.truncate(64 << 20)
        subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
        subprocess.run(["mount", "-o", "loop", str(image), str(self.path)], check=True)
        self._stalled = False

    def stall(self):
        """Answer no write any more."""
        subprocess.run(["fsfreeze", "--freeze", str(self.path)], check=True)
        self._stalled = True

    def go_on(self):
        """Answer again, those that waited too."""
        if self._stalled:
            subprocess.run(["fsfreeze", "--unfreeze", str(self.path)], check=True)
            self._stalled = False

    def close(self):
        self.go_on()
        subprocess.run(["umount", "--lazy", str(self.path)], check=True)


class Container:
    """One boot. `sh` runs a command inside; `board` is the folder with the board's socket."""

    def __init__(self, root, board, *, drop_in="", binds=()):
        self.name = f"loquet-{os.getpid()}-{next(_numbers)}"
        self._root = root
        for unit in ("loquet.service", "loquet-guard.service"):
            folder = root / f"etc/systemd/system/{unit}.d"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "board.conf").write_text(DROP_IN + drop_in)
        for folder in (BOARD, STANDS):
            (root / folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
        for unit in ("console-getty.service", "systemd-logind.service", "apt-daily.timer", "e2scrub_all.timer"):
            link = root / "etc/systemd/system" / unit
            if not link.is_symlink():
                link.symlink_to("/dev/null")
        self.log = board / f"{self.name}.log"
        with self.log.open("w") as log:
            self._nspawn = subprocess.Popen(
                [
                    "systemd-nspawn", f"--directory={root}", f"--machine={self.name}", "--register=no", "--keep-unit",
                    "--boot", "--private-network", "--console=read-only", f"--bind={board}:{BOARD}",
                    f"--bind-ro={STAND_INS}:{STANDS}", "--system-call-filter=adjtimex clock_adjtime clock_adjtime64",
                    *(f"--bind={bind}" for bind in binds),
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self._init = until(self._find_init, "systemd in the container")
        until(lambda: self.sh("systemctl is-system-running").stdout.strip() in {"running", "degraded"}, "its boot")

    def _find_init(self):
        if self._nspawn.poll() is not None:
            raise RuntimeError(self.log.read_text())
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
        for child in children:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a helper that ended just now
                if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                    return child
        return None

    def _inside(self, command):
        spaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--wdns=/"]
        return ["nsenter", "--target", self._init, *spaces, "/bin/sh", "-c", command]

    def sh(self, command):
        """Run a command as root."""
        return subprocess.run(self._inside(command), capture_output=True, text=True, timeout=120, check=False, env=ENV)

    def start(self, command):
        """Start a command as root, and do not wait for it."""
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen(self._inside(command), **pipes, text=True, env=ENV)

    def good(self, command):
        """Run a command that must succeed; give what it said."""
        done = self.sh(command)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}{self.journal()}"
        return done.stdout

    def journal(self):
        """Give what the units said."""
        return self.sh("journalctl --no-pager -u 'loquet*' -n 300 -o short").stdout

    def show(self, unit, word):
        """Give one property of a unit."""
        return self.sh(f"systemctl show --property={word} --value {unit}").stdout.strip()

    def status(self):
        """Give `loquet status`, None while nobody answers."""
        done = self.sh("loquet status --json")
        return json.loads(done.stdout) if done.returncode == 0 else None

    def lines(self, command):
        """Give the JSON lines of a command."""
        return [json.loads(line) for line in self.good(command).splitlines()]

    def ready(self):
        """Wait until the daemon answers and its readers are found."""

        def found():
            status = self.status()
            return status and status["guard"] and all(each["reader"] for each in status["stations"]) and status

        try:
            return until(found, "the daemon and its reader")
        except Exception as error:
            raise AssertionError(self.journal()) from error

    def power_off(self):
        """Shut down in good order."""
        self.sh("systemctl poweroff --no-block")
        self._nspawn.wait(60)

    def close(self):
        """Pull the plug, if it still runs."""
        if self._nspawn.poll() is None:
            os.kill(int(self._init), signal.SIGKILL)
            self._nspawn.wait(30)
        while Path(f"/run/systemd/nspawn/propagate/{self.name}").exists():
            shutil.rmtree(f"/run/systemd/nspawn/propagate/{self.name}", ignore_errors=True)
            time.sleep(0.05)
