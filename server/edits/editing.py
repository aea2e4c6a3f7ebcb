"""Every edit of the whitelist goes through here: rows, history and version in one transaction.

Who edits is named; what was before is kept, so that it can be undone.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
from django.db import transaction

from common.errors import LoquetError
from common.texts import N_
from protocol.overlay import makes_stricter
from protocol.rows import Row, checked, encode_row, read_row
from server.accounts.models import Account, AuditRecord
from server.core import bulk, state
from server.core.models import ServerState
from server.edits import rows, sentences
from server.edits.authors import Author
from server.edits.models import Change, Edit
from server.edits.signals import held_asked, rows_changed, taken_back

BATCH: Final = 500
NAMED: Final = 3  # edits that a refusal names
WAKE: list[Callable[[], None]] = []  # who is to know at once, in this process

Progress = Callable[[int, int], None]


class EditError(LoquetError, ValueError):
    """An edit that cannot be made."""


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Have nobody else edit meanwhile: what is read inside is as it is when it is written."""
    with transaction.atomic():
        ServerState.objects.select_for_update().get(key=state.VERSION)
        yield


def carry_out(
    author: Author,
    what: str,
    put: Iterable[Row] = (),
    drop: Iterable[str] = (),
    *,
    about: dict[str, Any] | None = None,
    progress: Progress = lambda _done, _of: None,
    are_checked: bool = False,
) -> Edit | None:
    """Put rows and drop keys; return the edit, or None where nothing was to be changed.

    What somebody else has changed since the author looked is not written over, but by what only makes it stricter.
    are_checked: whether the rows are within their bounds already, as those are that were read from how they are kept.

    Raises RowError, EditError, ElsewhereError, NotAllowedError.
    """
    wanted: dict[str, Row | None] = dict.fromkeys(drop)
    said = {row.key: row if are_checked else checked(row) for row in put}
    rows.hold_to_kinds(wanted | said)
    with alone():  # to the end: versions follow one another as the edits do, on PostgreSQL too
        wanted |= {row.key: row for row in rows.settled(said.values())}
        before = rows.find(wanted)
        changed = {key: row for key, row in wanted.items() if before.get(key) != row}
        if not changed:
            return None
        _hold_to_what_was_seen(author, before, changed)
        author = author.as_it_is_now()
        rows.hold_to_author(author, before, changed)
        rows.hold_to_site(changed, author.site)
        device = None if author.device is None else author.device.pk
        edit = Edit.objects.create(
            account=author.account, device_id=device, by=author.name[:200], what=what, about=about or {}
        )
        keys = list(changed)
        for start in range(0, len(keys), BATCH):
            _write(edit, {key: changed[key] for key in keys[start : start + BATCH]}, before)
            progress(min(start + BATCH, len(keys)), len(keys))
        # In the transaction: what others make of an edit is there with it, or not at all.
        rows_changed.send(Edit, before=before, after=changed)
        if author.account is not None:
            _record(author.account, what, changed)
        transaction.on_commit(_wake)
    return edit


def _hold_to_what_was_seen(author: Author, before: dict[str, Row], changed: dict[str, Row | None]) -> None:
    """Refuse to write over what the author did not see. Raises EditError."""
    if author.since is None:
        return
    unseen = (
        _by_others(author, list(changed)) if author.knows_own else _changed_since(_past(author.since), list(changed))
    )
    if any(not makes_stricter(before.get(key), changed[key]) for key in unseen):
        raise EditError(N_("somebody else has changed this meanwhile; look again"))


def _past(version: int) -> int:
    """Return a version at which something was shown; one that is still to come was shown to nobody."""
    return version if version <= state.version() else 0


def _changed_since(version: int, keys: list[str]) -> set[str]:
    """Return which of these keys have changed after a version."""
    later = Change.objects.filter(version__gt=version)
    if len(keys) > BATCH:
        return set(later.values_list("key", flat=True)) & set(keys)
    return set(later.filter(key__in=keys).values_list("key", flat=True))


def _by_others(author: Author, keys: list[str]) -> set[str]:
    """Return which of these keys another account or a controller changed last."""
    latest: dict[str, bool] = {}
    for start in range(0, len(keys), BATCH):
        found = Change.objects.filter(key__in=keys[start : start + BATCH]).order_by("version")
        for key, account, device in found.values_list("key", "edit__account", "edit__device"):
            mine = author.account is not None and account == author.account.pk
            latest[key] = not mine and (account is not None or device is not None)
    return {key for key, by_other in latest.items() if by_other}


