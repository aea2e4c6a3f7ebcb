"""PINs at the stations: whose is asked for, and what becomes of an answer."""

from __future__ import annotations

from collections.abc import Callable

from controller.runtime.stations import Stations
from controller.sensing.badges import Badges
from controller.sensing.messages import PinAnswer
from controller.sensing.pins import Keypad, Patience, Question
from controller.station.events import PinChecked, PinTyped
from controller.station.states import AwaitingPin
from drivers.contracts import Typed
from protocol.access import Reason, decide
from protocol.moment import Moment
from protocol.pin import is_known
from protocol.sentences import duration


class Pins:
    """Runs on the loop's thread; *ask* has a PIN compared elsewhere, and answers with a message."""

    def __init__(self, stations: Stations, badges: Badges, ask: Callable[[Question], None]) -> None:
        self._stations = stations
        self._badges = badges
        self._ask = ask
        self._keypads: dict[str, Keypad] = {}
        self._patience = Patience()
        self._asked: dict[str, str] = {}  # the session whose PIN is being compared, by machine

    def typed(self, machine: str, typed: Typed, moment: Moment) -> None:
        """Take keys; they count only while their machine asks for a PIN, and none is being compared."""
        state = self._stations.states[machine]
        if not isinstance(state, AwaitingPin) or self._asked.get(machine) == state.tap.session:
            return
        session, member = state.tap.session, state.tap.alone.member or ""
        keypad = self._keypads.get(machine)
        if keypad is None or keypad.session != session:
            keypad = self._keypads[machine] = Keypad(session)
        entered = keypad.press(typed.keys)
        self._stations.feed(machine, PinTyped(len(entered) if entered else keypad.count), moment)
        if entered and not self._hindered(machine, state, moment):
            self._asked[machine] = session
            self._ask(Question(machine, session, self._badges.whitelist.pins[member], self._badges.key, entered))

    def look(self, machine: str, moment: Moment) -> None:
        """Ask nobody for a PIN who has none, or who has to wait."""
        state = self._stations.states[machine]
        if isinstance(state, AwaitingPin):
            self._hindered(machine, state, moment)

    def _hindered(self, machine: str, state: AwaitingPin, moment: Moment) -> bool:
        """Say so, where there is no PIN to compare, or its member has to wait; return whether that is so."""
        member = state.tap.alone.member or ""
        if not is_known(self._badges.whitelist.pins.get(member), self._badges.key):
            self._say(machine, state, moment, Reason.PIN_MISSING)
        elif wait := self._patience.wait(self._of(member), moment.at):
            self._say(machine, state, moment, Reason.PIN_LATER, duration(-(-wait // 1000)))
        else:
            return False
        return True

    def _of(self, member: str) -> str:
        """Name a member's PIN as it is now: with another one nobody has to wait for guesses at the one before."""
        row = self._badges.whitelist.pins.get(member)
        return f"{member}/{row.hash if row else ''}"

    def answer(self, answer: PinAnswer, moment: Moment) -> None:
        """Take the answer to what was typed; one that nobody waits for any more still counts as a guess."""
        state = self._stations.states[answer.machine]
        self._patience.told(self._of(answer.member), moment.at, right=answer.right)
        if self._asked.get(answer.machine) == answer.session:
            del self._asked[answer.machine]
        if not isinstance(state, AwaitingPin) or state.tap.session != answer.session:
            return
        if answer.right or not self._hindered(answer.machine, state, moment):
            self._say(answer.machine, state, moment, None if answer.right else Reason.PIN_WRONG)

    def _say(self, machine: str, state: AwaitingPin, moment: Moment, lacks: Reason | None, note: str = "") -> None:
        """Tell the station, with what the badge comes to by now: the list may have changed while somebody typed."""
        tap = state.tap
        verdict = decide(self._badges.whitelist, machine, {tap.badge}, moment)
        obstacle = self._stations.obstacle(moment, machine)
        self._stations.feed(machine, PinChecked(tap.session, verdict, lacks, note, obstacle), moment)
