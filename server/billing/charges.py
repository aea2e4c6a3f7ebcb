"""What sessions cost, posted: the latch's own lines, once each, and the difference where somebody corrects one.

What a session came to so far is what was posted for it; what it is to come to follows from journal and corrections.
Whatever is read again, restored, merged or made anew posts the difference of the two, which then is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any, Final

import msgspec
from django.db.models import Sum

from protocol import entries, price
from protocol.entries import Purpose
from protocol.price import Applied, Line
from protocol.rows import Level, Price, Subscription
from protocol.whitelist import Whitelist
from server.billing import ledger
from server.billing.ledger import Leg
from server.billing.models import Posting, Transfer
from server.billing.rows import KINDS
from server.core import clock
from server.devices.models import Device
from server.inbox.notices import notify
from server.journal.book import Said
from server.journal.clocks import offset
from server.people.merging import aliases
from server.usage.models import Session

MOST_CENTS: Final = 10**9  # of a line that a controller says; more is no price
SESSION: Final = "session"
CORRECTION: Final = "correction"


class Mark(StrEnum):
    """What a person is to know of a charge."""

    BY_SERVER = "by_server"  # the session says no prices: the list as it was when it was read out was applied
    OTHERWISE = "otherwise"  # the server's own sum differs from the latch's, which was posted
    UNDATED = "undated"  # its clock was never set: it is on the month in which its journal came


class Charge(msgspec.Struct, frozen=True):
    """What a session is to come to."""

    lines: tuple[Line, ...]
    marks: tuple[Mark, ...] = ()

    @property
    def cents(self) -> int:
        """With the tax that a net price leaves out."""
        return sum(gross(line) for line in self.lines)


def gross(line: Line) -> int:
    """Return what a line comes to with its tax."""
    return (2 * line.cents * (10_000 + line.vat) + 10_000) // 20_000 if line.net else line.cents


def charge(device: Device, said: Mapping[str, list[Said]]) -> None:
    """Post what the sessions of a controller come to, as far as that is not posted yet."""
    ended = {each.session: each for each in Session.objects.filter(device=device, session__in=list(said))}
    posted = _posted(device, list(said))
    listed: list[Whitelist] = []
    for name, found in ended.items():
        if found.ended or name in posted:
            _charge(found, said.get(name, []), posted.get(name), listed)
    for name in posted.keys() - ended.keys():  # withdrawn after all
        _post_difference(device, name, Charge(()), posted[name], clock.today(), _whom(posted[name]))


class _Posted(msgspec.Struct):
    """What was posted for a session: how often, and what it came to; the last transfer says to whom."""

    count: int
    cents: int
    last: Transfer


def _posted(device: Device, names: list[str]) -> dict[str, _Posted]:
    found: dict[str, _Posted] = {}
    for transfer in Transfer.objects.filter(device=device, session__in=names).order_by("pk"):
        known = found.get(transfer.session)
        found[transfer.session] = _Posted(1 if known is None else known.count + 1, 0, transfer)
    if found:
        sums = Posting.objects.filter(
            transfer__device=device, transfer__session__in=list(found), account__startswith="machine/"
        )
        by_name = sums.values("transfer__session").annotate(sum=Sum("amount")).order_by()
        for each in by_name:
            found[each["transfer__session"]].cents = int(each["sum"])
    return found


def _charge(session: Session, said: list[Said], posted: _Posted | None, listed: list[Whitelist]) -> None:
    wanted = wanted_of(session, said, posted, listed)
    if wanted is None:
        return
    day = day_of(session, said)
    if day is None:
        wanted = msgspec.structs.replace(wanted, marks=(*wanted.marks, Mark.UNDATED))
    if Mark.OTHERWISE in wanted.marks and posted is None:
        once = f"priced/{session.device_id}/{session.session}"
        notify("priced_otherwise", session.device, once=once, machine=session.machine, count=session.pk)
    whom = {"machine": session.machine, "member": session.member, "payer": who_pays(session)}
    _post_difference(session.device, session.session, wanted, posted, day or clock.today(), whom, session.corrected_by)


def _post_difference(
    device: Device,
    name: str,
    wanted: Charge,
    posted: _Posted | None,
    day: date,
    whom: Mapping[str, str],
    by: str = "",
) -> None:
    difference = wanted.cents - (0 if posted is None else posted.cents)
    if posted is not None and not difference:
        return
    if posted is None and not wanted.lines:
        return
    legs = [Leg(ledger.payer(whom["payer"]), -difference), Leg(ledger.machine(whom["machine"]), difference)]
    ledger.post(
        f"session/{device.pk}/{name}/{0 if posted is None else posted.count}",
        SESSION if posted is None else CORRECTION,
        ledger.month_of(day if posted is None else clock.today()),
        legs,
        day=day if posted is None else clock.today(),
        device=device,
        session=name,
        lines=msgspec.to_builtins(wanted.lines),
        marks=[each.value for each in wanted.marks],
        note=by[:200],
        **whom,
    )


def _whom(posted: _Posted) -> dict[str, str]:
    return {"machine": posted.last.machine, "member": posted.last.member, "payer": posted.last.payer}


def who_pays(session: Session) -> str:
    """Return who pays for a session: as its grant says, else its member."""
    return session.payer or session.member or session.said or "unknown"


# --- what it is to come to ---


class Terms(msgspec.Struct):
    """What the journal says of a session's price."""

    applied: Applied | None = None
    lines: tuple[Line, ...] | None = None


