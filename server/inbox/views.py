"""The page Inbox: what a person should look at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect

from common.texts import _
from server.accounts import scope
from server.accounts.guards import allowed, audit
from server.accounts.models import Role
from server.core import exports
from server.core.exports import Column, Kind, Table
from server.core.rendering import page
from server.inbox import notices
from server.inbox.forms import DoneForm
from server.inbox.models import Notice

MOST = 200


@allowed(Role.FABMANAGER)
def inbox(request: HttpRequest) -> HttpResponseBase:
    """Show what waits, or give all of it as a sheet; have some of it done with."""
    if request.method == "POST":
        for notice in _seen(request).filter(pk__in=DoneForm.read(request)["notice"]):
            notices.done(notice, request.user.get_username())
        return HttpResponseRedirect("/inbox")
    audit(request, "looked_inbox")
    found = _seen(request).select_related("device").order_by("-is_alarm", "-last")
    if (file := exports.asked(request, lambda: _table(found))) is not None:
        return file
    waiting = [(each, notices.sentence(each), _link(each)) for each in found.filter(done=None)[:MOST]]
    over = [(each, notices.sentence(each)) for each in found.filter(done__isnull=False).order_by("-done")[:30]]
    return page(request, "inbox/inbox.html", waiting=waiting, over=over)


def _table(found: QuerySet[Notice]) -> Table:
    columns = (
        Column(_("When"), Kind.MOMENT), Column(_("Controller")), Column(_("What")),
        Column(_("Done"), Kind.MOMENT), Column(_("Done by")),
    )  # fmt: skip

    def rows() -> Iterator[tuple[Any, ...]]:
        for each in found.iterator(chunk_size=500):
            name = "" if each.device is None else each.device.name or each.device.pk
            yield each.at, name, notices.sentence(each), each.done, each.done_by

    return Table("loquet-inbox", _("Inbox"), columns, rows)


def _seen(request: HttpRequest) -> QuerySet[Notice]:
    return scope.within(request, Notice.objects.all(), "device__site")


def _link(notice: Notice) -> str:
    """Return where a notice is dealt with."""
    match notice.what:
        case "unnamed":
            return f"/members/{notice.about.get('member', '')}" if notice.count == 1 else "/whitelist?show=all&q=new-"
        case "proposals" | "held" | "sheet":
            return "/import"
        case "fault":
            return "/workshop"
        case "defect":
            return f"/machines/{notice.about.get('id', '')}"
        case "edited" | "lost_to":
            return "/history"
    return "" if notice.device is None else "/devices"
