"""How members are found, written in forms, and numbered."""

from __future__ import annotations

import re

from common.texts import N_
from server.core import state
from server.core.forms import FormError
from server.edits.models import Change
from server.people.merging import aliases
from server.people.models import Member, MergedMember
from server.people.signals import id_asked


def new_id() -> str:
    """Make an id that is no name, and was never anybody's: what stays in a journal says nothing of a person."""
    while True:
        found = f"m-{state.next_number(state.MEMBERS):04d}"
        # The counter alone would do, but for a backup put back: what was counted since is counted again.
        known = Member.objects.filter(pk=found).exists() or Change.objects.filter(key=f"member/{found}").exists()
        known = known or MergedMember.objects.filter(pk=found).exists()
        if not (known or any(answer for _app, answer in id_asked.send(Member, member=found))):
            return found


def named(said: str) -> Member:
    """Find whom somebody means, by id or by name. Raises FormError."""
    said = " ".join(said.split())[:300]
    match = re.search(r"\(([^()]+)\)$", said)
    for each in (said, *([match[1]] if match else [])):
        found = Member.objects.filter(id=aliases.of(each)).first()
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
