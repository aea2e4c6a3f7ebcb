"""The page Search, and what lies over any page when somebody types "/" or Ctrl K."""

from __future__ import annotations

from typing import Final

import msgspec
from django.http import HttpRequest, HttpResponse

from common.folding import fold
from common.texts import _
from server.accounts.context import opened_to, tabs_of
from server.accounts.guards import allowed, audit
from server.accounts.models import Account, Role
from server.core.links import link_to
from server.core.rendering import page
from server.core.sorting import by_name
from server.machines.now import seen
from server.people import members
from server.people.models import Badge, Member
from server.whitelist import drawings

MOST: Final = 6  # of each kind
EVERY_PAGE: Final = 24  # where nothing is typed, as many as there are
LONGEST: Final = 100
SHORTEST_BADGE: Final = 4  # letters of a badge's number as pages show it


class Found(msgspec.Struct, frozen=True):
    """One thing that was found. sign: an icon; drawing, face: instead of it, a machine's drawing or a name."""

    text: str
    link: str
    more: str = ""
    sign: str = ""
    drawing: str = ""
    face: str = ""


@allowed(Role.MEMBER)
def search(request: HttpRequest) -> HttpResponse:
    """Show what a few letters find; with none, the pages that there are."""
    said = request.GET.get("q", "")[:LONGEST].strip()
    account = request.user
    assert isinstance(account, Account)  # noqa: S101 - pages are guarded
    groups: list[tuple[str, list[Found]]] = []
    if said and account.may(Role.TRAINER):
        audit(request, "looked_names", said, hourly=True)
        if account.may(Role.FABMANAGER):
            groups += [(_("Members"), _members(said)), (_("Badges"), _badges(said))]
        groups.append((_("Machines"), _machines(request, said)))
    groups.append((_("Pages"), _pages(account, said)))
    found = [(title, several) for title, several in groups if several]
    is_part = bool(request.GET.get("part")) or request.headers.get("HX-Target") == "results"
    template = "search/results.html" if request.headers.get("HX-Target") == "results" else "search/palette.html"
    return page(request, template if is_part else "search/search.html", groups=found, said=said)


def _members(said: str) -> list[Found]:
    return [
        Found(each.name or each.pk, link_to("/members", each.pk), each.pk, face=each.name or each.pk)
        for each in members.searched(said)[:MOST]
    ]


def _badges(said: str) -> list[Found]:
    plain = fold(said).replace(" ", "").lstrip("…")
    if len(plain) < SHORTEST_BADGE or set(plain) - set("0123456789abcdef"):
        return []
    found = list(Badge.objects.filter(hash__endswith=plain)[:MOST])
    names = dict(Member.objects.filter(pk__in={each.member for each in found}).values_list("pk", "name"))
    return [
        Found(
            f"…{each.hash[-6:]}",
            f"{link_to('/members', each.member)}#badges",
            names.get(each.member) or each.member,
            "nfc",
        )
        for each in found
    ]


def _machines(request: HttpRequest, said: str) -> list[Found]:
    words = fold(said).split()
    machines = [
        each for each in by_name(seen(request).filter(retired=False)) if _holds(words, f"{each.name} {each.pk}")
    ]
    drawn = drawings.of(machines[:MOST])
    return [
        Found(each.name or each.pk, link_to("/machines", each.pk), drawing=drawn[each.pk]) for each in machines[:MOST]
    ]


def _pages(account: Account, said: str) -> list[Found]:
    words, made = fold(said).split(), dict[str, Found]()
    for door in opened_to(account):
        made.setdefault(door.path, Found(_(door.text), door.path, sign=door.icon))
        for tab in tabs_of(account, door):
            made.setdefault(tab.path, Found(_(tab.text), tab.path, _(door.text), tab.icon))
    if account.may(Role.FABMANAGER):
        made["/members/new"] = Found(_("New member"), "/members/new", _("Members"), "user-plus")
        made["/inbox"] = Found(_("Inbox"), "/inbox", _("Today"), "inbox")
    made["/account"] = Found(_("My account"), "/account", sign="user")
    return [each for each in made.values() if _holds(words, f"{each.text} {each.more}")][: MOST if said else EVERY_PAGE]


def _holds(words: list[str], text: str) -> bool:
    folded = fold(text)
    return all(word in folded for word in words)
