"""What a sheet would change, in words: one row a person, in the reader's language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

import msgspec

from common.texts import _, ngettext
from protocol.rows import Badge, Certification, Level, Member, Row, Training
from server.core.rendering import day
from server.edits import rows
from server.imports.plans import Plan, person_of
from server.people.models import Member as People
from server.whitelist import models

STEP: Final = 100  # persons on a page
SOME: Final = 500  # asked for at once
LEVELS: Final = {
    Level.SUPERVISED: lambda: _("supervised"),
    Level.TRAINER: lambda: _("trainer"),
    Level.MAINTAINER: lambda: _("maintainer"),
}


PARTICULARS: Final = {
    "email": lambda: _("e-mail {value}"),
    "birth_year": lambda: _("born in {value}"),
    "commune": lambda: _("lives in {value}"),
}


class Shown(msgspec.Struct, frozen=True):
    """A person of a sheet: what they are called, their id ("" where it is still to be made), and what changes.

    how: "new", "changed", or "ended" for whoever the sheet lacks.
    """

    name: str
    id: str
    how: str
    changes: tuple[str, ...]


class Counts(msgspec.Struct):
    """How many persons of a sheet are new, change, lose access."""

    new: int = 0
    changed: int = 0
    ended: int = 0


def persons(put: list[Row], plan: Plan, start: int) -> tuple[list[Shown], Counts]:
    """Return the persons of a page, from that one on, and how many there are of each kind."""
    groups: dict[str, list[Row]] = {}
    for row in put:
        if who := person_of(row):
            groups.setdefault(who, []).append(row)
    for who in plan.particulars:
        groups.setdefault(who, [])
    some = list(groups.items())[start : start + STEP]
    here = rows.find([row.key for _who, mine in some for row in mine] + [f"member/{who}" for who, _mine in some])
    trainings = _trainings(put)
    fresh, missing = set(plan.fresh), {*plan.missing, *plan.lapsing}
    shown = [_shown(who, mine, here, trainings, fresh, missing, plan.particulars.get(who, {})) for who, mine in some]
    return shown, _counted(groups, missing)


def _counted(groups: Mapping[str, list[Row]], missing: set[str]) -> Counts:
    ended = len(groups.keys() & missing)
    known = {key for start in range(0, len(groups), SOME) for key in _known(list(groups)[start : start + SOME])}
    return Counts(len(groups) - len(known), len(known) - ended, ended)


def _known(ids: list[str]) -> Iterable[str]:
    return People.objects.filter(pk__in=ids).values_list("pk", flat=True)


def _trainings(put: Iterable[Row]) -> dict[str, str]:
    """Return what trainings are called, by id; those that the sheet makes too."""
    known = dict(models.Training.objects.values_list("pk", "name"))
    return known | {row.id: row.name for row in put if isinstance(row, Training)}


def _shown(
    who: str,
    mine: list[Row],
    here: Mapping[str, Row],
    trainings: Mapping[str, str],
    fresh: set[str],
    missing: set[str],
    particulars: dict[str, Any],
) -> Shown:
    before = here.get(f"member/{who}")
    after = next((row for row in mine if isinstance(row, Member)), before)
    if not isinstance(after, Member):
        after = Member(who)  # who was merged or went since: it is worked out anew before it counts
    old = before if isinstance(before, Member) else None
    changes = [*_of_member(old, after), *_of_badges(mine)]
    changes += [PARTICULARS[field]().format(value=value) for field, value in particulars.items()]
    changes += [_of_certification(row, here.get(row.key), trainings) for row in mine if isinstance(row, Certification)]
    how = "ended" if who in missing else "changed" if old else "new"
    return Shown(after.name or (old.name if old else "") or who, "" if who in fresh else who, how, tuple(changes))


def _of_member(old: Member | None, after: Member) -> list[str]:
    found = []
    if old is not None and old.name != after.name:
        found.append(_("name: {before} → {after}").format(before=old.name or "—", after=after.name))
    if after.category and (old is None or old.category != after.category):
        found.append(_("category: {name}").format(name=after.category))
    if after.payer and (old is None or old.payer != after.payer):
        found.append(_("paid by {name}").format(name=after.payer))
    if old is None and after.until is None:
        found.append(_("no end of membership"))
    elif old is None or old.until != after.until:
        found.append(_end(None if old is None else old.until, after.until))
    return found


def _end(before: date | None, after: date | None) -> str:
    if before is None:
        return _("membership until {day}").format(day=day(after))
    return _("membership until {before} → {after}").format(before=day(before), after=day(after))


def _of_badges(mine: list[Row]) -> list[str]:
    count = sum(isinstance(row, Badge) for row in mine)
    return [ngettext("{count} badge", "{count} badges", count).format(count=count)] if count else []


def _of_certification(row: Certification, old: Row | None, trainings: Mapping[str, str]) -> str:
    name = trainings.get(row.training) or row.training
    parts = [LEVELS[row.level]()] if row.level in LEVELS else []
    if row.until is not None:
        parts.append(_("until {day}").format(day=day(row.until)))
    said = f"{name} ({', '.join(parts)})" if parts else name
    return said if old is None else _("{training}, changed").format(training=said)


def new_trainings(put: Iterable[Row]) -> list[str]:
    """Return the trainings that a sheet makes."""
    return [row.name or row.id for row in put if isinstance(row, Training)]
