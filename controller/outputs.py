"""An output under its lease: closed only while a guard lives, opened before anything is told."""

from __future__ import annotations

from pathlib import Path

import msgspec

from drivers import lease
from drivers.contracts import Output, OutputError
from protocol.texts import N_


class LeasedOutput:
    """One output of one machine, driven from the loop's thread."""

    def __init__(self, output: Output, run_dir: Path, machine: str, name: str = "machine") -> None:
        self._output = output
        self._run_dir = run_dir
        self._lease = lease.Lease(run_dir, machine, name, msgspec.to_builtins(output.opening))
        self._lent = False

    @property
    def is_on(self) -> bool:
        """Tell whether the contact is closed."""
        return self._output.is_on

    def close_contact(self, now: int) -> None:
        """Take the lease, close the contact. Raises OutputError; it is open then."""
        if not lease.guard_alive(self._run_dir, now):
            raise OutputError(N_("no loquet-guard is running: nothing closes without it"))
        try:
            self._lease.renew(now)
        except OSError as error:
            raise OutputError(N_("{path} cannot be written: {error}"), path=self._run_dir, error=error) from error
        self._lent = True
        self._output.on()

    def open_contact(self) -> None:
        """Open the contact, give the lease back. Raises OutputError; the lease is left to run out then."""
        was_lent, self._lent = self._lent, False
        self._output.off()
        if was_lent:
            self._lease.drop()

    def renew(self, now: int) -> None:
        """Make the lease longer, while the contact is closed. Raises OutputError."""
        if self._lent:
            try:
                self._lease.renew(now)
            except OSError as error:
                raise OutputError(N_("{path} cannot be written: {error}"), path=self._run_dir, error=error) from error

    def release(self) -> None:
        """Open the contact and let the output go."""
        try:
            self.open_contact()
        finally:
            self._output.close()
