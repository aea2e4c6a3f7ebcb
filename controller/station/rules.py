"""What the settings say of one machine, as its station reads it. Times in milliseconds."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from protocol.entries import Purpose
from protocol.rows import Level


class Mode(StrEnum):
    """How a badge opens and ends a session."""

    PRESENCE = "presence"
    TAP = "tap"
    TIMED = "timed"
    JOB = "job"


class Does(StrEnum):
    """What follows from an input, for as long as its condition holds."""

    TELL = "tell"
    REFUSE = "refuse"
    OPEN = "open"
    END = "end"
    FAULT = "fault"
    RUNNING = "running"
    PURPOSE = "purpose"
    GROUP = "group"
    LOCK = "lock"
    TEACH = "teach"
    PROLONG = "prolong"
    REPORT = "report"


class Clears(StrEnum):
    """Who clears a latched cause, once it is gone: nobody has to, or whose badge it takes."""

    RELEASE = "release"
    USER = "user"
    TRAINER = "trainer"
    MAINTAINER = "maintainer"

    @property
    def level(self) -> Level | None:
        """The level that a badge needs to clear; None where the release alone does."""
        return None if self is Clears.RELEASE else Level[self.name]


class InputRule(msgspec.Struct, frozen=True):
    """What one input means.

    output: the named output that is open while its condition holds. settle: for so long after the start its
    condition does not count. The rest belongs to the buttons that say what the next session is.
    """

    name: str
    does: Does
    output: str = ""
    settle: int = 0
    clears: Clears = Clears.MAINTAINER
    purpose: Purpose = Purpose.OWN
    organisation: str = ""
    people: int | None = None


class Rules(msgspec.Struct, frozen=True):
    """What the settings say of one machine.

    outputs: all that close with a session, the machine's own among them; run_on: which of the others stay closed
    after it, and for how long. wait_for_rest: how long an end that is not urgent waits for the machine to stand
    still; coast_down: for how long it has to, before it counts as standing still.
    """

    machine: str
    mode: Mode = Mode.PRESENCE
    outputs: frozenset[str] = frozenset({"machine"})
    inputs: tuple[InputRule, ...] = ()
    grace: int = 5_000
    longest: int | None = None
    period: int = 0
    idle: int | None = None
    warning: int = 60_000
    coast_down: int = 0
    wait_for_rest: int = 0
    shortest_off: int = 0
    run_on: tuple[tuple[str, int], ...] = ()
    supervised: bool = False
    buddy: bool = False
    pin: bool = False
    takeover: bool = False
    resumes: bool = False
    purpose: Purpose = Purpose.OWN
    lock_note: str = "locked at the machine"

    def input(self, name: str) -> InputRule | None:
        """Return what an input means, if the settings name it."""
        return next((rule for rule in self.inputs if rule.name == name), None)

    def named(self, does: Does) -> tuple[InputRule, ...]:
        """Return the inputs with that consequence."""
        return tuple(rule for rule in self.inputs if rule.does is does)

    @property
    def senses_running(self) -> bool:
        """Whether anything says that the machine runs."""
        return bool(self.named(Does.RUNNING))
