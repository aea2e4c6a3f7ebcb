"""Far outputs: relays on a serial line, plugs on a network. Told at once, switched by a thread of their own.

To the loop it is an output like any other: `on` and `off` never wait. What comes of it is told later: a contact that
did not do what it was told is a fault, one that cannot be reached keeps its machine from starting. OFF is tried until
it is confirmed.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Any, Final

import msgspec

from drivers.contracts import N_, DriverError, FarOutput, Opening, OutputError, OwnOpening, Seen
from guard.leases import boottime_ms

log = logging.getLogger("loquet")

ENDS_MS: Final = 5_500  # for it to open at the end, before it is given up
PATIENCE_MS: Final = 3_000  # for a contact to be as told, and for a line to come back
HANGS_MS: Final = 40_000  # longer than any driver takes within its own bounds
BEGINS_MS: Final = 60_000  # for the loop to take up what an earlier daemon left closed
FIRST_RETRY: Final = 0.25  # seconds
LAST_RETRY: Final = 5.0
HURRY: Final = 1.0  # seconds between tries while the contact may be closed and should not be
MEDDLED: Final = 3
FRESH_MS: Final = 15_000  # for so long a counter's reading is taken as of now
ARMS: Final = 3  # times that a part's own timer is begun anew within its time


class Told(msgspec.Struct, frozen=True):
    """What a far output tells. detail: what is wrong; nothing where all is well, or again. fault: it is not as told."""

    detail: DriverError | None = None
    fault: bool = False


class Far:
    """One far output, as the loop sees it, and the steps of the thread that owns it.

    found_closed: an earlier daemon left it closed for a session that goes on; it is looked at before it is believed.
    """

    def __init__(
        self,
        output: FarOutput,
        tell: Callable[[Told], None],
        now: Callable[[], int] = boottime_ms,
        *,
        found_closed: bool = False,
    ) -> None:
        self._output = output
        self._tell = tell
        self._now = now
        self._changed = threading.Condition()
        self._ended = threading.Event()
        self._ending = False
        self._wanted = found_closed
        self._told_at = now()
        self._lent_until = now() + BEGINS_MS
        self._look_first = found_closed
        self._known: bool | None = None  # how the contact is, as far as it was read back
        self._known_at = now()
        self._may_be_closed = found_closed
        self._armed_at = 0
        self._is_open = False  # the line, not the contact
        self._answers = False
        self._lost = False
        self._failed = False  # told as a fault, and not mended yet
        self._retry = FIRST_RETRY
        self._busy_since: int | None = None
        self._warned = ""
        self._meddled = 0  # how often it closed by itself since it was last told to
        self.name = type(output).__name__
        self._unfit: str | None = None  # why it may not be closed, as it was told
        self._counted: tuple[float, int] | None = None  # watt-hours so far, and when that was read

    # --- from the loop's thread; nothing waits ---

    @property
    def opening(self) -> Opening:
        """Return how anyone opens the contact without this process."""
        return self._output.opening

    @property
    def is_on(self) -> bool:
        """Whether the contact was closed when it was last read back."""
        return self._known is True

    @property
    def is_settled(self) -> bool:
        """Whether the contact is known to be as it was told."""
        return self._known is self._wanted

    @property
    def answers(self) -> bool:
        """Whether the part can be reached, and does what it is told."""
        return self._answers and not self._failed and self._unfit is None

    @property
    def counted_wh(self) -> float | None:
        """Return what the part has counted so far, where it counts and said so lately."""
        counted = self._counted
        return counted[0] if counted is not None and self._now() - counted[1] <= FRESH_MS else None

    def on(self) -> None:
        """Have it closed."""
        self._want(closed=True)

    def off(self) -> None:
        """Have it open."""
        self._want(closed=False)

    def _want(self, *, closed: bool) -> None:
        with self._changed:
            if closed is not self._wanted:
                self._wanted = closed
                self._told_at = self._now()
                self._may_be_closed = True
                self._look_first = False
                self._retry = FIRST_RETRY
                self._meddled = 0 if closed else self._meddled
                self._changed.notify()

    def suspect(self) -> None:
        """Take it that the contact may be closed: an earlier daemon lent it, and it does not open by itself."""
        self._may_be_closed = self._may_be_closed or not isinstance(self._output.opening, OwnOpening)

    def lend(self, until: int) -> None:
        """Report that the loop lives, and wants the contact as it is until then (boot-time ms)."""
        self._lent_until = until

    def hangs(self, now: int) -> bool:
        """Return whether the thread has been at one thing for longer than any takes."""
        since = self._busy_since
        return since is not None and now - since > HANGS_MS

    def check(self, now: int) -> None:
        """Report what the thread cannot say where it hangs."""
        if self.hangs(now):
            self._trouble(OutputError(N_("{name}: no answer comes"), name=self.name), now)

    def end(self) -> None:
        """Have it open, and the thread end once it is, or after some seconds."""
        self.off()
        with self._changed:
            self._ending = True
            self._changed.notify()

    @property
    def has_ended(self) -> bool:
        """Whether its thread has done with it: the contact is open, or it was given up."""
        return self._ended.is_set()

    def close(self) -> None:
        """End, without waiting. Raises OutputError where it is not known whether the contact is open."""
        self.end()
        if not self.is_settled and self._may_be_closed:
            raise OutputError(N_("{name}: it is not known whether it opened"), name=self.name)

    # --- on the thread that owns the part ---

    def run(self) -> None:
        """Step until ended."""
        while True:
            asked = self._wanted, self._ending
            wait = self.step()
            with self._changed:
                if self._ending and (self.is_settled or self._now() - self._told_at > ENDS_MS):
                    break
                self._changed.wait_for(lambda asked=asked: asked != (self._wanted, self._ending), wait)  # type: ignore[misc]
        self._let_go()
        self._ended.set()

    def step(self) -> float:
        """Do what is due: switch, look, or find it again. Give the seconds until more is."""
        self._busy_since = now = self._now()
        if self._wanted and now > self._lent_until:  # the loop hangs, or is gone
            self._fail(OutputError(N_("{name}: the controller did not say in time that it goes on"), name=self.name))
        try:
            self._act(self._wanted, now)
        except OutputError as error:
            return self._miss(error, self._now())
        except Exception as error:  # noqa: BLE001 - one bad driver ends no thread
            return self._miss(OutputError(N_("the output failed: {error}"), error=repr(error)), self._now())
        finally:
            self._busy_since = None
        self._retry = FIRST_RETRY
        return min(self._output.interval, self._arm_every() / 1000) if self.is_settled else 0.0

    def _act(self, wanted: bool, now: int) -> None:
        if not self._is_open:
            self._open(wanted)
        if self._look_first:
            self._take_over()
        elif self._known is not wanted:
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
            if self._may_be_closed and not wanted and not isinstance(self._output.opening, OwnOpening):
                with contextlib.suppress(OutputError):
                    self._output.switch(closed=False)
            raise
        self._is_open = True

    def _switch(self, wanted: bool, now: int) -> None:
        if wanted and not self._wanted:  # told otherwise while it was sought: what opens goes first
            return
        seen = self._output.switch(closed=wanted)
        self._armed_at = now
        self._take_in(seen)
        if not (wanted and self._is_unheld(seen)):
            self._be(closed=wanted)

    def _is_unheld(self, seen: Seen) -> bool:
        """Whether nothing would open a contact that is closed if this program died; it is opened then."""
        if not isinstance(self._output.opening, OwnOpening) or (seen.held and seen.unfit is None):
            return False
        self._may_be_closed = True
        told = N_("{name}: its own timer does not run: it would stay on if this program died")
        self._fail(seen.unfit or OutputError(told, name=self.name))
        return True

    def _arm_every(self) -> int:
        """How often the part's own timer is begun anew, in ms; a contact without one is told once."""
        opening = self._output.opening
        return opening.seconds * 1000 // ARMS if isinstance(opening, OwnOpening) else 1 << 62

    def _be(self, *, closed: bool) -> None:
        """Take note of how the contact was read back."""
        news = self._known is not closed or not self._answers or self._failed
        self._known, self._known_at = closed, self._now()
        self._answers, self._lost = True, False
        if closed is self._wanted:
            self._failed = False
            self._may_be_closed = closed
        if news:
            self._say(Told())

    def _take_over(self) -> None:
        """See whether it still is as an earlier daemon left it."""
        seen = self._output.look()
        self._look_first = False
        self._take_in(seen)
        if seen.closed and not self._is_unheld(seen):
            self._be(closed=True)
        elif not seen.closed:
            self._fail(OutputError(N_("{name} opened while nobody looked after it"), name=self.name))

    def _look(self, wanted: bool) -> bool:
        """See how it is; return whether that is as it was told."""
        seen = self._output.look()
        self._take_in(seen)
        closed = self._known is True if seen.closed is None else seen.closed
        if closed and wanted and self._is_unheld(seen):
            return False
        if closed is wanted or wanted is not self._wanted:
            self._be(closed=closed)
            return closed is wanted
        told = N_("{name} closed by itself, and is opened again: was its own button pressed?")
        if wanted:
            self._fail(
                OutputError(N_("{name} opened by itself: its own button, its supply, its cable?"), name=self.name)
            )
        else:
            self._be(closed=True)
            self._may_be_closed = True
            self._meddled += 1
            if self._meddled < MEDDLED:
                self._say(Told(OutputError(told, name=self.name)))
            elif self._meddled == MEDDLED:
                again = N_("{name} closes by itself again and again: is there an automation in it?")
                self._fail(OutputError(again, name=self.name))
        return False

    def _take_in(self, seen: Seen) -> None:
        """Take note of what else it says."""
        self._counted = None if seen.counted_wh is None else (seen.counted_wh, self._now())
        was, self._unfit = self._unfit, None if seen.unfit is None else str(seen.unfit)
        if self._unfit != was:
            self._say(Told(seen.unfit))
        if seen.warning is not None and str(seen.warning) != self._warned:
            self._warned = str(seen.warning)
            self._say(Told(seen.warning))

    # --- what does not work ---

    def _miss(self, error: OutputError, now: int) -> float:
        """Take note of what did not work; return the seconds to the next try."""
        self._is_open = False
        self._let_go()
        self._trouble(error, now)
        wait, self._retry = self._retry, min(LAST_RETRY, self._retry * 2)
        return min(wait, HURRY) if self._may_be_closed else wait

    def _trouble(self, error: OutputError, now: int) -> None:
        """Report what does not work, once it has not worked for long enough."""
        holding = self._wanted and (self._known is True or self._look_first)
        if not holding:
            self._known = None if self._may_be_closed else self._known
        patience = self._holds_ms() if holding else PATIENCE_MS
        if now - max(self._told_at, self._known_at if holding or not self._may_be_closed else 0) >= patience:
            if self._may_be_closed:
                self._fail(error)
            else:
                self._lose(error)

    def _holds_ms(self) -> int:
        """How long a part may be out of reach while it is closed: as long as its own timer holds, where it has one."""
        opening = self._output.opening
        return opening.seconds * 1000 if isinstance(opening, OwnOpening) else PATIENCE_MS

    def _lose(self, error: OutputError) -> None:
        """Say once that it cannot be reached, while nobody needs it."""
        self._answers = False
        if not self._lost:
            self._lost = True
            self._say(Told(error))

    def _fail(self, error: DriverError) -> None:
        """Say once that it is not as it was told. It is told to open from now on, whatever it said last."""
        told, self._failed = self._failed, True
        self._known = None
        if self._wanted:
            self._wanted = False
            self._told_at = self._now()
        if not told:
            self._say(Told(error, fault=True))

    def _say(self, told: Told) -> None:
        """Tell it; what cannot be told ends no thread."""
        try:
            self._tell(told)
        except Exception:
            log.exception("%s: what is wrong with it cannot be told", self.name)

    def _let_go(self) -> None:
        with contextlib.suppress(Exception):
            self._output.close()


class FarThread(threading.Thread):
    """The thread of one far output."""

    def __init__(self, far: Far) -> None:
        super().__init__(name="output", daemon=True)
        self._far = far

    def run(self) -> None:
        """Step until ended."""
        self._far.run()


def near(output: Any, tell: Callable[[Told], None], *, found_closed: bool) -> Any:  # noqa: ANN401 - either kind
    """Return an output that never waits: itself, or what stands for a far one, with its thread begun."""
    if not isinstance(output, FarOutput):
        return output
    far = Far(output, tell, found_closed=found_closed)
    FarThread(far).start()
    return far
