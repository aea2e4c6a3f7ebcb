"""The thread of one remote output: it alone speaks to the part, and takes its time.

OFF is tried until it is confirmed. An output that is closed must be seen to open by itself if this program died.
"""

from __future__ import annotations

import contextlib
import threading
from typing import Final

from common.owner import Owner
from controller.outputs.remote_state import FIRST_RETRY, OutputReport, RemoteState
from drivers.contracts import N_, OutputError, RemoteOutput, Seen

ENDS_MS: Final = 5_500  # for it to open at the end, before it is given up
LAST_RETRY: Final = 5.0  # seconds
HURRY: Final = 1.0  # seconds between tries while it may be closed and should not be
MEDDLED: Final = 3
ARMS: Final = 3  # times that a part's own timer is begun anew within its time


class RemoteWorker:
    """Steps of that thread."""

    def __init__(self, output: RemoteOutput, state: RemoteState) -> None:
        self._output = output
        self._state = state
        self.owner = Owner("a remote output")
        self._armed_at = 0
        self._is_open = False  # the line, not the output
        self.name = type(output).__name__
        self.busy_since: int | None = None
        self.ended = threading.Event()

    def run(self) -> None:
        """Step until ended."""
        with self.owner:
            self._run(self._state)
        self.ended.set()

    def _run(self, state: RemoteState) -> None:
        while True:
            # Taken before the step: whatever is told while it runs ends the wait at once.
            asked = state.wanted, state.ending
            wait = self.step()
            with state.changed:
                if state.ending and (state.is_settled or state.now() - state.told_at > ENDS_MS):
                    break
                state.changed.wait_for(lambda asked=asked: asked != (state.wanted, state.ending), wait)  # type: ignore[misc]
        self._let_go()

    def step(self) -> float:
        """Do what is due: switch, look, or find it again. Return the seconds until more is."""
        state = self._state
        self.busy_since = now = state.now()
        if state.wanted and now > state.lent_until:  # the loop hangs, or is gone
            state.fail(OutputError(N_("{name}: the controller did not say in time that it goes on"), name=self.name))
        try:
            self._act(state.wanted, now)
        except OutputError as error:
            return self._miss(error, state.now())
        except Exception as error:  # noqa: BLE001 - one bad driver ends no thread
            return self._miss(OutputError(N_("the output failed: {error}"), error=repr(error)), state.now())
        finally:
            self.busy_since = None
        state.retry = FIRST_RETRY
        return min(self._output.interval, self._arm_every() / 1000) if state.is_settled else 0.0

    def _act(self, wanted: bool, now: int) -> None:
        self.owner.check()
        if not self._is_open:
            self._open(wanted)
        if self._state.look_first:
            self._take_over()
        elif self._state.known is not wanted:
            self._switch(wanted, now)
        elif self._look(wanted) and wanted and now >= self._armed_at + self._arm_every():
            self._switch(wanted, now)  # only what was still closed: somebody may have pressed its button

    def _open(self, wanted: bool) -> None:
        """Find the part. Where it may be closed and should not be, OFF goes out whatever it answers to being sought.

        But for a plug: it opens by itself, and what cannot be reached twice keeps whoever waits for an end.
        """
        try:
            self.name = self._output.open()
        except OutputError:
            if self._state.may_be_closed and not wanted and not self._state.opens_by_itself:
                with contextlib.suppress(OutputError):
                    self._output.switch(closed=False)
            raise
        self._is_open = True

    def _switch(self, wanted: bool, now: int) -> None:
        if wanted and not self._state.wanted:  # told otherwise while it was sought: what opens goes first
            return
        seen = self._output.switch(closed=wanted)
        # Of before it was sent: the part's own timer began a little later, and is begun anew early rather than late.
        self._armed_at = now
        self._state.take_in(seen)
        if not (wanted and self._is_unheld(seen)):
            self._state.read_back(closed=wanted)

    def _is_unheld(self, seen: Seen) -> bool:
        """Whether nothing would open an output that is closed if this program died; it is opened then."""
        if not self._state.opens_by_itself or (seen.held and seen.unfit is None):
            return False
        self._state.may_be_closed = True
        stays = N_("{name}: its own timer does not run: it would stay on if this program died")
        self._state.fail(seen.unfit or OutputError(stays, name=self.name))
        return True

    def _arm_every(self) -> int:
        """How often the part's own timer is begun anew, in ms; an output without one is told once."""
        own = self._state.own_timer_ms
        return 1 << 62 if own is None else own // ARMS

    def _take_over(self) -> None:
        """See whether it still is as an earlier daemon left it."""
        seen = self._output.look()
        self._state.look_first = False
        self._state.take_in(seen)
        if seen.closed and not self._is_unheld(seen):
            self._state.read_back(closed=True)
        elif not seen.closed:
            self._state.fail(OutputError(N_("{name} opened while nobody looked after it"), name=self.name))

    def _look(self, wanted: bool) -> bool:
        """See how it is; return whether that is as it was told."""
        state = self._state
        seen = self._output.look()
        state.take_in(seen)
        closed = state.known is True if seen.closed is None else seen.closed
        if closed and wanted and self._is_unheld(seen):
            return False
        if closed is wanted or wanted is not state.wanted:
            state.read_back(closed=closed)
            return closed is wanted
        if wanted:
            opened = N_("{name} opened by itself: its own button, its supply, its cable?")
            state.fail(OutputError(opened, name=self.name))
        else:
            self._closed_by_itself()
        return False

    def _closed_by_itself(self) -> None:
        """Report it; it is opened again by the next step."""
        state = self._state
        state.read_back(closed=True)
        state.may_be_closed = True
        state.meddled += 1
        if state.meddled < MEDDLED:
            once = N_("{name} closed by itself, and is opened again: was its own button pressed?")
            state.say(OutputReport(OutputError(once, name=self.name)))
        elif state.meddled == MEDDLED:
            again = N_("{name} closes by itself again and again: is there an automation in it?")
            state.fail(OutputError(again, name=self.name))

    def _miss(self, error: OutputError, now: int) -> float:
        """Take note of what did not work; return the seconds to the next try."""
        state = self._state
        self._is_open = False
        self._let_go()
        state.trouble(error, now)
        wait, state.retry = state.retry, min(LAST_RETRY, state.retry * 2)
        return min(wait, HURRY) if state.may_be_closed else wait

    def _let_go(self) -> None:
        with contextlib.suppress(Exception):
            self._output.close()
