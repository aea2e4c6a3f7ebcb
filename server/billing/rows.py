"""The rows that say what use costs: prices, and who has which plan."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from django.db.models import QuerySet

from protocol import rows as protocol
from protocol.rows import Meter
from server.billing.models import Price, Subscription
from server.edits.rows import Kind
from server.people.merging import aliases
from server.whitelist.rows import sites_of_machines

FIELDS = (
    "per",
    "machine",
    "category",
    "plan",
    "since",
    "cents",
    "step",
    "least",
    "most",
    "off",
    "vat",
    "net",
    "account",
)


class Prices(Kind[Price, protocol.Price]):
    """What a machine costs."""

    name, model, rank = "price", Price, 9
    unique, fields = ("name",), FIELDS

    def of(self, found: Price) -> protocol.Price:
        """Return the row that a model says."""
        said = {name: getattr(found, name) for name in FIELDS}
        return protocol.Price(**(said | {"per": Meter(found.per)}))

    def made(self, row: protocol.Price) -> Price:
        """Return the model that keeps a row."""
        said = {name: getattr(row, name) for name in FIELDS}
        return Price(name=row.own_key, **(said | {"per": row.per.value}))

    def named(self, names: list[str]) -> QuerySet[Price]:
        """Find by own key."""
        return Price.objects.filter(name__in=names)

    def sites(self, names: list[str]) -> dict[str, set[str]]:
        """Return where the machine is that a price is for; one for any is of every site."""
        machines = {name: name.partition("/")[0] for name in names}
        where = sites_of_machines([machine for machine in machines.values() if machine])
        return {name: where[machine] for name, machine in machines.items() if machine in where}

    def belonging_to(self, kind: str, names: list[str]) -> Iterable[Price]:
        """Find the prices of machines."""
        return Price.objects.filter(machine__in=names) if kind == "machine" else ()


class Subscriptions(Kind[Subscription, protocol.Subscription]):
    """Who has which plan."""

    name, model, rank = "subscription", Subscription, 10
    unique, fields = ("member", "plan"), ("since", "until")

    def of(self, found: Subscription) -> protocol.Subscription:
        """Return the row that a model says."""
        return protocol.Subscription(found.member, found.plan, found.since, found.until)

    def made(self, row: protocol.Subscription) -> Subscription:
        """Return the model that keeps a row."""
        return Subscription(member=row.member, plan=row.plan, since=row.since, until=row.until)

    def settled(self, rows: list[protocol.Subscription], *, enter: bool) -> list[protocol.Subscription]:  # noqa: ARG002 - nothing is entered
        """Return subscriptions as they are kept here: of whoever an id is now."""
        return cast("list[protocol.Subscription]", aliases.settled([*rows]))

    def named(self, names: list[str]) -> QuerySet[Subscription]:
        """Find by member: a name is a member's and a plan's."""
        return Subscription.objects.filter(member__in={name.rpartition("/")[0] for name in names})

    def belonging_to(self, kind: str, names: list[str]) -> Iterable[Subscription]:
        """Find members'."""
        return Subscription.objects.filter(member__in=names) if kind == "member" else ()


KINDS = (Prices(), Subscriptions())
