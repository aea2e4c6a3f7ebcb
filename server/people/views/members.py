"""Members: entered, changed, excluded, forgotten; all that is known of one, on one page."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from common.errors import LoquetError
from common.texts import N_, _, translate
from protocol.rows import ForcedEnd, Member, Row
from server.accounts import scope
from server.accounts.guards import allowed, audit
from server.accounts.models import Role
from server.core import forms, sections, small
from server.core.forms import FormError
from server.core.links import ids_of, link_to
from server.core.paging import page_of
from server.core.rendering import page, refused, say
from server.core.sorting import by_name, sorted_texts
from server.edits import editing, rows, sentences
from server.edits.authors import Author
from server.edits.history import seen_by
from server.edits.models import Change
from server.people import members, models, particulars, payers, pins
from server.people.badges import noted
from server.people.forgetting import forget
from server.people.forms import ExclusionForm, ForgettingForm, MemberActionForm, MemberForm, NewMemberForm
from server.people.merging import aliases

EDITS: Final = 30
OPTIONS: Final = 20


@allowed(Role.TRAINER)
def options(request: HttpRequest) -> HttpResponse:
    """Offer members by what was typed so far."""
    typed = (request.GET[each] for each in ("member", "q", "one", "other") if each in request.GET)
    said = next(typed, "")[:100]
    audit(request, "looked_names", said, hourly=True)
    found = members.searched(said)[:OPTIONS]
    return page(request, "people/options.html", members=[members.shown(each) for each in found])


@allowed(Role.FABMANAGER)
def new(request: HttpRequest) -> HttpResponse:
    """Enter a member."""
    wrong = ""
    if request.method == "POST":
        try:
            said = NewMemberForm.read(request)
            name = said["name"]
            if not name:
                raise FormError(N_("a member has a name"))
            said_id = said.pop("id")
            made = said_id or members.new_id()
            taken = (models.Member, models.Organisation, models.MergedMember)
            if any(kind.objects.filter(pk=made).exists() for kind in taken):
                raise FormError(N_('"{id}" is somebody else already'), id=made)
            if said_id and members.were_forgotten({made}):
                raise FormError(N_('"{id}" was the id of somebody who was forgotten; choose another one'), id=made)
            row = msgspec.structs.replace(Member(made), **said)
            editing.carry_out(Author.of(request), "member_new", [row], about={"name": name})
            return HttpResponseRedirect(link_to("/members", made))
        except LoquetError as error:
            wrong = translate(error)
    context: dict[str, Any] = {"wrong": wrong, "said": request.POST, "categories": categories()}
    context["payers"] = by_name(models.Organisation.objects.all())
    return page(request, "people/new.html", 422 if wrong else 200, **context)


def categories() -> list[str]:
    """Return the categories that there are, in order."""
    mine = set(models.Member.objects.exclude(category="").values_list("category", flat=True).distinct())
    return sorted_texts((mine | {each.name for each in small.rows(models.Category)}) - {""})


@allowed(Role.FABMANAGER)
def member(request: HttpRequest, who: str) -> HttpResponse:
    """Show all that is known of a member, or change it."""
    return of(request, who)


def of(request: HttpRequest, who: str) -> HttpResponse:
    """Show or change the member whom a path, or what is asked, names."""
    (who,) = ids_of(request, who)
    found = rows.get(f"member/{who}")
    if not isinstance(found, Member):
        return _elsewhere(request, who)
    wrong = ""
    if request.method == "POST":
        try:
            with editing.alone():
                _change(request, who)
            is_there = models.Member.objects.filter(pk=who).exists()
            return HttpResponseRedirect(link_to("/members", who) if is_there else "/members")
        except LoquetError as error:
            wrong = translate(error)
    audit(request, "looked_member", who)
    merged = _merged(who)
    keys = [f"member/{each}" for each in (who, *(link.gone for link, _name in merged))]
    keys += [*(row.key for row in rows.belonging_to("member", who, holding=True))]
    site = scope.site_of(request)
    known = particulars.of(who)
    changed = seen_by(site).filter(pk__in=Change.objects.filter(key__in=keys).values("edit"))
    edits = page_of(request, changed.select_related("account", "device"), "-pk", step=EDITS, name="edits")
    head, brought = sections.of("member_head", who, site)
    parts, more = sections.of("member", who, site)
    side, beside = sections.of("member_side", who, site)
    context: dict[str, Any] = {
        "member": found,
        "wrong": wrong,
        "badges": noted(models.Badge.objects.filter(member=who)),
        "edits": [(edit, sentences.who(edit), sentences.sentence(edit)) for edit in edits.rows],
        "pages": edits,
        "categories": categories(),
        "today": forms.today(),
        "payer": payers.shown(found.payer),
        "payers": by_name(models.Organisation.objects.all()),
        "particulars": known,
        "languages": particulars.NAMES,
        "particulars_stamp": forms.stamp(*particulars.values(known)),
        "has_pin": pins.has_pin(who),
        "merged": merged,
        "head_parts": head,
        "parts": parts,
        "side": side,
        **brought,
        **more,
        **beside,
    }
    return page(request, "people/member.html", 422 if wrong else 200, **context)


def _elsewhere(request: HttpRequest, who: str) -> HttpResponse:
    """Lead from an id that was merged to whoever it is now."""
    now = aliases.of(who)
    if now == who or not models.Member.objects.filter(pk=now).exists():
        return refused(request, _("There is no such member any more."), 404)
    if request.method == "POST":
        return refused(request, _("This member was merged into another one meanwhile; look again."), 409)
    say(request, _("{id} was merged into this member.").format(id=who))
    return HttpResponseRedirect(link_to("/members", now))


def _merged(who: str) -> list[tuple[models.MergedMember, str]]:
    """Return who was merged into a member, with their names of then."""
    found = models.MergedMember.objects.filter(pk__in=aliases.below(who)).order_by("-at")
    return [(each, str(each.snapshot.get("name", ""))) for each in found]


def _change(request: HttpRequest, member: str) -> None:
    """Do what was asked. Raises FormError."""
    row = rows.get(f"member/{member}")
    if not isinstance(row, Member):
        raise FormError(N_("there is no such member any more"))
    who, about = Author.of(request), {"name": row.name or row.id}
    match MemberActionForm.read(request)["do"]:
        case "save":
            edit = editing.carry_out(
                who,
                "member_changed",
                [msgspec.structs.replace(row, **MemberForm.read(request))],
                about=about,
            )
            say(request, _("saved"), undo=edit.pk if edit else None)
        case "particulars":
            particulars.save(request, row.id)
            say(request, _("saved"))
        case "pin":
            pins.change(request, row.id, about["name"])
        case "exclude":
            put: list[Row] = [msgspec.structs.replace(row, excluded=True)]
            if ExclusionForm.read(request)["now"]:
                put += [
                    ForcedEnd(machine, row.id, forms.nonce(), who.name) for machine in rows.names("machine", who.site)
                ]
            edit = editing.carry_out(who, "excluded", put, about=about)
            say(request, _("{name} is refused everywhere from now on").format(**about), undo=edit.pk if edit else None)
        case "welcome":
            forced_ends = [each.key for each in _ends(row.id, who.site)]
            put = [msgspec.structs.replace(row, excluded=False)]
            edit = editing.carry_out(who, "welcomed", put, forced_ends, about=about)
            say(request, _("{name} is welcome again").format(**about), undo=edit.pk if edit else None)
        case "forget":
            sure = ForgettingForm.read(request)["sure"]
            if sure != row.id and sure.split() != row.id.split():
                raise FormError(N_("type the member's id to say that you mean it: {id}"), id=row.id)
            forget(who, row.id)
            say(request, _("forgotten; sessions and minutes stay, under an id without a name"))


def _ends(member: str, site: str | None) -> list[ForcedEnd]:
    """Return what is to end of all that a member runs, in one workshop or in all."""
    mine = set(rows.names("machine", site))
    found = (row for row in rows.belonging_to("member", member, only=ForcedEnd.head()) if isinstance(row, ForcedEnd))
    return [row for row in found if not row.session and row.machine in mine]
