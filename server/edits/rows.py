"""The whitelist's rows, as the database keeps them and as the protocol says them; in bulk, both ways.

Each app registers the kinds of row that it keeps; everything here is generic over them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from operator import or_
from typing import Any, Final, Generic, TypeVar

from django.db.models import Model, Q, QuerySet

from common.errors import LoquetError
from common.texts import N_
from protocol.rows import Row
from server.accounts.models import Role
from server.core import bulk
from server.edits.authors import Author, Standing

BATCH: Final = 200  # keys in one question: SQLite takes so many variables, and more
M = TypeVar("M", bound=Model)
R = TypeVar("R")


class UnkeptError(LoquetError, ValueError):
    """A row of a kind that no table keeps."""


class ElsewhereError(LoquetError, ValueError):
    """A row that belongs to another site than whoever edits it."""


class NotAllowedError(LoquetError, ValueError):
    """An edit that its author may not make."""


class Kind(ABC, Generic[M, R]):
    """One kind of row, and the table that keeps it.

    name: the head of its keys; unique: the fields that name one; fields: the others that a row says; rank: those of a
    lower one come first, since others refer to them; holds: whether what it belongs to stays while it is there.
    """

    name: str
    model: type[M]
    unique: tuple[str, ...]
    fields: tuple[str, ...]
    rank: int
    holds = True

    @abstractmethod
    def of(self, found: M) -> R | None:
        """Return the row that a model says; None where it says none."""

    @abstractmethod
    def made(self, row: R) -> M:
        """Return the model that keeps a row."""

    def settled(self, rows: list[R], *, enter: bool) -> list[R]:  # noqa: ARG002 - most are kept as they are said
        """Return rows as they are kept here: what they name by a text may be known by an id.

        One may be left out that is not kept at all. enter: whether what they name is entered; else this only looks.
        """
        return rows

    @abstractmethod
    def named(self, names: list[str]) -> QuerySet[M]:
        """Find what has one of these names (keys without their head); more may be found than was asked for."""

    def drop(self, rows: list[R]) -> None:
        """Take rows away."""
        made = [self.made(row) for row in rows]
        for start in range(0, len(made), BATCH):
            some = made[start : start + BATCH]
            if len(self.unique) == 1:
                found = Q(**{f"{self.unique[0]}__in": [getattr(each, self.unique[0]) for each in some]})
            else:
                found = reduce(or_, (Q(**{field: getattr(each, field) for field in self.unique}) for each in some))
            self.objects.filter(found).delete()

    def refuses(self, author: Author, steps: list[tuple[R | None, R | None]]) -> str:  # noqa: ARG002 - most ask no more
        """Return why an account's author may not make these changes, of rows before and after; "" where they may."""
        return "" if author.may(Role.FABMANAGER) else N_("your account may not change this; ask a fabmanager")

    def may_say(self, standing: Standing, before: R | None, after: R | None) -> bool:  # noqa: ARG002 - most may not
        """Return whether a controller may say this by itself; all else waits for a person."""
        return False

    def belonging_to(self, kind: str, names: list[str]) -> Iterable[M]:  # noqa: ARG002 - most belong to nothing
        """Find what means nothing without one of the rows of that kind and these names."""
        return ()

    def sites(self, names: list[str]) -> dict[str, set[str]]:  # noqa: ARG002 - most belong to every site
        """Return to which sites rows belong, by their names without the head; what is left out belongs to all."""
        return {}

    def names(self) -> Iterable[str]:
        """Return what its rows are called that are in use, of kinds that have one name."""
        return self.objects.values_list(self.unique[0], flat=True)  # type: ignore[no-any-return]

    @property
    def objects(self) -> Any:  # noqa: ANN401 - a manager
        """Django's way to the table."""
        return self.model._default_manager  # noqa: SLF001 - Django's documented way


_kinds: dict[str, Kind[Any, Any]] = {}


def register(*kinds: Kind[Any, Any]) -> None:
    """Have an app's rows be part of the whitelist."""
    _kinds.update({kind.name: kind for kind in kinds})


def kinds() -> list[Kind[Any, Any]]:
    """Return every kind, what others refer to first."""
    return sorted(_kinds.values(), key=lambda kind: kind.rank)


def of(found: Model) -> Row | None:
    """Return the row that a model says; None where it says none (a category that is always open)."""
    for kind in _kinds.values():
        if isinstance(found, kind.model):
            row: Row | None = kind.of(found)
            return row
    raise TypeError(type(found))


def everything() -> Iterator[Row]:
    """Return every row, what others refer to first."""
    for kind in kinds():
        for found in kind.objects.iterator(chunk_size=2_000):
            row = kind.of(found)
            if row is not None:
                yield row


