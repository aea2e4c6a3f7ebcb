"""What is connected to this machine: what `loquet setup` offers to choose from."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from drivers.bus import ports

DEV: Final = Path("/dev")


class Connected(msgspec.Struct, frozen=True):
    """What was found: SPI chip selects, serial ports, devices that type, I²C buses, PC/SC readers."""

    spi: list[str]
    serial: list[str]
    keyboards: list[str]
    i2c: list[str]
    pcsc: list[str]


def connected(dev: Path = DEV) -> Connected:
    """Look for what is connected; touches nothing."""
    return Connected(
        spi=[str(path) for path in sorted(dev.glob("spidev*"))],
        serial=serial(dev),
        keyboards=keyboards(dev),
        i2c=[str(path) for path in sorted(dev.glob("i2c-*"))],
        pcsc=_pcsc(),
    )


def serial(dev: Path = DEV) -> list[str]:
    """Return serial ports by stable names; by the socket they are plugged into, where two adapters bear one name."""
    by_id, by_path = _links(dev / "serial/by-id"), _links(dev / "serial/by-path")
    hidden = {str(path) for real, path in by_path.items() if real not in by_id}
    uart = {str(dev / "serial0")} if (dev / "serial0").exists() else set()
    return sorted({*map(str, by_id.values()), *hidden, *uart}) or ports.names()


def keyboards(dev: Path = DEV) -> list[str]:
    """Return devices that type, likewise."""
    by_id, by_path = (_links(dev / "input" / how, "*-event-kbd") for how in ("by-id", "by-path"))
    return sorted({*map(str, by_id.values()), *(str(path) for real, path in by_path.items() if real not in by_id)})


def _links(folder: Path, pattern: str = "*") -> dict[Path, Path]:
    """Return the names in a folder by what they lead to: one each, the shortest where systemd gives it two."""
    found: dict[Path, Path] = {}
    for path in sorted(folder.glob(pattern), key=lambda path: (len(path.name), path.name), reverse=True):
        found[path.resolve()] = path
    return found


def _pcsc() -> list[str]:
    try:
        from smartcard import System  # noqa: PLC0415 - an extra

        return [str(each) for each in System.readers()]
    except Exception:  # noqa: BLE001 - no library, no service: no reader
        return []
