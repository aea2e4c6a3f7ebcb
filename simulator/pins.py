"""The header's lines as the kernel keeps them: an output's level outlives the process that set it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

LINES: Final = 28
PULLED_UP: Final = range(9)
IS_HELD: Final = 1 << 0
IS_OUT: Final = 1 << 1
PULLS: Final = {32: 1, 64: 0}  # lgpio's flags: pull-up, pull-down


class PinError(Exception):
    """What the kernel refuses; lgpio's word for it."""


class Line:
    """One line: who holds it, what it drives, what drives it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.owner: object | None = None
        self.output = False
        self.level = int(number in PULLED_UP)
        self.pulled = self.level
        self.driven: int | None = None  # from outside: a button
        self.pwm: tuple[float, float] | None = None


class Pins:
    """All lines. `keeps` is the kernel's habit of leaving an output's level when its line is freed.

    Every change of a level is kept with its time, so that a pulse too short to see is seen.
    """

    def __init__(self, now: Callable[[], float], *, keeps: bool = True) -> None:
        self._now = now
        self.keeps = keeps
        self.lines = [Line(number) for number in range(LINES)]
        self.history: list[tuple[float, int, int]] = []
        self.watchers: list[Callable[[int, int], None]] = []

    def _set(self, line: Line, level: int) -> None:
        if level != line.level:
            line.level = level
            self.history.append((self._now(), line.number, level))
            for watcher in self.watchers:
                watcher(line.number, level)

    def add(self) -> None:
        """Add a line that is no pin: a contact elsewhere, seen here with the others."""
        line = Line(len(self.lines))
        line.level = line.pulled = 0
        self.lines.append(line)

    def notify(self, number: int, level: int) -> None:
        """Take note of such a contact."""
        self._set(self.lines[number], level)

    def _claim(self, owner: object, number: int) -> Line:
        line = self._line(number)
        if line.owner not in {None, owner}:
            raise PinError("GPIO busy")
        line.owner = owner
        line.pwm = None
        return line

    def _line(self, number: int) -> Line:
        if not 0 <= number < LINES:
            raise PinError("bad GPIO number")
        return self.lines[number]

    def _held(self, owner: object, number: int) -> Line:
        line = self._line(number)
        if line.owner is not owner:
            raise PinError("GPIO not allocated")
        return line

    def claim_output(self, owner: object, number: int, level: int) -> None:
        """Make a line an output that stands at *level* from its first instant."""
        line = self._claim(owner, number)
        line.output = True
        self._set(line, int(bool(level)))

    def claim_input(self, owner: object, number: int, flags: int) -> None:
        """Make a line an input; its pull, or what drives it, decides its level."""
        line = self._claim(owner, number)
        line.output = False
        line.pulled = PULLS.get(flags & 96, line.pulled)
        self._set(line, line.pulled if line.driven is None else line.driven)

    def free(self, owner: object, number: int) -> None:
        """Let a line go."""
        line = self._held(owner, number)
        line.owner = None
        line.pwm = None
        if line.output and not self.keeps:
            line.output = False
            self._set(line, line.pulled)

    def free_all(self, owner: object) -> None:
        """Let go of all that a process held that is no more."""
        for line in self.lines:
            if line.owner is owner:
                self.free(owner, line.number)

    def write(self, owner: object, number: int, level: int) -> None:
        """Drive an output."""
        line = self._held(owner, number)
        if not line.output:
            raise PinError("GPIO not an output")
        self._set(line, int(bool(level)))

    def read(self, owner: object, number: int) -> int:
        """Read a line."""
        return self._held(owner, number).level

    def mode(self, number: int) -> int:
        """Return the kernel's flags of a line: whether it is held, and its direction."""
        line = self._line(number)
        return (IS_HELD if line.owner is not None else 0) | (IS_OUT if line.output else 0)

    def tx_pwm(self, owner: object, number: int, frequency: float, duty: float) -> None:
        """Note a line's pulse-width modulation; frequency 0 ends it."""
        line = self._held(owner, number)
        line.pwm = (frequency, duty) if frequency else None

    def reset(self) -> None:
        """Lose the mains: every line is an input at its pull, whoever held it."""
        for line in self.lines[:LINES]:
            line.owner, line.output, line.pwm = None, False, None
            line.pulled = int(line.number in PULLED_UP)
            self._set(line, line.pulled if line.driven is None else line.driven)

    def drive(self, number: int, level: int | None) -> None:
        """Press, wire or let go a line from outside."""
        line = self._line(number)
        line.driven = level
        if not line.output:
            self._set(line, line.pulled if level is None else level)
