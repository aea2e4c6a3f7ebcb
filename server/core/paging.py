"""Lists that grow for years, a page at a time: by where a page ends and not by its number.

So nobody counts a whole table, no page is slower than another, and no row is shown twice or left out because others
came or went meanwhile. Every list goes back to its beginning: there is a link to its end.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlencode

import msgspec
from django.core.exceptions import ValidationError
from django.db.models import BinaryField, Field, Model, Q, QuerySet
from django.http import HttpRequest

M = TypeVar("M", bound=Model)
END: Final = "end"
LONGEST: Final = 2_000  # characters of a place in a list
MOST: Final = 2**63
_BETWEEN: Final = "~"


class Page(msgspec.Struct, Generic[M], frozen=True):
    """Rows of a list, and links to its other pages, each "" where there is nothing. Made into links by core/pages.html.

    by_time: whether the list begins with what is newest, and is spoken of so; query: what was asked besides.
    """

    rows: list[M]
    first: str = ""
    previous: str = ""
    next: str = ""
    last: str = ""
    by_time: bool = True

    @property
    def is_first(self) -> bool:
        """Whether the list begins here."""
        return not self.first


def page_of(request: HttpRequest, found: QuerySet[M], *order: str, step: int, name: str = "") -> Page[M]:
    """Return the page of a list that a request asks for; the first one where what it asks for is no place in it.

    order: fields as for order_by, of which no two rows share all, none ever null, and the last alone may be a text.
    name: of the list, where a page has several: the links lead to the element of that id.
    """
    place = _Place(found, order, request, name)
    start, end = place.asked("from"), place.asked("to")
    if start is not None and (rows := list(place.past(start)[: step + 1])):
        return place.page(rows[:step], is_first=False, is_last=len(rows) <= step)
    if end is not None or place.said("to") == END:
        rows = list(place.past(end, back=True)[: step + 1])
        # What lies before a place and is less than a page is the first one, which then is shown in full.
        if end is None or len(rows) > step:
            return place.page(rows[:step][::-1], is_first=len(rows) <= step, is_last=end is None)
    rows = list(place.past(None)[: step + 1])
    return place.page(rows[:step], is_first=True, is_last=len(rows) <= step)


class _Place(Generic[M]):
    """Places in a list: how they are written into links and read from them, and what lies past them."""

    def __init__(self, found: QuerySet[M], order: tuple[str, ...], request: HttpRequest, name: str) -> None:
        self._found, self._order, self._request = found, order, request
        self._prefix, self._anchor = (f"{name}-", f"#{name}") if name else ("", "")
        meta = found.model._meta  # noqa: SLF001 - Django's documented way
        self._fields: list[tuple[Field[Any, Any], bool]] = []
        for each in order:
            field = meta.pk if each.lstrip("-") == "pk" else meta.get_field(each.lstrip("-"))
            assert isinstance(field, Field)  # noqa: S101 - the list's author names its own columns
            self._fields.append((field, not each.startswith("-")))

    def said(self, word: str) -> str:
        """Return what a request says of this list."""
        return self._request.GET.get(self._prefix + word, "")

    def asked(self, word: str) -> list[Any] | None:
        """Return the place that a request names; None where it names none."""
        parts = self.said(word)[:LONGEST].split(_BETWEEN, len(self._fields) - 1)
        if len(parts) != len(self._fields) or not all(parts):
            return None
        try:
            return [_read(field, part) for (field, _up), part in zip(self._fields, parts, strict=True)]
        except (ValueError, ValidationError):
            return None

    def past(self, place: list[Any] | None, *, back: bool = False) -> QuerySet[M]:
        """Return what lies past a place, the nearest first; None: all of the list, from its beginning or its end."""
        order = [each[1:] if each.startswith("-") else f"-{each}" for each in self._order] if back else self._order
        found = self._found.order_by(*order)
        return found if place is None else found.filter(self._beyond(place, back=back))

    def _beyond(self, place: list[Any], *, back: bool) -> Q:
        """Return that, with a bound on the first field by itself: by it an index finds where to begin."""
        beyond: Q | None = None
        for (field, is_up), value in reversed(list(zip(self._fields, place, strict=True))):
            side = "gt" if is_up is not back else "lt"
            strictly = Q(**{f"{field.name}__{side}": value})
            beyond = strictly if beyond is None else Q(**{f"{field.name}__{side}e": value}) & (strictly | beyond)
        assert beyond is not None  # noqa: S101 - a list has an order
        return beyond

    def page(self, rows: list[M], *, is_first: bool, is_last: bool) -> Page[M]:
        """Return rows with the links around them."""
        ends = (rows[0], rows[-1]) if rows else None
        return Page(
            rows,
            first="" if is_first else self._link("", ""),
            previous="" if is_first or ends is None else self._link("to", self._of(ends[0])),
            next="" if is_last or ends is None else self._link("from", self._of(ends[1])),
            last="" if is_last else self._link("to", END),
            by_time=not self._fields[0][1],
        )

    def _of(self, row: M) -> str:
        return _BETWEEN.join(_written(getattr(row, field.attname)) for field, _up in self._fields)

    def _link(self, word: str, place: str) -> str:
        mine = {f"{self._prefix}from", f"{self._prefix}to", "as"}
        kept = [(key, each) for key, values in self._request.GET.lists() if key not in mine for each in values]
        return f"?{urlencode([*kept, *([(self._prefix + word, place)] if word else [])])}{self._anchor}"


def _written(value: Any) -> str:  # noqa: ANN401 - whatever the column has
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _read(field: Field[Any, Any], text: str) -> Any:  # noqa: ANN401 - likewise
    """Read what `_written` wrote. Raises ValueError, ValidationError."""
    if isinstance(field, BinaryField):
        return bytes.fromhex(text)
    value = field.to_python(text)
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError(text)
    if isinstance(value, int) and not -MOST <= value < MOST:
        raise ValueError(text)
    return value
