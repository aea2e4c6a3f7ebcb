"""The page Inbox: what a person should look at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect

from common.texts import _
from server.accounts import scope
from server.accounts.guards import allowed, audit
from server.accounts.models import Role
from server.core import exports
from server.core.exports import Column, Kind, Table
from server.core.links import link_to
from server.core.paging import page_of
from server.core.rendering import page
from server.inbox import notices
from server.inbox.forms import DoneForm
from server.inbox.models import Notice

STEP: Final = 50
PLACES: Final = {  # where notices are dealt with that are about nobody in particular
    "proposals": "/import", "held": "/import", "sheet": "/import", "fault": "/machines?state=fault",
    "edited": "/history", "lost_to": "/history",
}  # fmt: skip


@allowed(Role.FABMANAGER)
def inbox(request: HttpRequest) -> HttpResponseBase:
    """Show what waits, or give all of it as a sheet; have some of it done with."""
    if request.method == "POST":
        for notice in seen(request).filter(pk__in=DoneForm.read(request)["notice"]):
            notices.done(notice, request.user.get_username())
        return HttpResponseRedirect("/inbox")
    audit(request, "looked_inbox")
    found = seen(request).select_related("device")
    if (file := exports.asked(request, lambda: _table(found.order_by("-is_alarm", "-last", "-pk")))) is not None:
        return file
    waiting = page_of(request, found.filter(done=None), "-is_alarm", "-last", "-pk", step=STEP)
    over = page_of(request, found.filter(done__isnull=False), "-done", "-pk", step=STEP, name="done")
    context: dict[str, Any] = {
        "waiting": [(each, notices.title(each), notices.sentence(each), link(each)) for each in waiting.rows],
        "waiting_pages": waiting,
        "over": [(each, notices.sentence(each)) for each in over.rows],
        "over_pages": over,
        "looks_back": any(key.startswith("done-") for key in request.GET),
    }
    return page(request, "inbox/inbox.html", **context)


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


def seen(request: HttpRequest) -> QuerySet[Notice]:
    """Return the notices that whoever asks may see."""
    return scope.within(request, Notice.objects.all(), "device__site")


def link(notice: Notice) -> str:
    """Return where a notice is dealt with."""
    match notice.what:
        case "unnamed":
            is_one = notice.count == 1
            member = str(notice.about.get("member", ""))
            return link_to("/members", member) if is_one else link_to("/members", show="unnamed")
        case "asked" | "lost" | "defect":
            return link_to("/machines" if notice.what == "defect" else "/members", str(notice.about.get("id", "")))
    return PLACES.get(notice.what, "" if notice.device is None else "/devices")
