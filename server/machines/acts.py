"""What somebody does to a machine from a page: lock, unlock, end what runs."""

from __future__ import annotations

import msgspec
from django.http import HttpRequest

from common.texts import N_, _
from protocol.rows import ForcedEnd, Machine, Row
from server.core.forms import FormError
from server.core.rendering import say
from server.edits import editing, rows
from server.edits.authors import Author
from server.machines.forms import ActForm, EndForm, LockForm
from server.machines.now import STATES, seen
from server.whitelist import models


def do(request: HttpRequest) -> None:
    """Lock, unlock or end, as a form asks. Raises FormError."""
    asked = ActForm.read(request)
    row = rows.get(f"machine/{asked['machine']}")
    if not isinstance(row, Machine) or not seen(request).filter(pk=row.id).exists():
        raise FormError(N_("there is no such machine any more"))
    who, name = Author.of(request), row.name or row.id
    match asked["do"]:
        case "lock":
            form = LockForm.read(request)
            why, now = form["why"] or _(LockForm.REASONS.get(form["reason"], "")), form["now"]
            if not why:
                raise FormError(N_("say why: people read it at the machine"))
            locked = msgspec.structs.replace(row, locked=why, now=now)
            edit = editing.carry_out(who, "locked", [locked], about={"machine": name, "why": why})
            said = _locking(row.id, is_cut=now)
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


def _locking(machine: str, *, is_cut: bool) -> str:
    """Return what happens now that a machine is to be locked: one that is free does not wait for anything."""
    state = models.Machine.objects.filter(pk=machine).values_list("state", flat=True).first() or {}
    if is_cut:
        return _("{machine} is being locked, and what runs is cut")
    if STATES.get(str(state.get("state", ""))) == "in_use":
        return _("{machine} locks once it is idle")
    return _("{machine} is being locked")
