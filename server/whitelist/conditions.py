"""What a machine may ask for besides trainings: an age, a signature, an insurance.

A condition is a training that nobody gives: the server makes each member's certification for it of their particulars.
So controllers decide by rows that they know, offline, and hear of no year of birth.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.db import transaction
from django.http import HttpRequest

from common.texts import N_, _
from protocol import rows as protocol
from protocol.rows import Row
from server.core import forms, small
from server.core.forms import FormError
from server.core.rendering import say
from server.core.sorting import by_name
from server.edits import editing, rows
from server.edits.authors import Author
from server.people.models import Member, Particulars
from server.whitelist import fulfilment, models
from server.whitelist.forms import ConditionForm, ConditionGoneForm
from server.whitelist.models import Condition, Training

BATCH: Final = 500
SOME: Final = 5  # names that stand in the history, of many


CALLED: Final = {
    "age": N_("{asked} years old"),
    "guardian": N_("of age, or a guardian agreed"),
    "rules": N_("house rules signed"),
    "insurance": N_("insured"),
    "commune": N_("lives in {asked}"),
    "photos": N_("agreed to pictures"),
    "letters": N_("agreed to letters"),
}


def save(request: HttpRequest) -> None:
    """Have a condition that machines may ask for. Raises FormError."""
    said = ConditionForm.read(request)
    what, asked = said["what"], _asked(said)
    if Condition.objects.filter(what=what, asked=asked).exists():
        raise FormError(N_("this condition is there already"))
    name = _(CALLED[what]).format(asked=asked)
    made = forms.made_of(name, set(Training.objects.values_list("pk", flat=True)))
    who = Author.of(request)
    with transaction.atomic():
        editing.carry_out(who, "condition", [protocol.Training(made, name)], about={"training": name})
        Condition.objects.create(training=made, what=what, asked=asked)
        _derive(who, Condition.objects.filter(pk=made), None)
    say(request, _("saved; tick it at the machines that ask for it"))


def _asked(said: dict[str, Any]) -> str:
    """Return what of a form counts for its condition. Raises FormError."""
    if said["what"] == "age":
        if said["years"] is None:
            raise FormError(N_("say how old one must be"))
        return str(said["years"])
    if said["what"] == "commune":
        if not said["communes"]:
            raise FormError(N_("say which communes, with commas between them"))
        return str(said["communes"])
    return ""


def remove(request: HttpRequest) -> None:
    """Have nothing of a condition for which no machine asks. Raises FormError."""
    wanted = ConditionGoneForm.read(request)["condition"]
    found = Training.objects.filter(pk__in=Condition.objects.filter(pk=wanted)).first()
    if found is None:
        raise FormError(N_("there is no such condition any more"))
    asking = [row for row in rows.belonging_to("training", found.pk) if isinstance(row, protocol.Machine)]
    if asking:
        names = ", ".join(row.name or row.id for row in asking)
        raise FormError(N_("machines still ask for it: {names}"), names=names)
    with transaction.atomic():
        Condition.objects.filter(pk=found.pk).delete()
        held = [row.key for row in rows.belonging_to("training", found.pk)]
        editing.carry_out(
            Author.of(request), "condition_gone", (), [f"training/{found.pk}", *held], about={"training": found.name}
        )
    say(request, _("no machine can ask for it any more"))


def hold_to_trainings(training: str) -> None:
    """Refuse what is no training that somebody gives. Raises FormError."""
    if Condition.objects.filter(pk=training).exists():
        raise FormError(N_("nobody gives this: it follows from what stands on the member's page"))


def look(author: Author, members: list[str], **_signal: Any) -> None:  # noqa: ANN401 - Django's
    """Make anew what follows from the particulars of some members."""
    # What follows is the server's doing, wherever the machines are that ask for it: a page of one workshop may say it.
    _derive(Author(name=author.name), Condition.objects.all(), members)


def _derive(author: Author, conditions: Iterable[Condition], members: list[str] | None) -> None:
    """Put and drop certifications as particulars say. members: whose; None: everybody's of whom anything is known."""
    wanted = list(conditions)
    if not wanted:
        return
    known = Particulars.objects.filter(pk__in=Member.objects.values("pk"))
    put: list[Row] = []
    drop: list[str] = []
    for each in (known if members is None else known.filter(pk__in=members)).iterator(chunk_size=BATCH):
        for condition in wanted:
            held = fulfilment.made_of(each, condition)
            if held is None:
                drop.append(f"certification/{each.pk}/{condition.pk}")
            else:
                put.append(held)
    names = dict(Member.objects.filter(pk__in=members or []).values_list("pk", "name"))
    some = [names[each] or each for each in names]
    about = {"name": ", ".join(some[:SOME]) + (" …" if len(some) > SOME else "")} if names else {}
    editing.carry_out(author, "fulfilled" if names else "condition", put, drop, about=about)


def of_setup() -> list[tuple[Condition, models.Training]]:
    """Return the conditions that there are, with what they are called."""
    found = {each.pk: each for each in small.rows(Condition)}
    return [(found[each.pk], each) for each in by_name(small.rows(Training)) if each.pk in found]
