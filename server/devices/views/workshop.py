"""The page Workshop: each machine now; lock, unlock, end a session."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from common.errors import LoquetError
from common.texts import N_, _, translate
from protocol.rows import ForcedEnd, Machine, Row
from server.accounts import scope
from server.accounts.guards import allowed, audit
from server.accounts.models import Role
from server.core import clock
from server.core.forms import FormError
from server.core.rendering import page, say
from server.core.sorting import by_name
from server.devices.forms import EndForm, LockForm, WorkshopForm
from server.devices.reports import SILENT
from server.edits import editing, rows
from server.edits.authors import Author
from server.people.merging import aliases
from server.people.models import Member
from server.upkeep import records
from server.whitelist import models

WORDS: Final = {
    "free": N_("free"),
    "in_use": N_("in use"),
    "locked": N_("locked"),
    "fault": N_("out of order"),
    "offline": N_("offline since {when}"),
    "busy": N_("waiting for somebody"),
    "none": N_("no controller yet"),
    "closed": N_("closed: nobody has said yet what it asks for"),
}
STATES: Final = {
    "idle": "free", "running": "in_use", "leaving": "in_use", "starting": "in_use", "run_on": "free",
    "locked": "locked", "fault": "fault", "awaiting": "busy", "awaiting_pin": "busy", "teaching": "busy",
    "recovering": "busy",
}  # fmt: skip


class Shown(msgspec.Struct, frozen=True):
    """A machine as the page shows it. word: a key of WORDS."""

    machine: models.Machine
    word: str
    said: str
    member: str
    cause: str
    session: str
    minutes: int
    pending: bool
    defects: int = 0


def machines(request: HttpRequest) -> list[Shown]:
    """Return every machine that whoever asks may see, those in trouble first."""
    found = by_name(_seen(request).filter(retired=False).select_related("device"))
    states: list[tuple[models.Machine, dict[str, Any]]] = [(each, each.state or {}) for each in found]
    members = {state.get("member", "") for _machine, state in states} - {""}
    now = aliases.resolve(members)
    called = dict(Member.objects.filter(pk__in=now.values()).values_list("pk", "name"))
    names = {each: called.get(to) or to for each, to in now.items()}
    defects = records.waiting(machine.pk for machine, _state in states)
    shown = [
        msgspec.structs.replace(_shown(machine, state, names), defects=defects[machine.pk]) for machine, state in states
    ]
    order = ["fault", "closed", "offline", "locked", "in_use", "busy", "free", "none"]
    return sorted(shown, key=lambda each: order.index(each.word))


def _shown(machine: models.Machine, state: dict[str, Any], names: dict[str, str]) -> Shown:
    device = machine.device
    word = STATES.get(str(state.get("state", "")), "none")
    said = ""
    if device is None:
        word = "none"
    elif machine.requires is None and word in {"free", "none"}:
        word = "closed"
    elif device.seen is None or clock.now() - device.seen > SILENT:
        word = "offline"
        when = clock.local(device.seen) if device.seen else None
        said = f"{when:%d/%m %H:%M}" if when else _("never")
    member = str(state.get("member", ""))
    pending = word != "offline" and bool(machine.locked) != bool(state.get("locked")) and device is not None
    return Shown(
        machine,
        word,
        _(WORDS[word]).format(when=said),
        names.get(member) or member,
        str(state.get("cause", "")),
        str(state.get("session", "")),
        int(state.get("powered_s", 0)) // 60,
        pending,
    )


@allowed(Role.TRAINER)
def workshop(request: HttpRequest) -> HttpResponse:
    """Show every machine, or do something with one."""
    wrong = ""
    if request.method == "POST":
        try:
            with editing.alone():
                _do(request)
            return HttpResponseRedirect("/workshop")
        except LoquetError as error:
            wrong = translate(error)
    part = request.headers.get("HX-Target") == "machines"
    audit(request, "looked_workshop", hourly=part)
    return page(request, "devices/workshop_machines.html" if part else "devices/workshop.html", 422 if wrong else 200,
                machines=machines(request), wrong=wrong)  # fmt: skip


def _seen(request: HttpRequest) -> QuerySet[models.Machine]:
    return scope.within(request, models.Machine.objects.all(), "device__site")


def _do(request: HttpRequest) -> None:
    """Lock, unlock, end. Raises FormError."""
    asked = WorkshopForm.read(request)
    row = rows.get(f"machine/{asked['machine']}")
    if not isinstance(row, Machine) or not _seen(request).filter(pk=row.id).exists():
        raise FormError(N_("there is no such machine any more"))
    who, name = Author.of(request), row.name or row.id
    match asked["do"]:
        case "lock":
            form = LockForm.read(request)
            why, now = form["why"], form["now"]
            if not why:
                raise FormError(N_("say why: people read it at the machine"))
            locked = msgspec.structs.replace(row, locked=why, now=now)
            edit = editing.carry_out(who, "locked", [locked], about={"machine": name, "why": why})
            said = _("{machine} is being locked, and what runs is cut") if now else _("{machine} locks once it is idle")
        case "unlock":
            open_again = msgspec.structs.replace(row, locked="", now=False)
            edit = editing.carry_out(who, "unlocked", [open_again], about={"machine": name})
            said = _("{machine} is being unlocked")
        case "end":
            session = EndForm.read(request)["session"]
            cut: Row = ForcedEnd(row.id, session=session, by=who.name)
            edit = editing.carry_out(who, "ended", [cut], about={"machine": name}) if session else None
            said = _("the session at {machine} is being ended")
    undo = edit.pk if edit and asked["do"] != "end" else None
    say(request, said.format(machine=name), undo=undo)
