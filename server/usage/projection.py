"""What a session was, by what its journal says of it: pure, and the same however often it is asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from protocol import entries
from protocol.rows import Level
from server.journal.book import Said


class Use(msgspec.Struct):
    """A session: times in milliseconds, `began` on its boot's clock; meter, energy in watt-hours."""

    machine: str
    boot: str
    began: int
    member: str = ""
    badge: str = ""
    level: int = int(Level.USER)
    ended: bool = False
    powered: int = 0
    busy: int | None = None
    meter: float | None = None
    energy: int | None = None
    why: str = ""
    ended_by: str = ""
    purpose: str = entries.Purpose.OWN.value
    category: str = ""
    payer: str = ""
    people: int | None = None
    organisation: str = ""
    corrected_by: str = ""


class Fix(msgspec.Struct, frozen=True):
    """What somebody says better of a session; None stays as it was. powered in milliseconds."""

    by: str
    powered: int | None = None
    purpose: str | None = None
    organisation: str | None = None
    people: int | None = None


MOST_MS: Final = 100 * 365 * 86_400_000
MOST_PEOPLE: Final = 1_000_000
FIXED: Final = ("powered", "purpose", "organisation", "people")


def begins(said: Iterable[Said]) -> bool:
    """Return whether the beginning is among what is said: without it a session cannot be made anew."""
    return any(isinstance(each.entry, entries.Granted) or _grants(each.entry) for each in said)


def _grants(entry: object) -> bool:
    return isinstance(entry, entries.Resumed) and bool(entry.member)


def project(said: Iterable[Said], base: Use | None = None) -> Use | None:
    """Return what a session was; None where there was none, or its grant was withdrawn.

    base: what is known of it, where what said so is gone.
    """
    use = base
    powered: int | None = None  # as it was corrected: that holds over what an end says, whichever came first
    for each in said:
        match each.entry:
            case entries.Granted() as entry:
                use = _granted(use, each, entry)
            case entries.Resumed() as entry if use is None and entry.member:
                use = _resumed(each, entry)
            case entries.Withdrawn():
                use = None
            case entries.Ended() as entry:
                use = _ended(use, each, entry, powered)
            case entries.Corrected() as entry if use is not None:
                fix = _fix_of(entry)
                powered = powered if fix.powered is None else fix.powered
                use = corrected(use, fix)
            case _:
                pass
    return use


def corrected(use: Use, fix: Fix) -> Use:
    """Return a session as somebody says it better."""
    said = {name: getattr(fix, name) for name in FIXED if getattr(fix, name) is not None}
    return msgspec.structs.replace(use, **said, corrected_by=fix.by)


def _fix_of(entry: entries.Corrected) -> Fix:
    return Fix(
        entry.by[:200],
        _within(entry.powered, MOST_MS),
        entry.purpose and entry.purpose.value,
        entry.organisation and entry.organisation[:200],
        _within(entry.people, MOST_PEOPLE),
    )


def _within(said: int | None, most: int) -> int | None:
    """Return a number as a table holds it, whatever a controller says."""
    return None if said is None else min(max(0, said), most)


def _granted(use: Use | None, each: Said, entry: entries.Granted) -> Use:
    begun: dict[str, Any] = {
        "machine": entry.machine[:64],
        "boot": each.boot,
        "began": each.at,
        "member": entry.member[:64],
        "badge": entry.badge[:32],
        "level": int(entry.level),
        "meter": entry.meter,
        "purpose": entry.purpose.value,
        "category": entry.category[:200],
        "payer": entry.payer[:200],
        "people": _within(entry.people, MOST_PEOPLE),
        "organisation": entry.organisation[:200],
    }
    return Use(**begun) if use is None else msgspec.structs.replace(use, **begun)


def _resumed(each: Said, entry: entries.Resumed) -> Use:
    """The grant was lost with a damaged database: whose it is was said again."""
    purpose = entry.purpose or entries.Purpose.OWN
    use = Use(entry.machine[:64], each.boot, each.at, purpose=purpose.value)
    return msgspec.structs.replace(use, member=(entry.member or "")[:64], badge=(entry.badge or "")[:32])


def _ended(use: Use | None, each: Said, entry: entries.Ended, corrected: int | None) -> Use:
    """One whose beginning is lost begins with what its end says of itself."""
    powered = _within(entry.powered, MOST_MS) or 0
    if use is None:
        use = Use(entry.machine[:64], each.boot, max(0, each.at - powered))
    return msgspec.structs.replace(
        use,
        ended=True,
        powered=powered if corrected is None else corrected,
        busy=_within(entry.busy, MOST_MS),
        energy=entries.energy_used(use.meter, entry.meter),
        why=entry.why.value,
        ended_by=(entry.by or "")[:200],
    )
