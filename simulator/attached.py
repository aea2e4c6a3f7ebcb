"""What a settings file asks the simulator to have beside the header: parts, where they are, their contacts."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from controller.settings import Part, Settings
from drivers.bus.plug_http import PlugMeterSettings, PlugSettings
from drivers.inputs.pzem004t import MeterSettings
from drivers.outputs.lcus import LCUSSettings
from drivers.outputs.modbus import RelaySettings
from drivers.readers.em4100 import EM4100Settings
from drivers.readers.keyboard import KeyboardSettings
from drivers.readers.pcsc import PCSCSettings
from drivers.readers.pn532 import PN532Settings
from drivers.readers.wiegand import WiegandSettings


def at_home(text: str, folder: Path) -> str:
    """Have settings that name a Pi's ports and a workshop's addresses mean the simulator's: a folder, loopback."""
    homes: dict[str, str] = {}

    def home(found: re.Match[str]) -> str:
        if found[0] not in homes:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                homes[found[0]] = f"127.0.0.1:{probe.getsockname()[1]}"
        return homes[found[0]]

    text = re.sub(r'(?<=")192\.168\.\d+\.\d+(?=")', home, text)
    return text.replace('"/dev/', f'"{folder}/dev/')


def place(part: Part) -> str:
    """Return where a part is: its port, its address, its name; nothing for one on the header."""
    match part.settings:
        case PlugSettings(host=host) | PlugMeterSettings(host=host):
            return host
        case PCSCSettings(name=name):
            return name or "Simulated ACR122U"
        case WiegandSettings(d0=d0, d1=d1):
            return f"Wiegand {d0}/{d1}"
        case (
            PN532Settings() | EM4100Settings() | KeyboardSettings() | LCUSSettings() | RelaySettings() | MeterSettings()
        ):
            return part.settings.port
    return ""


def seat(part: Part) -> tuple[str, str] | None:
    """Name a contact that is no pin; None for one that is."""
    where = place(part)
    return (where, part.settings.seat) if where else None


def everything(settings: Settings) -> Iterator[Part]:
    """Return every part that the settings name."""
    for station in settings.stations:
        for _name, part in station.parts():
            yield part
    yield from settings.services.values()


def descriptions(parts: Iterable[Part]) -> list[dict[str, Any]]:
    """Describe parts as the simulated board takes them, each once."""
    found: list[dict[str, Any]] = []
    for said in filter(None, map(_description, parts)):
        if "number" in said or all(said["at"] != other["at"] for other in found):
            found.append(said)
    return found


def _description(part: Part) -> dict[str, Any] | None:  # noqa: PLR0911 - one answer for each kind
    where = place(part)
    match part.settings:
        case PlugSettings(password=password) | PlugMeterSettings(password=password):
            return {"kind": part.driver, "at": where, "password": password}
        case KeyboardSettings(base=base, byte_order=order) as said:
            length = 0 if said.gives_all else said.lengths[0]
            return {"kind": "keyboard", "at": where, "base": base, "length": length, "reverse": order == "little"}
        case WiegandSettings(d0=d0, d1=d1, bits=bits, technology=technology):
            wires = {"d0": d0, "d1": d1, "bits": bits, "technology": technology}
            return {"kind": "wiegand", "at": where, **wires}
        case LCUSSettings(answers=answers):
            return {"kind": "lcus", "at": where, "answers": answers}
        case RelaySettings(unit=unit, coil=coil):
            return {"kind": "modbus", "at": where, "number": unit, "coils": coil + 1}
        case MeterSettings(unit=unit):
            return {"kind": "modbus", "at": where, "number": unit, "coils": 0}
        case PN532Settings() | EM4100Settings() | PCSCSettings():
            return {"kind": part.driver, "at": where}
    return None
