"""How a member is forgotten: an id without a name stays, so that usage adds up."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, quote_plus, unquote_plus

import msgspec
from django.db import transaction
from django.db.models import Q

from common.folding import fold
from common.texts import N_
from protocol import rows as protocol
from server.accounts import logins
from server.accounts.models import Account, AuditRecord, Role
from server.core import erasing
from server.core.models import SentForm
from server.edits import rows
from server.edits.authors import Author
from server.edits.editing import EditError, alone, carry_out
from server.edits.models import Change, Edit
from server.inbox.models import Notice
from server.people import payers
from server.people.models import Member, Particulars
from server.people.signals import member_forgotten

BATCH: Final = 500
encode: Final = msgspec.json.encode


def forget(author: Author, member: str) -> None:
    """Have nothing left of a member but an id without a name: no badge, no certification, no name in any history.

    Raises EditError.
    """
    found = Member.objects.filter(id=member).first()
    if found is None:
        raise EditError(N_('there is no member "{member}"'), member=member)
    accounts = Account.objects.filter(member=member)
    administers = author.account is not None and author.account.may(Role.ADMINISTRATOR)
    if not administers and accounts.filter(role=Role.ADMINISTRATOR).exists():
        raise EditError(N_("an administrator's own member can only be forgotten by an administrator"))
    with alone():
        email = Particulars.objects.filter(pk=member).values_list("email", flat=True).first() or ""
        # Before they go: the history is looked through by their keys afterwards.
        keys = [*(row.key for row in rows.belonging_to("member", member)), f"member/{member}"]
        # A payer's id that is nobody's would be taken for an organisation's name.
        paid_for = [msgspec.structs.replace(row, payer="") for row in _paid_for(member)]
        carry_out(author, "forgotten", paid_for, keys)
        _forget_edits(found, keys)
        names = list(accounts.filter(role=Role.MEMBER).values_list("username", flat=True))
        _forget_looks(found)
        AuditRecord.objects.filter(account__in=names).update(account="-")
        Edit.objects.filter(by__in=names).update(by="-")
        Notice.objects.filter(Q(about__member=member) | Q(about__by__in=names)).delete()
        accounts.filter(role=Role.MEMBER).delete()
        accounts.update(member="")
        logins.forget(names)
        addresses = Q()
        for each in _in_addresses(member):
            addresses |= Q(location__contains=each)
        SentForm.objects.filter(addresses).delete()
        Particulars.objects.filter(pk=member).delete()
        member_forgotten.send(Member, member=member, keys=keys, email=email)
        transaction.on_commit(erasing.erase)


def _paid_for(member: str) -> list[protocol.Member]:
    found = (rows.of(each) for each in payers.paid_for(member))
    return [row for row in found if isinstance(row, protocol.Member)]


def _forget_edits(member: Member, keys: list[str]) -> None:
    """Take the name, and the rows as they were, out of the history."""
    mine = Change.objects.filter(pk__in=_changes_of(member.pk, keys))
    for each in Edit.objects.filter(pk__in=mine.values("edit")):
        each.about = {key: value for key, value in each.about.items() if key not in {"name", "member"}}
        each.save(update_fields=["about"])
    Edit.objects.filter(what="undone", about__name=member.name).update(about={})
    mine.update(before=None, after=None)


def _changes_of(member: str, keys: list[str]) -> list[int]:
    """Return the changes that say anything of a member.

    SQLite takes "Ann" and "ann" for one where it looks for a part of a text: what it finds is looked at once more.
    """
    head, said = f"certification/{member}/", f'"member":{encode(member).decode()}'
    found = Change.objects.filter(
        Q(key__in=keys) | Q(key__startswith=head) | Q(before__contains=said) | Q(after__contains=said)
    ).values_list("version", "key", "before", "after")
    return [
        version
        for version, key, before, after in found
        if key in keys or key.startswith(head) or said in (before or "") or said in (after or "")
    ]


def _in_addresses(text: str) -> set[str]:
    """Return a text as it stands in addresses."""
    return {text, quote(text, safe=""), quote_plus(text)}


def _forget_looks(member: Member) -> None:
    """Have no record say who was looked for: by id, or by a part of the name, in whatever letters it was typed."""
    words, ids = set(fold(member.name).split()), _in_addresses(member.pk)
    gone = []
    for number, about in AuditRecord.objects.exclude(about__in=["", "-"]).values_list("pk", "about").iterator():
        said = fold(unquote_plus(about))
        if any(each in about for each in ids) or any(word in said for word in words):
            gone.append(number)
    for start in range(0, len(gone), BATCH):
        AuditRecord.objects.filter(pk__in=gone[start : start + BATCH]).update(about="-")
