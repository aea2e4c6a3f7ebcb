"""How a member ends letters without logging in: by a link that was in one."""

from __future__ import annotations

import hashlib
from typing import Final

from django.core import signing
from django.db import transaction

from server.accounts.models import AuditRecord
from server.core import clock, configuration
from server.core.configuration import Certificate
from server.edits.authors import Author
from server.people.merging import aliases
from server.people.models import Particulars
from server.people.signals import particulars_changed

SIGNER: Final = signing.Signer(salt="reminders.unsubscribe")


def link(known: Particulars) -> str:
    """Return the address by which a member ends letters: good for as long as letters go to the same mailbox."""
    token = SIGNER.sign_object([known.pk, _of(known.email)])
    return f"{configuration.in_force().link}unsubscribe/{token}"


def one_click(known: Particulars) -> str:
    """Return the same for mail programs, whose providers open it; "" where these cannot reach or trust this server."""
    server = configuration.in_force().server
    return link(known) if server.hosts and server.certificate is not Certificate.OWN else ""


def whose(token: str) -> Particulars | None:
    """Return whom a link is of; None for one that is none, or was sent to another mailbox than theirs is now."""
    try:
        member, mailbox = SIGNER.unsign_object(token)
    except (signing.BadSignature, ValueError):
        return None
    # Letters go on to a mailbox after its member was merged into another one.
    found = Particulars.objects.filter(pk=aliases.of(member)).first()
    return found if found is not None and _of(found.email) == mailbox else None


def withdraw(member: str) -> None:
    """Have no more letters go to a member: as if the day on which they agreed had been taken out of their page.

    The day of it is kept: that a duplicate of theirs agreed before does not bring letters back.
    """
    with transaction.atomic():
        agreed = Particulars.objects.filter(pk=member).exclude(letters=None)
        if agreed.update(letters=None, letters_ended=clock.today()):
            # By the id: a name would outlive its being forgotten.
            particulars_changed.send(Particulars, author=Author(name=member), members=[member])
            AuditRecord.objects.create(account="-", what="letters_ended", about=member)


def _of(email: str) -> str:
    return hashlib.blake2b(email.lower().encode(), digest_size=6).hexdigest()
