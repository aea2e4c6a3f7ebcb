"""How members are found, written in forms, and numbered."""

from __future__ import annotations

import re
from typing import Final

from common.texts import N_
from server.core import state
from server.core.forms import FormError
from server.edits.models import Change
from server.people.models import Member
from server.people.signals import forgotten_asked, ids_asked

BATCH: Final = 500


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
        known |= {each for _app, answer in ids_asked.send(Member, members=found) for each in answer or ()}
        made += [each for each in found if each not in known]
    return made


def were_forgotten(ids: set[str]) -> list[str]:
    """Return which of these ids were those of somebody who was forgotten."""
    return sorted({each for _app, answer in forgotten_asked.send(Member, members=ids) for each in answer or ()})


def named(said: str) -> Member:
    """Find whom somebody means, by id or by name. Raises FormError."""
    said = " ".join(said.split())[:300]
    found = Member.objects.filter(id=said).first()
    if found is not None:
        return found
    match = re.search(r"\(([^()]+)\)$", said)
    if match:
        found = Member.objects.filter(id=match[1]).first()
        if found is not None:
            return found
    close = list(Member.objects.filter(name__icontains=said).order_by("name")[:4]) if said else []
    if len(close) == 1:
        return close[0]
    if close:
        raise FormError(
            N_("several members are called that: {names}"), names=", ".join(f"{m.name} ({m.id})" for m in close)
        )
    raise FormError(N_('nobody is called "{said}"; enter the member first'), said=said)


def shown(value: Member | None) -> str:
    """Write a member as forms take one back."""
    return "" if value is None else f"{value.name or value.id} ({value.id})"
