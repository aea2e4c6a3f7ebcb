"""A machine that a new controller brought under another id: it goes on as what it was, and its usage is one."""

from __future__ import annotations

import msgspec

from common.texts import N_
from protocol.rows import Machine
from server.core import small
from server.edits import editing, rows
from server.edits.authors import Author
from server.edits.editing import EditError, alone, carry_out
from server.edits.models import Edit
from server.whitelist import models
from server.whitelist.sameness.resembling import resembling


def as_one(new: Machine, old: Machine) -> Machine:
    """Return the new machine with what was said of the old one: the stricter of both, whatever it is."""
    if new.requires is None or old.requires is None:
        requires = old.requires if new.requires is None else new.requires
    else:
        requires = tuple(sorted({*new.requires, *old.requires}))
    longest = min((each for each in (new.longest, old.longest) if each is not None), default=None)
    return msgspec.structs.replace(
        new,
        name=old.name or new.name,
        requires=requires,
        locked=new.locked or old.locked,
        now=new.now or old.now,
        longest=longest,
        supervised=new.supervised or old.supervised,
        buddy=new.buddy or old.buddy,
    )


def left() -> dict[str, str]:
    """Return the machines in use that no controller switches, by id, with their names."""
    return {each.pk: each.name for each in small.rows(models.Machine) if each.device_id is None and not each.retired}


def switched(site: str | None) -> dict[str, str]:
    """Return the machines that a controller switches, of one workshop or of all."""
    found = models.Machine.objects.filter(retired=False).exclude(device=None)
    return dict((found if site is None else found.filter(device__site=site)).values_list("pk", "name"))


def offered(site: str | None) -> list[tuple[str, str, str]]:
    """Return which machines may be one that is left: the new one, its name, and the old one that it resembles or ""."""
    old = left()
    return [(pk, name, resembling(pk, name, old)) for pk, name in sorted(switched(site).items())] if old else []


def go_on(author: Author, new: str, old: str) -> Edit | None:
    """Have a machine that a controller brought be one that was here, in one edit. Raises EditError."""
    with alone():
        if old not in left() or new not in switched(author.site):
            raise EditError(N_("choose a machine that a controller switches, and one that none does"))
        found = rows.find([f"machine/{new}", f"machine/{old}"])
        mine, theirs = found[f"machine/{new}"], found[f"machine/{old}"]
        assert isinstance(mine, Machine)  # noqa: S101 - by their keys
        assert isinstance(theirs, Machine)  # noqa: S101 - likewise
        made = as_one(mine, theirs)
        about = {"machine": made.name or new, "other": old, "into": new}
        edit = carry_out(author, "machine_same", [made], about=about)
        models.Machine.objects.filter(pk=old).update(retired=True, became=new)
    return edit


def take_back(author: Author, edit: Edit) -> Edit | None:
    """Have both be machines of their own again: `editing.undo` comes here. Raises EditError."""
    with alone():
        done = editing.put_back(author, edit)
        old = models.Machine.objects.filter(pk=edit.about.get("other"), became=edit.about.get("into"))
        old.update(retired=False, became="")
    return done


def called() -> dict[str, str]:
    """Return what each machine is called, retired ones too, by its id."""
    return {each.pk: each.name or each.pk for each in small.rows(models.Machine)}


def now_called() -> dict[str, str]:
    """Return under which id each machine goes on that has another one now."""
    edges = {each.pk: each.became for each in small.rows(models.Machine) if each.became}
    found = {}
    for each in edges:
        end, seen = each, {each}
        while end in edges and edges[end] not in seen:
            end = edges[end]
            seen.add(end)
        found[each] = end
    return found


def known_as(machine: str) -> list[str]:
    """Return every id that a machine has had, its own first."""
    return [machine, *(each for each, end in now_called().items() if end == machine)]
