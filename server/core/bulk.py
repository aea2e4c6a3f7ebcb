"""Many rows at once: what Django's bulk_create does, without working out each value's SQL anew.

A list of 20,000 members is 160,000 rows; twice as long a statement for each is what a secretary waits for.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.models import Field, Model, QuerySet

PLACES: Final = 900  # values in one statement: SQLite takes so many, and more
# What the database's own package takes as it is.
_PLAIN: Final = (
    models.CharField, models.TextField, models.BooleanField, models.IntegerField, models.FloatField, models.ForeignKey,
    models.AutoField,
)  # fmt: skip


def put(made: Sequence[Model], *, unique: tuple[str, ...] = (), update: tuple[str, ...] = ()) -> None:
    """Insert rows of one table; over those of the same `unique` fields, write what `update` names.

    A key that the database makes is left to it. Rows are saved as they are: no signal of Django's is sent.
    """
    if not made:
        return
    model = type(made[0])
    fields = [field for field in model._meta.concrete_fields if not _is_made(field, made[0])]  # noqa: SLF001 - Django's documented way
    values = [[_value(field, row) for field in fields] for row in made]
    insert(model, tuple(each.attname for each in fields), values, unique=unique, update=update)


def insert(
    model: type[Model],
    names: tuple[str, ...],
    values: Sequence[Sequence[Any]],
    *,
    unique: tuple[str, ...] = (),
    update: tuple[str, ...] = (),
) -> None:
    """Insert rows of these attributes, each value as the database takes it."""
    at_once = max(1, PLACES // len(names))
    with connection.cursor() as cursor:
        for start in range(0, len(values), at_once):
            part = values[start : start + at_once]
            statement = _statement(model, names, len(part), unique, update)
            cursor.execute(statement, [value for row in part for value in row])


def _is_made(field: Field[Any, Any], row: Model) -> bool:
    """Return whether the database makes a field's value."""
    return isinstance(field, models.AutoField) and getattr(row, field.attname) is None


def _value(field: Field[Any, Any], row: Model) -> Any:  # noqa: ANN401 - the field's own
    value = field.pre_save(row, add=True)
    return value if value is None or isinstance(field, _PLAIN) else field.get_db_prep_save(value, connection)


@cache
def _statement(
    model: type[Model], names: tuple[str, ...], count: int, unique: tuple[str, ...], update: tuple[str, ...]
) -> str:
    meta, quoted = model._meta, connection.ops.quote_name  # noqa: SLF001 - likewise
    columns = {each.attname: quoted(str(each.column)) for each in meta.concrete_fields}
    columns |= {each.name: quoted(str(each.column)) for each in meta.concrete_fields}
    row = f"({', '.join(['%s'] * len(names))})"
    made = f"insert into {quoted(meta.db_table)} ({', '.join(columns[each] for each in names)}) values "  # noqa: S608 - our own names
    made += ", ".join([row] * count)
    if unique:
        changes = ", ".join(f"{columns[each]} = excluded.{columns[each]}" for each in update)
        made += f" on conflict ({', '.join(columns[each] for each in unique)}) do update set {changes}"
    return made


def rows_of(found: QuerySet[Any, tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return the rows of a question as the database gives them: of ten thousands, Django's own look at each is seconds.

    Sums of whole numbers may come as decimals.
    """
    try:
        sql, values = found.query.sql_with_params()
    except EmptyResultSet:
        return []
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        found_rows: list[tuple[Any, ...]] = cursor.fetchall()
        return found_rows
