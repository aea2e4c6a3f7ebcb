"""What controllers would have the whitelist say: of the list that they kept alone, or edited at a machine.

The first list that comes to an empty server is taken over at once: the workshop goes on as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from django.db.models import Q

from protocol.messages import Proposals
from protocol.overlay import Edit, lay_over
from protocol.rows import Machine, Row, Unread, encode_row, read_row
from server.devices.models import Device, Proposal
from server.edits import editing, rows
from server.edits.authors import Author
from server.edits.models import Edit as Edited
from server.inbox.notices import notify
from server.people.merging import aliases
from server.people.models import Member as People
from server.whitelist.sameness import trainings

MOST: Final = 250_000


class TooManyError(Exception):
    """More rows than are kept of one controller."""


def keep(device: Device, said: Proposals) -> None:
    """Keep what a controller had by itself, once: the same again changes nothing. Raises TooManyError."""
    mine = Proposal.objects.filter(device=device, epoch="")
    keys = set(mine.values_list("key", flat=True))
    if len(keys) + len(said.rows) > MOST:
        raise TooManyError
    Proposal.objects.bulk_create(
        Proposal(device=device, key=row.key, row=encode_row(row).decode()) for row in said.rows if row.key not in keys
    )
    if not said.rows or mine.count() < said.of:
        return
    if not People.objects.exists():
        take_over(Author(device=device, name=device.name), device)
    else:
        notify("proposals", device, once=f"proposals/{device.pk}", count=mine.count())


def of(device: Device) -> list[tuple[str, Row | None]]:
    """Return what a controller proposes: keys, and rows for whom they concern now; None where one is to go."""
    return list(_waiting(device).values())


def _waiting(device: Device) -> dict[str, tuple[str, Row | None]]:
    """Return the same by the keys that the controller gave."""
    found = {
        each.key: read_row(each.key, each.row) if each.row else None
        for each in Proposal.objects.filter(device=device).order_by("pk")
    }
    return aliases.redirected({key: row for key, row in found.items() if not isinstance(row, Unread)})


def take_over(
    author: Author, device: Device, keys: set[str] | None = None, same: Mapping[str, str] | None = None
) -> Edited | None:
    """Have the whitelist say what a controller proposes, all of it or these keys.

    same: which training here is which of theirs.
    """
    with editing.alone():
        proposed = [(key, row) for key, row in of(device) if keys is None or key in keys]
        found = trainings.all_renamed(proposed, same or {})
        here = rows.find(key for key, _row in found)
        put = [merged for key, row in found if row is not None and (merged := _over(here.get(key), row)) is not None]
        drop = [key for key, row in found if row is None]
        edit = editing.carry_out(author, "took_over", put, drop, about={"device": device.name})
        _decided(device, keys)
    return edit


def _over(below: Row | None, row: Row) -> Row | None:
    """Lay a proposed row over the one that is here: what was made stricter here meanwhile stays, names too."""
    row = row if below is None else row.completed(below)
    if isinstance(below, Machine) and isinstance(row, Machine) and not below.is_set_up:
        return msgspec.structs.replace(row, locked=row.locked or below.locked)  # it came with its controller, bare
    return lay_over(below, Edit(row, 0), 1)


def decline(device: Device, keys: set[str] | None = None) -> None:
    """Have nothing of it; what a machine's edit said ends there too."""
    with editing.alone():
        _decided(device, keys)


def _decided(device: Device, keys: set[str] | None) -> None:
    gone = Proposal.objects.filter(device=device)
    if keys is not None:
        said = [said for said, (key, _row) in _waiting(device).items() if key in keys]
        gone = gone.filter(key__in=keys.union(said))
    gone.delete()
    editing.touch()  # the controller is to hear that its edits were decided about


def forget(member: str, keys: list[str], **_signal: object) -> None:
    """Drop what any controller proposes of a member who is forgotten."""
    head, names = f"certification/{member}/", {f"member/{member}", *keys}
    found = Proposal.objects.filter(Q(key__startswith=head) | Q(key__in=names)).values_list("pk", "key")
    # SQLite takes capitals for small letters where it looks for the beginning of a text: "ann" is not "Ann".
    mine = [pk for pk, key in found if key in names or key.startswith(head)]
    Proposal.objects.filter(pk__in=mine).delete()
