"""The whitelist's rows, as the database keeps them and as the protocol says them; in bulk, both ways."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from protocol.whitelist import (
    AnyRow,
    Badge,
    BadgeKind,
    Certification,
    Cut,
    Hours,
    Level,
    Machine,
    Member,
    Training,
)
from server import models

_BATCH = 200  # keys in one question: SQLite takes so many variables, and more


def of(found: Any) -> AnyRow | None:  # noqa: ANN401 - one of the models below
    """Return the row that a model says; None where it says none (a category that is always open)."""
    match found:
        case models.Member():
            return Member(found.id, found.name, found.category, found.payer, found.until, found.excluded)
        case models.Badge():
            kind = BadgeKind(found.kind)
            return Badge(found.hash, found.member, kind, found.since, found.until, found.blocked)
        case models.Training():
            return Training(found.id, found.name)
        case models.Certification():
            return Certification(found.member, found.training, Level(found.level), found.since, found.until)
        case models.Machine():
            return Machine(
                found.id,
                found.name,
                None if found.requires is None else tuple(found.requires),
                found.locked,
                found.now,
                found.longest,
                found.supervised,
                found.buddy,
            )
        case models.Cut():
            return Cut(found.machine, found.member, found.session, found.by)
        case models.Category():
            return None if found.open is None else Hours(found.name, tuple((a, b) for a, b in found.open))
    raise TypeError(type(found))


def everything() -> Iterator[AnyRow]:
    """Return every row, what others refer to first."""
    kinds = (models.Training, models.Machine, models.Member, models.Badge, models.Certification)
    for kind in (*kinds, models.Category, models.Cut):
        for found in kind.objects.iterator(chunk_size=2_000):
            row = of(found)
            if row is not None:
                yield row


def find(keys: Iterable[str]) -> dict[str, AnyRow]:
    """Return the rows of these keys that there are."""
    wanted: dict[str, list[str]] = defaultdict(list)
    for key in dict.fromkeys(keys):
        kind, _, name = key.partition("/")
        wanted[kind].append(name)
    found: dict[str, AnyRow] = {}
    for kind, names in wanted.items():
        for start in range(0, len(names), _BATCH):
            for model in _query(kind, names[start : start + _BATCH]):
                row = of(model)
                if row is not None:
                    found[row.key] = row
    asked = {f"{kind}/{name}" for kind, names in wanted.items() for name in names}
    return {key: row for key, row in found.items() if key in asked}


def _query(kind: str, names: list[str]) -> Any:  # noqa: ANN401 - a query set
    match kind:
        case "member":
            return models.Member.objects.filter(id__in=names)
        case "badge":
            return models.Badge.objects.filter(hash__in=names)
        case "training":
            return models.Training.objects.filter(id__in=names)
        case "machine":
            return models.Machine.objects.filter(id__in=names)
        case "hours":
            return models.Category.objects.filter(name__in=names)
        case "certification":
            return models.Certification.objects.filter(member__in={name.rpartition("/")[0] for name in names})
        case "cut":
            return models.Cut.objects.filter(machine__in={name.split("/", 1)[0] for name in names})
    return ()


def put(rows: Iterable[AnyRow]) -> None:
    """Write rows, over those of the same keys."""
    made: dict[type[Any], list[Any]] = defaultdict(list)
    for row in rows:
        model = _model(row)
        made[type(model)].append(model)
    for kind, found in made.items():
        unique, fields = _SHAPES[kind]
        kind.objects.bulk_create(
            found, batch_size=_BATCH, update_conflicts=True, unique_fields=unique, update_fields=fields
        )


_SHAPES: dict[type[Any], tuple[list[str], list[str]]] = {
    models.Member: (["id"], ["name", "category", "payer", "until", "excluded"]),
    models.Badge: (["hash"], ["member", "kind", "since", "until", "blocked"]),
    models.Training: (["id"], ["name"]),
    models.Certification: (["member", "training"], ["level", "since", "until"]),
    models.Machine: (["id"], ["name", "requires", "locked", "now", "longest", "supervised", "buddy"]),
    models.Category: (["name"], ["open"]),
    models.Cut: (["machine", "member", "session"], ["by"]),
}


def _model(row: AnyRow) -> Any:  # noqa: ANN401 - one of the models
    match row:
        case Member(id=name):
            return models.Member(name, row.name, row.category, row.payer, row.until, row.excluded)
        case Badge():
            return models.Badge(row.hash, row.member, row.kind.value, row.since, row.until, row.blocked)
        case Training():
            return models.Training(id=row.id, name=row.name)
        case Certification():
            return models.Certification(
                member=row.member, training=row.training, level=int(row.level), since=row.since, until=row.until
            )
        case Machine():
            return models.Machine(
                id=row.id,
                name=row.name,
                requires=None if row.requires is None else list(row.requires),
                locked=row.locked,
                now=row.now,
                longest=row.longest,
                supervised=row.supervised,
                buddy=row.buddy,
            )
        case Hours():
            return models.Category(name=row.category, open=[list(span) for span in row.open])
        case Cut():
            return models.Cut(machine=row.machine, member=row.member, session=row.session, by=row.by)


def drop(rows: Iterable[AnyRow]) -> None:
    """Take rows away. A category stays as a word, always open."""
    for row in rows:
        match row:
            case Member():
                models.Member.objects.filter(id=row.id).delete()
            case Badge():
                models.Badge.objects.filter(hash=row.hash).delete()
            case Training():
                models.Training.objects.filter(id=row.id).delete()
            case Certification():
                models.Certification.objects.filter(member=row.member, training=row.training).delete()
            case Machine():
                models.Machine.objects.filter(id=row.id).delete()
            case Hours():
                models.Category.objects.filter(name=row.category).update(open=None)
            case Cut():
                models.Cut.objects.filter(machine=row.machine, member=row.member, session=row.session).delete()
