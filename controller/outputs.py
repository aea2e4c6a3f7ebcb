"""An output under its lease: closed only while a guard lives, opened before anything is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from drivers import lease
from drivers.contracts import Output, OutputError
from protocol.texts import N_


class LeasedOutput:
    """One output of one machine, driven from the loop's thread."""

    def __init__(self, output: Output, run_dir: Path, machine: str, name: str, guard: lease.GuardWord) -> None:
        self._output = output
        self._run_dir = run_dir
        self._lease = lease.Lease(run_dir, machine, name, msgspec.to_builtins(output.opening))
        self._lent_until = 0
        self._guard = guard

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
            raise OutputError(N_("no loquet-guard is running: nothing closes without it"))
        try:
            self._lease.renew(now)
        except OSError as error:
            raise OutputError(N_("{path} cannot be written: {error}"), path=self._run_dir, error=error) from error
        self._lent_until = now + lease.LEASE_MS

    def close_contact(self, now: int) -> None:
        """Close the contact under a lease that lasts. Raises OutputError; it is open then."""
        if self._lent_until - now < lease.LEASE_MS // 4 or self._guard.until(now) <= now:
            self.take_lease(now)
        self._output.on()

    def open_contact(self) -> None:
        """Open the contact, give the lease back. Raises OutputError; the lease is left to run out then."""
        was_lent, self._lent_until = self.is_lent, 0
        self._output.off()
        if was_lent:
            try:
                self._lease.drop()
            except OSError as error:
                raise OutputError(N_("{path} cannot be written: {error}"), path=self._run_dir, error=error) from error

    def renew(self, now: int) -> None:
        """Make the lease longer, if one is held. Raises OutputError."""
        if self.is_lent:
            try:
                self._lease.renew(now)
                self._lent_until = now + lease.LEASE_MS
            except OSError as error:
                raise OutputError(N_("{path} cannot be written: {error}"), path=self._run_dir, error=error) from error

    def release(self) -> None:
        """Open the contact and let the output go."""
        try:
            self.open_contact()
        finally:
            self._output.close()


class Contacts:
    """All outputs of one machine, each under its own lease: the machine's closes last and opens first."""

    def __init__(self, outputs: Sequence[LeasedOutput]) -> None:
        self._outputs = tuple(outputs)
        self._machine = self._outputs[-1]

    @property
    def is_on(self) -> bool:
        """Tell whether the machine's own contact is closed."""
        return self._machine.is_on

    @property
    def is_lent(self) -> bool:
        """Tell whether any lease is held."""
        return any(output.is_lent for output in self._outputs)

    def take_lease(self, now: int) -> None:
        """Take every lease. Raises OutputError."""
        for output in self._outputs:
            output.take_lease(now)

    def close_contact(self, now: int) -> None:
        """Close every contact, the machine's last. Raises OutputError at the first that fails."""
        for output in self._outputs:
            output.close_contact(now)

    def open_contact(self) -> None:
        """Open every contact, the machine's first, whatever happens to any. Raises OutputError at the end."""
        _each(output.open_contact for output in reversed(self._outputs))

    def renew(self, now: int) -> None:
        """Make every lease longer that is held. Raises OutputError."""
        for output in self._outputs:
            output.renew(now)

    def release(self) -> None:
        """Open every contact, and let the outputs go. Raises OutputError at the end."""
        _each(output.release for output in reversed(self._outputs))


def _each(acts: Iterable[Callable[[], None]]) -> None:
    failed: OutputError | None = None
    for act in acts:
        try:
            act()
        except OutputError as error:
            failed = failed or error
    if failed is not None:
        raise failed
