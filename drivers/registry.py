"""Drivers by kind and name. Other distributions add theirs under the same entry-point groups."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoints, entry_points
from typing import Any, Final

from drivers.contracts import N_, DriverError, DriverMissingError, DriverSettings, plain

KINDS: Final = ("readers", "outputs", "lights", "buzzers", "inputs", "displays")

HEADER: Final = 'pip install "loquet[hardware]" && pip install --no-deps mfrc522'
HOW: Final = {  # by module, as typed; where the package was installed, Debian's
    "evdev": 'sudo apt install python3-evdev (pip: "loquet[keyboard]")',
    "smartcard": 'sudo apt install python3-pyscard pcscd (pip: "loquet[pcsc]")',
    "minimalmodbus": 'pip install "loquet[modbus]"',
    **dict.fromkeys(("PIL", "cbor2", "luma"), 'sudo apt install python3-pil python3-cbor2 (pip: "loquet[oled]")'),
    **dict.fromkeys(("RPLCD", "smbus2"), 'pip install "loquet[lcd]"'),
}


class UnknownDriverError(DriverError, LookupError):
    """No driver of that kind bears that name."""


@cache
def _entries(kind: str) -> EntryPoints:
    """Read what is installed once: it costs as much as the rest of reading the settings."""
    return entry_points(group=f"loquet.{kind}")


def names(kind: str) -> list[str]:
    """Name the drivers of a kind."""
    return sorted(entry.name for entry in _entries(kind))


def find(kind: str, name: str) -> Any:  # noqa: ANN401 - the caller knows the kind's contract
    """Return the driver class of that kind and name. Raises UnknownDriverError, which names those there are."""
    for entry in _entries(kind):
        if entry.name == name:
            return entry.load()
    raise UnknownDriverError(
        N_('there is no driver "{driver}" among the {kind}; there are: {names}'),
        driver=name,
        kind=kind,
        names=", ".join(names(kind)) or "-",
    )


def make(kind: str, name: str, settings: DriverSettings, **how: bool) -> Any:  # noqa: ANN401 - likewise
    """Make a driver, *how* its kind's contract allows. Raises DriverError, DriverMissingError among them."""
    try:
        return find(kind, name)(settings, **how)
    except ImportError as error:
        module = (error.name or str(error)).partition(".")[0]
        raise DriverMissingError(
            N_('driver "{driver}" needs the Python module "{module}", which is not installed: {how}'),
            driver=name,
            module=module,
            how=HOW.get(module, HEADER),
        ) from error
    except DriverError:
        raise
    except Exception as error:  # gpiozero's, lgpio's and the kernel's errors share no root
        raise DriverError(N_('driver "{driver}" cannot start: {error}'), driver=name, error=plain(error)) from error
