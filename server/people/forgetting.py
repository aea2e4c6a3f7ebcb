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
from server.accounts import invitations, logins
from server.accounts.models import Account, AuditRecord, Role
from server.core import erasing
from server.core.models import SentForm
from server.edits import rows
from server.edits.authors import Author
from server.edits.editing import EditError, alone, carry_out
from server.edits.models import Change, Edit
from server.inbox.models import Notice
from server.mail import post
from server.people import payers
from server.people.duplicates import offered
from server.people.merging import aliases
from server.people.merging.merge import read_snapshot
from server.people.models import BadgeNote, Member, MergedMember, Particulars
from server.people.signals import member_forgotten

BATCH: Final = 500
BADGE: Final = "badge/"
SAYS_WHO: Final = {"name", "member", "other", "into", "gone"}  # of what an edit is about
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
        ids, names, addresses = _known_as(found)
        # Before they go: the history is looked through by their keys afterwards.
        keys = [*(row.key for row in rows.belonging_to("member", member)), *(f"member/{each}" for each in ids)]
        # A payer's id that is nobody's would be taken for an organisation's name.
        paid_for = [msgspec.structs.replace(row, payer="") for row in _paid_for(member)]
        carry_out(author, "forgotten", paid_for, keys)
        _forget_edits(ids, names, keys)
        usernames = list(accounts.filter(role=Role.MEMBER).values_list("username", flat=True))
        _forget_traces(ids, names, usernames)
        mailboxes = set(accounts.filter(role=Role.MEMBER).exclude(email="").values_list("email", flat=True))
        for address in mailboxes | set(invitations.forget(accounts)):
            post.forget(address)
        accounts.filter(role=Role.MEMBER).delete()
        accounts.update(member="")
        logins.forget(usernames)
        Particulars.objects.filter(pk=member).delete()
        badges = [key.removeprefix(BADGE) for key in keys if key.startswith(BADGE)]
        BadgeNote.objects.filter(pk__in=badges).delete()
        offered.forget(ids)
        # Whose the ids are stays: what controllers still send of them is of the same id without a name.
        MergedMember.objects.filter(pk__in=ids).update(snapshot={}, by="", edit=None)
        for each in ids:
            for email in addresses[each] or {""}:
                member_forgotten.send(Member, member=each, keys=keys, email=email)
        transaction.on_commit(erasing.erase)


def _known_as(found: Member) -> tuple[list[str], set[str], dict[str, set[str]]]:
    """Return under which ids and names somebody was known, and where letters to each of these ids went."""
    ids = [found.pk, *aliases.below(found.pk)]
    names = {found.name}
    addresses: dict[str, set[str]] = {each: set() for each in ids}
    addresses[found.pk] |= set(Particulars.objects.filter(pk=found.pk).values_list("email", flat=True))
    for link in MergedMember.objects.filter(pk__in=ids).exclude(snapshot={}):
        was = read_snapshot(link)
        names.add(was.name)
        addresses[link.gone] |= {str(known.get("email", "")) for known in (was.theirs, was.before) if known}
    return ids, names - {""}, {each: known - {""} for each, known in addresses.items()}


def _forget_traces(ids: list[str], names: set[str], usernames: list[str]) -> None:
    """Take ids and names out of the records of who looked at what, and out of what waits in the inbox."""
    _forget_looks(ids, names)
    AuditRecord.objects.filter(account__in=usernames).update(account="-")
    Edit.objects.filter(by__in=usernames).update(by="-")
    said = Q(about__member__in=ids) | Q(what__in=["asked", "lost"], about__id__in=ids) | Q(about__by__in=usernames)
    Notice.objects.filter(said).delete()
    addresses = Q()
    for each in {written for id_ in ids for written in _in_addresses(id_)}:
        addresses |= Q(location__contains=each)
    SentForm.objects.filter(addresses).delete()


def _paid_for(member: str) -> list[protocol.Member]:
    found = (rows.of(each) for each in payers.paid_for(member))
    return [row for row in found if isinstance(row, protocol.Member)]


def _forget_edits(ids: list[str], names: set[str], keys: list[str]) -> None:
    """Take the names, and the rows as they were, out of the history."""
    mine = Change.objects.filter(pk__in=_changes_of(ids, keys))
    for edit in Edit.objects.filter(pk__in=mine.values("edit")):
        edit.about = {key: value for key, value in edit.about.items() if key not in SAYS_WHO}
        edit.save(update_fields=["about"])
    undone = Edit.objects.filter(what="undone")
    undone.filter(Q(about__name__in=names) | Q(about__other__in=names)).update(about={})
    mine.update(before=None, after=None)


def _changes_of(ids: list[str], keys: list[str]) -> list[int]:
    """Return the changes that say anything of a member.

    SQLite takes "Ann" and "ann" for one where it looks for a part of a text: what it finds is looked at once more.
    """
    heads = tuple(f"certification/{each}/" for each in ids)
    said = [f'"member":{encode(each).decode()}' for each in ids]
    wanted = Q(key__in=keys)
    for head, word in zip(heads, said, strict=True):
        wanted |= Q(key__startswith=head) | Q(before__contains=word) | Q(after__contains=word)
    found = Change.objects.filter(wanted).values_list("version", "key", "before", "after")
    return [
        version
        for version, key, before, after in found
        if key in keys
        or key.startswith(heads)
        or any(word in (text or "") for word in said for text in (before, after))
    ]


def _in_addresses(text: str) -> set[str]:
    """Return a text as it stands in addresses."""
    return {text, quote(text, safe=""), quote_plus(text)}


def _forget_looks(ids: list[str], names: set[str]) -> None:
    """Have no record say who was looked for: by id, or by a part of a name, in whatever letters it was typed."""
    words = {word for name in names for word in fold(name).split()}
    written = {each for id_ in ids for each in _in_addresses(id_)}
    gone = []
    for number, about in AuditRecord.objects.exclude(about__in=["", "-"]).values_list("pk", "about").iterator():
        said = fold(unquote_plus(about))
        if any(each in about for each in written) or any(word in said for word in words):
            gone.append(number)
    for start in range(0, len(gone), BATCH):
        AuditRecord.objects.filter(pk__in=gone[start : start + BATCH]).update(about="-")
