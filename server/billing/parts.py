"""Sums that are shared out: whole cents, none of them lost. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec


class Part(msgspec.Struct, frozen=True):
    """A holder's part. is_rest: who has what the others' parts leave."""

    holder: str
    weight: int
    is_rest: bool = False


def split(income: int, parts: Sequence[Part]) -> dict[str, int]:
    """Return what each holder has of an income: a whole number of cents each, and the rest to one of them."""
    whole = sum(part.weight for part in parts)
    found = {part.holder: income * part.weight // whole for part in parts if not part.is_rest}
    rest = next(part.holder for part in parts if part.is_rest)
    return {rest: income - sum(found.values()), **found}


def net(between: Iterable[tuple[str, str, int]]) -> dict[str, int]:
    """Return what each operator is to get (above 0) or to pay of what members of one used at another.

    between: home, host, cents: the home operator pays the host.
    """
    found: dict[str, int] = {}
    for home, host, cents in between:
        found[home] = found.get(home, 0) - cents
        found[host] = found.get(host, 0) + cents
    return found
