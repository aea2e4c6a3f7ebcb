"""What each machine does now, as its controller said last, and what is known besides."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest

from common.texts import N_, _
from protocol.sentences import fault
from server.accounts import scope
from server.core import clock
from server.core.saying import when
from server.core.sorting import by_name
from server.devices.reports import SILENT
from server.people.naming import Names
from server.upkeep.models import Defect, Downtime
from server.usage.models import Session
from server.whitelist import drawings, models

DAY: Final = 24 * 3_600_000
WORDS: Final = {
    "free": N_("free"),
    "in_use": N_("in use"),
    "locked": N_("locked"),
    "fault": N_("out of order"),
    "offline": N_("offline"),
    "busy": N_("waiting for somebody"),
    "none": N_("no controller yet"),
    "closed": N_("closed: nobody has said yet what it asks for"),
}
# Five states have a colour and an icon; the others are shown as one of them.
COLOURS: Final = {
    "free": "free", "in_use": "use", "locked": "locked", "fault": "fault", "offline": "offline", "busy": "use",
    "none": "offline", "closed": "locked",
}  # fmt: skip
STATES: Final = {
    "idle": "free", "running": "in_use", "leaving": "in_use", "starting": "in_use", "run_on": "free",
    "locked": "locked", "fault": "fault", "awaiting": "busy", "awaiting_pin": "busy", "teaching": "busy",
    "recovering": "busy",
}  # fmt: skip


class Shown(msgspec.Struct, frozen=True):
    """A machine as pages show it. word: a key of WORDS; colour: which of the five states; drawing: how it is drawn.

    since: milliseconds since 1970 from which it is so, None: nobody knows; until: when what runs ends at the latest.
    who, name: whose session it is, or whose the last one was; session: that which runs, "" for none; milliseconds: for
    how long that has run, or the last one ran. why: what it is locked for, or what is wrong; by: who said so.
    pending: a lock or an unlock that its controller does not know of yet; defects: what is reported, and waits.
    downs: when it was locked or out of order within the last day, and still is.
    """

    machine: models.Machine
    word: str
    drawing: str
    who: str = ""
    name: str = ""
    session: str = ""
    since: int | None = None
    until: int | None = None
    milliseconds: int = 0
    why: str = ""
    by: str = ""
    pending: bool = False
    defects: tuple[Defect, ...] = ()
    downs: tuple[Downtime, ...] = ()

    @property
    def called(self) -> str:
        """What it is called."""
        return self.machine.name or self.machine.pk

    @property
    def colour(self) -> str:
        """Which of the five states it is shown as."""
        return COLOURS[self.word]

    @property
    def said(self) -> str:
        """The state, in a word or two."""
        return _(WORDS[self.word])

    @property
    def place(self) -> str:
        """What its controller is called, which is where it stands."""
        device = self.machine.device
        return "" if device is None else device.name or device.pk

    @property
    def share(self) -> float:
        """How much of its time is over of what runs, where it has an end."""
        if self.since is None or self.until is None or self.until <= self.since:
            return 0.0
        return min(1.0, (clock.ms() - self.since) / (self.until - self.since))


def seen(request: HttpRequest) -> QuerySet[models.Machine]:
    """Return the machines that whoever asks may see, retired ones too."""
    return scope.within(request, models.Machine.objects.all(), "device__site")


def shown(found: QuerySet[models.Machine], names: Names | None = None) -> list[Shown]:
    """Return machines as they are now, in the order of their controllers and names: never by their state.

    names: of whom else the page tells.
    """
    names = Names() if names is None else names
    latest = Session.objects.filter(machine=OuterRef("pk"), started__isnull=False).order_by("-started").values("pk")[:1]
    machines = by_name(found.filter(retired=False).select_related("device").annotate(latest=Subquery(latest)))
    states: dict[str, dict[str, Any]] = {each.pk: each.state or {} for each in machines}
    running = {str(state.get("session", "")) for state in states.values()} - {""}
    devices = {each.device_id for each in machines}
    last = Session.objects.in_bulk([each.latest for each in machines if each.latest])
    sessions = {(each.device_id, each.session): each for each in last.values()}
    if missing := running - {each.session for each in last.values()}:
        others = Session.objects.filter(device__in=devices, session__in=missing)
        sessions |= {(each.device_id, each.session): each for each in others}
    downs: dict[str, list[Downtime]] = {}
    lately = Q(over=False) | Q(ended__gt=clock.ms() - DAY)
    for down in Downtime.objects.filter(lately, machine__in=states).order_by("pk"):
        downs.setdefault(down.machine, []).append(down)
    defects: dict[str, list[Defect]] = {}
    for defect in Defect.objects.filter(machine__in=states, done=None).order_by("pk"):
        defects.setdefault(defect.machine, []).append(defect)
    names.add(str(state.get("member", "")) for state in states.values())
    names.add(each.member for each in last.values())
    names.add(each.member for several in defects.values() for each in several)
    drawn = drawings.of(machines)
    made = []
    for machine in machines:
        state = states[machine.pk]
        mine = sessions.get((machine.device_id or "", str(state.get("session", ""))))
        one = _base(machine, state, drawn[machine.pk], names, mine)
        one = msgspec.structs.replace(one, downs=tuple(downs.get(machine.pk, ())))
        made.append(_told(one, last.get(machine.latest), defects.get(machine.pk, []), names))
    return made


def _base(machine: models.Machine, state: dict[str, Any], drawing: str, names: Names, running: Session | None) -> Shown:
    """Return a machine as its controller said last."""
    device = machine.device
    word = STATES.get(str(state.get("state", "")), "none")
    since: int | None = None
    if device is None:
        word = "none"
    elif machine.requires is None and word in {"free", "none"}:
        word = "closed"
    elif device.seen is None or clock.now() - device.seen > SILENT:
        word = "offline"
        since = None if device.seen is None else int(device.seen.timestamp() * 1000)
    pending = word != "offline" and bool(machine.locked) != bool(state.get("locked")) and device is not None
    member, session = str(state.get("member", "")), str(state.get("session", ""))
    if word != "in_use":
        return Shown(machine, word, drawing, since=since, pending=pending, session=session if word != "offline" else "")
    powered = int(state.get("powered_s", 0)) * 1000
    began = running.started if running is not None and running.started is not None else clock.ms() - powered
    until = began + machine.longest * 1000 if machine.longest else None
    return Shown(machine, word, drawing, member, names[member], session, began, until, powered, pending=pending)


def _told(one: Shown, last: Session | None, defects: list[Defect], names: Names) -> Shown:
    """Return it with what is known besides: who was there last, why it is locked, what is reported."""
    more: dict[str, Any] = {"defects": tuple(defects)}
    down = next((each for each in reversed(one.downs) if not each.over), None)
    if one.word == "free" and last is not None and last.started is not None:
        more |= {"since": last.started + last.powered, "milliseconds": last.powered, "who": last.member}
        more["name"] = names[last.member]
    if one.machine.locked:
        more["why"] = one.machine.locked
    if one.word in {"locked", "fault"} and down is not None:
        more |= {"since": down.began, "by": down.by}
    if one.word == "fault":
        more["why"] = fault(str((one.machine.state or {}).get("cause", "")))
    if defects and not more.get("why"):
        first = defects[0]
        more |= {"why": first.note, "by": first.by or names[first.member]}
    return msgspec.structs.replace(one, **more)


def sentence(one: Shown) -> str:
    """Return since when a machine is as it is, and until when."""
    if one.since is None:
        return ""
    if one.word == "in_use":
        since = _("since {when}").format(when=when(one.since))
        return since if one.until is None else f"{since}, {_('at the latest {when}').format(when=when(one.until))}"
    if one.word == "offline":
        return _("last heard of {when}").format(when=when(one.since))
    if one.word == "free":
        return _("free since {when}").format(when=when(one.since))
    return _("since {when}").format(when=when(one.since))
