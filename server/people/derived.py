"""Columns that follow from a member's name and id: what is searched, and by what members are sorted.

Databases fold letters and sort them each in its own way, and SQLite folds none but ASCII. These are made here, whenever
a member is written, and mean the same in every database.
"""

from __future__ import annotations

from typing import Any, Final

from django.db import models

from common.folding import fold, sort_key

# Bytes that count of a name where it is sorted, and of a folded text: an index of PostgreSQL takes 2,700 in all.
LONGEST: Final = 240
LONGEST_FOLDED: Final = 900
BETWEEN: Final = "\n"  # stands in no folded text


def searched(member: str, name: str) -> str:
    """Return what a member is found by: the folded id and the folded name, a line each."""
    return f"{_cut(fold(member), LONGEST)}{BETWEEN}{_cut(fold(name), LONGEST_FOLDED)}"


def place(member: str, name: str) -> bytes:
    """Return by what a member is sorted, byte by byte: what they are called, as French sorts. No two have the same."""
    letters, accents = (each.encode()[:LONGEST] for each in sort_key(name or member))
    return b"\0".join((letters, accents, member.encode()))


def _cut(text: str, most: int) -> str:
    return text.encode()[:most].decode(errors="ignore")


class Searched(models.TextField):  # type: ignore[type-arg]
    """The first of them."""

    derived = True

    def pre_save(self, model_instance: models.Model, add: bool) -> str:  # noqa: ARG002 - Django's signature
        """Make it, whatever wrote the row."""
        made = searched(*_of(model_instance))
        setattr(model_instance, self.attname, made)
        return made


class Place(models.BinaryField):  # type: ignore[type-arg]
    """The second."""

    derived = True

    def pre_save(self, model_instance: models.Model, add: bool) -> bytes:  # noqa: ARG002 - Django's signature
        """Make it, whatever wrote the row."""
        made = place(*_of(model_instance))
        setattr(model_instance, self.attname, made)
        return made


def _of(member: Any) -> tuple[str, str]:  # noqa: ANN401 - a member, as the models of any migration have one
    return str(member.pk), str(member.name)


class Members(models.QuerySet[Any]):
    """Members; a name is changed where all that follows from it is."""

    def update(self, **values: Any) -> int:  # noqa: ANN401 - Django's
        """Change them. Raises TypeError for a name: no column that follows from it would change."""
        if "name" in values:
            raise TypeError("a member's name is changed by saving the member")
        return super().update(**values)
