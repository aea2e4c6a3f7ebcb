"""Two trainings that are one: whoever has either has the one that is kept, and machines ask for that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from common.texts import N_
from protocol.rows import Certification, Machine, Row, Training
from server.core import small
from server.edits import rows
from server.edits.authors import Author
from server.edits.editing import EditError, alone, carry_out
from server.edits.models import Edit
from server.people.merging.union import certifications_as_one
from server.whitelist import models
from server.whitelist.sameness.resembling import resembling


def given() -> dict[str, str]:
    """Return the trainings that people give, by id, with their names."""
    conditions = {each.pk for each in small.rows(models.Condition)}
    found = small.rows(models.Training)
    return {each.pk: each.name for each in found if not each.retired and each.pk not in conditions}


def merge(author: Author, gone: str, kept: str) -> Edit | None:
    """Have one training be another one, in one edit, which can be taken back. Raises EditError."""
    with alone():
        known = given()
        if gone not in known or kept not in known or gone == kept:
            raise EditError(N_("choose two trainings that people give"))
        held = {row.member: row for row in _certifications(kept)}
        put: list[Row] = []
        for row in _certifications(gone):
            moved, mine = msgspec.structs.replace(row, training=kept), held.get(row.member)
            put.append(moved if mine is None else certifications_as_one(mine, moved))
        machines = [row for row in rows.belonging_to("training", gone) if isinstance(row, Machine)]
        put += [renamed(row, {gone: kept}) for row in machines]
        drop = [f"training/{gone}", *(row.key for row in _certifications(gone))]
        about = {"training": known[kept] or kept, "other": known[gone] or gone}
        return carry_out(author, "training_same", put, drop, about=about)


def _certifications(training: str) -> list[Certification]:
    return [row for row in rows.belonging_to("training", training) if isinstance(row, Certification)]


# --- what a controller proposes ---


def unknown(proposed: Iterable[Row | None]) -> list[tuple[str, str, str]]:
    """Return the trainings of proposed rows that are not here: id, name, and the one here that it resembles or ""."""
    said: dict[str, str] = {}
    for row in proposed:
        match row:
            case Training():
                said[row.id] = row.name
            case Certification():
                said.setdefault(row.training, "")
            case Machine():
                said |= {each: said.get(each, "") for each in row.trainings}
    here = set(models.Training.objects.filter(pk__in=said).values_list("pk", flat=True))
    known = given()
    return [(each, name, resembling(each, name, known)) for each, name in sorted(said.items()) if each not in here]


def renamed(row: Row, same: Mapping[str, str]) -> Row:
    """Return a row with trainings called by the ids that they have here."""
    match row:
        case Certification() if row.training in same:
            return msgspec.structs.replace(row, training=same[row.training])
        case Machine() if set(row.trainings) & set(same):
            return msgspec.structs.replace(
                row, requires=tuple(dict.fromkeys(same.get(each, each) for each in row.trainings))
            )
    return row


def all_renamed(proposed: Iterable[tuple[str, Row | None]], same: Mapping[str, str]) -> list[tuple[str, Row | None]]:
    """Return proposed rows so; what would enter a training that is here under another name is left out."""
    found: dict[str, Row | None] = {}
    for key, row in proposed:
        head, _sep, name = key.partition("/")
        if row is None:
            member, _sep, training = name.rpartition("/")
            found[f"{head}/{member}/{same[training]}" if head == "certification" and training in same else key] = None
        elif not (isinstance(row, Training) and row.id in same):
            made = renamed(row, same)
            before = found.get(made.key)
            both = isinstance(made, Certification) and isinstance(before, Certification)
            found[made.key] = certifications_as_one(before, made) if both else made  # type: ignore[arg-type]
    return list(found.items())
