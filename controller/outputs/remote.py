"""Remote outputs: relays on a serial line, plugs on a network. Told at once, switched by a thread of their own.

To the loop it is an output like any other: `on` and `off` never wait. What comes of it is reported later: one that did
not do what it was told is a fault, one that cannot be reached keeps its machine from starting.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

from controller.outputs.remote_state import OutputReport, RemoteState
from controller.outputs.remote_worker import RemoteWorker
from drivers.contracts import N_, Opening, OutputError, RemoteOutput
from guard.leases import boottime_ms

HANGS_MS: Final = 40_000  # longer than any driver takes within its own bounds


class RemoteHandle:
    """One remote output, as the loop sees it: nothing here waits.

    found_closed: an earlier daemon left it closed for a session that goes on; it is looked at before it is believed.
    """

    def __init__(
        self,
        output: RemoteOutput,
        report: Callable[[OutputReport], None],
        now: Callable[[], int] = boottime_ms,
        *,
        found_closed: bool = False,
    ) -> None:
        self._output = output
        self._state = RemoteState(output.opening, report, now, found_closed=found_closed)
        self.worker = RemoteWorker(output, self._state)

    @property
    def name(self) -> str:
        """Name the part, as it was found."""
        return self.worker.name

    @property
    def opening(self) -> Opening:
        """Return how anyone opens it without this process."""
        return self._output.opening

    @property
    def is_on(self) -> bool:
        """Whether it was closed when it was last read back."""
        return self._state.known is True

    @property
    def is_settled(self) -> bool:
        """Whether it is known to be as it was told."""
        return self._state.is_settled

    @property
    def answers(self) -> bool:
        """Whether the part can be reached, and does what it is told."""
        return self._state.answers and not self._state.failed and self._state.unfit is None

    @property
    def counted_wh(self) -> float | None:
        """Return what the part has counted so far, where it counts and said so lately."""
        return self._state.counted_wh

    @property
    def has_ended(self) -> bool:
        """Whether its thread has done with it: it is open, or it was given up."""
        return self.worker.ended.is_set()

    def on(self) -> None:
        """Have it closed."""
        self._state.want(closed=True)

    def off(self) -> None:
        """Have it open."""
        self._state.want(closed=False)

    def suspect(self) -> None:
        """Take it that it may be closed: an earlier daemon lent it, and it does not open by itself."""
        # A plug of before opens by its own timer; a relay on a line stays as it was told.
        self._state.may_be_closed = self._state.may_be_closed or not self._state.opens_by_itself

    def lend(self, until: int) -> None:
        """Report that the loop lives, and wants it as it is until then (boot-time ms)."""
        self._state.lent_until = until

    def hangs(self, now: int) -> bool:
        """Return whether its thread has been at one thing for longer than any takes."""
        since = self.worker.busy_since
        return since is not None and now - since > HANGS_MS

    def check(self, now: int) -> None:
        """Report what its thread cannot say where it hangs."""
        if self.hangs(now):
            self._state.trouble(OutputError(N_("{name}: no answer comes"), name=self.name), now)

    def end(self) -> None:
        """Have it open, and its thread end once it is, or after some seconds."""
        self._state.end()

    def close(self) -> None:
        """End, without waiting. Raises OutputError where it is not known whether it is open."""
        self.end()
        if not self.is_settled and self._state.may_be_closed:
            raise OutputError(N_("{name}: it is not known whether it opened"), name=self.name)


def handle_of(output: Any, report: Callable[[OutputReport], None], *, found_closed: bool) -> Any:  # noqa: ANN401 - either kind
    """Return an output that never waits: a local one itself; of a remote one its handle, with its thread begun."""
    if not isinstance(output, RemoteOutput):
        return output
    handle = RemoteHandle(output, report, found_closed=found_closed)
    threading.Thread(target=handle.worker.run, name="output", daemon=True).start()
    return handle
