"""Sessions: a projection of the journals, and of what was corrected or forgotten here; it can be made anew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from django.db import transaction
from django.db.models import Count, F, Max, Q, Sum

from protocol import entries
from server.core import clock
from server.devices.models import Device
from server.journal import book
from server.journal.book import Said
from server.journal.clocks import moved, offset
from server.journal.processing import Written, register, register_batch, unreadable
from server.people.merging import aliases
from server.people.models import Particulars
from server.people.publics import bracket
from server.people.usage import Used
from server.usage.models import Circumstance, Correction, Forgotten, Session
from server.usage.projection import Fix, Use, begins, corrected, project
from server.usage.signals import sessions_made

FIELDS: Final = Use.__struct_fields__
FROZEN: Final = ("site", "bracket", "commune")
SLICE: Final = 500  # sessions in one statement


def came(device: Device, said: list[Any]) -> None:
    """Make the sessions that a batch of entries is about. What one of them breaks, no other one suffers."""
    names = list(dict.fromkeys(entry.session[:64] for entry in said))
    facts = Facts(device, names)
    for name in names:
        try:
            with transaction.atomic():
                _make(facts, name)
        except Exception as error:  # noqa: BLE001 - likewise
            unreadable(device, f"session {name}", type(error).__name__)
    sessions_made.send(Session, device=device, said=facts.said)


def make(device: Device, name: str) -> Session | None:
    """Make a session as its journal and the corrections say that it was; None where there was none."""
    facts = Facts(device, [name])
    made = _make(facts, name)
    sessions_made.send(Session, device=device, said=facts.said)
    return made


class Facts:
    """All that some sessions of a controller are made of, asked for at once."""

    def __init__(self, device: Device, names: list[str]) -> None:
        self.device = device
        said = book.said_of_many(names)
        self.said: dict[str, list[Said]] = {name: said.get((device.pk, name), []) for name in names}
        mine = {"device": device, "session__in": names}
        self.found = {each.session: each for each in Session.objects.filter(**mine)}
        self.fixes: dict[str, list[Fix]] = defaultdict(list)
        for each in Correction.objects.filter(**mine).order_by("pk"):
            fix = Fix(each.by, each.powered, each.purpose, each.organisation, each.people)
            self.fixes[each.session].append(fix)
        # As they were when a session was first heard of, wherever the controller stands now, however old anybody grew.
        self.circumstances = {each.session: each for each in Circumstance.objects.filter(**mine)}
        self.site = Device.objects.values_list("site_id", flat=True).get(pk=device.pk)
        named = {getattr(each.entry, "member", None) or "" for lines in said.values() for each in lines}
        named |= {each.said for each in self.found.values()}
        self.owners = aliases.resolve(each[:64] for each in named)
        members = set(self.owners) | set(self.owners.values())
        self.forgotten = set(Forgotten.objects.filter(pk__in=members).values_list("pk", flat=True))
        known = Particulars.objects.filter(pk__in=members)
        self._publics = {pk: (year, commune) for pk, year, commune in known.values_list("pk", "birth_year", "commune")}
        self._offsets: dict[str, tuple[int | None, str]] = {}

    def circumstance(self, use: Use, name: str, started: int | None) -> Circumstance:
        """Return a session's circumstance, not saved where it is first heard of."""
        if name in self.circumstances:
            return self.circumstances[name]
        if name in self.found:
            return Circumstance(**{field: getattr(self.found[name], field) for field in FROZEN})
        birth_year, commune = self._publics.get(self.owner(use.member), (None, ""))
        return Circumstance(site=self.site, bracket=bracket(birth_year, _year(started)), commune=commune)

    def owner(self, said: str) -> str:
        """Return whose a session is of which the journal says that member."""
        return self.owners.get(said, said)

    def offset(self, boot: str) -> tuple[int | None, str]:
        """Return what to add to a boot's own time."""
        if boot not in self._offsets:
            self._offsets[boot] = offset(self.device, boot)
        return self._offsets[boot]


def _year(started: int | None) -> int:
    """Return the year of a session, today's where its controller's clock says nothing that is one."""
    try:
        return clock.today().year if started is None else datetime.fromtimestamp(started / 1000, UTC).year
    except (OverflowError, ValueError, OSError):
        return clock.today().year


