"""The members as a file: who they are, who pays for them, and what is known of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponseBase

from common.texts import _
from server.accounts.guards import allowed, audit
from server.accounts.models import Role
from server.core import exports
from server.core.exports import Column, Kind, Table
from server.core.rendering import refused
from server.people import payers
from server.people.models import Member, Particulars


@allowed(Role.FABMANAGER)
def sheet(request: HttpRequest) -> HttpResponseBase:
    """Return every member as a file."""
    audit(request, "exported_members")
    return exports.asked(request, _table) or refused(request, _("There is no such page."), 404)


def _table() -> Table:
    day = Kind.DAY
    columns = (
        Column(_("Number or id")), Column(_("Name")), Column(_("Category")), Column(_("Who pays")),
        Column(_("Membership until"), day), Column(_("excluded")), Column(_("Year of birth"), Kind.NUMBER),
        Column(_("Commune")), Column(_("A guardian agreed on"), day), Column(_("House rules signed on"), day),
        Column(_("Insured until"), day), Column(_("Agreed to pictures on"), day),
        Column(_("Agreed to letters on"), day), Column(_("E-mail")), Column(_("Language of letters")),
    )  # fmt: skip

    def rows() -> Iterator[tuple[Any, ...]]:
        paying = payers.called(Member.objects.exclude(payer="").values_list("payer", flat=True).distinct())
        known = {each.pk: each for each in Particulars.objects.all()}
        for each in Member.objects.order_by("place").iterator(chunk_size=500):
            of = known.get(each.pk, Particulars())
            yield (
                each.pk, each.name, each.category, paying.get(each.payer, each.payer), each.until,
                _("yes") if each.excluded else "", of.birth_year, of.commune, of.guardian, of.rules, of.insurance,
                of.photos, of.letters, of.email, of.language,
            )  # fmt: skip

    return Table("loquet-members", _("Members"), columns, rows)
