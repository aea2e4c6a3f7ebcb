"""What arrives: sessions that begin and end, refusals, unknown badges, edits; the latest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from common.texts import _
from server.core.saying import duration
from server.edits import sentences
from server.edits.models import Edit
from server.people.naming import Names
from server.usage.models import Refusal, Session

SHOWN: Final = 12


class Event(msgspec.Struct, frozen=True):
    """Something that happened. at: milliseconds since 1970; colour, sign: how it is shown; who: before the text."""

    at: int
    colour: str
    sign: str
    who: str
    text: str


def latest(
    sessions: Sequence[Session],
    refusals: Sequence[Refusal],
    edits: Sequence[Edit],
    names: Names,
    machines: Mapping[str, str],
) -> list[Event]:
    """Return the latest of all these. machines: what they are called."""
    found: list[Event] = []
    for session in sessions:
        who, where = names[session.member], machines.get(session.machine) or session.machine
        if session.started is None:
            continue
        found.append(Event(session.started, "use", "circle-play", who, _("begins at {machine}").format(machine=where)))
        if session.ended:
            said = _("ends at {machine}, {time}").format(machine=where, time=duration(session.powered))
            found.append(Event(session.started + session.powered, "", "circle-stop", who, said))
    for refusal in refusals:
        where = machines.get(refusal.machine) or refusal.machine
        if refusal.at is None:
            continue
        if refusal.member:
            who = names[refusal.member]
            found.append(Event(refusal.at, "fault", "ban", who, _("refused at {machine}").format(machine=where)))
        else:
            found.append(
                Event(refusal.at, "locked", "nfc", "", _("An unknown badge at {machine}").format(machine=where))
            )
    for edit in edits:
        sign = {"locked": "lock", "unlocked": "lock-open"}.get(edit.what, "refresh-cw")
        colour = "locked" if edit.what == "locked" else "free"
        found.append(
            Event(int(edit.at.timestamp() * 1000), colour, sign, sentences.who(edit), sentences.sentence(edit))
        )
    return sorted(found, key=lambda each: -each.at)[:SHOWN]
