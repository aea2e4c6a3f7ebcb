"""The likely duplicates as the database has them, without those of whom somebody said that they are not the same."""

from __future__ import annotations

from typing import Final

from django.db.models import Q

from server.core import clock
from server.people.duplicates.likely import Pair, Person, likely
from server.people.merging import aliases
from server.people.merging.union import UNNAMED
from server.people.models import Member, NotTheSame, Particulars

_found: Final[dict[int, list[Pair]]] = {}  # of the latest that was asked: ids alone, by a hash of what is known


def people() -> dict[str, Person]:
    """Return what is known of every member."""
    known = {
        member: (year, commune, email)
        for member, year, commune, email in Particulars.objects.values_list("member", "birth_year", "commune", "email")
    }
    members = Member.objects.order_by("pk").values_list("pk", "name")
    return {pk: Person(pk, name, *known.get(pk, (None, "", ""))) for pk, name in members.iterator(chunk_size=2_000)}


def pairs(known: dict[str, Person]) -> list[Pair]:
    """Return who may be one person, the likeliest first; worked out again only once something is known of anybody."""
    key = hash(tuple(known.values()))
    found = _found.get(key)
    if found is None:
        found = likely(known.values())
        _found.clear()
        _found[key] = found
    apart = {pair for _each, pair in refused()}
    return [pair for pair in found if (pair.one, pair.other) not in apart]


def refused() -> list[tuple[NotTheSame, tuple[str, str]]]:
    """Return of whom somebody said that they are not the same, the latest first, by whose the ids are now."""
    found = list(NotTheSame.objects.order_by("-pk"))
    now = aliases.resolve(each for link in found for each in (link.one, link.other))
    return [(each, _ordered(now[each.one], now[each.other])) for each in found]


def _ordered(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)


def say_different(one: str, other: str, by: str) -> None:
    """Keep that two are not one person: nobody is asked about them any more."""
    first, second = _ordered(one, other)
    NotTheSame.objects.update_or_create(one=first, other=second, defaults={"by": by[:200], "at": clock.now()})


def ask_again(number: int) -> None:
    """Have two be asked about again."""
    NotTheSame.objects.filter(pk=number).delete()


def forget(members: list[str]) -> None:
    """Have nothing left of what was said of members who are forgotten."""
    NotTheSame.objects.filter(Q(one__in=members) | Q(other__in=members)).delete()


def unnamed(most: int) -> list[str]:
    """Return those who were let in at a machine, and whom nobody has named yet."""
    found = Member.objects.filter(pk__startswith=UNNAMED, name="").order_by("pk")
    return list(found.values_list("pk", flat=True)[:most])