def terms_of(said: list[Said]) -> Terms:
    """Return what was applied, and what the latch made of it."""
    found = Terms()
    for each in said:
        entry = each.entry
        if isinstance(entry, entries.Granted | entries.Resumed) and entry.applied is not None:
            read = price.read(entry.applied)
            found.applied = Applied() if not entry.applied else read or found.applied
        elif isinstance(entry, entries.Ended):
            found.lines = entry.lines
    return found


def wanted_of(session: Session, said: list[Said], posted: _Posted | None, listed: list[Whitelist]) -> Charge | None:
    """Return what a session is to come to; None where nothing says what it costs, and nothing was posted.

    listed: keeps the list of prices between sessions, once one asks for it.
    """
    terms = terms_of(said)
    if not said:
        return None  # its entries are gone, and what was posted of them stays
    marks: list[Mark] = []
    applied = terms.applied
    if applied is None:
        applied = _applied_here(session, listed)
        marks = [Mark.BY_SERVER] if applied.prices else []
    own = own_lines(session, applied)
    if session.corrected_by or terms.lines is None:
        return Charge(own, tuple(marks)) if own or posted is not None else None
    if any(not _is_plausible(line) for line in terms.lines):
        return Charge(own, (*marks, Mark.OTHERWISE))
    if price.total(terms.lines) != price.total(own):
        marks.append(Mark.OTHERWISE)
    return Charge(terms.lines, tuple(marks))


def own_lines(session: Session, applied: Applied) -> tuple[Line, ...]:
    """Return what a session costs by what was applied to it."""
    if not Purpose(session.purpose).is_paid(Level(session.level)):
        return ()
    busy = None if session.busy is None else min(session.busy, session.powered)
    return price.price(applied.prices, price.used(session.powered, busy, session.energy))


def _is_plausible(line: Line) -> bool:
    return 0 <= line.cents <= MOST_CENTS and 0 <= line.vat <= 10_000  # noqa: PLR2004 - hundredths of a per cent


def _applied_here(session: Session, listed: list[Whitelist]) -> Applied:
    """Return what this server's list says of a session that says no prices itself."""
    if not listed:
        listed.append(prices_in_force())
    day = clock.today() if session.started is None else ledger.at_site(session.started).date()
    return price.applied(listed[0], session.machine, session.member, session.category, day)


def prices_in_force() -> Whitelist:
    """Return a list of the prices and subscriptions alone."""
    rows: list[Any] = [kind.of(found) for kind in KINDS for found in kind.objects.all()]
    return Whitelist(row for row in rows if isinstance(row, Price | Subscription))


def day_of(session: Session, said: list[Said]) -> date | None:
    """Return the day of a session's end at the site; None where no clock says it."""
    ends = [each for each in said if isinstance(each.entry, entries.Ended)]
    if not ends:
        return None
    end = ends[-1]
    assert isinstance(end.entry, entries.Ended)  # noqa: S101 - as was asked for
    boot, at = (end.entry.until.boot, end.entry.until.at) if end.entry.until is not None else (end.boot, end.at)
    shift, _quality = offset(session.device, boot)
    return _day(at, shift)


def _day(at: int, shift: int | None) -> date | None:
    """Return the day of a moment; None where no clock says it, or says what is none, or is yet to come."""
    try:
        day = None if shift is None else ledger.at_site(at + shift).date()
    except (OverflowError, ValueError, OSError):
        return None
    return None if day is None or day > clock.today() else day


def sessions_made(device: Device, said: Mapping[str, list[Said]], **_signal: object) -> None:
    """Follow what became of sessions."""
    aliases.hold()
    charge(device, said)
