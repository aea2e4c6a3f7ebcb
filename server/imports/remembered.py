"""What the columns of sheets meant: kept by their headings, for the next one of the kind."""

from __future__ import annotations

from typing import Final

from protocol.sheets import guessing
from protocol.sheets.columns import Columns, Meaning
from protocol.sheets.tables import Table
from server.core import clock
from server.imports.models import Remembered
from server.imports.opening import fingerprint, names_of
from server.whitelist.rows import training_words

MOST: Final = 200  # kinds of sheets
ALIKE: Final = 0.7  # of a kind's headings that another sheet has, and is of the same kind


def meant(table: Table) -> tuple[Columns, dict[str, str]]:
    """Return what a sheet's columns mean, and its words for trainings: as it was said before, else as it seems."""
    guess = guessing.guess(table, training_words()).columns
    known = _known(table)
    if known is None:
        return guess, {}
    columns = dict(guess)
    for index, name in enumerate(names_of(table)):
        if name in known.columns:
            columns.pop(index, None)
            if known.columns[name] in set(Meaning):
                columns[index] = Meaning(known.columns[name])
    return dict(sorted(columns.items())), dict(known.trainings)


def unread(table: Table) -> set[str]:
    """Return the headings of which somebody has said that they are not read."""
    known = _known(table)
    return set() if known is None else {name for name, meaning in known.columns.items() if not meaning}


def _known(table: Table) -> Remembered | None:
    """Return what is remembered of a sheet with these headings, or of one that has most of them."""
    found = Remembered.objects.filter(pk=fingerprint(table)).first()
    if found is not None:
        return found
    names = set(names_of(table)) - {""}
    alike = [(len(names & each.columns.keys()) / len(each.columns), each) for each in _latest() if each.columns]
    share, found = max(alike, key=lambda each: each[0], default=(0.0, None))
    return found if share >= ALIKE else None


def _latest() -> list[Remembered]:
    return list(Remembered.objects.order_by("-used")[:MOST])


def keep(table: Table, columns: Columns, trainings: dict[str, str]) -> None:
    """Remember what columns meant, in the transaction that is open."""
    said = {
        name: columns[index].value if index in columns else "" for index, name in enumerate(names_of(table)) if name
    }
    kept = {"columns": said, "trainings": trainings, "used": clock.now()}
    Remembered.objects.update_or_create(pk=fingerprint(table), defaults=kept)
    latest = Remembered.objects.order_by("-used").values_list("pk", flat=True)
    Remembered.objects.filter(pk__in=list(latest[MOST : 2 * MOST])).delete()
