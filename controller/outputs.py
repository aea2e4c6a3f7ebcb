"""Outputs under their leases: closed only while a guard lives, opened before anything is told."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from controller.station.states import MACHINE
from drivers import lease
from drivers.contracts import Output, OutputError
from protocol.texts import N_


class NoGuardError(OutputError):
    """Nobody would open the contact if this daemon died."""


class LeasedOutput:
    """One output, driven from the loop's thread. found_closed: an earlier daemon left it so, under a lasting lease."""

    def __init__(
        self,
        output: Output,
        run_dir: Path,
        machine: str,
        name: str,
        guard: lease.GuardWord,
        *,
        resume: bool = False,
        found_closed: bool = False,
    ) -> None:
        self._output = output
        self._run_dir = run_dir
        self._lease = lease.Lease(run_dir, machine, name, msgspec.to_builtins(output.opening), resume=resume)
        self._lent_until = 0
        self._guard = guard
        self._resume = resume
        self.is_closed = found_closed

    @property
    def is_on(self) -> bool:
        """Tell whether the contact is closed; where the driver cannot say, whether it is lent."""
        try:
            return self._output.is_on
        except Exception:  # noqa: BLE001 - gpiozero's and lgpio's errors share no root
            return self.is_lent

    @property
    def is_lent(self) -> bool:
        """Tell whether a lease is held, which has to be renewed or given back."""
        return bool(self._lent_until)

    def take_lease(self, now: int) -> None:
        """Take the lease that closing needs, while the grant is on its way to disk. Raises OutputError."""
        if self._guard.until(now) <= now:
            raise NoGuardError(N_("no loquet-guard is running: nothing closes without it"))
        self._renew(now)

    def _renew(self, now: int) -> None:
        try:
            self._lease.renew(now, closed=self.is_closed)
        except OSError as error:
            raise OutputError(N_("{path} cannot be written: {error}"), path=self._run_dir, error=error) from error
        self._lent_until = now + self._lease.duration

    def close_contact(self, now: int) -> None:
        """Close the contact under a lease that lasts. Raises OutputError; it is open then."""
        if self._lent_until - now < lease.LEASE_MS // 4:
            self.take_lease(now)
        if self._resume:  # said before, so that whoever finds the lease leaves nothing closed that it does not know of
            self.is_closed = True
            self._renew(now)
        self._output.on()
        self.is_closed = True

    def pause_contact(self) -> None:
        """Open the contact and keep the lease: it is to close again in the same session. Raises OutputError."""
        self._open()
        if self._resume and self.is_lent:
            self._say_again()

    def _open(self) -> None:
        """Open it; where the driver cannot, have the guard do it at once. Raises OutputError."""
        self.is_closed = False
        try:
            self._output.off()
        except OutputError:
            with contextlib.suppress(OSError):
                self._lease.run_out()
            raise

    def _say_again(self) -> None:
        """Say in the lease that the contact is open. What cannot be said keeps nobody from opening."""
        with contextlib.suppress(OutputError):
            self._renew(lease.boottime_ms())

    def open_contact(self) -> None:
        """Open the contact, give the lease back. Raises OutputError; the lease is left to run out then."""
        was_lent, self._lent_until = self.is_lent, 0
        self._open()
        if was_lent:
            try:
                self._lease.drop()
            except OSError as error:
                raise OutputError(N_("{path} cannot be written: {error}"), path=self._run_dir, error=error) from error

    def renew(self, now: int) -> None:
        """Make the lease longer, if one is held. Raises OutputError."""
        if self.is_lent:
            self._renew(now)

    def take_over(self, now: int) -> None:
        """Make the lease of an earlier daemon, which left the contact closed, one's own. Raises OutputError."""
        self._renew(now)

    def release(self) -> None:
        """Open the contact and let the output go."""
        try:
            self.open_contact()
        finally:
            self._output.close()


class Contact(Protocol):
    """One output as one machine sees it: its own, or its share of one that several have."""

    is_closed: bool

    @property
    def is_on(self) -> bool: ...  # noqa: D102 - as in LeasedOutput
    @property
    def is_lent(self) -> bool: ...  # noqa: D102
    def take_lease(self, now: int) -> None: ...  # noqa: D102
    def close_contact(self, now: int) -> None: ...  # noqa: D102
    def pause_contact(self) -> None: ...  # noqa: D102
    def open_contact(self) -> None: ...  # noqa: D102
    def renew(self, now: int) -> None: ...  # noqa: D102
    def take_over(self, now: int) -> None: ...  # noqa: D102
    def release(self) -> None: ...  # noqa: D102


