"""Sessions: a projection of the journals, which can be made anew."""

from __future__ import annotations

import contextlib
from typing import Any, Final

from django.db import transaction
from django.db.models import F

from protocol import entries
from protocol.rows import Level
from server.journal.clocks import offset
from server.journal.processing import Written, again, register
from server.usage.models import Session


def granted(written: Written, entry: entries.Granted) -> None:
    """Begin a session."""
    shift, quality = offset(written.device, written.entry.boot)
    Session.objects.update_or_create(
        device=written.device,
        session=entry.session[:64],
        defaults={
            "machine": entry.machine,
            "member": entry.member[:64],
            "badge": entry.badge[:32],
            "level": int(entry.level),
            "boot": written.entry.boot,
            "began": written.entry.at,
            "started": None if shift is None else written.entry.at + shift,
            "quality": quality,
            "purpose": entry.purpose.value,
            "category": entry.category[:200],
            "payer": entry.payer[:200],
            "organisation": entry.organisation[:200],
            "people": entry.people,
            "meter": entry.meter,
        },
    )


def resumed(written: Written, entry: entries.Resumed) -> None:
    """Take up a session whose grant was lost with a damaged database."""
    if entry.member and not Session.objects.filter(device=written.device, session=entry.session).exists():
        purpose = entry.purpose or entries.Purpose.OWN
        made = entries.Granted(entry.session, entry.machine, entry.member, entry.badge or "", Level.USER, purpose)
        granted(written, made)


def withdrawn(written: Written, entry: entries.Withdrawn) -> None:
    """Have a session not have been."""
    Session.objects.filter(device=written.device, session=entry.session).delete()


def ended(written: Written, entry: entries.Ended) -> None:
    """End a session; one whose beginning is lost begins with what it says of itself."""
    shift, quality = offset(written.device, written.entry.boot)
    session, _made = Session.objects.get_or_create(
        device=written.device,
        session=entry.session[:64],
        defaults={
            "machine": entry.machine,
            "member": "",
            "boot": written.entry.boot,
            "began": max(0, written.entry.at - entry.powered),
            "started": None if shift is None else written.entry.at - entry.powered + shift,
            "quality": quality,
        },
    )
    session.ended = True
    # What was corrected while it still ran holds over what the end says.
    if not session.corrected_by:
        session.powered = max(0, entry.powered)
    session.busy = entry.busy
    session.energy = entries.energy_used(session.meter, entry.meter)
    session.why = entry.why.value
    session.ended_by = (entry.by or "")[:200]
    session.save()


def corrected(written: Written, entry: entries.Corrected) -> None:
    """Correct a session."""
    changes = {
        "powered": None if entry.powered is None else max(0, entry.powered),
        "purpose": entry.purpose and entry.purpose.value,
        "organisation": entry.organisation and entry.organisation[:200],
        "people": entry.people,
        "corrected_by": entry.by[:200],
    }
    given = {key: value for key, value in changes.items() if value is not None}
    Session.objects.filter(device=written.device, session=entry.session).update(**given)


def dated(written: Written, _entry: entries.Clock) -> None:
    """Date the sessions of a boot by what its clock says by now."""
    shift, quality = offset(written.device, written.entry.boot)
    mine = Session.objects.filter(device=written.device, boot=written.entry.boot)
    mine.update(started=F("began") + shift, quality=quality)


HANDLERS: Final[dict[type, Any]] = {
    entries.Granted: granted,
    entries.Resumed: resumed,
    entries.Withdrawn: withdrawn,
    entries.Ended: ended,
    entries.Corrected: corrected,
}


def register_all() -> None:
    """Have sessions be made of journals."""
    register(entries.Clock, dated)
    for kind, handler in HANDLERS.items():
        register(kind, handler)


def make_again() -> int:
    """Make sessions again from the entries that are there, in the transaction that is open; return how many there are.

    Only what usage is made of is read: whoever was told of the rest was told once.
    """
    for written, entry in again(tuple(HANDLERS)):
        with contextlib.suppress(ValueError), transaction.atomic():
            HANDLERS[type(entry)](written, entry)
    return Session.objects.count()


def is_known(member: str, **_signal: object) -> bool:
    """Return whether there is a session of somebody by that id."""
    return Session.objects.filter(member=member).exists()


def forget(member: str, **_signal: object) -> None:
    """Leave of a member's sessions what usage adds up from."""
    Session.objects.filter(member=member).update(payer="", organisation="", badge="")
