"""The rows that say who somebody is: members, badges, and the hours of a category."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import msgspec
from django.db.models import QuerySet

from protocol import rows as protocol
from protocol.rows import BadgeKind
from server.accounts.models import Role
from server.edits.authors import Author, Standing
from server.edits.rows import Kind
from server.people import payers
from server.people.merging import aliases
from server.people.models import Badge, Category, Member, Pin


class Members(Kind[Member, protocol.Member]):
    """Persons."""

    name, model, rank = "member", Member, 3
    unique, fields = ("id",), ("name", "category", "payer", "until", "excluded", "folded", "place")

    def of(self, found: Member) -> protocol.Member:
        """Return the row that a model says."""
        return protocol.Member(found.id, found.name, found.category, found.payer, found.until, found.excluded)

    def made(self, row: protocol.Member) -> Member:
        """Return the model that keeps a row."""
        return Member(row.id, row.name, row.category, row.payer, row.until, row.excluded)

    def settled(self, rows: list[protocol.Member], *, enter: bool) -> list[protocol.Member]:
        """Return members as they are kept here: who pays is an id; nobody is entered who was merged."""
        return payers.settled(cast("list[protocol.Member]", aliases.settled([*rows])), enter=enter)

    def may_say(self, standing: Standing, before: protocol.Member | None, after: protocol.Member | None) -> bool:
        """Let a controller exclude, enter whom a trainer lets in at a reader, and name whoever has no name."""
        match before, after:
            case protocol.Member(excluded=False), protocol.Member(excluded=True):
                return after == msgspec.structs.replace(before, excluded=True)
            case None, protocol.Member():
                is_new = standing.is_taught and after.id in standing.entered
                return is_new and after == protocol.Member(after.id, after.name)
            case protocol.Member(name=""), protocol.Member():
                return bool(after.name) and after == msgspec.structs.replace(before, name=after.name)
        return False

    def named(self, names: list[str]) -> QuerySet[Member]:
        """Find by id."""
        return Member.objects.filter(id__in=names)


class Badges(Kind[Badge, protocol.Badge]):
    """What persons present."""

    name, model, rank = "badge", Badge, 4
    unique, fields = ("hash",), ("member", "kind", "since", "until", "blocked")

    def of(self, found: Badge) -> protocol.Badge:
        """Return the row that a model says."""
        kind = BadgeKind(found.kind)
        return protocol.Badge(found.hash, found.member, kind, found.since, found.until, found.blocked)

    def made(self, row: protocol.Badge) -> Badge:
        """Return the model that keeps a row."""
        return Badge(row.hash, row.member, row.kind.value, row.since, row.until, row.blocked)

    def settled(self, rows: list[protocol.Badge], *, enter: bool) -> list[protocol.Badge]:  # noqa: ARG002 - nothing is entered
        """Return badges as they are kept here: of whoever an id is now."""
        return cast("list[protocol.Badge]", aliases.settled([*rows]))

    def may_say(self, standing: Standing, before: protocol.Badge | None, after: protocol.Badge | None) -> bool:
        """Let a controller block, and give one to whom the same edit enters."""
        match before, after:
            case protocol.Badge(blocked=False), protocol.Badge(blocked=True):
                return after == msgspec.structs.replace(before, blocked=True)
            case None, protocol.Badge(kind=BadgeKind.MEMBER):
                return (
                    standing.is_taught
                    and after.member in standing.entered
                    and after == protocol.Badge(after.hash, after.member)
                )
        return False

    def named(self, names: list[str]) -> QuerySet[Badge]:
        """Find by hash."""
        return Badge.objects.filter(hash__in=names)

    def belonging_to(self, kind: str, names: list[str]) -> Iterable[Badge]:
        """Find members' badges."""
        return Badge.objects.filter(member__in=names) if kind == "member" else ()


class CategoryHours(Kind[Category, protocol.Hours]):
    """When the members of a category may start. The category itself stays a word where there are none."""

    name, model, rank = "hours", Category, 6
    unique, fields = ("name",), ("open",)

    def of(self, found: Category) -> protocol.Hours | None:
        """Return the row that a model says; None for a category that is always open."""
        return None if found.open is None else protocol.Hours(found.name, tuple((a, b) for a, b in found.open))

    def made(self, row: protocol.Hours) -> Category:
        """Return the model that keeps a row."""
        return Category(name=row.category, open=[list(span) for span in row.open])

    def named(self, names: list[str]) -> QuerySet[Category]:
        """Find by the category's name."""
        return Category.objects.filter(name__in=names)

    def drop(self, rows: list[protocol.Hours]) -> None:
        """Have categories be open always."""
        Category.objects.filter(name__in=[row.category for row in rows]).update(open=None)


class Pins(Kind[Pin, protocol.Pin]):
    """What members type beside their badges."""

    name, model, rank = "pin", Pin, 8
    unique, fields = ("member",), ("salt", "under", "hash")

    def of(self, found: Pin) -> protocol.Pin:
        """Return the row that a model says."""
        return protocol.Pin(found.member, found.salt, found.under, found.hash)

    def made(self, row: protocol.Pin) -> Pin:
        """Return the model that keeps a row."""
        return Pin(row.member, row.salt, row.under, row.hash)

    def settled(self, rows: list[protocol.Pin], *, enter: bool) -> list[protocol.Pin]:  # noqa: ARG002 - nothing is entered
        """Return PINs as they are kept here: an id that was merged has none."""
        return cast("list[protocol.Pin]", aliases.settled([*rows]))

    def refuses(self, author: Author, steps: list[tuple[protocol.Pin | None, protocol.Pin | None]]) -> str:
        """Let everybody change their own."""
        mine = "" if author.account is None else author.account.member
        own = bool(mine) and all(row is None or row.member == mine for step in steps for row in step)
        return "" if own and author.may(Role.MEMBER) else super().refuses(author, steps)

    def named(self, names: list[str]) -> QuerySet[Pin]:
        """Find by the member's id."""
        return Pin.objects.filter(member__in=names)

    def belonging_to(self, kind: str, names: list[str]) -> Iterable[Pin]:
        """Find members'."""
        return Pin.objects.filter(member__in=names) if kind == "member" else ()


KINDS = (Members(), Badges(), CategoryHours(), Pins())
