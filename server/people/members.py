"""How members are found, written in forms, and numbered."""

from __future__ import annotations

from typing import Final

from django.db.models import Q, QuerySet

from common.folding import fold
from common.texts import N_
from server.core import state
from server.core.forms import FormError
from server.edits.models import Change
from server.people.derived import BETWEEN
from server.people.merging import aliases
from server.people.models import Member, MergedMember
from server.people.shown import in_brackets, written
from server.people.signals import forgotten_asked, ids_asked

BATCH: Final = 500

LONGEST: Final = 300  # letters of what is typed to find somebody: a name and an id
MOST_WORDS: Final = 8
SHOWN: Final = 4  # of several who are called the same


def new_id() -> str:
    """Make an id that is no name, and was never anybody's: what stays in a journal says nothing of a person."""
    return new_ids(1)[0]


def new_ids(count: int) -> list[str]:
    """Make so many of them."""
    made: list[str] = []
    while (missing := count - len(made)) > 0:
        some = min(missing, BATCH)
        first = state.next_numbers(state.MEMBERS, some)
        found = [f"m-{number:04d}" for number in range(first, first + some)]
        # The counter alone would do, but for a backup put back: what was counted since is counted again.
        known = set(Member.objects.filter(pk__in=found).values_list("pk", flat=True))
        keys = Change.objects.filter(key__in=[f"member/{each}" for each in found]).values_list("key", flat=True)
        known |= {key.partition("/")[2] for key in keys}
        known |= set(MergedMember.objects.filter(pk__in=found).values_list("pk", flat=True))
        known |= {each for _app, answer in ids_asked.send(Member, members=found) for each in answer or ()}
        made += [each for each in found if each not in known]
    return made


def were_forgotten(ids: set[str]) -> list[str]:
    """Return which of these ids were those of somebody who was forgotten."""
    return sorted({each for _app, answer in forgotten_asked.send(Member, members=ids) for each in answer or ()})


def searched(said: str) -> QuerySet[Member]:
    """Return the members whose names and ids hold every word of what was typed, in order; all for nothing typed.

    In whatever letters, with accents or without, and in any order of words.
    """
    found = Member.objects.order_by("place")
    words = fold(said[:LONGEST]).split()[:MOST_WORDS]
    merged = Q(pk__in=aliases.known_as(said.strip()[:LONGEST])) if words else Q()
    for word in words:
        found = found.filter(Q(folded__contains=word) | merged)
    # What folds to nothing may still be somebody's id.
    return found if words or not said.strip() else found.filter(pk=said)


def named(said: str) -> Member:
    """Find whom somebody means: by id, as `shown` writes them, or by name. Raises FormError.

    An id counts as it is, then in other letters where one alone fits; so does a name, then what is a part of one.
    """
    said = said[:LONGEST]
    found = _by_id(said) or _as_shown(said) or _by_folded_id(said)
    if found is not None:
        return found
    close = _called(said)
    if len(close) == 1:
        return close[0]
    if close:
        raise FormError(N_("several members are called that: {names}"), names=", ".join(map(shown, close)))
    raise FormError(N_('nobody is called "{said}"; enter the member first'), said=said.strip())


def _by_id(said: str) -> Member | None:
    tried = list(dict.fromkeys(aliases.resolve((said, said.strip(), " ".join(said.split()))).values()))
    found = Member.objects.in_bulk(tried)
    return next((found[each] for each in tried if each in found), None)


def _as_shown(said: str) -> Member | None:
    """Find who is written so: "Ann Fox (m-0001)". An id may hold brackets itself: then the name tells."""
    tried = list(aliases.resolve(in_brackets(said)).values())
    found = Member.objects.in_bulk(tried)
    meant = next((each for each in found.values() if shown(each) == said.strip()), None)
    return meant or found.get(tried[-1] if tried else "")


def _by_folded_id(said: str) -> Member | None:
    if not (folded := fold(said)):
        return None
    found = list(Member.objects.filter(folded__startswith=folded + BETWEEN)[:2])
    return found[0] if len(found) == 1 else None


def _called(said: str) -> list[Member]:
    if not (folded := fold(said)):
        return []
    exactly = Member.objects.filter(folded__endswith=BETWEEN + folded).order_by("place")[:SHOWN]
    return list(exactly) or list(searched(said)[:SHOWN])


def shown(value: Member | None) -> str:
    """Write a member as forms take one back."""
    return "" if value is None else written(value.name, value.id)
