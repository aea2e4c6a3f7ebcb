"""The pages of members who may be one person: found, compared, merged, separated."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from common.errors import LoquetError
from common.texts import N_, _, translate
from server.accounts import scope
from server.accounts.guards import allowed, audit
from server.accounts.models import AuditRecord, Role
from server.core import forms
from server.core.forms import FormError
from server.core.links import link_to
from server.core.rendering import page, say
from server.edits.authors import Author
from server.people import members, usage
from server.people.duplicates import offered
from server.people.forms import DuplicatesForm, MergeForm, PairForm, SeparateForm
from server.people.merging.comparison import compare
from server.people.merging.merge import merge, nobody_else
from server.people.merging.separate import separate
from server.people.merging.union import Choice
from server.people.models import Member, MergedMember

SHOWN: Final = 50  # pairs at once
BACK: Final = "duplicates"
ALIKE: Final = {
    "name": N_("the same name"),
    "order": N_("the same words in another order"),
    "letter": N_("one letter apart"),
    "email": N_("the same e-mail"),
    "alike": N_("similar names, born in the same year"),
}


@allowed(Role.FABMANAGER)
def merging(request: HttpRequest) -> HttpResponse:
    """Show two members side by side; merge them."""
    wrong = ""
    if request.method == "POST":
        try:
            link = _merge(request)
            say(request, _("merged; from now on both are one"), undo=link.edit_id)
            return HttpResponseRedirect(f"/{BACK}" if _goes_back(request) else link_to("/members", link.kept))
        except LoquetError as error:
            wrong = translate(error)
    asked = PairForm(request.POST if wrong else request.GET)
    one, other = (asked.data.get("kept", ""), asked.data.get("gone", "")) if wrong else _asked(asked)
    found = None
    try:
        if one and other:
            pair = members.named(one), members.named(other)
            audit(request, "looked_member", f"{pair[0].pk}, {pair[1].pk}")
            found = compare(Choice(pair[0].pk, pair[1].pk), scope.site_of(request))
    except LoquetError as error:
        wrong = wrong or translate(error)
    context: dict[str, Any] = {
        "found": found, "wrong": wrong, "first": one, "second": other, "stamp": forms.stamp,
        "back": BACK if _goes_back(request) else "",
    }  # fmt: skip
    return page(request, "people/merge.html", 422 if wrong else 200, **context)


def _merge(request: HttpRequest) -> MergedMember:
    """Merge as was chosen, where both are as they were shown. Raises EditError, FormError."""
    said = MergeForm.read(request)
    with nobody_else():
        now = compare(Choice(said["kept"], said["gone"]), scope.site_of(request))
        forms.hold_to_stamp(request, now.stamp)
        return merge(Author.of(request), Choice(**said))


def _goes_back(request: HttpRequest) -> bool:
    """Return whether somebody came from the likely duplicates: most often there are more of them."""
    return (request.POST.get("back") or request.GET.get("back")) == BACK


def _asked(form: PairForm) -> tuple[str, str]:
    said = form.cleaned_data if form.is_valid() else {}
    return said.get("one", ""), said.get("other", "")


@require_POST
@allowed(Role.FABMANAGER)
def separating(request: HttpRequest) -> HttpResponse:
    """Have a member who was merged be somebody of their own again."""
    gone, to = "", "/duplicates"
    try:
        gone = SeparateForm.read(request)["gone"]
        separate(Author.of(request), gone)
        say(request, _("separated; each has what was theirs"))
        to = link_to("/members", gone)
    except LoquetError as error:
        say(request, translate(error), wrong=True)
        to = link_to("/members", gone) if gone else to
    return HttpResponseRedirect(to)


@allowed(Role.FABMANAGER)
def duplicates(request: HttpRequest) -> HttpResponse:
    """Show who may be one person; keep who is not."""
    wrong = ""
    if request.method == "POST":
        try:
            _decide(request)
            return HttpResponseRedirect("/duplicates")
        except LoquetError as error:
            wrong = translate(error)
    audit(request, "looked_duplicates")
    known = offered.people()
    pairs = offered.pairs(known)
    shown = pairs[:SHOWN]
    apart = [(each, pair) for each, pair in offered.refused() if set(pair) <= known.keys()][:SHOWN]
    ids = {member for pair in shown for member in (pair.one, pair.other)}
    context: dict[str, Any] = {
        "pairs": [(known[pair.one], known[pair.other], [_(ALIKE[each]) for each in pair.alike]) for pair in shown],
        "count": len(pairs),
        "used": usage.of(ids, scope.site_of(request)),
        "nothing": usage.NOTHING,
        "unnamed": offered.unnamed(SHOWN),
        "apart": [(each, known[one], known[other]) for each, (one, other) in apart],
        "query": urlencode,
        "wrong": wrong,
    }
    return page(request, "people/duplicates.html", 422 if wrong else 200, **context)


def _decide(request: HttpRequest) -> None:
    """Do what was asked. Raises FormError."""
    said = DuplicatesForm.read(request)
    name = request.user.get_username()
    if said["do"] == "again":
        offered.ask_again(said["number"] or 0)
        say(request, _("asked about again"))
        return
    if Member.objects.filter(pk__in={said["one"], said["other"]}).count() != 2:  # noqa: PLR2004 - a pair
        raise FormError(N_("there is no such member any more"))
    offered.say_different(said["one"], said["other"], name)
    AuditRecord.objects.create(account=name, what="not_the_same", about=f"{said['one']}, {said['other']}")
    say(request, _("noted: two people, and nobody is asked again"))
