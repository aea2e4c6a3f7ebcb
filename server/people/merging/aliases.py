"""Whose an id is: a controller that was offline for weeks goes on saying one that was merged into another.

What is read out of journals keeps the id that they say; `resolve` says whose that is now, and is asked wherever rows
are written or usage is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from django.db import connection

from protocol.rows import Badge, Certification, ForcedEnd, Member, Pin, Row, Subscription
from server.edits import rows
from server.people.merging.union import certifications_as_one
from server.people.models import Member as People
from server.people.models import MergedMember

BATCH: Final = 500
NOBODY: Final = ""  # whose an id is of somebody who was forgotten
LOCK: Final = 0x10C0_0E7A  # PostgreSQL's advisory lock on who is who

# Every column in which a member's id stands, and how it follows; a test finds one that is missing here.
HELD: Final[dict[str, str]] = {
    "people.Member.id": "a row: merged",
    "people.Member.payer": "a row: changed where the payer was merged",
    "people.Member.folded": "made of the id and the name",
    "people.Member.place": "made of the id and the name",
    "people.Badge.member": "a row: given to the one who is kept",
    "people.Pin.member": "a row: given to the one who is kept, where they have none",
    "people.Particulars.member": "united, and put back",
    "people.MergedMember.gone": "says so itself",
    "people.MergedMember.kept": "the edge as it was made; `resolve` follows it",
    "people.MergedMember.snapshot": "as it was then",
    "people.NotTheSame.one": "resolved where it is read",
    "people.NotTheSame.other": "resolved where it is read",
    "imports.Filled.values": "a record: as it was then",
    "reminders.Reminder.member": "a record: of what an id was told",
    "whitelist.Certification.member": "a row: united",
    "whitelist.ForcedEnd.member": "a row: for the one who is kept",
    "accounts.Account.member": "moved, and moved back",
    "accounts.AuditRecord.about": "a record: as it was said then",
    "core.SentForm.location": "a path: the page of an id that was merged leads on",
    "edits.Change.key": "a record: as it was then",
    "edits.Change.before": "a record: as it was then",
    "edits.Change.after": "a record: as it was then",
    "edits.Edit.about": "a record: as it was said then",
    "inbox.Notice.about": "as it was said; its link leads on",
    "devices.GivenName.member": "resolved with the edit that it belongs to",
    "devices.Proposal.key": "resolved where it is read",
    "devices.Proposal.row": "resolved where it is read",
    "journal.Entry.body": "the book: never changed",
    "billing.Subscription.member": "a row: united",
    "billing.Address.payer": "of the id that statements go to; asked for by whose it is now",
    "billing.Share.holder": "as it was said; a holder is named by whose the id is now",
    "billing.Transfer.payer": "the ledger: never changed; resolved where it is added up",
    "billing.Transfer.member": "the ledger: never changed",
    "billing.Posting.account": "the ledger: never changed; resolved where it is added up",
    "billing.Balance.account": "resolved where it is read",
    "billing.Statement.payer": "as it was issued",
    "usage.Session.said": "as the journal says",
    "usage.Refusal.member": "as the journal says; resolved where it is shown",
    "usage.Session.member": "resolved, and made anew of `said`",
    "usage.Session.payer": "as the journal says; resolved where it is shown",
    "usage.Session.ended_by": "as the journal says",
    "usage.Session.corrected_by": "as the journal says",
    "usage.Correction.by": "as it was said",
    "usage.Forgotten.member": "stays: each id that was ever theirs",
    "upkeep.Defect.member": "as the journal says; resolved where it is shown",
    "upkeep.Downtime.by": "as the journal says",
    "whitelist.Machine.state": "as the controller reports; resolved where it is shown",
}


def resolve(ids: Iterable[str]) -> dict[str, str]:
    """Return whose each of these ids is now: of one that nobody merged, itself."""
    wanted = dict.fromkeys(each for each in ids if each)
    edges: dict[str, str] = {}
    step = list(wanted)
    while step:
        found: dict[str, str] = {}
        for start in range(0, len(step), BATCH):
            merged = MergedMember.objects.filter(pk__in=step[start : start + BATCH])
            found |= dict(merged.values_list("gone", "kept"))
        edges |= found
        step = [each for each in dict.fromkeys(found.values()) if each not in edges]
    return {each: _end(each, edges) for each in wanted}


def _end(start: str, edges: Mapping[str, str]) -> str:
    while start in edges:
        start = edges[start]
    return start


def of(member: str) -> str:
    """Return whose one id is now."""
    return resolve([member]).get(member, member)


def below(member: str) -> list[str]:
    """Return every id that was merged into a member, or into one of those; the nearest first."""
    found: list[str] = []
    step = [member]
    while step:
        step = list(MergedMember.objects.filter(kept__in=step).order_by("at", "gone").values_list("gone", flat=True))
        found += step
    return found


def all_below(members: Iterable[str]) -> dict[str, str]:
    """Return every id that was merged into one of these members, with whose it is."""
    found: dict[str, str] = {}
    step = {each: each for each in members}
    while step:
        into, ids = step, list(step)
        step = {}
        for start in range(0, len(ids), BATCH):
            merged = MergedMember.objects.filter(kept__in=ids[start : start + BATCH])
            step |= {gone: into[kept] for gone, kept in merged.values_list("gone", "kept")}
        found |= step
    return found


def known_as(said: str) -> set[str]:
    """Return the members who were known by an id with that in it: a search by an old id finds them."""
    gone = MergedMember.objects.filter(gone__icontains=said).values_list("gone", flat=True)[:BATCH]
    return set(resolve(gone).values())


def hold(*, alone: bool = False) -> None:
    """Have who is who stay as it is to the end of the transaction that is open; alone: nobody else asks meanwhile.

    SQLite has one writer at a time. On PostgreSQL it comes before every other lock: a session that is being made of
    an id while that is merged would else stay with it.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"select pg_advisory_xact_lock{'' if alone else '_shared'}(%s)", [LOCK])