def _make(facts: Facts, name: str) -> Session | None:
    found, made = facts.found.get(name), made_of(facts, name)
    if made is None:
        if found is not None:
            found.delete()
        return None
    if found is None and name not in facts.circumstances:
        frozen = {field: getattr(made, field) for field in FROZEN}
        Circumstance.objects.create(device=facts.device, session=name, **frozen)
    if found is None or differs(found, made):
        made.pk = None if found is None else found.pk
        made.save(force_insert=found is None)
        return made
    return found


def made_of(facts: Facts, name: str) -> Session | None:
    """Return a session as what is said of it makes it, not saved; what is there, where what said so is gone."""
    said, found = facts.said[name], facts.found.get(name)
    base = None if found is None or not found.said or begins(said) else _use(found)
    use = project(said, base)
    if use is None:
        return None
    for fix in facts.fixes[name]:
        use = corrected(use, fix)
    owner = facts.owner(use.member)
    if use.member in facts.forgotten:  # each id that was theirs is
        use = msgspec.structs.replace(use, payer="", organisation="", badge="")
    shift, quality = facts.offset(use.boot)
    started = None if shift is None else use.began + shift
    then = facts.circumstance(use, name, started)
    frozen = {field: getattr(then, field) for field in FROZEN}
    dated = {"started": started, "quality": quality}
    whose = {"said": use.member, "member": owner}
    return Session(device=facts.device, session=name, **dated, **frozen, **(_fields(use) | whose))


def _fields(use: Use) -> dict[str, Any]:
    return {name: getattr(use, name) for name in FIELDS}


def _use(found: Session) -> Use:
    return Use(**({name: getattr(found, name) for name in FIELDS} | {"member": found.said}))


def differs(one: Session, other: Session) -> bool:
    """Return whether two say anything else of a session."""
    return any(getattr(one, name) != getattr(other, name) for name in (*FIELDS, "said", "started", "quality", *FROZEN))


def dated(written: Written, _entry: entries.Clock) -> None:
    """Date the sessions of a boot by what its clock says by now."""
    if not moved(written):
        return
    shift, quality = offset(written.device, written.entry.boot)
    mine = Session.objects.filter(device=written.device, boot=written.entry.boot)
    mine.update(started=F("began") + shift, quality=quality)


def register_all() -> None:
    """Have sessions be made of journals."""
    register(entries.Clock, dated)
    register_batch(entries.USAGE, came)


def are_known(members: list[str], **_signal: object) -> set[str]:
    """Return of which of these ids there are sessions."""
    known = Session.objects.filter(Q(member__in=members) | Q(said__in=members)).values_list("member", "said").distinct()
    return {each for pair in known for each in pair} & set(members)


def follow(members: Iterable[str], **_signal: object) -> None:
    """Have the sessions of ids be whoever's those are now; only what is another's is written."""
    for said, owner in aliases.resolve(members).items():
        mine = Session.objects.filter(said=said).exclude(member=owner).values_list("pk", flat=True)
        while keys := list(mine[:SLICE]):
            Session.objects.filter(pk__in=keys).update(member=owner)


def fill_said() -> None:
    """Have sessions say what their journals did that come from a version which kept no other id."""
    Session.objects.filter(said="").exclude(member="").update(said=F("member"))


def used(members: Iterable[str], site: str | None, **_signal: object) -> dict[str, Used]:
    """Return what members used, in one workshop or in all; those are left out that used nothing."""
    mine = Session.objects.filter(member__in=list(members))
    mine = mine if site is None else mine.filter(site=site)
    sums = mine.values("member").annotate(count=Count("pk"), powered=Sum("powered"), last=Max("started")).order_by()
    return {each["member"]: Used(each["count"], each["powered"] or 0, each["last"]) for each in sums}


def were_forgotten(members: Iterable[str], **_signal: object) -> set[str]:
    """Return which of these ids were those of somebody who was forgotten."""
    wanted = list(members)
    found: set[str] = set()
    for start in range(0, len(wanted), 500):
        found |= set(Forgotten.objects.filter(pk__in=wanted[start : start + 500]).values_list("pk", flat=True))
    return found


def forget(member: str, **_signal: object) -> None:
    """Leave of a member's sessions what usage adds up from, now and whenever they are made again."""
    Forgotten.objects.get_or_create(member=member)
    mine = Session.objects.filter(member=member)
    for device, name in mine.values_list("device", "session"):
        Correction.objects.filter(device=device, session=name).update(note="", organisation=None)
    mine.update(payer="", organisation="", badge="")
