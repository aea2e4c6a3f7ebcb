"""Hour counters of machines: since the first day, whichever controller switched them, under whatever id."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Sum

from server.core import small
from server.usage.models import Session
from server.whitelist.models import Machine
from server.whitelist.sameness.machines import now_called


def counted(machines: Iterable[str]) -> dict[str, int]:
    """Return for how long each machine was powered, in milliseconds; of a machine that goes on as another, there."""
    wanted = set(machines)
    before: dict[str, str] = {pk: pk for pk in wanted}
    if not wanted:
        return {}
    before |= {pk: now for pk, now in now_called().items() if now in wanted}
    total: defaultdict[str, int] = defaultdict(int)
    for each in small.rows(Machine):
        if each.pk in before:
            total[before[each.pk]] += each.powered_before
    sums = Session.objects.filter(machine__in=before).order_by().values("machine").annotate(sum=Sum("powered"))
    for row in sums:
        total[before[row["machine"]]] += row["sum"] or 0
    return {pk: total[pk] for pk in wanted}
