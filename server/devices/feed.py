"""The whitelist in memory, as each controller is to see it: what is new since its version, and the digest of it all.

Which row is for whom, each kind of row says (`protocol.rows`): everybody sees what has no topic, bare; who has to do
with a topic sees what is about it, and whole what that reveals. Views are shared by controllers that see the same.
Owned by one thread.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from protocol.digest import row_hash
from protocol.rows import FIRST, KINDS, Row, Topic, decode_row, encode_row, read_row, split

REMEMBERED: Final = 20_000  # changes; whoever missed more gets the whole
MANY: Final = 2_000  # changes at once, past which views are made anew instead of kept up

REVEALING: Final = frozenset(kind for kind, of in KINDS.items() if "reveals" in vars(of))

Step = tuple[int, str, str | None]  # version, key, the row after it


class Viewer(msgspec.Struct, frozen=True):
    """Who looks: the controller of some machines, which kinds of row it knows, and where it stands."""

    machines: frozenset[str]
    knows: frozenset[str] = FIRST
    site: str = ""

    @property
    def topics(self) -> frozenset[Topic]:
        """What it has to do with by itself."""
        return frozenset(("machine", machine) for machine in self.machines) | {("site", self.site)}


class Feed:
    """All rows, and the changes that led to them."""

    def __init__(self, rows: Iterable[Row], version: int, recent: Iterable[tuple[int, str]] = ()) -> None:
        """Begin with what is in force; recent: the changes that led there, oldest first."""
        self.version = version
        self._log: deque[tuple[int, str]] = deque(recent, REMEMBERED)
        # By kind and topic, then by own key; a digest of what all see for each kind; how often a row is revealed.
        self._rows: defaultdict[tuple[str, Topic | None], dict[str, Row]] = defaultdict(dict)
        self._common: defaultdict[str, int] = defaultdict(int)
        self._revealed: defaultdict[tuple[str, Topic | None], dict[str, int]] = defaultdict(dict)
        self._views: dict[Viewer, View] = {}
        # What everybody sees, as it is written: whole lists are made of it, and share it while they are being sent.
        self._lines: defaultdict[str, dict[str, bytes]] = defaultdict(dict)
        for row in rows:
            if row.head() in KINDS:
                self._put(row)

    def apply(self, steps: list[Step], version: int) -> None:
        """Take up what was changed, in order."""
        if len(steps) > MANY:
            self._views.clear()
        for number, key, after in steps:
            if split(key)[0] in KINDS:  # of another version of this program: none of ours, until it comes back
                self._apply(key, None if after is None else read_row(key, after))
            self._log.append((number, key))
        self.version = version

    def _apply(self, key: str, row: Row | None) -> None:
        old = self.find(key)
        if old == row:
            return
        kind, own = split(key)
        if (old.leads_to() if old else frozenset()) != (row.leads_to() if row else frozenset()):
            # It decides what else is seen where it is: those views are made anew.
            topic = KINDS[kind].topic(own)
            self._views = {of: view for of, view in self._views.items() if topic not in view.topics}
        # Each view's digest loses what the row was worth in it before, and gains what it is worth after: a change costs
        # what it changes, however long the list is. What it reveals or hides changes with it.
        revealed = KINDS[kind].reveals(own)
        touched = (key,) if revealed is None else (key, revealed)
        before = [(view, sum(view.share(each) for each in touched)) for view in self._views.values()]
        if old is not None:
            self._drop(old)
        if row is not None:
            self._put(row)
        for view, share in before:
            view.digest += sum(view.share(each) for each in touched) - share

    def _put(self, row: Row) -> None:
        kind, own = row.head(), row.own_key
        place = kind, row.topic(own)
        self._rows[place][own] = row
        if place[1] is None:
            line = encode_row(row.bare())
            self._lines[kind][own] = line + b"\n"
            self._common[kind] += row_hash(line)
        key = row.reveals(own)
        if key is not None:
            counts = self._revealed[place]
            counts[key] = counts.get(key, 0) + 1

    def _drop(self, row: Row) -> None:
        kind, own = row.head(), row.own_key
        place = kind, row.topic(own)
        del self._rows[place][own]
        if place[1] is None:
            self._common[kind] -= row_hash(self._lines[kind].pop(own)[:-1])
        key = row.reveals(own)
        if key is not None:
            counts = self._revealed[place]
            counts[key] -= 1
            if not counts[key]:
                del counts[key]

    def find(self, key: str) -> Row | None:
        """Return a row by its key."""
        kind, own = split(key)
        found = KINDS.get(kind)
        return None if found is None else self.about(kind, found.topic(own)).get(own)

    def about(self, kind: str, topic: Topic | None) -> dict[str, Row]:
        """Return the rows of a kind that are about a topic, or those that everybody sees."""
        return self._rows.get((kind, topic), {})

    def revealed(self, kind: str, topic: Topic) -> dict[str, int]:
        """Return the keys of the rows that those of a kind about a topic reveal."""
        return self._revealed.get((kind, topic), {})

    def digest(self, viewer: Viewer) -> int:
        """Return the digest of what a controller sees."""
        return sum(self._common[kind] for kind in viewer.knows & KINDS.keys()) + self._view(viewer).digest

    def _view(self, viewer: Viewer) -> View:
        view = self._views.get(viewer)
        if view is None:
            view = self._views[viewer] = View(self, viewer)
        return view

    def whole(self, viewer: Viewer) -> Iterator[Row]:
        """Return all that a controller sees."""
        return map(decode_row, self.lines(viewer))

    def lines(self, viewer: Viewer) -> Iterator[bytes]:
        """Return all that a controller sees, as it is written."""
        view = self._view(viewer)
        for kind in view.kinds:
            faces = view.faces(kind)
            if faces:
                for own, line in self._lines[kind].items():
                    yield faces.get(own, line)
            else:
                yield from self._lines[kind].values()
            for topic in sorted(view.topics):
                for row in self.about(kind, topic).values():
                    yield encode_row(row) + b"\n"

    def since(self, base: int, viewer: Viewer) -> tuple[list[Row], list[str]] | None:
        """Return what changed after a version: rows to put, keys to drop; None where that is forgotten."""
        if base > self.version or (base < self.version and (not self._log or self._log[0][0] > base + 1)):
            return None
        view = self._view(viewer)
        keys: dict[str, None] = {}
        for number, key in reversed(self._log):
            if number <= base:
                break
            keys[key] = None
            kind, own = split(key)
            revealed = KINDS[kind].reveals(own) if kind in KINDS else None
            if revealed is not None:
                keys[revealed] = None
        put, drop = [], []
        for key in keys:
            if not view.concerns(key):
                continue
            row = self.find(key)
            if row is None:
                drop.append(key)
            else:
                put.append(view.face(row))
        return put, drop


class View:
    """What some controllers see beyond what all see; digest: the sum of it."""

    def __init__(self, feed: Feed, viewer: Viewer) -> None:
        self._feed = feed
        self.kinds = [kind for kind in KINDS if kind in viewer.knows]
        led_to = (
            more
            for kind in self.kinds
            for topic in viewer.topics
            for row in feed.about(kind, topic).values()
            for more in row.leads_to()
        )
        self.topics = viewer.topics | frozenset(led_to)
        self.digest = sum(
            row_hash(encode_row(row))
            for kind in self.kinds
            for topic in self.topics
            for row in feed.about(kind, topic).values()
        )
        self._revealing = [(kind, topic) for kind in self.kinds if kind in REVEALING for topic in self.topics]
        shown = {key for kind, topic in self._revealing for key in feed.revealed(kind, topic)}
        self.digest += sum(self.share(key) for key in shown if not self._has_topic(key))

    @staticmethod
    def _has_topic(key: str) -> bool:
        kind, own = split(key)
        return KINDS[kind].topic(own) is not None

    def concerns(self, key: str) -> bool:
        """Return whether a key may ever be seen here."""
        kind, own = split(key)
        if kind not in self.kinds:
            return False
        topic = KINDS[kind].topic(own)
        return topic is None or topic in self.topics

    def is_revealed(self, key: str) -> bool:
        """Return whether a row that is seen here reveals the one of that key."""
        return any(key in self._feed.revealed(kind, topic) for kind, topic in self._revealing)

    def face(self, row: Row) -> Row:
        """Return a row that concerns this view as it is seen here."""
        bare = row.bare()
        if bare is row or row.topic(row.own_key) is not None or self.is_revealed(row.key):
            return row
        return bare

    def faces(self, kind: str) -> dict[str, bytes]:
        """Return the lines of what is seen here otherwise than by everybody, by own key."""
        revealed = {key for of, topic in self._revealing for key in self._feed.revealed(of, topic)}
        rows = ((split(key)[1], self._feed.find(key)) for key in revealed if split(key)[0] == kind)
        return {own: encode_row(row) + b"\n" for own, row in rows if row is not None and row.topic(own) is None}

    def share(self, key: str) -> int:
        """Return what the row of a key adds to this view's own digest, as things stand now."""
        row = self._feed.find(key) if self.concerns(key) else None
        if row is None:
            return 0
        if row.topic(row.own_key) is not None:
            return row_hash(encode_row(row))
        bare = row.bare()
        if bare is row or not self.is_revealed(key):
            return 0
        return row_hash(encode_row(row)) - row_hash(encode_row(bare))
