"""Two members are one person: all that one has becomes the other's, and the id that goes is known as theirs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import msgspec
from django.db import transaction

from common.texts import N_
from protocol.rows import Member
from server.accounts.models import Account, Role
from server.edits import rows
from server.edits.authors import Author
from server.edits.editing import EditError, alone, carry_out
from server.people import payers
from server.people.merging import aliases
from server.people.merging.union import Choice, Union, particulars_as_one, united
from server.people.models import MergedMember, Particulars
from server.people.signals import members_moved

Known = dict[str, Any] | None  # particulars as JSON; None where there are none


class Snapshot(msgspec.Struct, frozen=True):
    """What separating two members needs besides the rows, which the history keeps; as `MergedMember.snapshot`.

    name: what the one who went was called; theirs, before, after: the particulars of the one who went, and of the one
    who was kept, before and after; accounts: those that moved.
    """

    choice: Choice
    name: str
    theirs: Known
    before: Known
    after: Known
    accounts: tuple[int, ...]


def read_snapshot(link: MergedMember) -> Snapshot:
    """Return what is kept of a merging. Raises EditError where that is gone."""
    if not link.snapshot:
        raise EditError(N_("this cannot be taken back any more"))
    return msgspec.convert(link.snapshot, Snapshot)


@contextmanager
def nobody_else() -> Iterator[None]:
    """Have nobody else ask who is who, or edit, meanwhile."""
    with transaction.atomic():
        aliases.hold(alone=True)
        with alone():
            yield


def pair_of(choice: Choice) -> tuple[Member, Member, Choice]:
    """Return the members that are meant: who is kept, and who goes. Raises EditError."""
    to = aliases.of(choice.kept)
    if aliases.of(choice.gone) != choice.gone:
        raise EditError(N_('"{member}" was merged already'), member=choice.gone)
    if to == choice.gone:
        raise EditError(N_("these are one member already"))
    found = rows.find([f"member/{to}", f"member/{choice.gone}"])
    kept, gone = found.get(f"member/{to}"), found.get(f"member/{choice.gone}")
    if not isinstance(kept, Member) or not isinstance(gone, Member):
        raise EditError(N_("there is no such member any more"))
    return kept, gone, msgspec.structs.replace(choice, kept=to)


def looked_at(choice: Choice) -> Union:
    """Return what merging would put and drop. Raises EditError."""
    kept, gone, choice = pair_of(choice)
    theirs = [*rows.belonging_to("member", kept.id), *rows.belonging_to("member", gone.id)]
    return united(kept, gone, theirs, paid_for(gone.id), choice)


def paid_for(payer: str) -> list[Member]:
    """Return the rows of those for whom somebody pays."""
    return [row for row in map(rows.of, payers.paid_for(payer)) if isinstance(row, Member)]


def merge(author: Author, choice: Choice, at: datetime | None = None, by: str = "") -> MergedMember:
    """Merge one member into another: rows, accounts, particulars, and from now on whatever names the id that goes.

    Raises EditError, NotAllowedError, ElsewhereError.
    """
    with nobody_else():
        kept, gone, choice = pair_of(choice)
        hold_to_roles(author, kept.id, gone.id)
        wanted = looked_at(choice)
        before, theirs = known_of(kept.id), known_of(gone.id)
        # First, since what machines ask for besides trainings follows from them.
        after = theirs if before is None else particulars_as_one(before, theirs or {})
        put_known(kept.id, after)
        about = {"name": wanted.member.name or kept.id, "other": gone.name or gone.id, "into": kept.id, "gone": gone.id}
        edit = carry_out(author, "merged", wanted.put, wanted.drop, about=about)
        mine = Account.objects.filter(member=gone.id)
        accounts = tuple(mine.order_by("pk").values_list("pk", flat=True))
        snapshot = Snapshot(choice, gone.name, theirs, before, after, accounts)
        mine.update(member=kept.id)
        link = MergedMember(gone=gone.id, kept=kept.id, by=(by or author.name)[:200], edit=edit)
        link.snapshot = msgspec.to_builtins(snapshot)
        link.at = at or link.at
        link.save(force_insert=True)
        members_moved.send(MergedMember, members=[gone.id, *aliases.below(gone.id)])
    return link


def hold_to_roles(author: Author, *members: str) -> None:
    """Refuse whoever may less than an account of these members. Raises EditError."""
    author = author.as_it_is_now()
    found = Account.objects.filter(member__in=members).values_list("role", flat=True).distinct()
    if not all(author.may(Role(role)) for role in found):
        raise EditError(N_("one of them has an account that may more than yours; ask an administrator"))


def known_of(member: str) -> Known:
    """Return the particulars of a member as they are kept in a snapshot."""
    found = Particulars.objects.filter(pk=member).values().first()
    if found is None:
        return None
    made: dict[str, Any] = msgspec.to_builtins({name: value for name, value in found.items() if name != "member"})
    return made


def put_known(member: str, known: Known) -> None:
    """Have the particulars of a member be those of a snapshot."""
    if known is None:
        Particulars.objects.filter(pk=member).delete()
        return
    fields = {field.attname: field for field in Particulars._meta.concrete_fields}  # noqa: SLF001 - Django's documented way
    values = {name: fields[name].to_python(value) for name, value in known.items() if name in fields}
    Particulars.objects.update_or_create(pk=member, defaults=values)
