"""Grant, extend, revoke, from a cell of the whitelist; a whole class at once."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from common.errors import LoquetError
from common.texts import N_, NP_, _, sentence, translate
from protocol.rows import Certification, ForcedEnd, Row
from server.accounts import scope
from server.accounts.guards import allowed, audit
from server.accounts.models import Role
from server.core import forms
from server.core.forms import BackForm, FormError
from server.core.links import ids_of
from server.core.rendering import page, refused, say, show_version
from server.edits import editing, rows, sentences
from server.edits.authors import Author
from server.edits.models import Edit
from server.people.models import Member
from server.whitelist import models
from server.whitelist.columns import Cell, Column, columns, state_of
from server.whitelist.conditions import hold_to_trainings
from server.whitelist.forms import CellForm, CertificationForm, ClassForm
from server.whitelist.models import Machine
from server.whitelist.teaching import levels, teaches_of

GIVEN: Final = NP_("{count} person has the training {training} now", "{count} people have the training {training} now")


@allowed(Role.TRAINER)
def cell(request: HttpRequest, member: str = "", training: str = "") -> HttpResponse:
    """Show what may be done with one cell; or do it."""
    member, training = ids_of(request, member, training)
    found = Member.objects.filter(pk=member).first()
    column = next((each for each in columns(site=scope.site_of(request)) if each.id == training), None)
    if found is None or column is None:
        return refused(request, _("There is no such member or training any more."), 404)
    wrong = ""
    edit: Edit | None = None
    if request.method == "POST":
        try:
            with editing.alone():
                edit = _do(request, found, column)
        except LoquetError as error:
            wrong = translate(error)
        show_version(request)
    row = rows.get(f"certification/{member}/{training}")
    held = row if isinstance(row, Certification) else None
    name = found.name or found.pk
    shown = Cell(member, name, column, held, state_of(held), may=_may(request, column))
    context: dict[str, Any] = {
        "cell": shown,
        "levels": levels(request),
        "wrong": wrong,
        "edit": edit,
        "next_year": forms.year_from(held.until if held else None),
    }
    part = bool(request.headers.get("HX-Request"))
    if request.method == "POST" and not wrong:
        if part:
            return page(request, "whitelist/cell.html", **context)
        if edit is not None:
            say(request, sentences.sentence(edit), undo=edit.pk)
        return HttpResponseRedirect(forms.inside(BackForm.read(request)["back"], "/whitelist"))
    audit(request, "looked_certification", f"{member}/{training}")
    template = "whitelist/cell_editor.html" if part else "whitelist/cell_page.html"
    return page(request, template, 422 if wrong else 200, **context)


def _may(request: HttpRequest, training: Column) -> bool:
    teaches = teaches_of(Author.of(request))
    return training.is_given and (teaches is None or training.id in teaches)


def _do(request: HttpRequest, member: Member, training: Column) -> Edit | None:
    """Carry out what was asked of a cell. Raises FormError."""
    hold_to_trainings(training.id)
    row = rows.get(f"certification/{member.pk}/{training.id}")
    held = row if isinstance(row, Certification) else None
    about = {"name": member.name or member.pk, "training": training.name}
    who = Author.of(request)
    match CellForm.read(request)["do"]:
        case "grant":
            if held is not None and "until" not in request.POST:
                # A key in the grid says no level and no end: it must not take away those that are there.
                raise FormError(N_("{name} has this training already; open the cell to change it"), name=about["name"])
            said = CertificationForm.read(request)
            given = said["level"]
            made = Certification(member.pk, training.id, given, said["since"], said["until"])
            what = "changed_certification" if held else "granted"
            return editing.carry_out(who, what, [made], _cuts_of(member.pk, training.id, who.site), about=about)
        case "extend":
            if held is None or held.until is None:
                raise FormError(N_("there is nothing to extend: it has no end"))
            later = msgspec.structs.replace(held, until=forms.year_from(held.until))
            return editing.carry_out(who, "extended", [later], about=about)
        case "revoke" | "revoke_now" as what:
            put: list[Row] = []
            if what == "revoke_now":
                put = [
                    ForcedEnd(machine, member.pk, forms.nonce(), who.name)
                    for machine in _opened_by(training.id, who.site)
                ]
            word = "revoked_now" if put else "revoked"
            return editing.carry_out(who, word, put, [f"certification/{member.pk}/{training.id}"], about=about)
    raise AssertionError("CellForm knows which there are")


def _opened_by(training: str, site: str | None) -> list[str]:
    """Return the machines that ask for a training, of one site or of all."""
    mine = set(rows.names("machine", site))
    machines = Machine.objects.filter(pk__in=mine).values_list("pk", "requires")
    return [machine for machine, requires in machines if training in (requires or ())]


def _cuts_of(member: str, training: str, site: str | None) -> list[str]:
    """Name the cuts that are over once somebody is let in again."""
    found = models.ForcedEnd.objects.filter(member=member, machine__in=_opened_by(training, site))
    return [row.key for each in found if (row := rows.of(each)) is not None]


@allowed(Role.TRAINER)
def class_(request: HttpRequest) -> HttpResponse:
    """Return a training to everybody who was ticked."""
    try:
        with editing.alone():
            _give_to_all(request)
    except LoquetError as error:
        say(request, translate(error), wrong=True)
    response = HttpResponse(status=204)
    response.headers["HX-Redirect"] = forms.inside(BackForm.read(request)["back"], "/whitelist")
    return response


def _give_to_all(request: HttpRequest) -> None:
    """Do so. Raises FormError."""
    said = ClassForm.read(request)
    training = next((each for each in columns(site=scope.site_of(request)) if each.id == said["training"]), None)
    members = said["member"]
    if training is None or not members:
        raise FormError(N_("tick the people, and choose the training"))
    hold_to_trainings(training.id)
    given, until = said["level"], said["until"]
    known = set(Member.objects.filter(pk__in=members).values_list("pk", flat=True))
    keys = {f"certification/{member}/{training.id}" for member in known}
    before = rows.find(keys)
    put: list[Row] = []
    for member in sorted(known):
        held = before.get(f"certification/{member}/{training.id}")
        if not isinstance(held, Certification):
            put.append(Certification(member, training.id, given, None, until))
            continue
        longer = None if until is None or held.until is None else max(until, held.until)
        put.append(Certification(member, training.id, max(given, held.level), held.since, longer))
    drop = [key for member in known for key in _cuts_of(member, training.id, scope.site_of(request))]
    edit = editing.carry_out(
        Author.of(request), "class", put, drop, about={"count": len(put), "training": training.name}
    )
    say(request, sentence(GIVEN, count=len(put), training=training.name), undo=edit.pk if edit else None)