class Service:
    """An output that several machines share: closed while any of them wants it."""

    def __init__(self, output: LeasedOutput) -> None:
        self.output = output
        self.lent: set[str] = set()
        self.wanted: set[str] = set()

    def share(self, machine: str) -> Share:
        """Give one machine its share."""
        return Share(self, machine)


class Share:
    """One machine's share of a service: it opens with the last that lets go."""

    def __init__(self, service: Service, machine: str) -> None:
        self._service = service
        self._machine = machine
        self.is_closed = False

    @property
    def is_on(self) -> bool:
        """Tell whether the contact is closed, for whomever."""
        return self._service.output.is_on

    @property
    def is_lent(self) -> bool:
        """Tell whether this machine holds the lease, maybe among others."""
        return self._machine in self._service.lent

    def take_lease(self, now: int) -> None:
        """Take the lease, or make it longer. Raises OutputError."""
        self._service.output.take_lease(now)
        self._service.lent.add(self._machine)

    def close_contact(self, now: int) -> None:
        """Close the contact, or leave it closed. Raises OutputError."""
        self._service.lent.add(self._machine)
        self._service.output.close_contact(now)
        self._service.wanted.add(self._machine)
        self.is_closed = True

    def pause_contact(self) -> None:
        """Want it no more for now; open it if nobody else does. Raises OutputError."""
        self.is_closed = False
        self._service.wanted.discard(self._machine)
        if not self._service.wanted:
            self._service.output.pause_contact()

    def open_contact(self) -> None:
        """Let go; open it if nobody else wants it. Raises OutputError."""
        self.is_closed = False
        self._service.wanted.discard(self._machine)
        self._service.lent.discard(self._machine)
        if not self._service.lent:
            self._service.output.open_contact()
        elif not self._service.wanted:
            self._service.output.pause_contact()

    def renew(self, now: int) -> None:
        """Make the lease longer, if this machine holds it. Raises OutputError."""
        if self.is_lent:
            self._service.output.renew(now)

    def take_over(self, now: int) -> None:
        """A shared output is never found closed."""

    def release(self) -> None:
        """Let go. The output itself is let go by whoever made the service."""
        self.open_contact()


class Contacts:
    """All outputs of one machine, each under its own lease: the machine's closes last and opens first."""

    def __init__(self, outputs: Mapping[str, Contact]) -> None:
        self._machine = outputs[MACHINE]
        self._outputs = {name: outputs[name] for name in sorted(outputs, key=lambda name: name == MACHINE)}

    @property
    def is_on(self) -> bool:
        """Tell whether the machine's own contact is closed."""
        return self._machine.is_on

    @property
    def closed(self) -> frozenset[str]:
        """Name the outputs that are closed, as far as they were told."""
        return frozenset(name for name, output in self._outputs.items() if output.is_closed)

    @property
    def is_lent(self) -> bool:
        """Tell whether any lease is held."""
        return any(output.is_lent for output in self._outputs.values())

    def take_lease(self, now: int) -> None:
        """Take every lease. Raises OutputError."""
        for output in self._outputs.values():
            output.take_lease(now)

    def switch(self, closed: frozenset[str], now: int) -> None:
        """Have exactly these closed. What opens goes first, the machine before all, whatever happens to any.

        Raises OutputError at the end of opening, or at the first that does not close. While the machine is on, what
        is open beside it keeps its lease.
        """
        pausing = MACHINE in closed
        others = [output for name, output in reversed(self._outputs.items()) if name not in closed]
        _each(output.pause_contact if pausing else output.open_contact for output in others)
        for name, output in self._outputs.items():
            if name in closed and not output.is_closed:
                output.close_contact(now)

    def renew(self, now: int) -> None:
        """Make every lease longer that is held. Raises OutputError."""
        for output in self._outputs.values():
            output.renew(now)

    def take_over(self, now: int) -> None:
        """Make the leases of what was found closed one's own. Raises OutputError."""
        for output in self._outputs.values():
            if output.is_closed:
                output.take_over(now)

    def release(self) -> None:
        """Open every contact, and let the outputs go. Raises OutputError at the end."""
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
