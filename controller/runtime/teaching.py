"""What a trainer gives at a reader: the machine's trainings, to a member or to a person to be named later."""

from __future__ import annotations

from datetime import date

import msgspec

from controller.store.whitelist import Change
from protocol.rows import Badge, Certification, Level, Member, Row
from protocol.whitelist import Whitelist

UNNAMED = "new-"


def trained(whitelist: Whitelist, machine: str, badge: str, member: str | None, today: date) -> tuple[str, Change]:
    """Return whose the badge is, and what to write: what is missing or over of what the machine asks for, as a user.

    Nobody's badge becomes that of a person without a name, whose id comes from the badge: a second tap changes nothing.
    today: the day by which expiries are judged.
    """
    put: list[Row] = []
    who = member or f"{UNNAMED}{badge[:8]}"
    if member is None:
        put = [whitelist.members.get(who) or Member(who), Badge(badge, who)]
    row = whitelist.machines.get(machine)
    for training in row.trainings if row else ():
        held = whitelist.certification(who, training)
        if held is None or (held.until is not None and held.until < today):
            put.append(Certification(who, training))
        elif held.level < Level.USER:
            put.append(msgspec.structs.replace(held, level=Level.USER))
    return who, Change(put=tuple(put))
