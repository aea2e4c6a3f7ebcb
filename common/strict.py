"""Reading strictly: each key has bounds, a key that nobody reads is an error, and errors name place and remedy."""

from __future__ import annotations

import difflib
import re
from enum import StrEnum
from typing import Any, Final, TypeVar

import msgspec

from common.errors import LoquetError
from common.texts import N_

S = TypeVar("S", bound=msgspec.Struct)
MOST_DAYS: Final = 30 * 365
_UNITS: Final = {"": 1, "s": 1, "min": 60, "h": 3600}


class SettingsError(LoquetError, ValueError):
    """What is wrong with the settings, where, and what to do."""


def seconds(value: int | str, place: str, least: int, most: int) -> int:
    """Read a duration: a number of seconds, or a number with its unit. Raises SettingsError."""
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d{1,7})\s*(s|min|h|)\s*", value)
        given = int(match[1]) * _UNITS[match[2]] if match else -1
    else:
        given = value
    if not least <= given <= most:
        raise SettingsError(
            N_('{place}: {value} is not a time from {least} s to {most} s, as 90, "90 s", "5 min" or "8 h"'),
            place=place,
            value=repr(value),
            least=least,
            most=most,
        )
    return given


def days(value: int | str, place: str, never: str) -> int | None:
    """Read a period: a number of days, or a number with its unit; None for the word *never*. Raises SettingsError."""
    if value == never:
        return None
    match = re.fullmatch(r"\s*(\d{1,5})\s*(d|y|)\s*", str(value))
    given = int(match[1]) * {"": 1, "d": 1, "y": 365}[match[2]] if match else 0
    if not 1 <= given <= MOST_DAYS:
        raise SettingsError(
            N_('{place}: {value} is not a period from 1 day to 30 years, as 90, "90 d", "3 y", nor "{never}"'),
            place=place,
            value=repr(value),
            never=never,
        )
    return given


def no_other_keys(table: dict[str, Any], keys: tuple[str, ...], place: str) -> None:
    """Refuse a key that nobody reads; name the one that was meant. Raises SettingsError."""
    for key in table:
        if key not in keys:
            near = difflib.get_close_matches(str(key), keys, n=1)
            if near:
                raise SettingsError(
                    N_('{place}: unknown key "{key}"; did you mean "{near}"?'),
                    place=place,
                    key=key,
                    near=near[0],
                )
            raise SettingsError(
                N_('{place}: unknown key "{key}"; there are: {keys}'),
                place=place,
                key=key,
                keys=", ".join(keys),
            )


def convert(table: object, kind: type[S], place: str) -> S:
    """Read a table into its struct. Raises SettingsError."""
    if not isinstance(table, dict):
        raise SettingsError(N_("{place}: a table is expected here"), place=place)
    fields = msgspec.structs.fields(kind)
    no_other_keys(table, tuple(field.name for field in fields), place)
    for field in fields:
        if field.required and field.name not in table:
            raise SettingsError(N_('{place}: the key "{key}" is missing'), place=place, key=field.name)
        if field.name in table:
            if isinstance(field.type, type) and issubclass(field.type, StrEnum):
                is_one_of(table[field.name], field.type, f"{place}, {field.name}")
            try:
                msgspec.convert(table[field.name], field.type)
            except msgspec.ValidationError as error:
                raise SettingsError(
                    N_("{place}, {key}: {value} will not do: {error}"),
                    place=place,
                    key=field.name,
                    value=repr(table[field.name]),
                    error=error,
                ) from error
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:  # what holds between its keys
        raise SettingsError(N_("{place}: {error}"), place=place, error=error) from error


def is_one_of(value: object, words: type[StrEnum], place: str) -> None:
    """Refuse a word that is none of the fixed ones. Raises SettingsError."""
    if value not in set(words):
        raise SettingsError(
            N_("{place}: {value} will not do; there are: {words}"),
            place=place,
            value=repr(value),
            words=", ".join(f'"{word}"' for word in words),
        )
