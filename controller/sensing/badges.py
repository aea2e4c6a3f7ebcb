"""What a reader saw, as events of a station: badges as keyed hashes, decided about."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from common.owner import Owner
from common.texts import translate
from controller.sensing.messages import FromReader
from controller.station.events import AnyEvent, Presented, ReaderFound, ReaderLost, Removed
from drivers.contracts import Card, Typed
from drivers.readers import presence
from protocol.access import Denied, Granted, Reason, decide
from protocol.badge import BadgeKey, Technology, is_random
from protocol.moment import Moment
from protocol.whitelist import Whitelist


class Badges:
    """Knows the whitelist in force, and makes of cards what stations understand."""

    def __init__(self, key: BadgeKey, whitelist: Whitelist, new_session: Callable[[], str]) -> None:
        self.owner = Owner("the whitelist in memory")
        self._whitelist = whitelist
        self.readers: dict[str, str] = {}  # the chip's name, by the machine whose reader answers
        self.key = key
        self._hashes: dict[Card, str] = {}  # of what lies on a reader: the list may change meanwhile
        self.rehashed: list[tuple[str, str]] = []  # known under an older key, and its hash under the one in force
        self._new_session = new_session
        self._next_session = ""
        self._last: dict[str, str] = {}  # the badge that was last let in, by machine

    @property
    def whitelist(self) -> Whitelist:
        """The whitelist in force."""
        self.owner.check()
        return self._whitelist

    @whitelist.setter
    def whitelist(self, whitelist: Whitelist) -> None:
        self.owner.check()
        self._whitelist = whitelist

    def prepare(self) -> None:
        """Make the next session's id at leisure, not on the way of a tap."""
        # Random bytes may wait for the kernel just after boot.
        self._next_session = self._next_session or self._new_session()

    def events(
        self,
        message: FromReader,
        lying: Callable[[], frozenset[str]],
        moment: Moment,
        obstacle: Callable[[], Reason | None],
    ) -> Iterator[AnyEvent]:
        """Return what happened, in order; *lying* is asked anew for each, since each changes what lies there."""
        machine = message.machine
        # Badges that one look finds are decided about together: of two members, neither is first.
        hashes = {
            event.card: self._hash(event.card) for event in message.events if isinstance(event, presence.Presented)
        }
        self._hashes |= hashes
        beside = frozenset(hashes.values())

        def is_known(event: presence.PresenceEvent) -> bool:
            return isinstance(event, presence.Presented) and hashes[event.card] in self.whitelist.badges

        # Of a wallet the known badge is last: where it ends a session, the other cards are not refused after it.
        for each in sorted(message.events, key=is_known):
            match each:
                case presence.Presented(card, fresh):
                    beside_it = lying() | beside
                    yield self._presented(machine, card, hashes[card], beside_it, moment, obstacle(), fresh=fresh)
                case presence.Removed(card):
                    known = self._hashes.pop(card, None)
                    yield Removed(known or self._hash(card))
                case presence.Lost(error):
                    self.readers.pop(machine, None)
                    yield ReaderLost(translate(error))
                case presence.Found(chip):
                    self.readers[machine] = chip
                    yield ReaderFound()
                case presence.Unread() | Typed():
                    pass  # for `loquet read`, and for whoever compares PINs

    def as_if(self, machine: str, moment: Moment, obstacle: Reason | None) -> Presented:
        """Return what a tap of whoever was last let in here would come to; nobody taps."""
        badge = self._last.get(machine) or next(iter(self.whitelist.badges), "")
        self.key.hash(bytes(7), Technology.ISO14443A)
        verdict = decide(self.whitelist, machine, {badge}, moment)
        return Presented(badge, True, verdict, verdict, "", obstacle)

    def _hash(self, card: Card) -> str:
        """Hash a card under the key in force, or under an older one where only that is known."""
        found = self.key.hash(card.uid, card.technology)
        if found not in self.whitelist.badges:
            known = [each for each in self.key.older(card.uid, card.technology) if each in self.whitelist.badges]
            if known:
                self.rehashed.append((known[0], found))
                found = known[0]
        return found

    def _presented(
        self,
        machine: str,
        card: Card,
        badge: str,
        lying: frozenset[str],
        moment: Moment,
        obstacle: Reason | None,
        *,
        fresh: bool,
    ) -> Presented:
        if is_random(card.uid, card.technology):
            alone: Granted | Denied = Denied(Reason.RANDOM_UID)
            verdict = alone
        else:
            alone = decide(self.whitelist, machine, {badge}, moment)
            verdict = decide(self.whitelist, machine, lying | {badge}, moment) if lying - {badge} else alone
        if isinstance(verdict, Granted) and isinstance(alone, Granted):
            verdict = alone  # of a member's several badges, the one that was just laid on
        if isinstance(verdict, Granted):
            self._last[machine] = badge
        session, self._next_session = self._next_session or self._new_session(), ""
        known = self.whitelist.badges
        beside = frozenset(known[each].member if each in known else "" for each in lying - {badge})
        return Presented(badge, fresh, verdict, alone, session, obstacle, beside)
