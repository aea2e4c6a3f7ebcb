"""How things stand on the workbench: what lies where, what is pulled or pressed, what was tried."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import msgspec

from common.errors import LoquetError
from simulator.network import Cable


class SceneError(LoquetError, ValueError):
    """An act that cannot be done."""


class Uplink(msgspec.Struct, frozen=True):
    """How this controller reaches its server: by a cable, with a code that takes it in."""

    cable: Cable
    code: str
    pages: str
    user: str = ""
    password: str = ""


@dataclass
class Situation:
    """Changed by acts and by the supervisor, one at a time: whoever does holds `acting`."""

    uplink: Uplink | None = None
    acting: threading.RLock = field(default_factory=threading.RLock)
    lying: dict[str, str] = field(default_factory=dict)  # machine by thing
    cables: set[str] = field(default_factory=set)  # machines whose reader's cable is pulled
    switched: set[str] = field(default_factory=set)  # "machine/input" of the contacts that are not as they normally are
    amounts: dict[str, float] = field(default_factory=dict)  # by "machine/input", what a meter measures
    tried: set[str] = field(default_factory=set)
    mains: bool = True
    frozen_since: float | None = None
    down_since: float | None = None
