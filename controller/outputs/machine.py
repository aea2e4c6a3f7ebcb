"""All outputs of one machine: which closes last and opens first, and what waits for what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from common.owner import Owner
from controller.station.states import MACHINE
from drivers.contracts import OutputError


class MachineOutput(Protocol):
    """One output as one machine sees it: its own, or its share of one that several have."""

    is_closed: bool

    @property
    def is_on(self) -> bool: ...  # noqa: D102 - as in LeasedOutput
    @property
    def is_settled(self) -> bool: ...  # noqa: D102
    @property
    def has_ended(self) -> bool: ...  # noqa: D102
    @property
    def answers(self) -> bool: ...  # noqa: D102
    @property
    def needs_guard(self) -> bool: ...  # noqa: D102
    @property
    def counted_wh(self) -> float | None: ...  # noqa: D102
    @property
    def is_lent(self) -> bool: ...  # noqa: D102
    @property
    def resumes(self) -> bool: ...  # noqa: D102
    def take_lease(self, now: int) -> None: ...  # noqa: D102
    def close_output(self, now: int) -> None: ...  # noqa: D102
    def pause_output(self) -> None: ...  # noqa: D102
    def open_output(self) -> None: ...  # noqa: D102
    def renew(self, now: int) -> None: ...  # noqa: D102
    def take_over(self, now: int) -> None: ...  # noqa: D102
    def end(self) -> None: ...  # noqa: D102
    def release(self) -> None: ...  # noqa: D102


class MachineOutputs:
    """All outputs of one machine, each under its own lease: the machine's closes last and opens first."""

    def __init__(self, outputs: Mapping[str, MachineOutput]) -> None:
        self._machine = outputs[MACHINE]
        self.owner = Owner("a machine's outputs")
        self._waits = False  # the machine is to close once what closes before it has
        self._outputs = {name: outputs[name] for name in sorted(outputs, key=lambda name: name == MACHINE)}

    @property
    def is_on(self) -> bool:
        """Whether the machine's own output is closed."""
        return self._machine.is_on

    @property
    def resumes(self) -> bool:
        """Whether the machine's own output stays closed when this process dies, for a session to go on."""
        return self._machine.resumes

    @property
    def shows(self) -> str:
        """Return how the machine's own output is: "on", "off", or on its way there."""
        if self._machine.is_settled:
            return "on" if self._machine.is_on else "off"
        return "switching_on" if self._machine.is_closed else "switching_off"

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come of waiting for any to open."""
        return all(output.has_ended for output in self._outputs.values())

    @property
    def answers(self) -> bool:
        """Whether every output can be reached, and does what it is told."""
        return all(output.answers for output in self._outputs.values())

    @property
    def needs_guard(self) -> bool:
        """Whether any output needs a guard to look after its lease."""
        return any(output.needs_guard for output in self._outputs.values())

    @property
    def counted_wh(self) -> float | None:
        """Return what the machine's own part has counted so far, in watt-hours, where it counts."""
        return self._machine.counted_wh

    @property
    def closed(self) -> frozenset[str]:
        """Name the outputs that are closed, as far as they were told."""
        return frozenset(name for name, output in self._outputs.items() if output.is_closed)

    @property
    def is_lent(self) -> bool:
        """Whether any lease is held."""
        return any(output.is_lent for output in self._outputs.values())

    def take_lease(self, now: int) -> None:
        """Take every lease. Raises OutputError."""
        self.owner.check()
        for output in self._outputs.values():
            output.take_lease(now)

    def switch(self, closed: frozenset[str], now: int) -> None:
        """Have exactly these closed. What opens goes first, the machine before all, whatever happens to any.

        Raises OutputError at the end of opening, or at the first that does not close. While the machine is on, what
        is open beside it keeps its lease.
        """
        self.owner.check()
        pausing = MACHINE in closed
        self._waits = False
        # Reversed: the machine stands last, so that it opens first.
        others = [output for name, output in reversed(self._outputs.items()) if name not in closed]
        _each(output.pause_output if pausing else output.open_output for output in others)
        for name, output in self._outputs.items():
            if name in closed and not output.is_closed:
                if output is self._machine and not self._others_are_there():
                    self._waits = True
                    return
                output.close_output(now)

    def _others_are_there(self) -> bool:
        """Return whether what was told to close before the machine has closed: what is remote takes its time."""
        return all(output.is_settled for output in self._outputs.values() if output.is_closed)

    def settle(self, now: int) -> None:
        """Close the machine, where it waited for others, once they have closed. Raises OutputError."""
        if self._waits and self._others_are_there():
            self._waits = False
            self._machine.close_output(now)

    def renew(self, now: int) -> None:
        """Make every lease longer that is held. Raises OutputError."""
        self.owner.check()
        for output in self._outputs.values():
            output.renew(now)
        self.settle(now)

    def take_over(self, now: int) -> None:
        """Make the leases of what was found closed one's own. Raises OutputError."""
        for output in self._outputs.values():
            if output.is_closed:
                output.take_over(now)

    def end(self) -> None:
        """Open every output for good, without waiting for any. Raises OutputError at the end."""
        _each(output.end for output in reversed(self._outputs.values()))

    def release(self) -> None:
        """Open every output, and let the outputs go. Raises OutputError at the end."""
        _each(output.release for output in reversed(self._outputs.values()))


def _each(acts: Iterable[Callable[[], None]]) -> None:
    failed: OutputError | None = None
    for act in acts:
        try:
            act()
        except OutputError as error:
            failed = failed or error
    if failed is not None:
        raise failed
