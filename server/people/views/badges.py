"""The page Badges: what was tapped a moment ago and nobody knows, spares for today, lost ones blocked."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from common.errors import LoquetError
from common.texts import N_, _, translate
from protocol.badge import Technology, parse_uid
from protocol.rows import Badge, BadgeKind
from server.accounts.guards import allowed, audit
from server.accounts.models import Role
from server.core import clock, forms
from server.core.forms import BackForm, FormError
from server.core.paging import page_of
from server.core.rendering import page, say
from server.edits import editing, rows
from server.edits.authors import Author
from server.people import members, models
from server.people.badges import LATELY, known_hash, unknown_since
from server.people.forms import BadgeForm

DRAWER: Final = "drawer"  # whose a spare is that is lent to nobody: no member has this id
STEP: Final = 50
MOST_OF_NOBODY: Final = 200
KINDS: Final = {
    "member": N_("the member's own"),
    "spare": N_("spare"),
    "visitor": N_("visitor's"),
    "teaching": N_("teaching badge"),
}


@allowed(Role.FABMANAGER)
def badges(request: HttpRequest) -> HttpResponse:
    """Show badges, or do something with one."""
    wrong = ""
    if request.method == "POST":
        try:
            _do(request)
            return HttpResponseRedirect(forms.inside(BackForm.read(request)["back"], "/badges"))
        except LoquetError as error:
            wrong = translate(error)
    if request.headers.get("HX-Target") == "unknown":
        return page(request, "people/badges_unknown.html", unknown=_unknown())
    said = request.GET.get("q", "")[: members.LONGEST]
    audit(request, "looked_badges", said)
    own = models.Badge.objects.exclude(kind="spare")
    pages = page_of(request, _with_a_badge(said, own), "place", step=STEP, name="all")
    spares = page_of(request, models.Badge.objects.filter(kind="spare"), "hash", step=STEP, name="spares")
    shown = _of(pages.rows, own) + ([] if pages.last else _of_nobody(said, own))
    lent = models.Member.objects.filter(pk__in=[each.member for each in spares.rows])
    names = {each.pk: each.name for each in (*pages.rows, *lent)}
    context: dict[str, Any] = {
        "wrong": wrong,
        "unknown": _unknown(),
        "spares": [(each, _lent_to(each, names)) for each in spares.rows],
        "spare_pages": spares,
        "badges": [(each, names.get(each.member) or each.member) for each in shown],
        "badge_pages": pages,
        "said": said,
        "kinds": KINDS,
        "prefill": request.GET.get("member", ""),
    }
    return page(request, "people/badges.html", 422 if wrong else 200, **context)


def _with_a_badge(said: str, own: QuerySet[models.Badge]) -> QuerySet[models.Member]:
    """Return the members who have a badge, of those that are looked for."""
    return members.searched(said).filter(Exists(own.filter(member=OuterRef("pk"))))


def _of(found: list[models.Member], own: QuerySet[models.Badge]) -> list[models.Badge]:
    """Return the badges of some members, in their order."""
    places = {each.pk: place for place, each in enumerate(found)}
    return sorted(own.filter(member__in=places), key=lambda each: (places[each.member], each.hash))


def _of_nobody(said: str, own: QuerySet[models.Badge]) -> list[models.Badge]:
    """Return badges of ids that are no member's, as a controller's journal may bring some; they end the list."""
    found = own.filter(~Exists(models.Member.objects.filter(pk=OuterRef("member")))).order_by("member", "hash")
    return list((found.filter(member__in={said, said.strip()}) if said.strip() else found)[:MOST_OF_NOBODY])


def _lent_to(badge: models.Badge, names: dict[str, str]) -> str:
    lent = badge.member != DRAWER and (badge.until is None or badge.until >= forms.today())
    return (names.get(badge.member) or badge.member) if lent else ""


def _unknown() -> list[tuple[models.UnknownBadge, str]]:
    """Return what was tapped lately and nobody knows, and where."""
    latest = list(unknown_since(clock.now() - LATELY)[:10])
    machines = rows.find(f"machine/{each.machine}" for each in latest)
    return [(each, getattr(machines.get(f"machine/{each.machine}"), "name", "") or each.machine) for each in latest]


def _do(request: HttpRequest) -> None:
    """Do what was asked. Raises FormError."""
    who = Author.of(request)
    said = BadgeForm.read(request)
    what = said["do"]
    if what == "give":
        member = members.named(said["member"])
        hash_, taken = _hash(request)
        if taken is not None and taken.member not in {member.pk, DRAWER}:
            raise FormError(N_("this badge is {owner}'s already; take it away there first"), owner=taken.member)
        if taken is not None and taken.blocked and taken.member != DRAWER:
            raise FormError(N_("this badge is blocked; unblock it first, if it was found again"))
        row = Badge(hash_, member.pk, said["kind"], until=said["until"])
        edit = editing.carry_out(who, "badge_given", [row], about={"name": member.name or member.pk})
        models.UnknownBadge.objects.filter(hash=hash_).delete()
        note(hash_, said["label"], said["technology"] if not said["hash"] else "")
        say(request, _("{name} has this badge now").format(name=member.name), undo=edit.pk if edit else None)
        return
    if what == "label":
        note(said["hash"], said["label"], "")
        say(request, _("saved"))
        return
    if what == "spare":
        editing.carry_out(who, "badge_spare", [_spare(request)])
        say(request, _("it lies in the drawer of spares now; it opens nothing until it is lent"))
        return
    found = rows.get(f"badge/{said['hash']}")
    if not isinstance(found, Badge):
        raise FormError(N_("there is no such badge any more"))
    _do_with(request, what, found)


def note(hash_: str, label: str, technology: str) -> None:
    """Keep what a badge looks like, and its technology where somebody said it; what is not said stays."""
    said = {key: value for key, value in (("label", label), ("technology", technology)) if value}
    if said and models.Badge.objects.filter(pk=hash_).exists():
        models.BadgeNote.objects.update_or_create(pk=hash_, defaults=said)


def _do_with(request: HttpRequest, what: str, badge: Badge) -> None:
    who = Author.of(request)
    row = rows.get(f"member/{badge.member}")
    about = {"name": getattr(row, "name", "") or badge.member}
    match what:
        case "lend":
            member = members.named(BadgeForm.read(request)["member"])
            if badge.kind is not BadgeKind.SPARE or (badge.blocked and badge.member != DRAWER):
                raise FormError(N_("this badge is blocked, or no spare one"))
            about = {"name": member.name or member.pk}
            lent = Badge(badge.hash, member.pk, BadgeKind.SPARE, until=forms.today())
            edit = editing.carry_out(who, "badge_lent", [lent], about=about)
            said = _("lent to {name} until tonight").format(**about)
        case "return":
            edit = editing.carry_out(who, "badge_spare", [Badge(badge.hash, DRAWER, BadgeKind.SPARE, blocked=True)])
            said = _("back in the drawer")
        case "block":
            edit = editing.carry_out(who, "badge_blocked", [msgspec.structs.replace(badge, blocked=True)], about=about)
            said = _("blocked, from the next tap on")
        case "unblock":
            edit = editing.carry_out(
                who, "badge_unblocked", [msgspec.structs.replace(badge, blocked=False)], about=about
            )
            said = _("it opens again")
        case "remove":
            edit = editing.carry_out(who, "badge_removed", drop=[badge.key], about=about)
            said = _("nobody's badge any more")
        case _:  # BadgeForm knows which there are
            raise AssertionError(what)
    say(request, said, undo=edit.pk if edit else None)


def _spare(request: HttpRequest) -> Badge:
    """Make a spare of a badge that is nobody's. Raises FormError."""
    hash_, taken = _hash(request)
    if taken is not None and taken.member != DRAWER:
        raise FormError(N_("this badge is {owner}'s already; take it away there first"), owner=taken.member)
    return Badge(hash_, DRAWER, BadgeKind.SPARE, blocked=True)


def _hash(request: HttpRequest) -> tuple[str, Badge | None]:
    """Read which badge is meant, one that was tapped or a number that was typed; and whose it is, under any key.

    Raises FormError, UidError.
    """
    said = BadgeForm.read(request)
    hash_: str = said["hash"]
    if not hash_:
        technology = Technology(said["technology"]) if said["technology"] in set(Technology) else Technology.ISO14443A
        return known_hash(parse_uid(said["uid"], technology), technology)
    if len(hash_) != 32 or set(hash_) - set("0123456789abcdef"):  # noqa: PLR2004 - a hash
        raise FormError(N_("there is no such badge any more"))
    taken = rows.get(f"badge/{hash_}")
    return hash_, taken if isinstance(taken, Badge) else None
