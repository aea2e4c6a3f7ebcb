"""Who typed which PIN: digits as they come, compared on a thread of their own, since that is slow on purpose.

No PIN leaves this module but to be hashed: not to a journal, a log, a display or the state of a station.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import Any, Final

import msgspec

from common.owner import Owner
from controller.sensing.messages import PinAnswer
from protocol.badge import BadgeKey
from protocol.pin import LONGEST, is_right
from protocol.rows import Pin

FREE_TRIES: Final = 3  # wrong ones in a row, before anybody has to wait
FIRST_WAIT_MS: Final = 30_000
LONGEST_WAIT_MS: Final = 3_600_000
END, CLEAR = "#", "*"
log = logging.getLogger("loquet")


class Keypad:
    """The digits that were typed at one machine for one session. `*` begins anew, `#` ends."""

    def __init__(self, session: str) -> None:
        self.session = session
        self._digits = ""

    def press(self, keys: str) -> str | None:
        """Take keys; return the PIN that they end, None while it goes on. What comes after its end is dropped."""
        for key in keys:
            if key == CLEAR:
                self._digits = ""
            elif key == END:
                entered, self._digits = self._digits, ""
                if entered:
                    return entered
            elif len(self._digits) < LONGEST:
                self._digits += key
        return None

    @property
    def count(self) -> int:
        """How many digits there are."""
        return len(self._digits)


class Patience:
    """Who guessed wrong, and has to wait. On the boot-time clock, for as long as the controller runs."""

    def __init__(self) -> None:
        self._wrong: dict[str, tuple[int, int]] = {}  # how many in a row, and until when to wait

    def wait(self, member: str, now: int) -> int:
        """Return for how many milliseconds no PIN of a member is taken."""
        _count, until = self._wrong.get(member, (0, 0))
        return max(0, until - now)

    def told(self, member: str, now: int, *, right: bool) -> None:
        """Take note of an answer: each wrong one after the third doubles the wait."""
        if right:
            self._wrong.pop(member, None)
            return
        count = self._wrong.get(member, (0, 0))[0] + 1
        doubled = min(max(0, count - FREE_TRIES), 16)
        wait = min(LONGEST_WAIT_MS, FIRST_WAIT_MS << doubled) if count >= FREE_TRIES else 0
        self._wrong[member] = count, now + wait


class Question(msgspec.Struct, frozen=True):
    """What is to be compared."""

    machine: str
    session: str
    row: Pin
    key: BadgeKey
    entered: str

    def __repr__(self) -> str:
        """Name the session, and nothing that is secret."""
        return f"Question({self.session})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Say no more to whoever prints it prettily."""
        return [("session", self.session)]


class PinChecker:
    """Compares PINs, one after the other, on a thread that is made with the first."""

    def __init__(self, put: Callable[[PinAnswer], None]) -> None:
        self.owner = Owner("comparing PINs")
        self._put = put
        self._asked: queue.SimpleQueue[Question] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def ask(self, question: Question) -> None:
        """Have a PIN compared; the answer is put where all messages are."""
        self._asked.put(question)
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="PINs", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # no room for one more: nobody is let in by a PIN, and the next one tries again
                self._put(PinAnswer(question.machine, question.session, question.row.member, right=False))
                return
            self._thread = thread

    def _run(self) -> None:
        with self.owner:
            while True:
                self.step(self._asked.get())

    def step(self, question: Question) -> None:
        """Compare one."""
        try:
            right = is_right(question.row, question.entered, question.key)
        except Exception:  # whatever is wrong with it, the next one is compared
            log.exception("a PIN cannot be compared")
            right = False
        self._put(PinAnswer(question.machine, question.session, question.row.member, right))