def is_held(keys: Iterable[str], **_signal: object) -> bool:
    """Return whether somebody was merged into a member whose row is to go: their ids would be nobody's."""
    members = [key.partition("/")[2] for key in keys if key.startswith("member/")]
    return bool(members) and MergedMember.objects.filter(kept__in=members).exists()


# --- rows that name an id that was merged ---


def settled(found: list[Row]) -> list[Row]:
    """Return rows for whom they concern now.

    Those are left out that would enter somebody who was merged, or concern somebody who was forgotten since.
    """
    now = resolve(_members(found))
    moved = {to for each, to in now.items() if each != to}
    if not moved:
        return found
    here = set(People.objects.filter(pk__in=moved).values_list("pk", flat=True))
    now = {each: to if each == to or to in here else NOBODY for each, to in now.items()}
    made: dict[str, Row] = {}
    united = rows.find(row.key for row in (_of(row, now) for row in found) if isinstance(row, Certification))
    # What is said of the member's own id comes first: in whatever order both are said, they come to the same.
    for row in sorted(found, key=lambda row: isinstance(row, Certification) and _of(row, now) is not row):
        to = _of(row, now)
        if to is None:
            continue
        before = made.get(to.key, united.get(to.key))
        if to is not row and isinstance(to, Certification) and isinstance(before, Certification):
            to = certifications_as_one(before, to)  # what was said of an old id takes nothing from the member
        made[to.key] = to
    return list(made.values())


def _members(found: Iterable[Row]) -> set[str]:
    return {row.id if isinstance(row, Member) else getattr(row, "member", "") for row in found}


def _of(row: Row, now: Mapping[str, str]) -> Row | None:
    """Return a row for whom it concerns now; None for one that would enter somebody, or give them a PIN."""
    member = row.id if isinstance(row, Member) else getattr(row, "member", "")
    to = now.get(member, member)
    if to == member:
        return row
    return None if to == NOBODY or isinstance(row, Member | Pin) else msgspec.structs.replace(row, member=to)


def redirected(wanted: Mapping[str, Row | None]) -> dict[str, tuple[str, Row | None]]:
    """Return what a controller says for whom it concerns now: by its own key, the key here and the row.

    What would drop somebody who was merged, or give them a PIN, is left out; what excludes one excludes the member.
    """
    named = {key: _named(key, row) for key, row in wanted.items()}
    now = resolve(each for each in named.values() if each)
    here = rows.find(f"member/{to}" for each, to in now.items() if each != to)
    found: dict[str, tuple[str, Row | None]] = {}
    for key, row in wanted.items():
        member = named[key]
        to = now.get(member, member)
        if to == member:
            found[key] = key, row
        elif isinstance(row, Member):
            kept = here.get(f"member/{to}")
            if isinstance(kept, Member):
                excluded, name = kept.excluded or row.excluded, kept.name or row.name
                found[key] = kept.key, msgspec.structs.replace(kept, excluded=excluded, name=name)
        elif isinstance(row, Badge | Certification | ForcedEnd | Subscription):
            moved = msgspec.structs.replace(row, member=to)
            found[key] = moved.key, moved
        elif row is None and key.startswith(("certification/", "cut/", "subscription/")):
            found[key] = key.replace(f"/{member}/", f"/{to}/", 1), None
    return found


def _named(key: str, row: Row | None) -> str:
    """Return the member of whom a row or a key speaks; "" for none."""
    if row is not None:
        return row.id if isinstance(row, Member) else str(getattr(row, "member", ""))
    head, _sep, name = key.partition("/")
    match head:
        case "member" | "pin":
            return name
        case "certification" | "subscription":
            return name.rpartition("/")[0]
        case "cut":
            return name.split("/")[1] if name.count("/") > 1 else ""
    return ""
