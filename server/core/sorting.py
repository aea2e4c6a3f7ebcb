"""Small tables in the order in which people look for a name: as French sorts, whatever the database does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

from common.folding import sort_key


class Named(Protocol):
    """What has a name that may be empty, and is called by its id then."""

    name: Any
    pk: Any


N = TypeVar("N", bound=Named)


def by_name(found: Iterable[N]) -> list[N]:
    """Return these by what they are called. For what a workshop has dozens of; members have a column for it."""
    return sorted(found, key=lambda each: (sort_key(each.name or str(each.pk)), str(each.pk)))


def sorted_texts(found: Iterable[str]) -> list[str]:
    """Return texts in the same order."""
    return sorted(found, key=sort_key)
