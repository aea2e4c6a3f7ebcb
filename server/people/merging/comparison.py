"""Two members side by side, and what they would be as one: shown before anybody merges them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any, Final, NamedTuple

from common.texts import _
from protocol.rows import Badge, Certification, Member, Pin, Row, Training
from protocol.sentences import LEVELS
from server.accounts.models import Account
from server.core import forms
from server.core.rendering import day, moment
from server.core.saying import duration as minutes
from server.edits import rows
from server.people import payers, usage
from server.people.forms import ParticularsForm
from server.people.merging.merge import Known, known_of, paid_for, pair_of
from server.people.merging.union import Choice, Union, particulars_as_one, united, usual

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")


class Line(NamedTuple):
    """One thing of both: of the one who is kept, of the other, and as it would be; field: what may be chosen."""

    label: str
    kept: str
    gone: str
    after: str
    field: str = ""


class Comparison(NamedTuple):
    """What the page shows; choice: what is proposed; notes: what else follows; stamp: of what both are now."""

    kept: Member
    gone: Member
    choice: Choice
    lines: list[Line]
    notes: list[str]
    stamp: str


def compare(choice: Choice, site: str | None) -> Comparison:
    """Return two members side by side. Raises EditError."""
    kept, gone, choice = pair_of(choice)
    mine, theirs = rows.belonging_to("member", kept.id), rows.belonging_to("member", gone.id)
    union = united(kept, gone, [*mine, *theirs], paid_for(gone.id), choice)
    accounts = _accounts(kept.id), _accounts(gone.id)
    lines = [
        *_of_members(kept, gone, union.member),
        *_of_particulars(known_of(kept.id), known_of(gone.id)),
        *_of_rows(kept.id, mine, theirs, union.put),
        Line(_("Accounts"), *accounts, ", ".join(each for each in accounts if each)),
        *_of_usage(kept.id, gone.id, site),
    ]
    shown = [each for each in lines if each.kept or each.gone]
    stamp = forms.stamp(kept, gone, union, known_of(kept.id), known_of(gone.id), accounts)
    return Comparison(kept, gone, usual(kept, gone), shown, _notes(union, accounts), stamp)


def _notes(union: Union, accounts: tuple[str, str]) -> list[str]:
    found = []
    if union.has_pin_left:
        found.append(_("Both have a PIN: that of the one who is kept holds, the other one is gone."))
    if all(accounts):
        found.append(_("Both have an account: both stay, and are of one member then."))
    return found


def _of_members(kept: Member, gone: Member, after: Member) -> Iterator[Line]:
    yield Line(_("Number or id"), kept.id, gone.id, after.id)
    yield Line(_("Name"), kept.name, gone.name, after.name, "name" if kept.name != gone.name else "")
    differs = kept.category != gone.category
    yield Line(_("Category"), kept.category, gone.category, after.category, "category" if differs else "")
    one, other, then = (day(each.until) or _("no end") for each in (kept, gone, after))
    yield Line(_("Membership until"), one, other, then, "until" if kept.until != gone.until else "")
    yield Line(_("Who pays"), *(payers.shown(each.payer) for each in (kept, gone, after)))
    yield Line(_("excluded"), *(_yes(each.excluded) for each in (kept, gone, after)))


def _of_particulars(kept: Known, gone: Known) -> Iterator[Line]:
    one, other = kept or {}, gone or {}
    after = other if kept is None else particulars_as_one(one, other)
    for name, field in ParticularsForm.base_fields.items():
        yield Line(_(str(field.label)), *(_said(known.get(name)) for known in (one, other, after)))


def _said(value: Any) -> str:  # noqa: ANN401 - of any field, as JSON
    """Write what is known, a day as people here do."""
    text = str(value or "")
    return day(date.fromisoformat(text)) if _DAY.fullmatch(text) else text


def _of_rows(kept: str, mine: list[Row], theirs: list[Row], put: Iterable[Row]) -> Iterator[Line]:
    after = {row.key: row for row in mine} | {row.key: row for row in put if getattr(row, "member", "") == kept}
    three = [mine, theirs, list(after.values())]
    for kind, label in ((Badge, _("Badges")), (Pin, _("PIN"))):
        yield Line(label, *(_number(sum(isinstance(row, kind) for row in found)) for found in three))
    blocked = (_number(sum(isinstance(row, Badge) and row.blocked for row in found)) for found in three)
    yield Line(_("blocked badges"), *blocked)
    held = [{row.training: row for row in found if isinstance(row, Certification)} for found in three]
    named = rows.find(f"training/{each}" for each in held[2])
    for training in sorted(held[2]):
        row = named.get(f"training/{training}")
        label = row.name or training if isinstance(row, Training) else training
        yield Line(label, *(_certification(each.get(training)) for each in held))


def _of_usage(kept: str, gone: str, site: str | None) -> Iterator[Line]:
    found = usage.of([kept, gone], site)
    one, other = found.get(kept, usage.NOTHING), found.get(gone, usage.NOTHING)
    counts = (one.sessions, other.sessions, one.sessions + other.sessions)
    yield Line(_("Sessions"), *map(_number, counts))
    times = (one.powered, other.powered, one.powered + other.powered)
    yield Line(_("Hours"), *(minutes(each) if each else "" for each in times))
    last = max((each for each in (one.last, other.last) if each is not None), default=None)
    yield Line(_("Last use"), *("" if each is None else moment(each) for each in (one.last, other.last, last)))


def _certification(row: Certification | None) -> str:
    if row is None:
        return ""
    since = _("from {day}").format(day=day(row.since)) if row.since else ""
    until = _("until {day}").format(day=day(row.until)) if row.until else ""
    return " ".join(filter(None, [_(LEVELS[row.level.word]), since, until]))


def _accounts(member: str) -> str:
    return ", ".join(Account.objects.filter(member=member).order_by("username").values_list("username", flat=True))


def _yes(value: bool) -> str:
    return _("yes") if value else ""


def _number(value: int) -> str:
    return str(value) if value else ""