def find(keys: Iterable[str]) -> dict[str, Row]:
    """Return the rows of these keys that there are."""
    wanted: dict[str, list[str]] = defaultdict(list)
    for key in dict.fromkeys(keys):
        head, _, name = key.partition("/")
        wanted[head].append(name)
    found: dict[str, Row] = {}
    for head, names in wanted.items():
        kind = _kinds.get(head)
        for start in range(0, len(names) if kind else 0, BATCH):
            assert kind is not None  # noqa: S101 - the range is empty otherwise
            for model in kind.named(names[start : start + BATCH]):
                row = kind.of(model)
                if row is not None:
                    found[row.key] = row
    # A kind may find more than was asked for, as all certifications of a member.
    asked = {f"{head}/{name}" for head, names in wanted.items() for name in names}
    return {key: row for key, row in found.items() if key in asked}


def get(key: str) -> Row | None:
    """Return one row; None where there is none."""
    return find([key]).get(key)


def names(head: str, site: str | None = None) -> list[str]:
    """Return what the rows of a kind are called that are in use, of one site or of all."""
    found = list(_kinds[head].names())
    elsewhere = _elsewhere(head, found, site)
    return [name for name in found if name not in elsewhere]


def _elsewhere(head: str, names: list[str], site: str | None) -> set[str]:
    """Return which of these belong to other sites, and not to that one."""
    where = {} if site is None else _kinds[head].sites(names)
    return {name for name, sites in where.items() if sites and site not in sites}


def hold_to_site(keys: Iterable[str], site: str | None) -> None:
    """Refuse what belongs to other sites. Raises ElsewhereError."""
    mine: dict[str, list[str]] = defaultdict(list)
    for key in keys if site is not None else ():
        head, _, name = key.partition("/")
        mine[head].append(name)
    for head, names_ in mine.items():
        for name in sorted(_elsewhere(head, names_, site)):
            raise ElsewhereError(N_('"{key}" belongs to another workshop; ask whoever runs it'), key=f"{head}/{name}")


def hold_to_author(author: Author, before: Mapping[str, Row], changed: Mapping[str, Row | None]) -> None:
    """Refuse what an author may not change, whatever led there: a page, a sheet, an undo, a journal.

    Raises NotAllowedError.
    """
    steps: dict[str, list[tuple[Row | None, Row | None]]] = defaultdict(list)
    for key, row in changed.items():
        steps[key.partition("/")[0]].append((before.get(key), row))
    for head, mine in steps.items() if author.account is not None else ():
        if why := _kinds[head].refuses(author, mine):
            raise NotAllowedError(why)
    for key, row in changed.items() if author.standing is not None else ():
        if not may_say(author.standing, key, before.get(key), row):
            raise NotAllowedError(N_('a controller may not change "{key}" by itself'), key=key)


def may_say(standing: Standing | None, key: str, before: Row | None, after: Row | None) -> bool:
    """Return whether a controller may say this by itself."""
    return standing is not None and _kinds[key.partition("/")[0]].may_say(standing, before, after)


def belonging_to(head: str, *names: str, holding: bool = False, only: str = "") -> list[Row]:
    """Return every row that means nothing without those of that kind and these names.

    holding: only those that hold one; only: those of one kind, by its head.
    """
    asked = [kind for kind in kinds() if (kind.holds or not holding) and only in {"", kind.name}]
    batches = [list(names[start : start + BATCH]) for start in range(0, len(names), BATCH)]
    found = (kind.of(each) for kind in asked for some in batches for each in kind.belonging_to(head, some))
    return [row for row in found if row is not None]


def settled(rows: Iterable[Row], *, enter: bool = True) -> list[Row]:
    """Return rows as they are kept here, in the transaction that is open. Raises UnkeptError.

    enter: whether what they name is entered, where nobody has heard of it yet; else this only looks.
    """
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.key.partition("/")[0]].append(row)
    hold_to_kinds(found)
    return [row for head, mine in found.items() for row in _kinds[head].settled(mine, enter=enter)]


def put(rows: Iterable[Row]) -> None:
    """Write rows, over those of the same keys."""
    made: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        made[_kind_of(row).name].append(row)
    for head, found in made.items():
        kind = _kinds[head]
        bulk.put([kind.made(row) for row in found], unique=kind.unique, update=kind.fields)


def drop(rows: Iterable[Row]) -> None:
    """Take rows away."""
    gone: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        gone[_kind_of(row).name].append(row)
    for head, found in gone.items():
        _kinds[head].drop(found)


def hold_to_kinds(keys: Iterable[str]) -> None:
    """Refuse what no table here keeps. Raises UnkeptError."""
    for key in keys:
        if key.partition("/")[0] not in _kinds:
            raise UnkeptError(N_('a later version of this program wrote "{key}": install that to change it'), key=key)


def _kind_of(row: Row) -> Kind[Any, Any]:
    return _kinds[row.key.partition("/")[0]]
