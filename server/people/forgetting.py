"""How a member is forgotten: an id without a name stays, so that usage adds up."""

from __future__ import annotations

import msgspec
from django.db import transaction
from django.db.models import Q

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
from server.people.models import Draft, Member, Particulars
from server.people.signals import member_forgotten


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
        # Whoever looked for them may have typed a part of the name.
        about = Q(about__contains=member)
        for word in (*found.name.split(), *names):
            about |= Q(about__icontains=word)
        AuditRecord.objects.filter(about).update(about="-")
        AuditRecord.objects.filter(account__in=names).update(account="-")
        Edit.objects.filter(by__in=names).update(by="-")
        Notice.objects.filter(Q(about__member=member) | Q(about__by__in=names)).delete()
        for address in invitations.forget(accounts):
            post.forget(address)
        accounts.filter(role=Role.MEMBER).delete()
        accounts.update(member="")
        logins.forget(names)
        Draft.objects.all().delete()  # a sheet that is being looked at may hold anybody
        SentForm.objects.filter(location__contains=member).delete()
        Particulars.objects.filter(pk=member).delete()
        member_forgotten.send(Member, member=member, keys=keys, email=email)
        transaction.on_commit(erasing.erase)


def _paid_for(member: str) -> list[protocol.Member]:
    found = (rows.of(each) for each in payers.paid_for(member))
    return [row for row in found if isinstance(row, protocol.Member)]


def _forget_edits(member: Member, keys: list[str]) -> None:
    """Take the name, and the rows as they were, out of the history."""
    mine = Q(key__in=keys) | Q(key__startswith=f"certification/{member.pk}/")
    mine |= Q(before__contains=f'"member":"{member.pk}"') | Q(after__contains=f'"member":"{member.pk}"')
    for each in Edit.objects.filter(pk__in=Change.objects.filter(mine).values("edit")):
        each.about = {key: value for key, value in each.about.items() if key not in {"name", "member"}}
        each.save(update_fields=["about"])
    Edit.objects.filter(what="undone", about__name=member.name).update(about={})
    Change.objects.filter(mine).update(before=None, after=None)