def _write(edit: Edit, changed: dict[str, Row | None], before: dict[str, Row]) -> None:
    version = state.next_versions(len(changed))
    written = [
        (version + number, edit.pk, key, _body(before.get(key)), _body(row))
        for number, (key, row) in enumerate(changed.items())
    ]
    bulk.insert(Change, ("version", "edit_id", "key", "before", "after"), written)
    rows.drop(before[key] for key, row in changed.items() if row is None)
    rows.put(row for row in changed.values() if row is not None)


def _body(row: Row | None) -> str | None:
    return None if row is None else encode_row(row).decode()


def _record(account: Account, what: str, changed: dict[str, Row | None]) -> None:
    keys = list(changed)
    about = ", ".join(keys[:3]) + (f" … ({len(keys)})" if len(keys) > 3 else "")  # noqa: PLR2004
    AuditRecord.objects.create(account=account.username, what=what, about=about[:300])


def _wake() -> None:
    for wake in WAKE:
        wake()


def touch() -> None:
    """Report that something which concerns controllers changed beside the whitelist: counts one more version."""
    with transaction.atomic():
        state.next_versions(1)
        transaction.on_commit(_wake)


FINAL: Final = {"forgotten", "machine_came", "condition", "condition_gone", "fulfilled"}  # what cannot be taken back


def undo(author: Author, edit: Edit) -> Edit | None:
    """Put back what an edit changed, as far as nobody has changed it again since. Raises EditError."""
    if edit.what == "undone" and edit.about.get("what") in taken_back:
        raise EditError(N_("this cannot be taken back: its rows are not all of it. Do it anew instead"))
    own = taken_back.get(edit.what)
    return put_back(author, edit) if own is None else own(author, edit)


def put_back(author: Author, edit: Edit, also: Iterable[str] = ()) -> Edit | None:
    """Put back the rows that an edit changed, as far as nobody has changed them again since. Raises EditError.

    also: the keys of rows that it left as they were, and that nobody may have changed since either.
    """
    with alone():
        locked = Edit.objects.select_for_update(of=("self",)).get(pk=edit.pk)
        if locked.undone_by_id is not None:
            raise EditError(N_("this was undone already"))
        # What was forgotten of it says nothing any more, and keeps nobody else from being put back.
        said = locked.changes.exclude(before=None, after=None)
        changes: Sequence[Change] = list(said.order_by("version"))
        # What was forgotten has no rows to put back.
        if locked.what in FINAL or not changes:
            raise EditError(N_("this cannot be taken back any more"))
        later = _in_force_since(changes[-1].version, [*(each.key for each in changes), *also])
        if later:
            what = "; ".join(sentences.sentence(each) for each in later[:NAMED])
            raise EditError(N_("somebody has changed the same since ({what}); undo what came later first"), what=what)
        put = [read_row(each.key, each.before) for each in changes if each.before is not None]
        drop = [each.key for each in changes if each.before is None]
        _nothing_refers(drop)
        seen = msgspec.structs.replace(author, since=state.version(), knows_own=False)
        done = carry_out(seen, "undone", put, drop, about={**locked.about, "what": locked.what})
        locked.undone_by = done
        locked.save(update_fields=["undone_by"])
        return done


def _in_force_since(version: int, keys: list[str]) -> list[Edit]:
    """Return the edits that changed these rows later, without those that were taken back and what did so."""
    numbers: set[int] = set()
    for start in range(0, len(keys), BATCH):
        found = Change.objects.filter(key__in=keys[start : start + BATCH], version__gt=version)
        numbers |= set(found.values_list("edit", flat=True))
    later = {each.pk: each for each in Edit.objects.filter(pk__in=numbers).order_by("-pk")}
    undoes = {each.undone_by_id: each.pk for each in later.values() if each.undone_by_id is not None}
    for number in list(later):  # the latest first: what took something back may have been taken back itself
        if number in later and undoes.get(number) in later:
            del later[undoes[number]], later[number]
    return list(later.values())


def _nothing_refers(drop: list[str]) -> None:
    """Refuse to take a member or a training away under what refers to it. Raises EditError."""
    names: dict[str, list[str]] = defaultdict(list)
    for key in drop:
        head, _sep, name = key.partition("/")
        names[head].append(name)
    for head, mine in names.items():
        if {row.key for row in rows.belonging_to(head, *mine, holding=True)} - set(drop):
            raise EditError(N_("badges, trainings or machines belong to it by now; take those away first"))
    if any(answer for _app, answer in held_asked.send(Edit, keys=drop)):
        raise EditError(N_("another member was merged into this one since; separate them first"))
