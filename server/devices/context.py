"""What every page knows of the workshop: what it is called, how much waits, how many controllers are silent."""

from __future__ import annotations

from typing import Any

from django.db.models import IntegerField, Q, QuerySet, Subquery
from django.http import HttpRequest

from server.accounts import scope
from server.accounts.models import Account, Role
from server.core import clock
from server.devices.models import Device
from server.devices.reports import SILENT
from server.inbox.models import Notice
from server.sites.models import MAIN, Site


class RawCount(Subquery):
    """The number of rows of a question."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()


def context(request: HttpRequest) -> dict[str, Any]:
    """Return it; counts are for whoever runs the workshop."""
    account = request.user
    if not isinstance(account, Account):
        return {"workshop_name": "", "inbox_count": 0, "silent": 0}
    found: QuerySet[Site] = Site.objects.filter(pk=account.site_id or MAIN)
    if not account.may(Role.FABMANAGER):
        return {"workshop_name": found.values_list("name", flat=True).first() or "", "inbox_count": 0, "silent": 0}
    quiet = Q(seen=None) | Q(seen__lt=clock.now() - SILENT)
    silent = _count(scope.within(request, Device.objects.filter(quiet, retired=False)))
    name, quiet_ones = found.values_list("name", silent).first() or ("", 0)
    waiting = scope.within(request, Notice.objects.filter(done=None), "device__site").count()
    return {"workshop_name": name, "inbox_count": waiting, "silent": quiet_ones}


def _count(found: QuerySet[Any]) -> RawCount:
    """Return how many these are, as a part of another question."""
    return RawCount(found.order_by().values("pk"))
