"""Two members were not one person after all: everything is as it was before they were merged.

What was merged over it meanwhile is taken apart first, and put together again afterwards: any of many mergings can be
taken back, in whatever order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
from django.db.models import Max, Q, QuerySet

from common.texts import N_
from protocol.rows import Member, read_row
from server.accounts.models import Account
from server.core import state
from server.edits import editing, rows
from server.edits.authors import Author
from server.edits.editing import EditError
from server.edits.models import Change, Edit
from server.people.merging import aliases, union
from server.people.merging.merge import (
    Known,
    Snapshot,
    hold_to_roles,
    known_of,
    merge,
    nobody_else,
    put_known,
    read_snapshot,
)
from server.people.models import MergedMember
from server.people.signals import members_moved, particulars_changed

BATCH: Final = 500


def take_back(author: Author, edit: Edit) -> Edit | None:
    """Take back the edit of a merging: `editing.undo` comes here with it. Raises EditError."""
    link = MergedMember.objects.filter(edit=edit).first()
    if link is None:
        is_done = edit.undone_by_id is not None
        raise EditError(N_("this was undone already") if is_done else N_("this cannot be taken back any more"))
    return separate(author, link.gone)


def separate(author: Author, gone: str) -> Edit | None:
    """Have a member who was merged be somebody of their own again. Raises EditError where something changed since."""
    with nobody_else():
        link = MergedMember.objects.filter(pk=gone).select_related("edit").first()
        if link is None:
            raise EditError(N_('"{member}" is not merged into anybody'), member=gone)
        over = _over(link)
        for each in reversed(over):
            _take_apart(author, each)
        done = _take_apart(author, link)
        for each in over:
            again = msgspec.structs.replace(author, since=state.version(), knows_own=False)
            merge(again, read_snapshot(each).choice, each.at, each.by)
        return done


def _over(link: MergedMember) -> list[MergedMember]:
    """Return the later mergings that lie over one, and those over these in turn; the oldest first."""
    if link.edit_id is None:
        raise EditError(N_("this cannot be taken back any more"))
    later = MergedMember.objects.filter(edit__gt=link.edit_id).select_related("edit")
    found: dict[str, MergedMember] = {}
    step = [link]
    while step:
        lying = {each.gone: each for each in _lying_over(step, later) if each.gone not in found}
        found |= lying
        step = list(lying.values())
    return sorted(found.values(), key=lambda each: each.edit_id or 0)


def _lying_over(links: list[MergedMember], later: QuerySet[MergedMember]) -> Iterator[MergedMember]:
    """Return which later mergings are of the same members, changed the same rows, or merged whoever pays in those."""
    members = {each.kept for each in links} | {each.gone for each in links}
    changed = Change.objects.filter(edit__in=[each.edit_id for each in links]).values_list("key", "before")
    keys = list({key for key, _before in changed})
    before = (read_row(key, body) for key, body in changed if body is not None and key.startswith("member/"))
    payers = {row.payer for row in before if isinstance(row, Member) and row.payer}
    yield from later.filter(Q(kept__in=members) | Q(gone__in=members | payers))
    for start in range(0, len(keys), BATCH):
        touching = Change.objects.filter(key__in=keys[start : start + BATCH]).values("edit")
        yield from later.filter(edit__in=touching)


def _take_apart(author: Author, link: MergedMember) -> Edit | None:
    """Take one merging back, over which none lies. Raises EditError."""
    snapshot = read_snapshot(link)
    assert link.edit is not None  # noqa: S101 - `_over` has looked, of each
    hold_to_roles(author, link.kept)
    if not _is_as_then(known_of(link.kept), snapshot.after):
        raise EditError(
            N_("the particulars of {name} have changed since; put them back as they were to separate the two"),
            name=link.edit.about.get("name", link.kept),
        )
    # First: rows that name an id which was merged would be for the other one; what follows from particulars, too.
    MergedMember.objects.filter(pk=link.gone).delete()
    put_known(link.kept, snapshot.before)
    put_known(link.gone, snapshot.theirs)
    done = editing.put_back(author, link.edit, also=_meant_for_both(link))
    _give_back_accounts(link, snapshot)
    members_moved.send(MergedMember, members=[link.gone, *aliases.below(link.gone)])
    particulars_changed.send(MergedMember, author=author, members=[link.gone, link.kept])
    return done


def _is_as_then(now: Known, then: Known) -> bool:
    """Return whether particulars are those of a snapshot; one of an older version had nothing that came since."""
    if now is None or then is None:
        return now is then
    return all(value == then[name] if name in then else not value for name, value in now.items())


def _meant_for_both(link: MergedMember) -> list[str]:
    """Return the keys of what a person may have taken from both, when it was one member's.

    Whoever was excluded since, or lost a training, would else have it again under the other id.
    """
    head = f"certification/{link.gone}/"
    held = Change.objects.filter(edit=link.edit_id, key__startswith=head).values_list("key", flat=True)
    mine = [f"member/{link.kept}"] if _has_lost(link) else []
    return [*mine, *(f"certification/{link.kept}/{key.removeprefix(head)}" for key in held)]


def _has_lost(link: MergedMember) -> bool:
    """Return whether the member was excluded since they were merged, or their membership ends earlier."""
    key = f"member/{link.kept}"
    merged_at = Change.objects.filter(edit=link.edit_id).aggregate(last=Max("version"))["last"]
    since = Change.objects.filter(key=key, version__gt=merged_at or 0).order_by("version").first()
    then = read_row(key, since.before) if since is not None and since.before is not None else None
    now = rows.get(key)
    if not isinstance(then, Member) or not isinstance(now, Member):
        return False
    return (now.excluded and not then.excluded) or union.later(then.until, now.until) != now.until


def _give_back_accounts(link: MergedMember, snapshot: Snapshot) -> None:
    """Have the accounts be theirs again that came with them, but for those that somebody gave to a third one since."""
    Account.objects.filter(pk__in=snapshot.accounts, member=link.kept).update(member=link.gone)
