"""Tables that stay small, read once for a page: machines, trainings, controllers, what the server holds of itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)
_page: ContextVar[dict[type[Model], list[Any]] | None] = ContextVar("page", default=None)


@contextmanager
def read_once() -> Iterator[None]:
    """Have `rows` ask for each table once until this ends: for a page that is only looked at."""
    before = _page.set({})
    try:
        yield
    finally:
        _page.reset(before)


def rows(model: type[M]) -> list[M]:
    """Return every row of a table that stays small, by its key. Whoever gets them changes none."""
    held = _page.get()
    if held is None:
        return list(QuerySet(model).order_by("pk"))
    if model not in held:
        held[model] = list(QuerySet(model).order_by("pk"))
    return held[model]
