"""The whitelist: all that a controller needs to decide alone, as rows and as looked-up tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from enum import IntEnum, StrEnum
from typing import Annotated, Any, Final

import msgspec

from common.errors import LoquetError
from common.texts import N_

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[^/\x00-\x1f]+$(?!\n)")]
Text = Annotated[str, msgspec.Meta(max_length=200)]
Minute = Annotated[int, msgspec.Meta(ge=0, le=10_080)]
Hash = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}$(?!\n)")]


class Level(IntEnum):
    """What a certification lets its holder do; each level includes the ones below."""

    SUPERVISED = 1
    USER = 2
    TRAINER = 3
    MAINTAINER = 4

    @property
    def word(self) -> str:
        """The level as people write it."""
        return self.name.lower()


class BadgeKind(StrEnum):
    """Whose a badge is, and what for: a trainer's teaching badge starts nothing, and lets others in."""

    MEMBER = "member"
    SPARE = "spare"
    VISITOR = "visitor"
    TEACHING = "teaching"


class Row(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """One line of a whitelist."""


class Member(Row, frozen=True, tag="member"):
    """A person. `until` is the last day of the membership; an excluded one is refused everywhere."""

    id: Id
    name: Text = ""
    category: Text = ""
    payer: Text = ""
    until: date | None = None
    excluded: bool = False

    @property
    def key(self) -> str:
        """The row's name in its whitelist."""
        return f"member/{self.id}"


class Badge(Row, frozen=True, tag="badge"):
    """What a person presents: the keyed hash of its UID and technology."""

    hash: Hash
    member: Id
    kind: BadgeKind = BadgeKind.MEMBER
    since: date | None = None
    until: date | None = None
    blocked: bool = False

    @property
    def key(self) -> str:
        """The row's name in its whitelist."""
        return f"badge/{self.hash}"


class Training(Row, frozen=True, tag="training"):
    """What a person is trained for."""

    id: Id
    name: Text = ""

    @property
    def key(self) -> str:
        """The row's name in its whitelist."""
        return f"training/{self.id}"


class Certification(Row, frozen=True, tag="certification"):
    """This member has this training, at this level, from one day to another, both included."""

    member: Id
    training: Id
    level: Level = Level.USER
    since: date | None = None
    until: date | None = None

    @property
    def key(self) -> str:
        """The row's name in its whitelist."""
        return f"certification/{self.member}/{self.training}"


class Machine(Row, frozen=True, tag="machine"):
    """What a machine asks for: every one of `requires`; a reason in `locked` locks it, `now`: and cuts what runs.

    A machine of which nobody has said yet what it requires is closed to everybody; "nothing" is an answer, written ().
    `longest` (seconds) may only shorten what the settings allow. supervised: only with a trainer beside;
    buddy: never alone.
    """

    id: Id
    name: Text = ""
    requires: tuple[Id, ...] | None = None
    locked: Text = ""
    now: bool = False
    longest: Annotated[int, msgspec.Meta(ge=60, le=604_800)] | None = None
    supervised: bool = False
    buddy: bool = False

    @property
    def key(self) -> str:
        """The row's name in its whitelist."""
        return f"machine/{self.id}"

    @property
    def trainings(self) -> tuple[str, ...]:
        """The trainings that it requires; none where it requires none, or nobody has said."""
        return self.requires or ()

    @property
    def is_set_up(self) -> bool:
        """Whether somebody has said what it requires."""
        return self.requires is not None


class Hours(Row, frozen=True, tag="hours"):
    """When members of a category may start; of "" everybody else. Spans of minutes since Monday 0:00, end excluded.

    In the time zone of the controller's settings. What runs at the end of a span goes on.
    """

    category: Text = ""
    open: Annotated[tuple[tuple[Minute, Minute], ...], msgspec.Meta(max_length=50)] = ()

    @property
    def key(self) -> str:
        """The row's name in its whitelist."""
        return f"hours/{self.category}"

    def is_open(self, minute: int) -> bool:
        """Return whether a minute of the week lies in one of the spans."""
        return any(begin <= minute < end for begin, end in self.open)


class ForcedEnd(Row, frozen=True, tag="cut"):
    """What runs on a machine is to end now: one session, or every session of a member that began without this row.

    Desired state, as all rows are: it stays until whoever keeps the list takes it away.
    """

    machine: Id
    member: Annotated[str, msgspec.Meta(max_length=64)] = ""
    session: Annotated[str, msgspec.Meta(max_length=64)] = ""
    by: Text = ""

    @property
    def key(self) -> str:
        """The row's name in its whitelist."""
        return f"cut/{self.machine}/{self.member}/{self.session}"


AnyRow = Member | Badge | Training | Certification | Machine | Hours | ForcedEnd

encode_row: Final = msgspec.json.Encoder(order="sorted").encode
decode_row: Final = msgspec.json.Decoder(AnyRow).decode


class RowError(LoquetError, ValueError):
    """A row that is out of its bounds."""


def checked(row: AnyRow) -> AnyRow:
    """Hold a row that was put together here to its bounds: lengths, patterns. Raises RowError."""
    try:
        return msgspec.convert(msgspec.to_builtins(row), type(row))
    except msgspec.ValidationError as error:
        raise RowError(
            N_("{row} will not do: an id has 1 to 64 characters, a name 200 at most ({error})"),
            row=row.key[:80],
            error=error,
        ) from error


class Whitelist:
    """The rows in force, looked up in constant time. Owned by one thread, as all mutable things are."""

    def __init__(self, rows: Iterable[AnyRow] = (), version: int = 0) -> None:
        self.version = version
        self.members: dict[str, Member] = {}
        self.badges: dict[str, Badge] = {}
        self.trainings: dict[str, Training] = {}
        self.certifications: dict[tuple[str, str], Certification] = {}
        self.machines: dict[str, Machine] = {}
        self.hours: dict[str, Hours] = {}
        self.forced_ends: dict[str, ForcedEnd] = {}
        for row in rows:
            self.put(row)

    def put(self, row: AnyRow) -> None:
        """Add a row, or replace the one of the same key."""
        match row:
            case Badge():
                self.badges[row.hash] = row
            case Certification():
                self.certifications[row.member, row.training] = row
            case Member():
                self.members[row.id] = row
            case Training():
                self.trainings[row.id] = row
            case Machine():
                self.machines[row.id] = row
            case Hours():
                self.hours[row.category] = row
            case ForcedEnd():
                self.forced_ends[row.key] = row

    def drop(self, row: AnyRow) -> None:
        """Take a row away; one that is not there is no error."""
        match row:
            case Badge():
                self.badges.pop(row.hash, None)
            case Certification():
                self.certifications.pop((row.member, row.training), None)
            case Member():
                self.members.pop(row.id, None)
            case Training():
                self.trainings.pop(row.id, None)
            case Machine():
                self.machines.pop(row.id, None)
            case Hours():
                self.hours.pop(row.category, None)
            case ForcedEnd():
                self.forced_ends.pop(row.key, None)

    def drop_key(self, key: str) -> None:
        """Take the row of a key away; one that is not there is no error."""
        kind, _, name = key.partition("/")
        tables: dict[str, dict[str, Any]] = {
            "member": self.members,
            "badge": self.badges,
            "training": self.trainings,
            "machine": self.machines,
            "hours": self.hours,
        }
        if kind == "certification":
            member, _, training = name.rpartition("/")
            self.certifications.pop((member, training), None)
        elif kind == "cut":
            self.forced_ends.pop(key, None)
        elif kind in tables:
            tables[kind].pop(name, None)

    def rows(self) -> Iterator[AnyRow]:
        """Return every row, what others refer to first."""
        yield from self.trainings.values()
        yield from self.machines.values()
        yield from self.members.values()
        yield from self.badges.values()
        yield from self.certifications.values()
        yield from self.hours.values()
        yield from self.forced_ends.values()

    def badges_of(self, member: str) -> list[Badge]:
        """Return a member's badges."""
        return [badge for badge in self.badges.values() if badge.member == member]

    def certifications_of(self, member: str) -> list[Certification]:
        """Return a member's certifications."""
        return [row for row in self.certifications.values() if row.member == member]
