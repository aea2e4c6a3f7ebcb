"""Serial ports, through pyserial: opened for one owner, with an error that says what to do.

A port that several parts share (RS-485, a board with several relays) is opened once and let go by the last.
"""

from __future__ import annotations

import errno
import os
import select
import threading
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
import serial

from drivers.contracts import N_, DriverError, DriverSettings

Path_ = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^/[^\x00]*$")]
Baud = Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400]
MOST: Final = 4096  # bytes taken at once
WRITE_S: Final = 1.0
BY_ID: Final = Path("/dev/serial/by-id")
RULES: Final = (Path("/etc/udev/rules.d"), Path("/usr/lib/udev/rules.d"), Path("/lib/udev/rules.d"))


class SerialSettings(DriverSettings, frozen=True, kw_only=True):
    """Which port: by its stable name in /dev/serial/by-id or by-path; /dev/serial0 for the header's UART."""

    port: Path_

    def bus_pins(self) -> tuple[int, ...]:
        """Return the header's TXD and RXD, where the port is its UART."""
        return (14, 15) if self.port in {"/dev/serial0", "/dev/ttyAMA0", "/dev/ttyS0"} else ()


class PortError(DriverError, OSError):
    """The port cannot be opened, read or written."""


def names() -> list[str]:
    """Return the serial ports that there are, by stable names where they have one."""
    found = sorted(str(each) for each in BY_ID.glob("*"))
    return found or sorted(
        str(each) for pattern in ("ttyUSB*", "ttyACM*", "serial0") for each in Path("/dev").glob(pattern)
    )


def console_on(port: str, cmdline: Path = Path("/proc/cmdline")) -> bool:
    """Return whether the kernel's console talks on that port (kernel-parameters: console=)."""
    try:
        words = cmdline.read_text().split()
    except OSError:
        return False
    consoles = {word.removeprefix("console=").partition(",")[0] for word in words if word.startswith("console=")}
    return bool({Path(port).name, Path(os.path.realpath(port)).name} & consoles)


def taken_by_brltty(path: str, rules: tuple[Path, ...] = RULES) -> bool:
    """Return whether a USB adapter may be missing because brltty has it (Debian bug 667616, Ubuntu bug 1958224)."""
    is_usb = "USB" in path.upper() or path.startswith(str(BY_ID.parent))
    return is_usb and any(next(folder.glob("*brltty*.rules"), None) is not None for folder in rules)


class Port:
    """One open serial port, 8N1 unless said otherwise. Raises PortError."""

    def __init__(self, path: str, baudrate: int, *, parity: str = "N", stopbits: int = 1) -> None:
        self.path = path
        self.lock = threading.RLock()
        try:
            self.serial = serial.Serial(
                path, baudrate, parity=parity, stopbits=stopbits, timeout=0, write_timeout=WRITE_S, exclusive=True
            )
        except Exception as error:  # SerialException is an OSError, termios.error is nobody's child
            raise _why(path, error) from error
        try:
            self.forget()
        except PortError:
            self.close()
            raise

    def read(self, seconds: float = 0.0) -> bytes:
        """Return what has come, waiting so long for a first byte; nothing where nothing came."""
        try:
            if seconds and not select.select([self.serial.fileno()], [], [], seconds)[0]:
                return b""
            return bytes(self.serial.read(MOST))
        except Exception as error:  # likewise
            raise _gone(self.path, error) from error

    def write(self, sent: bytes) -> None:
        """Hand all of it to the kernel, within a second. It is not waited for: what drains a port has no bound."""
        try:
            self.serial.write(sent)
        except Exception as error:  # likewise
            raise _gone(self.path, error) from error

    def forget(self) -> None:
        """Throw away what came and was not read. It fails where the port is gone, or was given up by another part."""
        try:
            self.serial.reset_input_buffer()
        except Exception as error:  # likewise
            raise _gone(self.path, error) from error

    @property
    def is_open(self) -> bool:
        """Whether nobody has closed it: another part that shares it may have given it up."""
        return bool(self.serial.is_open)

    def close(self) -> None:
        """Let the port go; may be called twice."""
        self.serial.close()


def _why(path: str, error: Exception) -> PortError:
    """Return why a port does not open, and what to do."""
    number = getattr(error, "errno", None)
    if number in {errno.ENOENT, errno.ENXIO, errno.ENODEV}:
        if taken_by_brltty(path):
            told = N_(
                "there is no {port}, and brltty is installed, which takes many USB adapters for braille displays "
                "(CH340): if nobody reads braille here, `sudo apt remove brltty`, then plug it in again"
            )
            return PortError(told, port=path)
        return PortError(
            N_("there is no {port}: is it plugged in? there are: {ports}"), port=path, ports=", ".join(names()) or "-"
        )
    if number in {errno.EACCES, errno.EPERM}:
        return PortError(N_("{port} may not be opened: belong to the group dialout, or use sudo"), port=path)
    if number in {errno.EAGAIN, errno.EBUSY} or "lock" in str(error):
        return PortError(
            N_("{port} is taken by another program; `sudo fuser -v {port}` names it. Two parts cannot share it"),
            port=path,
        )
    return PortError(N_("{port} cannot be opened as a serial port: {error}"), port=path, error=error)


def _gone(path: str, error: Exception) -> PortError:
    return PortError(N_("{port} does not answer any more ({error}): is it still plugged in?"), port=path, error=error)


class _Held(msgspec.Struct):
    port: Port
    users: int


_held: dict[str, _Held] = {}
_holding = threading.Lock()


def share(path: str, baudrate: int, *, parity: str = "N", stopbits: int = 1) -> Port:
    """Open a port that several parts of this process use, or join those that do. Raises PortError."""
    with _holding:
        held = _held.get(path)
        if held is None:
            held = _held[path] = _Held(Port(path, baudrate, parity=parity, stopbits=stopbits), 0)
        said = (held.port.serial.baudrate, held.port.serial.parity, held.port.serial.stopbits)
        if said != (baudrate, parity, stopbits):
            raise PortError(
                N_("{port}: parts on one line speak at one speed; this one says {wanted}, another {said}"),
                port=path,
                wanted=f"{baudrate} {parity}{stopbits}",
                said=" ".join(map(str, said)),
            )
        held.users += 1
        return held.port


def leave(port: Port, *, broken: bool = False) -> None:
    """Leave a shared port: the last closes it. *broken*: nobody joins it any more, whoever asks opens it anew."""
    with _holding:
        held = _held.get(port.path)
        if held is None or held.port is not port:  # given up already
            return
        held.users -= 1
        if broken or not held.users:
            del _held[port.path]
            with port.lock:
                port.close()
