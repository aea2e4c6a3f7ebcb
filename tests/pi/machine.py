"""QEMU with the emulated Pi in it, and a root shell in there over a virtio port."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import modules
from debian import PiError

PORTS = ("shell", "spi")


class Machine:
    """One board, off until it is booted. image: its disk. reader: the pseudo-terminal that its UART is wired to."""

    def __init__(self, image: Path, folder: Path, reader: Path) -> None:
        self.folder = folder
        self._image = image
        self._reader = reader
        self._qemu: subprocess.Popen[bytes] | None = None
        self._shell: socket.socket | None = None
        self._heard = b""
        self._boots = 0

    def boot(self, patience: float) -> float:
        """Give it power; return after how many seconds a shell answered."""
        began = time.monotonic()
        self._boots += 1
        for name in PORTS:
            (self.folder / name).unlink(missing_ok=True)
        with (self.folder / f"qemu-{self._boots}.log").open("wb") as log:
            self._qemu = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._heard = b""
        self._shell = self.connect("shell")
        self._wait(rb"@@HELLO [\d.]+\n", patience)
        return time.monotonic() - began

    def _command(self) -> list[str]:
        folder = self.folder
        devices = [
            "-chardev", f"serial,id=uart,path={self._reader}", "-serial", "chardev:uart",
            "-device", "virtio-rng-pci", "-device", "virtio-serial-pci",
            "-chardev", f"file,id=console,path={folder}/console-{self._boots}.log",
            "-device", "virtconsole,chardev=console",
        ]  # fmt: skip
        for number, name in enumerate(PORTS, 1):
            devices += ["-chardev", f"socket,id={name},path={folder}/{name},server=on,wait=off"]
            devices += ["-device", f"virtserialport,chardev={name},name={name},nr={number}"]
        disk = f"if=none,id=disk,format=raw,file={self._image},cache=writeback"
        return [
            "setpriv", "--pdeathsig", "KILL", "nice", "-n", "5",  # whatever ends us ends it
            "qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a53", "-smp", "2", "-m", "512",
            "-display", "none", "-nodefaults", "-no-reboot", "-dtb", str(modules.DTB),
            "-kernel", str(modules.image()), "-initrd", str(modules.INITRD), *devices,
            "-drive", disk, "-device", "virtio-blk-pci,drive=disk",
            "-append", "console=hvc0 root=/dev/vda systemd.log_level=notice",
        ]  # fmt: skip

    def connect(self, name: str) -> socket.socket:
        """Connect to one of its ports."""
        end = time.monotonic() + 30
        while True:
            port = socket.socket(socket.AF_UNIX)
            with contextlib.suppress(OSError):
                port.connect(str(self.folder / name))
                return port
            port.close()
            if self._qemu is None or self._qemu.poll() is not None or time.monotonic() > end:
                raise PiError(f"QEMU does not run: {(self.folder / f'qemu-{self._boots}.log').read_text()}")
            time.sleep(0.1)

    def _wait(self, pattern: bytes, patience: float) -> tuple[bytes, re.Match[bytes]]:
        """Read on until something comes; return what came before it, and it."""
        end = time.monotonic() + patience
        while not (found := re.search(pattern, self._heard)):
            left = end - time.monotonic()
            if left <= 0 or self._shell is None:
                raise PiError(f"not in {patience:.0f} s: {pattern!r}; heard {self._heard[-500:]!r}; {self._console()}")
            self._shell.settimeout(left)
            with contextlib.suppress(TimeoutError):
                heard = self._shell.recv(65536)
                if not heard:
                    raise PiError(f"QEMU is gone; {self._console()}")
                self._heard += heard
        before, self._heard = self._heard[: found.start()], self._heard[found.end() :]
        return before, found

    def _console(self) -> str:
        path = self.folder / f"console-{self._boots}.log"
        return f"the console, {path}, ends: {path.read_text(errors='replace')[-800:] if path.exists() else ''}"

    def sh(self, command: str, patience: float = 300) -> tuple[int, str]:
        """Run a line as root; return its exit status and what it said."""
        if self._shell is None or "\n" in command:
            raise PiError(f"no shell, or more than a line: {command}")
        self._shell.sendall(command.encode() + b"\n")
        said, end = self._wait(rb"@@RC=(\d+)\n", patience)
        return int(end[1]), said.decode(errors="replace").rstrip("\n")

    def cut(self) -> None:
        """Pull the plug: SIGKILL, and nothing in there hears of it."""
        if self._qemu is not None and self._qemu.poll() is None:
            self._qemu.send_signal(signal.SIGKILL)
            self._qemu.wait()

    def power_off(self, patience: float = 300) -> None:
        """Shut down in good order."""
        if self._shell is None or self._qemu is None:
            return
        self._shell.sendall(b"systemctl poweroff --no-block\n")
        try:
            self._qemu.wait(patience)
        except subprocess.TimeoutExpired as error:
            raise PiError(f"no end of the shutdown in {patience:.0f} s") from error
