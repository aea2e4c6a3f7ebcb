"""Outputs under their leases: closed only while somebody would open them, opened before anything is told.

A remote output (controller/outputs/remote.py) opens some time after it was told: its lease is kept until it did.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from common.texts import N_
from controller.outputs.remote import RemoteHandle
from drivers.contracts import Output, OutputError, OwnOpening
from guard import leases as lease


class NoGuardError(OutputError):
    """Nobody would open the output if this daemon died."""


class LeasedOutput:
    """One output, driven from the loop's thread. found_closed: an earlier daemon left it so, under a lasting lease."""

    def __init__(
        self,
        output: Output | RemoteHandle,
        run_dir: Path,
        machine: str,
        name: str,
        guard: lease.GuardWord,
        *,
        resume: bool = False,
        found_closed: bool = False,
    ) -> None:
        self._output = output
        self._remote = output if isinstance(output, RemoteHandle) else None
        self.needs_guard = not isinstance(output.opening, OwnOpening)
        self._run_dir = run_dir
        self._lease = lease.Lease(run_dir, machine, name, msgspec.to_builtins(output.opening), resume=resume)
        self._lent_until = 0
        self._guard = guard
        self.resumes = resume  # whether it stays closed when this process dies
        self.is_closed = found_closed
        self._is_opening = False  # told to open, and not known to be open yet
        if self._remote is not None and not found_closed and self._lease.is_there():  # of an earlier daemon
            self._lent_until, self._is_opening = 1, True
            self._remote.suspect()

    @property
    def is_on(self) -> bool:
        """Whether the output is closed; where the driver cannot say, whether it is lent."""
        try:
            return self._output.is_on
        except Exception:  # noqa: BLE001 - gpiozero's and lgpio's errors share no root
            return self.is_lent

    @property
    def is_settled(self) -> bool:
        """Whether the output is known to be as it was told."""
        return self._remote is None or self._remote.is_settled

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come of waiting for it to open."""
        return self._remote is None or self._remote.has_ended

    @property
    def answers(self) -> bool:
        """Whether the output can be reached, and does what it is told."""
        return self._remote is None or self._remote.answers

    @property
    def counted_wh(self) -> float | None:
        """Return what the part has counted so far, in watt-hours, where it counts."""
        return None if self._remote is None else self._remote.counted_wh

    @property
    def is_lent(self) -> bool:
        """Whether a lease is held, which has to be renewed or given back."""
        return bool(self._lent_until)

    def take_lease(self, now: int) -> None:
        """Take the lease that closing needs, while the grant is on its way to disk. Raises OutputError."""
        if self.needs_guard and self._guard.until(now) <= now:
            raise NoGuardError(N_("no loquet-guard is running: nothing closes without it"))
        self._renew(now)

    def _renew(self, now: int) -> None:
        try:
            self._lease.renew(now, closed=self.is_closed)
        except OSError as error:
            raise OutputError(N_("{path} cannot be written: {error}"), path=self._run_dir, error=error) from error
        self._lent_until = now + self._lease.duration
        if self._remote is not None:
            self._remote.lend(self._lent_until)

    def close_output(self, now: int) -> None:
        """Close the output under a lease that lasts. Raises OutputError; it is open then."""
        # A lease that is about to run out would have the guard open what closes now.
        if self._lent_until - now < lease.LEASE_MS // 4:
            self.take_lease(now)
        if self.resumes:  # said before, so that whoever finds the lease leaves nothing closed that it does not know of
            self.is_closed = True
            self._renew(now)
        self._is_opening = False
        self._output.on()
        self.is_closed = True

    def pause_output(self) -> None:
        """Open the output and keep the lease: it is to close again in the same session. Raises OutputError."""
        self._open()
        if self.resumes and self.is_lent:
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
        """Say in the lease that the output is open. What cannot be said keeps nobody from opening."""
        with contextlib.suppress(OutputError):
            self._renew(lease.boottime_ms())

    def open_output(self) -> None:
        """Open the output, give the lease back. Raises OutputError; the lease is left to run out then."""
        if self._remote is not None and self.is_lent:
            self._open()
            self._is_opening = True
            if not self._remote.is_settled:
                return  # given back once it is: see `renew`
        # Forgotten before it opens: where that fails nobody renews it, and the guard opens in a moment.
        was_lent, self._lent_until, self._is_opening = self.is_lent, 0, False
        self._open()
        if was_lent:
            self._give_back()

    def _give_back(self) -> None:
        try:
            self._lease.drop()
        except OSError as error:
            raise OutputError(N_("{path} cannot be written: {error}"), path=self._run_dir, error=error) from error

    def renew(self, now: int) -> None:
        """Make the lease longer, if one is held; give it back once a remote one has opened. Raises OutputError."""
        if self._remote is not None:
            self._remote.check(now)
        if self._is_opening and self.is_settled:
            self._lent_until, self._is_opening = 0, False
            self._give_back()
        if self._is_opening and self.is_lent and self._remote is not None and self._remote.hangs(now):
            self._leave_to_the_guard()
        if self.is_lent:
            self._renew(now)

    def _leave_to_the_guard(self) -> None:
        """Have the guard open it at once: whoever should here hangs, and may hang for ever."""
        self._lent_until = 0
        with contextlib.suppress(OSError):
            self._lease.run_out()

    def take_over(self, now: int) -> None:
        """Make the lease of an earlier daemon, which left the output closed, one's own. Raises OutputError."""
        self._renew(now)

    def end(self) -> None:
        """Open the output for good, without waiting until it has. Raises OutputError."""
        try:
            self.open_output()
        finally:
            if self._remote is not None:
                self._remote.end()

    def release(self) -> None:
        """Open the output and let it go. Raises OutputError; the lease is left for the guard then."""
        try:
            self.open_output()
        finally:
            self._output.close()
        if self._is_opening:
            self.open_output()


