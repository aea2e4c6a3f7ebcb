"""Sessions: a projection of the journals, and of what was corrected or forgotten here; it can be made anew."""

from __future__ import annotations

import contextlib
from typing import Any, Final

import msgspec
from django.db import transaction
from django.db.models import F

from protocol import entries
from server.devices.models import Device
from server.journal import book
from server.journal.book import Said
from server.journal.clocks import offset
from server.journal.processing import Written, again, register
from server.usage.models import Circumstance, Correction, Forgotten, Session
from server.usage.projection import Fix, Use, begins, corrected, project

FIELDS: Final = Use.__struct_fields__


def came(written: Written, entry: Any) -> None:  # noqa: ANN401 - one of `entries.USAGE`
    """Make the session that an entry is about, with it."""
    make(written.device, entry.session[:64])


def make(device: Device, name: str) -> Session | None:
    """Make a session as its journal and the corrections say that it was; None where there was none."""
    said = book.said_of(device, name)
    found = Session.objects.filter(device=device, session=name).first()
    made = made_of(device, name, said, found)
    if made is None:
        if found is not None:
            found.delete()
        return None
    if found is None:
        Circumstance.objects.get_or_create(device=device, session=name, defaults={"site": made.site})
    if found is None or differs(found, made):
        made.pk = None if found is None else found.pk
        made.save(force_insert=found is None)
        return made
    return found


def made_of(device: Device, name: str, said: list[Said], found: Session | None) -> Session | None:
    """Return a session as what is said of it makes it, not saved. found: as it is, for what said so may be gone."""
    base = None if found is None or not found.member or begins(said) else _use(found)
    use = project(said, base)
    if use is None:
        return None
    for each in Correction.objects.filter(device=device, session=name).order_by("pk"):
        use = corrected(use, Fix(each.by, each.powered, each.purpose, each.organisation, each.people))
    if use.member and Forgotten.objects.filter(pk=use.member).exists():
        use = msgspec.structs.replace(use, payer="", organisation="", badge="")
    shift, quality = offset(device, use.boot)
    started = None if shift is None else use.began + shift
    site = _site_of(device, name)
    return Session(device=device, session=name, started=started, quality=quality, site=site, **_fields(use))


def _site_of(device: Device, name: str) -> str:
    """Return where a session was: as it was known when it was first heard of, wherever the controller stands now."""
    then = Circumstance.objects.filter(device=device, session=name).values_list("site", flat=True).first()
    return then or Device.objects.values_list("site_id", flat=True).get(pk=device.pk)


def _fields(use: Use) -> dict[str, Any]:
    return {name: getattr(use, name) for name in FIELDS}


def _use(found: Session) -> Use:
    return Use(**{name: getattr(found, name) for name in FIELDS})


def differs(one: Session, other: Session) -> bool:
    """Return whether two say anything else of a session."""
    return any(getattr(one, name) != getattr(other, name) for name in (*FIELDS, "started", "quality", "site"))


def dated(written: Written, _entry: entries.Clock) -> None:
    """Date the sessions of a boot by what its clock says by now."""
    shift, quality = offset(written.device, written.entry.boot)
    mine = Session.objects.filter(device=written.device, boot=written.entry.boot)
    mine.update(started=F("began") + shift, quality=quality)


def register_all() -> None:
    """Have sessions be made of journals."""
    register(entries.Clock, dated)
    for kind in entries.USAGE:
        register(kind, came)


def make_again() -> int:
    """Make sessions from the entries that are there, in the transaction that is open; return how many there are.

    Only what usage is made of is read: whoever was told of the rest was told once.
    """
    for written, entry in again(entries.USAGE):
        with contextlib.suppress(ValueError), transaction.atomic():
            came(written, entry)
    return Session.objects.count()


def is_known(member: str, **_signal: object) -> bool:
    """Return whether there is a session of somebody by that id."""
    return Session.objects.filter(member=member).exists()


def forget(member: str, **_signal: object) -> None:
    """Leave of a member's sessions what usage adds up from, now and whenever they are made again."""
    Forgotten.objects.get_or_create(member=member)
    mine = Session.objects.filter(member=member)
    for device, name in mine.values_list("device", "session"):
        Correction.objects.filter(device=device, session=name).update(note="", organisation=None)
    mine.update(payer="", organisation="", badge="")
