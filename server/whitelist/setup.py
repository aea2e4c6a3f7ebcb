"""Trainings, and what each machine asks for, as the page Setting up sets them."""

from __future__ import annotations

import msgspec
from django.http import HttpRequest

from common.texts import N_, _
from protocol import rows as protocol
from server.core import forms, small
from server.core.forms import FormError
from server.core.rendering import say
from server.edits import editing, rows
from server.edits.authors import Author
from server.whitelist.forms import MachineForm, SameForm, TrainingForm
from server.whitelist.models import Machine, Training
from server.whitelist.requirements import give_anew
from server.whitelist.sameness import machines, trainings


def all_ask() -> bool:
    """Return whether somebody has said of every machine what it asks for."""
    found = [each.requires for each in small.rows(Machine) if not each.retired]
    return bool(found) and all(requires is not None for requires in found)


def save_training(request: HttpRequest) -> None:
    """Create, rename or retire a training."""
    said = TrainingForm.read(request)
    who, name, known = Author.of(request), said["name"], said["id"]
    if not known:
        if not name:
            raise FormError(N_("a training has a name"))
        known = forms.made_of(name, set(Training.objects.values_list("pk", flat=True)))
    elif not Training.objects.filter(pk=known).exists():
        raise FormError(N_("there is no such training any more"))
    retired = said["retired"]
    if retired and any(known in (requires or ()) for requires in Machine.objects.values_list("requires", flat=True)):
        raise FormError(N_("machines ask for this training; take it off them first"))
    edit = editing.carry_out(
        who, "training_changed", [protocol.Training(known, name)], about={"training": name or known}
    )
    Training.objects.filter(pk=known).update(retired=retired)
    say(request, _("saved"), undo=edit.pk if edit else None)


def save_machine(request: HttpRequest) -> None:
    """Set what a machine asks for; retire it."""
    with editing.alone():
        _save_machine(request)


def _save_machine(request: HttpRequest) -> None:
    said = MachineForm.read(request)
    row = rows.get(f"machine/{said['id']}")
    if not isinstance(row, protocol.Machine):
        raise FormError(N_("there is no such machine any more"))
    requires, minutes = said["requires"], said["longest"]
    offered = set(Training.objects.filter(retired=False).values_list("pk", flat=True))
    if set(requires) - offered - set(row.trainings):  # a page that is older than the training's end offers it still
        raise FormError(N_("there is no such training any more"))
    changed = msgspec.structs.replace(
        row,
        name=said["name"],
        requires=tuple(sorted(requires)),
        longest=None if minutes is None else minutes * 60,
        supervised=said["supervised"],
        buddy=said["buddy"],
    )
    who = Author.of(request)
    edit = editing.carry_out(who, "machine_changed", [changed], about={"machine": changed.name or row.id})
    Machine.objects.filter(pk=row.id).update(retired=said["retired"])
    if not said["retired"]:  # it is in use again, and goes on under no other id
        Machine.objects.filter(pk=row.id).update(became="")
    give_anew(row.id)
    editing.touch()
    say(request, _("saved"), undo=edit.pk if edit else None)


def save_same(request: HttpRequest) -> None:
    """Have two trainings be one, or a machine go on under the id that its new controller brought. Raises EditError."""
    said, who = SameForm.read(request), Author.of(request)
    if said["what"] == "training":
        edit = trainings.merge(who, said["gone"], said["kept"])
    else:
        edit = machines.go_on(who, said["kept"], said["gone"])
    say(request, _("from now on both are one"), undo=edit.pk if edit else None)
