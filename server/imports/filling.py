"""What a sheet says that the server alone keeps of a member: it fills what is empty, and goes back with the sheet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.db import transaction

from common.texts import N_
from protocol.sheets.people import Person
from server.accounts.models import Role
from server.core import bulk, clock
from server.edits import editing
from server.edits.authors import Author
from server.edits.editing import EditError
from server.edits.models import Edit
from server.imports.models import Filled
from server.people.forms import FIRST_BIRTH
from server.people.merging import aliases
from server.people.models import Member, Particulars
from server.people.signals import particulars_changed

BATCH: Final = 500
FIELDS: Final = ("email", "birth_year", "commune")

Values = dict[str, dict[str, Any]]  # by member, what is said of which field


def wanted(people: Iterable[Person], who: Mapping[int, str]) -> Values:
    """Return what a sheet says of members of whom that is not known yet. who: by line, whom it is about."""
    said: Values = {}
    for person in people:
        member = who.get(person.line)
        values = {field: value for field in FIELDS if (value := getattr(person, field))}
        if not FIRST_BIRTH <= values.get("birth_year", FIRST_BIRTH) <= clock.today().year:
            del values["birth_year"]
        if member is not None and values:
            said[member] = values | said.get(member, {})
    return _missing(said)


def _missing(said: Values) -> Values:
    """Return what is said where nothing is known."""
    found: Values = {}
    for member, known in _known(said).items():
        values = {field: value for field, value in said[member].items() if not getattr(known, field)}
        if values:
            found[member] = values
    return found


def _of_members(ids: Iterable[str]) -> set[str]:
    """Return which of these are members' ids."""
    asked = list(ids)
    found: set[str] = set()
    for start in range(0, len(asked), BATCH):
        found |= set(Member.objects.filter(pk__in=asked[start : start + BATCH]).values_list("pk", flat=True))
    return found


def _known(members: Iterable[str]) -> dict[str, Particulars]:
    """Return what is known of members; of whom nothing is, what is not saved."""
    ids = list(members)
    found: dict[str, Particulars] = {}
    for start in range(0, len(ids), BATCH):
        some = ids[start : start + BATCH]
        known = Particulars.objects.in_bulk(some)
        found |= {each: known.get(each) or Particulars(pk=each) for each in some}
    return found


def fill(author: Author, edit: Edit, said: Values) -> None:
    """Fill what is empty still, in the transaction that is open."""
    now = aliases.resolve(said)  # somebody may have been merged, or be gone, since it was looked at
    here = _of_members(now.values())
    said = _missing({now[member]: values for member, values in said.items() if now[member] in here})
    if not said:
        return
    _keep(author, said)
    Filled.objects.create(edit=edit, values=said)


def _keep(author: Author, values: Values) -> None:
    """Write values over what is known of members, and tell whoever makes rules of it."""
    known = _known(values)
    for member, mine in values.items():
        for field, value in mine.items():
            setattr(known[member], field, value)
    bulk.put(list(known.values()), unique=("member",), update=FIELDS)
    for start in range(0, len(values), BATCH):
        some = list(values)[start : start + BATCH]
        particulars_changed.send(Particulars, author=author, members=some)


def undo(author: Author, edit: Edit) -> Edit | None:
    """Take an import back: its rows, and what it filled as far as it still stands. Raises EditError."""
    with editing.alone(), transaction.atomic():
        filled = Filled.objects.filter(edit=edit).first()
        if filled is not None:
            _empty(author, filled)  # first: what follows from it belongs to members who go
            if not edit.changes.exists():
                return _undone(author, edit)
        return editing.put_back(author, edit)


def _undone(author: Author, edit: Edit) -> Edit:
    """Have an import be taken back that changed no row. Raises EditError."""
    if not author.as_it_is_now().may(Role.FABMANAGER):
        raise EditError(N_("your account may not change this; ask a fabmanager"))
    locked = Edit.objects.select_for_update(of=("self",)).get(pk=edit.pk)
    if locked.undone_by_id is not None:
        raise EditError(N_("this was undone already"))
    about = {**locked.about, "what": locked.what}
    locked.undone_by = Edit.objects.create(account=author.account, by=author.name[:200], what="undone", about=about)
    locked.save(update_fields=["undone_by"])
    return locked.undone_by


def _empty(author: Author, filled: Filled) -> None:
    """Empty what was filled, where it still stands so; whoever went meanwhile is no concern."""
    ids = list(filled.values)
    here: set[str] = set()
    for start in range(0, len(ids), BATCH):
        here |= set(Particulars.objects.filter(pk__in=ids[start : start + BATCH]).values_list("pk", flat=True))
    known = _known(here)
    back: Values = {}
    for member in here:
        mine = filled.values[member]
        stands = {field: None if field == "birth_year" else "" for field, value in mine.items()
                  if getattr(known[member], field) == value}  # fmt: skip
        if stands:
            back[member] = stands
    if back:
        _keep(author, back)
    filled.delete()


def forget(member: str, **_signal: object) -> None:
    """Have nothing of whoever is forgotten in what imports filled."""
    for filled in Filled.objects.all():
        if filled.values.pop(member, None) is not None:
            filled.save(update_fields=["values"])
