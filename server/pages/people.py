"""Members: entered, changed, excluded, forgotten; all that is known of one, on one page."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from common.errors import LoquetError
from common.texts import N_, _, tell
from protocol.whitelist import AnyRow, Cut, Member
from server import arrivals, editing, history, models
from server.models import Role
from server.pages import asking
from server.pages.asking import FormError
from server.pages.rendering import page, say
from server.pages.safety import allowed, looked, refused
from server.pages.whitelist import columns

SESSIONS: Final = 20


@allowed(Role.TRAINER)
def options(request: HttpRequest) -> HttpResponse:
    """Offer members by what was typed so far."""
    said = request.GET.get("member", request.GET.get("q", "")).strip()[:100]
    found = models.Member.objects.order_by("name")
    for word in said.split()[:5]:
        found = found.filter(Q(name__icontains=word) | Q(id__icontains=word))
    return page(request, "member_options.html", members=[asking.shown(each) for each in found[:20]])


@allowed(Role.FABMANAGER)
def new(request: HttpRequest) -> HttpResponse:
    """Enter a member."""
    wrong = ""
    if request.method == "POST":
        try:
            name = asking.text(request, "name", label=_("Name"))
            if not name:
                raise FormError(N_("a member has a name"))
            taken = set(models.Member.objects.values_list("pk", flat=True))
            said = request.POST.get("id", "").strip()
            made = asking.identifier(request, "id", _("Number or id")) if said else asking.new_member_id()
            if made in taken:
                raise FormError(N_('"{id}" is somebody else already'), id=made)
            row = _read(request, Member(made, name))
            editing.carry_out(asking.author(request), "member_new", [row], about={"name": name})
            return HttpResponseRedirect(f"/members/{made}")
        except LoquetError as error:
            wrong = tell(error)
    places: dict[str, Any] = {"wrong": wrong, "said": request.POST, "categories": _categories()}
    return page(request, "member_new.html", 422 if wrong else 200, **places)


def _categories() -> list[str]:
    mine = set(models.Member.objects.exclude(category="").values_list("category", flat=True).distinct())
    return sorted(mine | set(models.Category.objects.exclude(name="").values_list("name", flat=True)))


def _read(request: HttpRequest, row: Member) -> Member:
    name = asking.text(request, "name", label=_("Name"))
    category = asking.text(request, "category", label=_("Category"))
    payer = asking.text(request, "payer", label=_("Who pays"))
    until = asking.day(request, "until", _("Membership until"))
    return msgspec.structs.replace(row, name=name, category=category, payer=payer, until=until)


@allowed(Role.FABMANAGER)
def member(request: HttpRequest, who: str) -> HttpResponse:
    """Show all that is known of a member, or change it."""
    found = asking.row(f"member/{who}")
    if not isinstance(found, Member):
        return refused(request, _("There is no such member any more."), 404)
    wrong = ""
    if request.method == "POST":
        try:
            _change(request, found)
            return HttpResponseRedirect(
                f"/members/{who}" if models.Member.objects.filter(pk=who).exists() else "/whitelist"
            )
        except LoquetError as error:
            wrong = tell(error)
    looked(request, "looked_member", who)
    held = {row.training: row for row in models.Certification.objects.filter(member=who)}
    changed = models.Edit.objects.filter(changes__key__in=_keys(who)).distinct().order_by("-pk")
    edits = changed.select_related("account", "device")[:30]
    places: dict[str, Any] = {
        "member": found,
        "wrong": wrong,
        "badges": models.Badge.objects.filter(member=who),
        "held": [(column, held[column.id]) for column in columns() if column.id in held],
        "sessions": models.Session.objects.filter(member=who).order_by("-pk")[:SESSIONS],
        "edits": [(edit, history.who(edit), history.sentence(edit)) for edit in edits],
        "late": [each for each in arrivals.late() if who in each.members],
        "categories": _categories(),
        "today": asking.today(),
        "accounts": models.Account.objects.filter(member=who),
    }
    return page(request, "member.html", 422 if wrong else 200, **places)


def _keys(who: str) -> list[str]:
    held = models.Certification.objects.filter(member=who).values_list("training", flat=True)
    badges = models.Badge.objects.filter(member=who).values_list("pk", flat=True)
    return [f"member/{who}", *(f"certification/{who}/{each}" for each in held), *(f"badge/{each}" for each in badges)]


def _change(request: HttpRequest, row: Member) -> None:
    """Do what was asked. Raises FormError."""
    who, about = asking.author(request), {"name": row.name or row.id}
    match request.POST.get("do"):
        case "save":
            edit = editing.carry_out(who, "member_changed", [_read(request, row)], about=about, seen=[row])
            say(request, _("saved"), undo=edit.pk if edit else None)
        case "exclude":
            put: list[AnyRow] = [msgspec.structs.replace(row, excluded=True)]
            if request.POST.get("now"):
                machines = models.Machine.objects.filter(retired=False).values_list("pk", flat=True)
                put += [Cut(machine, row.id, asking.nonce(), who.name) for machine in machines]
            edit = editing.carry_out(who, "excluded", put, about=about, seen=[row])
            say(request, _("{name} is refused everywhere from now on").format(**about), undo=edit.pk if edit else None)
        case "welcome":
            cuts = [
                f"cut/{each.machine}/{each.member}/" for each in models.Cut.objects.filter(member=row.id, session="")
            ]
            put = [msgspec.structs.replace(row, excluded=False)]
            edit = editing.carry_out(who, "welcomed", put, cuts, about=about)
            say(request, _("{name} is welcome again").format(**about), undo=edit.pk if edit else None)
        case "forget":
            if asking.text(request, "sure") != row.id:
                raise FormError(N_("type the member's id to say that you mean it: {id}"), id=row.id)
            editing.forget(who, row.id)
            say(request, _("forgotten; sessions and minutes stay, under an id without a name"))
        case _:
            raise FormError(N_("nothing was asked"))


@allowed(Role.FABMANAGER)
def edits(request: HttpRequest) -> HttpResponse:
    """Show who changed what."""
    looked(request, "looked_history")
    found = models.Edit.objects.order_by("-pk").select_related("account", "device", "undone_by")[:200]
    places = [(edit, history.who(edit), history.sentence(edit)) for edit in found]
    return page(request, "history.html", edits=places)


@require_POST
@allowed(Role.TRAINER)
def undo(request: HttpRequest, number: int) -> HttpResponse:
    """Take an edit back."""
    found = models.Edit.objects.filter(pk=number).first()
    try:
        if found is None or not (request.user.may(Role.FABMANAGER) or found.account_id == request.user.pk):  # type: ignore[union-attr]
            raise FormError(N_("there is no such change of yours"))
        editing.undo(asking.author(request), found)
        say(request, _("taken back"))
    except LoquetError as error:
        say(request, tell(error), wrong=True)
    back = str(request.POST.get("back", "/history"))
    back = asking.inside(back, "/history")
    if request.headers.get("HX-Request"):
        response = HttpResponse(status=204)
        response.headers["HX-Redirect"] = back
        return response
    return HttpResponseRedirect(back)


@allowed(Role.MEMBER)
def me(request: HttpRequest) -> HttpResponse:
    """Show an account its own member: trainings, sessions, nothing of anybody else."""
    account = request.user
    assert isinstance(account, models.Account)  # noqa: S101 - pages are guarded
    found = asking.row(f"member/{account.member}") if account.member else None
    held = {row.training: row for row in models.Certification.objects.filter(member=account.member or "-")}
    return page(
        request,
        "me.html",
        member=found,
        held=[(column, held[column.id]) for column in columns() if column.id in held],
        sessions=models.Session.objects.filter(member=account.member or "-").order_by("-pk")[:SESSIONS],
        today=asking.today(),
    )
