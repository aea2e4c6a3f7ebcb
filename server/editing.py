"""Every edit of the whitelist goes through here: rows, history and version in one transaction.

Who edits is named; what was before is kept, so that it can be undone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec
from django.db import transaction
from django.db.models import Q

from common.errors import LoquetError
from common.texts import N_
from protocol.whitelist import AnyRow, Machine, checked, decode_row, encode_row
from server import kept, models, rows
from server.models import Account, Change, Device, Edit, Kept, Trace

BATCH: Final = 500
WAKE: list[Callable[[], None]] = []  # who is to know at once, in this process

Progress = Callable[[int, int], None]


class EditError(LoquetError, ValueError):
    """An edit that cannot be made."""


class Author(msgspec.Struct, frozen=True):
    """Whose an edit is: a person with an account, a controller, or somebody at the shell."""

    account: Account | None = None
    device: Device | None = None
    name: str = ""


def carry_out(
    author: Author,
    what: str,
    put: Iterable[AnyRow] = (),
    drop: Iterable[str] = (),
    *,
    about: dict[str, Any] | None = None,
    seen: Iterable[AnyRow] = (),
    since: int | None = None,
    progress: Progress = lambda _done, _of: None,
) -> Edit | None:
    """Put rows and drop keys; return the edit, or None where nothing was to be changed. Raises RowError, EditError.

    seen: rows as whoever edits saw them; since: the version at which they looked. What somebody else has changed
    meanwhile is not written over.
    """
    wanted: dict[str, AnyRow | None] = dict.fromkeys(drop)
    wanted |= {row.key: checked(row) for row in put}
    with transaction.atomic():
        Kept.objects.select_for_update().get(key=kept.VERSION)  # one edit at a time
        before = rows.find(wanted)
        if any(rows.find([row.key]).get(row.key) != row for row in seen) or _changed(wanted, since):
            raise EditError(N_("somebody else has changed this meanwhile; look again"))
        changed = {key: row for key, row in wanted.items() if before.get(key) != row}
        if not changed:
            return None
        edit = Edit.objects.create(
            account=author.account, device=author.device, by=author.name[:200], what=what, about=about or {}
        )
        keys = list(changed)
        for start in range(0, len(keys), BATCH):
            _write(edit, {key: changed[key] for key in keys[start : start + BATCH]}, before)
            progress(min(start + BATCH, len(keys)), len(keys))
        _requirements(changed, before)
        if author.account is not None:
            _trace(author.account, what, changed)
        transaction.on_commit(_wake)
    return edit


def _changed(keys: Iterable[str], since: int | None) -> bool:
    if since is None:
        return False
    return bool(set(Change.objects.filter(version__gt=since).values_list("key", flat=True)) & set(keys))


def _write(edit: Edit, changed: dict[str, AnyRow | None], before: dict[str, AnyRow]) -> None:
    version = kept.next_versions(len(changed))
    Change.objects.bulk_create(
        [
            Change(version=version + number, edit=edit, key=key, before=_body(before.get(key)), after=_body(row))
            for number, (key, row) in enumerate(changed.items())
        ]
    )
    rows.drop(before[key] for key, row in changed.items() if row is None)
    rows.put(row for row in changed.values() if row is not None)


def _body(row: AnyRow | None) -> str | None:
    return None if row is None else encode_row(row).decode()


def _requirements(changed: dict[str, AnyRow | None], before: dict[str, AnyRow]) -> None:
    """Where a machine asks for other trainings, its controller gets the whole list anew: other people concern it."""
    for key, row in changed.items():
        old = before.get(key)
        asked = old.trainings if isinstance(old, Machine) else ()
        if key.startswith("machine/") and asked != (row.trainings if isinstance(row, Machine) else ()):
            give_anew(key.partition("/")[2])


def give_anew(machine: str) -> None:
    """Have the controller of a machine take the whole list, in the transaction that is open."""
    version = int(kept.get(kept.VERSION))
    Device.objects.filter(machines__id=machine).update(whole=version)


def _trace(account: Account, what: str, changed: dict[str, AnyRow | None]) -> None:
    keys = list(changed)
    about = ", ".join(keys[:3]) + (f" … ({len(keys)})" if len(keys) > 3 else "")  # noqa: PLR2004
    Trace.objects.create(account=account.username, what=what, about=about[:300])


def _wake() -> None:
    for wake in WAKE:
        wake()


def touch() -> None:
    """Report that something which concerns controllers changed beside the whitelist: counts one more version."""
    with transaction.atomic():
        kept.next_versions(1)
        transaction.on_commit(_wake)


FINAL: Final = {"forgotten", "machine_came"}  # what cannot be taken back


def undo(author: Author, edit: Edit) -> Edit | None:
    """Put back what an edit changed, as far as nobody has changed it again since. Raises EditError."""
    with transaction.atomic():
        locked = Edit.objects.select_for_update(of=("self",)).get(pk=edit.pk)
        if locked.undone_by_id is not None:
            raise EditError(N_("this was undone already"))
        changes: Sequence[Change] = list(locked.changes.order_by("version"))
        if locked.what in FINAL or not changes:
            raise EditError(N_("this cannot be taken back any more"))
        keys = [each.key for each in changes]
        if Change.objects.filter(key__in=keys, version__gt=changes[-1].version).exists():
            raise EditError(N_("somebody has changed the same since; undo what came later first"))
        put = [decode_row(each.before) for each in changes if each.before is not None]
        drop = [each.key for each in changes if each.before is None]
        _nothing_refers(drop)
        done = carry_out(author, "undone", put, drop, about={**locked.about, "what": locked.what})
        locked.undone_by = done
        locked.save(update_fields=["undone_by"])
        return done


def _nothing_refers(drop: list[str]) -> None:
    """Refuse to take a member or a training away under what refers to it. Raises EditError."""
    for key in drop:
        kind, _sep, name = key.partition("/")
        held = models.Certification.objects.all()
        if kind == "member":
            mine = {f"badge/{each}" for each in models.Badge.objects.filter(member=name).values_list("pk", flat=True)}
            mine |= {row.key for each in held.filter(member=name) if (row := rows.of(each)) is not None}
        elif kind == "training":
            mine = {row.key for each in held.filter(training=name) if (row := rows.of(each)) is not None}
            lists = models.Machine.objects.values_list("pk", "requires")
            mine |= {f"machine/{machine}" for machine, requires in lists if name in (requires or ())}
        else:
            continue
        if mine - set(drop):
            raise EditError(N_("badges, trainings or machines belong to it by now; take those away first"))


def forget(author: Author, member: str) -> None:
    """Have nothing left of a member but an id without a name: no badge, no certification, no name in any history.

    Raises EditError.
    """
    found = models.Member.objects.filter(id=member).first()
    if found is None:
        raise EditError(N_('there is no member "{member}"'), member=member)
    accounts = models.Account.objects.filter(member=member)
    administers = author.account is not None and author.account.may(models.Role.ADMINISTRATOR)
    if not administers and accounts.filter(role=models.Role.ADMINISTRATOR).exists():
        raise EditError(N_("an administrator's own member can only be forgotten by an administrator"))
    badges = [f"badge/{hash_}" for hash_ in models.Badge.objects.filter(member=member).values_list("hash", flat=True)]
    with transaction.atomic():
        certified = f"certification/{member}/"
        held = models.Certification.objects.filter(member=member).values_list("training", flat=True)
        cuts = [row.key for each in models.Cut.objects.filter(member=member) if (row := rows.of(each)) is not None]
        keys = [*badges, *(f"{certified}{training}" for training in held), *cuts, f"member/{member}"]
        carry_out(author, "forgotten", drop=keys)
        mine = Q(key=f"member/{member}") | Q(key__startswith=certified) | Q(key__in=badges)
        mine |= Q(before__contains=f'"member":"{member}"') | Q(after__contains=f'"member":"{member}"')
        for each in Edit.objects.filter(pk__in=Change.objects.filter(mine).values("edit")):
            each.about = {key: value for key, value in each.about.items() if key not in {"name", "member"}}
            each.save(update_fields=["about"])
        models.Edit.objects.filter(what="undone", about__name=found.name).update(about={})
        Change.objects.filter(mine).update(before=None, after=None)
        models.Proposal.objects.filter(
            Q(key=f"member/{member}") | Q(key__startswith=certified) | Q(key__in=badges)
        ).delete()
        for trace in Trace.objects.filter(Q(about__contains=member) | Q(about__icontains=found.name or member)):
            trace.about = "-"
            trace.save(update_fields=["about"])
        models.Notice.objects.filter(about__member=member).delete()
        models.Session.objects.filter(member=member).update(payer="", organisation="", badge="")
        accounts.filter(role=models.Role.MEMBER).delete()
        accounts.update(member="")