class Service:
    """An output that several machines share: closed while any of them wants it."""

    def __init__(self, output: LeasedOutput) -> None:
        self.output = output
        self.lent: set[str] = set()
        self.wanted: set[str] = set()

    def share(self, machine: str) -> Share:
        """Return one machine its share."""
        return Share(self, machine)


class Share:
    """One machine's share of a service: it opens with the last that lets go."""

    def __init__(self, service: Service, machine: str) -> None:
        self._service = service
        self._machine = machine
        self.is_closed = False

    @property
    def is_on(self) -> bool:
        """Whether the output is closed, for whomever."""
        return self._service.output.is_on

    @property
    def is_settled(self) -> bool:
        """Whether the output is known to be as it was told."""
        return self._service.output.is_settled

    @property
    def has_ended(self) -> bool:
        """Return that nothing is waited for here: whoever made the service waits."""
        return True

    @property
    def answers(self) -> bool:
        """Whether the output can be reached, and does what it is told."""
        return self._service.output.answers

    @property
    def needs_guard(self) -> bool:
        """Whether a guard has to look after the lease."""
        return self._service.output.needs_guard

    @property
    def counted_wh(self) -> None:
        """What several machines use together is counted for none of them."""

    @property
    def resumes(self) -> bool:
        """Whether it stays closed when this process dies: what is shared opens."""
        return False

    @property
    def is_lent(self) -> bool:
        """Whether this machine holds the lease, maybe among others; or nobody does, and it is not back yet."""
        return self._machine in self._service.lent or (not self._service.lent and self._service.output.is_lent)

    def take_lease(self, now: int) -> None:
        """Take the lease, or make it longer. Raises OutputError."""
        self._service.output.take_lease(now)
        self._service.lent.add(self._machine)

    def close_output(self, now: int) -> None:
        """Close the output, or leave it closed. Raises OutputError."""
        self._service.lent.add(self._machine)
        self._service.output.close_output(now)
        self._service.wanted.add(self._machine)
        self.is_closed = True

    def pause_output(self) -> None:
        """Want it no more for now; open it if nobody else does. Raises OutputError."""
        self.is_closed = False
        self._service.wanted.discard(self._machine)
        if not self._service.wanted:
            self._service.output.pause_output()

    def open_output(self) -> None:
        """Let go; open it if nobody else wants it. Raises OutputError."""
        self.is_closed = False
        self._service.wanted.discard(self._machine)
        self._service.lent.discard(self._machine)
        if not self._service.lent:
            self._service.output.open_output()
        elif not self._service.wanted:
            self._service.output.pause_output()

    def renew(self, now: int) -> None:
        """Make the lease longer, if this machine holds it. Raises OutputError."""
        if self.is_lent:
            self._service.output.renew(now)

    def take_over(self, now: int) -> None:
        """A shared output is never found closed."""

    def end(self) -> None:
        """Let go for good."""
        self.open_output()

    def release(self) -> None:
        """Let go. The output itself is let go by whoever made the service."""
        self.open_output()
