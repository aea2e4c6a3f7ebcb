"""The row that says where a controller stands."""

from __future__ import annotations

from datetime import date

from django.db.models import QuerySet

from protocol import rows as protocol
from server.edits.rows import Kind
from server.sites.models import Site


class Sites(Kind[Site, protocol.Site]):
    """Workshops. An edit changes one; who runs it is said elsewhere."""

    name, model, rank = "site", Site, 0
    unique, fields = ("id",), ("name", "zone", "currency", "holidays")

    def of(self, found: Site) -> protocol.Site:
        """Return the row that a model says."""
        holidays = tuple(date.fromisoformat(day) for day in found.holidays)
        return protocol.Site(found.id, found.name, found.zone, found.currency, holidays)

    def made(self, row: protocol.Site) -> Site:
        """Return the model that keeps a row."""
        holidays = [day.isoformat() for day in row.holidays]
        return Site(id=row.id, name=row.name, zone=row.zone, currency=row.currency, holidays=holidays)

    def sites(self, names: list[str]) -> dict[str, set[str]]:
        """Return each one's own."""
        return {name: {name} for name in names}

    def named(self, names: list[str]) -> QuerySet[Site]:
        """Find by id."""
        return Site.objects.filter(id__in=names)


KINDS = (Sites(),)
