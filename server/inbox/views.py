"""The page Inbox: what a person should look at."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from server.accounts import scope
from server.accounts.guards import allowed, audit
from server.accounts.models import Role
from server.core.rendering import page
from server.inbox import notices
from server.inbox.forms import DoneForm
from server.inbox.models import Notice

MOST = 200


@allowed(Role.FABMANAGER)
def inbox(request: HttpRequest) -> HttpResponse:
    """Show what waits; have some of it done with."""
    if request.method == "POST":
        for notice in _seen(request).filter(pk__in=DoneForm.read(request)["notice"]):
            notices.done(notice, request.user.get_username())
        return HttpResponseRedirect("/inbox")
    audit(request, "looked_inbox")
    found = _seen(request).select_related("device").order_by("-pk")
    waiting = [(each, notices.sentence(each), _link(each)) for each in found.filter(done=None)[:MOST]]
    over = [(each, notices.sentence(each)) for each in found.filter(done__isnull=False).order_by("-done")[:30]]
    return page(request, "inbox/inbox.html", waiting=waiting, over=over)


def _seen(request: HttpRequest) -> QuerySet[Notice]:
    return scope.within(request, Notice.objects.all(), "device__site")


def _link(notice: Notice) -> str:
    """Return where a notice is dealt with."""
    match notice.what:
        case "unnamed":
            return f"/members/{notice.about.get('member', '')}"
        case "proposals" | "held":
            return "/import"
        case "fault":
            return "/workshop"
        case "edited" | "lost_to":
            return "/history"
    return "" if notice.device is None else "/devices"
