"""What the server alone knows of a member: read from the member's page, and told to whoever makes rules of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from django.db import transaction
from django.http import HttpRequest

from common.texts import LANGUAGES
from protocol.rows import Row
from server.accounts.models import Account, AuditRecord
from server.core import clock, configuration, forms
from server.edits.authors import Author
from server.people.forms import ParticularsForm
from server.people.models import Particulars
from server.people.signals import particulars_changed

NAMES: Final = {"en": "English", "fr": "français"}  # of languages, each in its own


def of(member: str) -> Particulars:
    """Return what is known of a member, not saved where that is nothing."""
    return Particulars.objects.filter(pk=member).first() or Particulars(pk=member)


def values(known: Particulars) -> tuple[object, ...]:
    """Return what is known of a member, field by field."""
    fields = Particulars._meta.concrete_fields  # noqa: SLF001 - Django's documented way
    return tuple(getattr(known, field.attname) for field in fields)


def languages(known: Iterable[Particulars]) -> dict[str, str]:
    """Return in which language each of them is written to, by member.

    The one on their page, else that of their account, else the server's.
    """
    said = {each.pk: each.language for each in known}
    silent = [member for member, language in said.items() if not language]
    accounts = Account.objects.filter(member__in=silent).exclude(language="").order_by("-pk")
    chosen = dict(accounts.values_list("member", "language")) if silent else {}
    own = configuration.in_force().server.language
    found = {member: language or chosen.get(member, own) for member, language in said.items()}
    return {member: language if language in LANGUAGES else own for member, language in found.items()}


def save(request: HttpRequest, member: str) -> None:
    """Keep what was said of a member. Raises FormError.

    It stands in no history: who changed it is recorded, and not what it was.
    """
    said = ParticularsForm.read(request)
    with transaction.atomic():
        before = of(member)
        forms.hold_to_stamp(request, *values(before))
        if said["letters"] is not None:
            said["letters_ended"] = None
        elif before.letters is not None:
            said["letters_ended"] = clock.today()
        Particulars.objects.update_or_create(pk=member, defaults=said)
        particulars_changed.send(Particulars, author=Author.of(request), members=[member])
        AuditRecord.objects.create(account=request.user.get_username(), what="particulars", about=member)


def gone(after: dict[str, Row | None], **_signal: object) -> None:
    """Have nothing left of members whose rows went."""
    members = [key.partition("/")[2] for key, row in after.items() if row is None and key.startswith("member/")]
    if members:
        Particulars.objects.filter(pk__in=members).delete()
