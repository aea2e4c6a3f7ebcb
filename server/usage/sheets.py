"""Usage as files, in words of the reader's language: a session a row, or a member at a machine a row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.db.models import Count, QuerySet, Sum

from common.texts import _
from protocol.moment import Quality
from protocol.sentences import ENDINGS, QUALITIES
from server.core.exports import Column, Kind, Table
from server.people import payers
from server.people.models import Member
from server.usage.filters import PURPOSES
from server.usage.models import Session
from server.usage.periods import Period
from server.whitelist.sameness.machines import called, now_called


def by_session(found: QuerySet[Session], period: Period) -> Table:
    """Return the sessions of a period, one a row."""
    names = dict(Member.objects.values_list("pk", "name"))
    machines, names_of = now_called(), called()
    paying = payers.called(found.order_by().values_list("payer", flat=True).distinct())
    number, time, moment = Kind.NUMBER, Kind.MINUTES, Kind.MOMENT
    columns = (
        Column(_("session")), Column(_("machine")), Column(_("name of the machine")), Column(_("member")),
        Column(_("name")), Column(_("category")), Column(_("payer")), Column(_("purpose")), Column(_("people"), number),
        Column(_("began"), moment), Column(_("clock")), Column(_("minutes powered"), time),
        Column(_("minutes busy"), time), Column(_("energy (Wh)"), number), Column(_("ended")),
        Column(_("corrected by")), Column(_("site")), Column(_("age")), Column(_("commune")),
    )  # fmt: skip
    endings = {key.value: text for key, text in ENDINGS.items()}

    def rows() -> Iterator[tuple[Any, ...]]:
        for each in found.order_by("started").iterator(chunk_size=500):
            began = None if each.started is None else datetime.fromtimestamp(each.started / 1000, UTC)
            machine = machines.get(each.machine, each.machine)
            yield (
                each.session, machine, names_of.get(machine, ""), each.member, names.get(each.member, ""),
                each.category, paying.get(each.payer, each.payer), _(PURPOSES.get(each.purpose, each.purpose)),
                each.people, began, _quality(each.quality), each.powered, each.busy, each.energy,
                _(endings.get(each.why, each.why)) if each.why else "",
                each.corrected_by, each.site, each.bracket, each.commune,
            )  # fmt: skip

    return Table(f"loquet-{period.file}", _("Usage {month}").format(month=period.said), columns, rows)


def by_member_and_machine(found: QuerySet[Session], period: Period) -> Table:
    """Return what each member used of each machine in a period."""
    names = dict(Member.objects.values_list("pk", "name"))
    machines, names_of = now_called(), called()
    columns = (
        Column(_("member")), Column(_("name")), Column(_("machine")), Column(_("name of the machine")),
        Column(_("sessions"), Kind.NUMBER), Column(_("minutes powered"), Kind.MINUTES),
        Column(_("minutes busy"), Kind.MINUTES), Column(_("energy (Wh)"), Kind.NUMBER),
    )  # fmt: skip

    def rows() -> Iterator[tuple[Any, ...]]:
        sums = found.order_by("member", "machine").values("member", "machine")
        sums = sums.annotate(count=Count("pk"), powered=Sum("powered"), busy=Sum("busy"), energy=Sum("energy"))
        for each in sums.iterator(chunk_size=500):
            machine = machines.get(each["machine"], each["machine"])
            yield (
                each["member"], names.get(each["member"], ""), machine, names_of.get(machine, ""), each["count"],
                each["powered"] or 0, each["busy"], each["energy"],
            )  # fmt: skip

    title = _("Usage {month}").format(month=period.said)
    return Table(f"loquet-members-{period.file}", title, columns, rows)


def _quality(said: str) -> str:
    return _(QUALITIES[Quality(said)]) if said in set(Quality) else said
