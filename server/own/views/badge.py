"""A member's own badges: one that is lost is blocked at once; another one takes its place by being laid on a reader."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import msgspec
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from common.errors import LoquetError
from common.texts import N_, _, translate
from protocol.rows import Badge
from server.accounts.guards import allowed, audit
from server.accounts.models import Role
from server.core import clock
from server.core.forms import FormError
from server.core.rendering import page, say
from server.edits import editing, rows
from server.edits.authors import Author
from server.edits.models import Change
from server.inbox import notices
from server.own import whose
from server.own.forms import BadgeForm
from server.people import models, pins
from server.people.badges import noted, unknown_since
from server.usage import sections
from server.whitelist.sameness.machines import called

SINCE: Final = "badge_since"  # in the session: from when on a new badge is waited for, milliseconds since 1970
WAITS: Final = timedelta(minutes=5)
LEEWAY: Final = timedelta(minutes=1)  # between two clocks


@allowed(Role.MEMBER)
def badge(request: HttpRequest) -> HttpResponse:
    """Show them, or do something with one."""
    member, wrong = whose.of(request), ""
    if member is None:
        return page(request, "own/nobody.html")
    if request.method == "POST":
        try:
            _do(request, member)
            return HttpResponseRedirect("/me/badge")
        except LoquetError as error:
            wrong = translate(error)
    since = _since(request)
    fresh = _fresh(since) if since is not None else []
    part = request.headers.get("HX-Target") == "fresh"
    context: dict[str, Any] = {
        "member": member,
        "wrong": wrong,
        "badges": noted(models.Badge.objects.filter(member=member.pk)),
        "last_uses": {} if part else sections.last_uses(member.pk, None),
        "waits": since is not None,
        "fresh": fresh,
        "machines": called(),
        "has_pin": pins.has_pin(member.pk),
    }
    return page(request, "own/fresh.html" if part else "own/badge.html", 422 if wrong else 200, **context)


def _since(request: HttpRequest) -> datetime | None:
    said = request.session.get(SINCE)
    if not isinstance(said, int):
        return None
    since = datetime.fromtimestamp(said / 1000, UTC)
    return since if clock.now() - since < WAITS else None


def _fresh(since: datetime) -> list[models.UnknownBadge]:
    """Return the badges that nobody knows and that were laid on a reader since: heard of since, and tapped since.

    What a controller that was offline tells of now was laid there hours ago, by somebody else.
    """
    first, last = int((since - LEEWAY).timestamp() * 1000), int((clock.now() + LEEWAY).timestamp() * 1000)
    return list(unknown_since(since).filter(tapped__gte=first, tapped__lte=last)[:5])


def _until(old: list[Badge]) -> date | None:
    """Return until when a badge is good that takes the place of others. Raises FormError where none of them is.

    What whoever runs the workshop has blocked or ended is not opened again by another badge.
    """
    lost = {each.key for each in old if each.blocked and _was_lost(each)}
    good = [each for each in old if not each.blocked or each.key in lost]
    good = [each for each in good if each.until is None or each.until >= clock.today()]
    if old and not good:
        raise FormError(N_("your badge was blocked, or is over: ask whoever runs the workshop"))
    ends = [each.until for each in good]
    return None if not ends or None in ends else max(each for each in ends if each is not None)


def _was_lost(badge: Badge) -> bool:
    """Return whether a badge was blocked last by whoever lost it."""
    last = Change.objects.filter(key=badge.key).order_by("-version").values_list("edit__what", flat=True).first()
    return last == "badge_lost"


def _do(request: HttpRequest, member: models.Member) -> None:
    """Do what was asked. Raises FormError."""
    said = BadgeForm.read(request)
    name = member.name or member.pk
    # By a rule of the server's own: a member is the author of their own badges, and of nothing else.
    who = Author(name=request.user.get_username())
    match said["do"]:
        case "lost":
            _lose(member, said["hash"], who)
            say(request, _("blocked: it opens nothing any more, from the next tap on"))
        case "begin":
            request.session[SINCE] = clock.ms()
        case "leave":
            request.session.pop(SINCE, None)
        case "take":
            _take(request, member, said["hash"], who)
        case "pin":
            pins.change(request, member.pk, name)
    audit(request, f"own_badge_{said['do']}")


def _lose(member: models.Member, hash_: str, who: Author) -> None:
    """Block a badge of their own. Raises FormError."""
    name = member.name or member.pk
    with editing.alone():
        row = rows.get(f"badge/{hash_}")
        if not isinstance(row, Badge) or row.member != member.pk:
            raise FormError(N_("there is no such badge any more"))
        editing.carry_out(who, "badge_lost", [msgspec.structs.replace(row, blocked=True)], about={"name": name})
        notices.notify("lost", None, subject=member.pk, member=name, id=member.pk)


def _take(request: HttpRequest, member: models.Member, hash_: str, who: Author) -> None:
    """Have the badge that was laid on a reader be the member's, and block those that they had. Raises FormError."""
    since = _since(request)
    with editing.alone():
        fresh = [] if since is None else _fresh(since)
        if [each.hash for each in fresh] != [hash_]:
            # Of two badges nobody can tell here which is whose; and one that came before was not laid there for this.
            raise FormError(
                N_("not that one badge alone was laid on a reader: begin once more, when nobody else does so")
            )
        old = [row for row in rows.belonging_to("member", member.pk) if isinstance(row, Badge) and row.kind == "member"]
        blocked = [msgspec.structs.replace(each, blocked=True) for each in old if not each.blocked]
        made = Badge(hash_, member.pk, until=_until(old))
        editing.carry_out(who, "badge_given", [made, *blocked], about={"name": member.name or member.pk})
        models.UnknownBadge.objects.filter(hash=hash_).delete()
    request.session.pop(SINCE, None)
    say(request, _("this is your badge now; the one before opens nothing any more"))
