"""How a controller is taken in: by a code that a person at the page made, once, until it expires."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import F

from common.errors import LoquetError
from common.texts import N_
from protocol import messages
from protocol.messages import Code, Counters, Enrol, Enrolled
from protocol.rows import Machine as MachineRow
from protocol.signing import decoded, encoded, seal_for
from server.core import clock, state
from server.core.keys import Keys
from server.devices.models import Device, EnrolCode
from server.edits import editing
from server.edits.authors import Author
from server.inbox.notices import notify
from server.sites.models import MAIN
from server.whitelist.models import Machine

VALID: Final = timedelta(days=1)
TRIES: Final = 5
MOST_CODES: Final = 50

Counted = Callable[[Device], dict[str, Counters]]


class EnrolError(LoquetError, ValueError):
    """A controller that cannot be taken in."""


def make_code(keys: Keys, address: str, name: str = "", replaces: Device | None = None, site: str = MAIN) -> Code:
    """Make a code for a controller of a site; the ones that are over go."""
    now = clock.now()
    EnrolCode.objects.filter(expires__lt=now).delete()
    if EnrolCode.objects.filter(used_by=None).count() >= MOST_CODES:
        EnrolCode.objects.filter(used_by=None).order_by("expires")[0].delete()
    while True:
        secret = messages.new_secret()
        if not EnrolCode.objects.filter(code=secret[:4]).exists():
            break
    where = site if replaces is None else replaces.site_id
    code = secret[:4]
    EnrolCode.objects.create(code=code, secret=secret, name=name, expires=now + VALID, replaces=replaces, site_id=where)
    return Code(address, secret, keys.signer.public.fingerprint)


def enrol(keys: Keys, asked: Enrol, counters: Counted, *, by_stick: bool = False) -> Enrolled:
    """Take a controller in; the same key with the same code again gets the same answer. Raises EnrolError.

    counters: what each of its machines has counted so far, by whatever controller. by_stick: it has never met this
    server, and proves the code for the fingerprint that stands in it.
    """
    found = EnrolCode.objects.filter(code=asked.code, expires__gte=clock.now(), tries__lt=TRIES).first()
    # Compared even where there is no such code: how long an answer takes must not say which codes there are.
    public = keys.signer.public
    server = public.fingerprint if by_stick else public.text
    expected = messages.proof(found.secret if found else "-", server, asked.key, asked.sealing)
    if found is None or not hmac.compare_digest(expected, asked.proof):
        # Counted in the database, so that tries at once count too.
        EnrolCode.objects.filter(code=asked.code).update(tries=F("tries") + 1)
        raise EnrolError(N_("this code is wrong, used up or over; make a new one on the page Controllers"))
    with transaction.atomic():
        code = EnrolCode.objects.select_for_update(of=("self",)).get(pk=found.pk)
        known = code.used_by
        if known is not None and (known.key, known.sealing) != (asked.key, asked.sealing):
            raise EnrolError(
                N_("this code has taken another controller in already; make a new one on the page Controllers")
            )
        device = known or _take_in(code, asked)
        EnrolCode.objects.filter(pk=code.pk).update(used_by=device)
        return _answer(device, keys, counters, code.replaces)


def welcome(device: Device, keys: Keys, counters: Counted) -> Enrolled:
    """Return once more what a controller was answered when it was taken in."""
    return _answer(device, keys, counters, Device.objects.filter(replaced_by=device).order_by("-enrolled").first())


def _answer(device: Device, keys: Keys, counters: Counted, old: Device | None) -> Enrolled:
    ring = seal_for(decoded(device.sealing), keys.ring_bytes)  # what cannot be sealed for is not taken in
    sealing = encoded(keys.sealer.public)
    return Enrolled(device.pk, device.name, ring, old.settings if old else "", counters(device), sealing)


def _take_in(code: EnrolCode, asked: Enrol) -> Device:
    known = Device.objects.filter(key=asked.key).first()
    if known is not None:  # the same card again: after a new certificate, or a code too many
        if known.sealing != asked.sealing or known.retired:
            raise EnrolError(N_("this controller is enrolled already; `loquet enrol --again` makes it a new identity"))
        _take_machines(known, asked)
        return known
    old = code.replaces
    name = _unlike_others(code.name or (old.name if old else "") or _name(asked), old)
    version = int(state.get(state.VERSION, "0"))
    device = Device.objects.create(
        id=f"d-{secrets.token_hex(5)}",
        name=name[:200],
        key=asked.key,
        sealing=asked.sealing,
        settings=asked.settings or (old.settings if old else ""),
        whole=version,
        site_id=code.site_id,
        report={"version": asked.version},
    )
    if old is not None:
        Machine.objects.filter(device=old).update(device=device)
        Device.objects.filter(pk=old.pk).update(retired=True, replaced_by=device)
        notify("replaced", device, once=f"replaced/{old.pk}", old=old.name or old.pk)
    _take_machines(device, asked)
    return device


def _name(asked: Enrol) -> str:
    return ", ".join(station.name or station.machine for station in asked.stations[:3])


def _unlike_others(name: str, old: Device | None) -> str:
    """Make a name that no other controller has: what is said of one must not be taken for another."""
    others = Device.objects.filter(retired=False)
    taken = set((others if old is None else others.exclude(pk=old.pk)).values_list("name", flat=True))
    found, count = name, 1
    while found and found in taken:
        count += 1
        found = f"{name} ({count})"
    return found


def _take_machines(device: Device, asked: Enrol) -> None:
    """Assign it its stations' machines; one that another controller switches stays with that one."""
    for station in asked.stations:
        machine = Machine.objects.filter(pk=station.machine).select_related("device").first()
        other = None if machine is None else machine.device
        if other is not None and other.pk != device.pk and not other.retired:
            raise EnrolError(
                N_(
                    'the machine "{machine}" belongs to the controller "{other}"; rename it, or replace that controller'
                ),
                machine=station.machine,
                other=other.name or other.pk,
            )
        if machine is None:
            row = MachineRow(station.machine, station.name)
            editing.carry_out(Author(device=device, name=device.name), "machine_came", [row])
        Machine.objects.filter(pk=station.machine).update(device=device, retired=False, became="")
    editing.touch()
