"""How long what is kept: passages and refusals, usage, traces; billed usage lives apart, later."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from django.contrib.sessions.models import Session as BrowserSession
from django.db import transaction
from django.db.models import F, Model, QuerySet

from server.accounts import logins
from server.accounts.models import AuditRecord, Invitation
from server.billing import keeping
from server.core import clock
from server.core.configuration import Configuration
from server.core.models import SentForm
from server.devices.models import GivenName
from server.edits.models import Change, Edit
from server.imports.models import Draft
from server.inbox.models import Notice
from server.journal import book
from server.journal.models import ClockReading, Entry, Stream
from server.machines.models import Done
from server.mail.models import Letter
from server.people.models import MergedMember, UnknownBadge
from server.reminders import records as reminders
from server.upkeep.models import Defect, Downtime
from server.usage.models import Circumstance, Correction, Refusal, Session

DAY_MS: Final = 86_400_000
A_DAY: Final = timedelta(days=1)  # after which nobody sends the same form again
DATED: Final[tuple[tuple[type[Model], str], ...]] = (
    (Letter, "made"), (Defect, "done"), (AuditRecord, "at"), (Notice, "done"), (Edit, "at"), (Draft, "made"),
    (SentForm, "at"), (Invitation, "made"), (Refusal, "came"), (Done, "at"),
)  # fmt: skip
BATCH: Final = 2_000
SLICE: Final = 200  # sessions at once


class Keep(StrEnum):
    """How long what a table holds is kept, and by which setting."""

    PASSAGES = "passages"
    USAGE = "usage"
    TRACES = "traces"
    DAY = "a day"
    MEMBER = "until the member is forgotten"
    ACCOUNT = "until the account is taken away, or its member forgotten"
    BILLED = "ten years: what was billed, and to whom"
    LEDGER = "ten years with whose it is; what accounts add up from stays"
    HOUSE = "for good: it says nothing of a person"


# Every table that there is, by the period of what it holds of a person; a test finds one that is missing here.
KEPT: Final[dict[str, Keep]] = {
    "journal.Entry": Keep.PASSAGES, "mail.Letter": Keep.PASSAGES, "axes.AccessAttempt": Keep.PASSAGES,
    "axes.AccessAttemptExpiration": Keep.PASSAGES, "axes.AccessFailureLog": Keep.PASSAGES,
    "axes.AccessLog": Keep.PASSAGES, "people.UnknownBadge": Keep.PASSAGES,
    "reminders.Reminder": Keep.PASSAGES, "reminders.Digest": Keep.PASSAGES,
    "accounts.Invitation": Keep.PASSAGES, "usage.Refusal": Keep.PASSAGES,
    "whitelist.Sheet": Keep.HOUSE, "machines.Task": Keep.HOUSE, "machines.Done": Keep.USAGE,
    "machines.Listener": Keep.ACCOUNT,
    "usage.Session": Keep.USAGE, "usage.Correction": Keep.USAGE, "usage.Circumstance": Keep.USAGE,
    "upkeep.Defect": Keep.USAGE, "upkeep.Downtime": Keep.USAGE, "journal.ClockReading": Keep.HOUSE,
    "accounts.AuditRecord": Keep.TRACES, "inbox.Notice": Keep.TRACES, "edits.Change": Keep.TRACES,
    "edits.Edit": Keep.TRACES,
    "devices.GivenName": Keep.DAY, "imports.Draft": Keep.DAY, "imports.Filled": Keep.TRACES,
    "core.SentForm": Keep.DAY, "sessions.Session": Keep.DAY,
    "people.Member": Keep.MEMBER, "people.Badge": Keep.MEMBER, "people.Pin": Keep.MEMBER,
    "people.BadgeNote": Keep.MEMBER,
    "people.Particulars": Keep.MEMBER, "whitelist.Certification": Keep.MEMBER, "whitelist.ForcedEnd": Keep.MEMBER,
    "devices.Proposal": Keep.MEMBER, "people.MergedMember": Keep.MEMBER, "people.NotTheSame": Keep.MEMBER,
    "accounts.Account": Keep.ACCOUNT, "otp_totp.TOTPDevice": Keep.ACCOUNT, "otp_static.StaticDevice": Keep.ACCOUNT,
    "otp_static.StaticToken": Keep.ACCOUNT, "accounts.Identity": Keep.ACCOUNT,
    "people.Organisation": Keep.HOUSE, "people.Category": Keep.HOUSE, "usage.Forgotten": Keep.HOUSE,
    "whitelist.Training": Keep.HOUSE, "whitelist.Machine": Keep.HOUSE, "whitelist.Condition": Keep.HOUSE,
    "sites.Site": Keep.HOUSE, "reminders.Plan": Keep.HOUSE, "sites.Operator": Keep.HOUSE, "devices.Device": Keep.HOUSE,
    "devices.EnrolCode": Keep.HOUSE, "journal.Stream": Keep.HOUSE, "journal.Gap": Keep.HOUSE,
    "core.ServerState": Keep.HOUSE, "imports.Source": Keep.HOUSE, "imports.Remembered": Keep.HOUSE,
    "billing.Price": Keep.HOUSE, "billing.Plan": Keep.HOUSE, "billing.Series": Keep.HOUSE,
    "billing.Closing": Keep.HOUSE, "billing.Subscription": Keep.MEMBER, "billing.Address": Keep.MEMBER,
    "billing.Statement": Keep.BILLED, "billing.Transfer": Keep.LEDGER, "billing.Posting": Keep.LEDGER,
    "billing.Balance": Keep.LEDGER, "billing.Share": Keep.LEDGER,
    "auth.Permission": Keep.HOUSE, "auth.Group": Keep.HOUSE,
    "auth.Group_permissions": Keep.HOUSE, "contenttypes.ContentType": Keep.HOUSE,
}  # fmt: skip


def purge(configuration: Configuration) -> int:
    """Delete what is older than it may be kept; return how many entries of journals went.

    Entries go by when they came: whatever a controller's clock said, they are kept for long enough here.
    """
    _bring_back()
    now = clock.ms()
    gone = 0
    if configuration.passages is not None:
        gone = _passages(now - configuration.passages * DAY_MS)
        logins.purge(clock.now() - timedelta(days=configuration.passages))
        before = clock.now() - timedelta(days=configuration.passages)
        _in_batches(Letter.objects.filter(made__lt=before))
        _in_batches(Refusal.objects.filter(came__lt=before))
        _in_batches(Invitation.objects.filter(made__lt=before))
        reminders.purge(clock.today() - timedelta(days=configuration.passages))
    if configuration.usage is not None:
        _usage(now - configuration.usage * DAY_MS)
        before = clock.now() - timedelta(days=configuration.usage)
        _in_batches(Defect.objects.filter(done__lt=before))
        _in_batches(Downtime.objects.filter(over=True, ended__lt=now - configuration.usage * DAY_MS))
        _in_batches(Done.objects.filter(at__lt=before))
    if configuration.traces is not None:
        old = clock.now() - timedelta(days=configuration.traces)
        _in_batches(AuditRecord.objects.filter(at__lt=old))
        _in_batches(Notice.objects.filter(done__lt=old))
        _in_batches(Change.objects.filter(edit__at__lt=old, version__lt=_kept_changes()))
        _in_batches(Edit.objects.filter(at__lt=old, changes=None, undoes=None))
        # Whose an id is stays; how both were before is of no use once the rows are gone that would be put back.
        MergedMember.objects.filter(edit=None).exclude(snapshot={}).update(snapshot={}, by="")
    keeping.purge(clock.today())
    # What a source says stays proposed: it is read again only once it says something else.
    _in_batches(Draft.objects.filter(made__lt=clock.now() - A_DAY, source=None))
    GivenName.objects.filter(at__lt=clock.now() - A_DAY).delete()
    UnknownBadge.objects.filter(at__lt=clock.now() - A_DAY).delete()
    BrowserSession.objects.filter(expire_date__lt=clock.now()).delete()
    _in_batches(SentForm.objects.filter(at__lt=clock.now() - A_DAY))
    return gone


def _bring_back() -> None:
    """Have what a clock that was ahead dated be of today: else none of it would ever be old enough."""
    now = clock.now()
    for model, field in DATED:
        model._default_manager.filter(**{f"{field}__gt": now + A_DAY}).update(**{field: now})  # noqa: SLF001 - Django's documented way


def _in_batches(found: QuerySet[Any]) -> None:
    """Delete so, in transactions that keep nobody waiting."""
    while keys := list(found.values_list("pk", flat=True)[:BATCH]):
        found.model._default_manager.filter(pk__in=keys).delete()  # noqa: SLF001 - Django's documented way


def _passages(before: int) -> int:
    """Delete entries that came before and are of no usage, of journals that are processed.

    Those of a journal came in the order of their numbers: the first that is not old ends the search, and what was
    looked through once is not looked at again.
    """
    gone = 0
    ready = Stream.objects.filter(processed_seq__gte=F("acknowledged_seq"), booked_seq__gte=F("processed_seq"))
    for stream in ready.order_by("pk"):
        sifted = stream.sifted_seq
        while True:
            rows = (
                Entry.objects.filter(stream=stream, seq__gt=sifted).order_by("seq").values_list("seq", "came")[:BATCH]
            )
            ahead = clock.ms() + DAY_MS
            if any(came > ahead for _seq, came in rows):  # the server's own clock was ahead then
                Entry.objects.filter(stream=stream, seq__gt=sifted, came__gt=ahead).update(came=clock.ms())
                continue
            old = [seq for seq, came in rows if came < before]
            if old:
                found = Entry.objects.filter(
                    stream=stream, seq__gt=sifted, seq__lte=old[-1], came__lt=before, session=None
                )
                gone += found.delete()[0]
                sifted = old[-1]
                Stream.objects.filter(pk=stream.pk).update(sifted_seq=sifted)
            if len(old) < BATCH:
                break
    return gone


def _usage(before: int) -> None:
    """Delete sessions that began before, with the entries that they were made of, and what was corrected of them."""
    old = Session.objects.filter(ended=True, started__lt=before).order_by("started")
    while found := list(old.values_list("pk", "device_id", "session")[:SLICE]):
        with transaction.atomic():
            for device in {device for _pk, device, _name in found}:
                names = [name for _pk, owner, name in found if owner == device]
                Entry.objects.filter(session__in=names, stream__device_id=device).delete()
                Correction.objects.filter(session__in=names, device_id=device).delete()
                Circumstance.objects.filter(session__in=names, device_id=device).delete()
            Session.objects.filter(pk__in=[pk for pk, _device, _name in found]).delete()
    _clocks(before)


def _clocks(before: int) -> None:
    """Delete what clocks said before on boots of which there is no session any more."""
    old = Entry.objects.filter(session__gte=book.CLOCK, session__lt=book.PAST_CLOCK, came__lt=before)
    for device, boot in set(old.values_list("stream__device_id", "boot")[:BATCH]):
        if not Session.objects.filter(device_id=device, boot=boot).exists():
            ClockReading.objects.filter(device_id=device, boot=boot).delete()
            old.filter(stream__device_id=device, boot=boot).delete()


def _kept_changes() -> int:
    """Changes that controllers may still be told from stay."""
    last = Change.objects.order_by("-version").values_list("version", flat=True).first() or 0
    return last - 20_000
