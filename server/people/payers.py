"""Who pays: an organisation or a member, by id; people say and read names."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from django.db.models import QuerySet

from common.folding import fold
from common.texts import N_
from protocol.rows import Member as MemberRow
from server.core.forms import FormError, made_of
from server.people.merging import aliases
from server.people.models import Member, Organisation
from server.people.shown import in_brackets, written


def called(ids: Iterable[str]) -> dict[str, str]:
    """Return what payers are called, by id; those that are nobody's any more are left out."""
    wanted = list({each for each in ids if each})
    now = aliases.resolve(wanted)
    members = dict(Member.objects.filter(pk__in=set(now.values())).values_list("pk", "name"))
    members = {each: members[to] for each, to in now.items() if to in members}
    return members | dict(Organisation.objects.filter(pk__in=wanted).values_list("pk", "name"))


def name_of(payer: str) -> str:
    """Return what one payer is called, whose id was not merged; "" for nobody."""
    for kind in (Member, Organisation):
        name = kind.objects.filter(pk=payer).values_list("name", flat=True).first()
        if name is not None:
            return str(name)
    return ""


def shown(payer: str) -> str:
    """Write a payer as forms take one back."""
    name = called([payer]).get(payer, "")
    return written(name, payer) if name and name != payer else payer


def settled(rows: list[MemberRow], *, enter: bool) -> list[MemberRow]:
    """Return members with an id for who pays. enter: an organisation of which nobody has heard yet is entered."""
    payers = {row.payer for row in rows if row.payer}
    if not payers:
        return rows
    ids: dict[str, str] = {}
    entering = {row.id for row in rows}
    names = _Names()
    for said in sorted(payers):
        found = _known(said, names) or (said if said in entering else None)
        if found is not None or enter:
            ids[said] = found or names.enter(said)
    return [_paid(row, ids.get(row.payer, row.payer)) for row in rows]


def _paid(row: MemberRow, payer: str) -> MemberRow:
    """Return a member for whom somebody pays; whoever is that somebody themselves pays as everybody does."""
    payer = "" if payer == row.id else payer
    return row if payer == row.payer else msgspec.structs.replace(row, payer=payer)


class _Names:
    """What organisations are called, read once for many questions."""

    def __init__(self) -> None:
        # The first of several with one name, as they are found one by one.
        self._by_name: dict[str, str] = {}
        self._taken: set[str] | None = None
        for pk, name in Organisation.objects.order_by("pk").values_list("pk", "name"):
            self._by_name.setdefault(fold(name), pk)

    def called(self, name: str) -> str | None:
        """Return which organisation has that name, in whatever letters."""
        folded = fold(name)
        return self._by_name.get(folded) if folded else None

    def enter(self, name: str) -> str:
        """Enter an organisation of that name, and return its id."""
        if self._taken is None:
            self._taken = set(Organisation.objects.values_list("pk", flat=True))
            self._taken |= set(Member.objects.values_list("pk", flat=True))
        name = " ".join(name.split())
        made = str(Organisation.objects.create(pk=made_of(name, self._taken), name=name).pk)
        self._taken.add(made)
        self._by_name.setdefault(fold(name), made)
        return made


def known(said: str) -> str | None:
    """Return whom somebody means: a member or an organisation, by id or by name; None for nobody."""
    return _known(said, _Names())


def _known(said: str, names: _Names) -> str | None:
    """Return whom somebody means: by id, as `shown` wrote it, or by an organisation's name."""
    inside = in_brackets(said)
    as_written = [each for each in inside if shown(each) == said.strip()]
    for each in aliases.resolve((said, *as_written, *inside[-1:], said.strip())).values():
        if any(kind.objects.filter(pk=each).exists() for kind in (Organisation, Member)):
            return each
    return names.called(said)


def save(known: str, name: str) -> Organisation:
    """Enter an organisation, or call it something else. Raises FormError."""
    if not name:
        raise FormError(N_("an organisation has a name"))
    names = _Names()
    if names.called(name) not in {None, known}:
        raise FormError(N_('"{name}" is there already'), name=name)
    if not known:
        return Organisation.objects.get(pk=names.enter(name))
    found = Organisation.objects.filter(pk=known).first()
    if found is None:
        raise FormError(N_("there is no such organisation any more"))
    found.name = name
    found.save(update_fields=["name"])
    return found


def paid_for(payer: str) -> QuerySet[Member]:
    """Return for whom somebody pays."""
    return Member.objects.filter(payer=payer)


def remove(known: str) -> None:
    """Have nothing of an organisation that pays for nobody. Raises FormError."""
    if paid_for(known).exists():
        raise FormError(N_("it pays for members; say first who pays for them"))
    Organisation.objects.filter(pk=known).delete()
