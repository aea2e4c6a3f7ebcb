"""Refusals: taps that opened nothing, and why, as journals tell of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from django.db.models import F

from common.texts import N_, _
from protocol import entries
from protocol.access import Denied, Reason
from protocol.rows import Training
from protocol.sentences import refusal
from protocol.whitelist import Whitelist
from server.core import small
from server.core.saying import day_said
from server.journal import clocks
from server.journal.processing import Written, register
from server.usage.models import Refusal
from server.whitelist import models as whitelist

MENDED_BY: Final = {
    Reason.TRAINING_MISSING: "give",
    Reason.TRAINING_EXPIRED: "extend",
    Reason.MEMBERSHIP_ENDED: "membership",
    Reason.UNKNOWN_BADGE: "badge",
}


# As whoever runs the workshop reads it; others are said as at the machine.
_OF_THEM: Final = {
    Reason.TRAINING_MISSING: N_("The training {wants} is missing"),
    Reason.TRAINING_EXPIRED: N_("The training {wants} ended: {day}"),
    Reason.TRAINING_NOT_YET: N_("The training {wants} begins: {day}"),
    Reason.MEMBERSHIP_ENDED: N_("The membership ended: {day}"),
    Reason.MEMBER_EXCLUDED: N_("The member is excluded"),
    Reason.BADGE_BLOCKED: N_("The badge is blocked"),
    Reason.BADGE_EXPIRED: N_("The badge ended: {day}"),
    Reason.UNKNOWN_BADGE: N_("Nobody knows this badge"),
    Reason.CLOSED_NOW: N_("Outside the opening hours"),
    Reason.SUPERVISION_NEEDED: N_("No trainer was there"),
}


def came(written: Written, entry: entries.Refused) -> None:
    """Keep a refusal."""
    shift, _quality = clocks.offset(written.device, written.entry.boot)
    Refusal.objects.create(
        device=written.device,
        machine=entry.machine[:64],
        member=(entry.member or "")[:64],
        badge=(entry.badge or "")[:32],
        reason=entry.reason.value,
        wants=[each[:64] for each in entry.wants[:20]],
        day=entry.day,
        note=entry.note[:200],
        boot=written.entry.boot,
        began=written.entry.at,
        at=None if shift is None else written.entry.at + shift,
        came=datetime.fromtimestamp(written.entry.came / 1000, UTC),
    )


def dated(written: Written, _entry: entries.Clock) -> None:
    """Date the refusals of a boot by what its clock says by now."""
    if not clocks.moved(written):
        return
    shift, _quality = clocks.offset(written.device, written.entry.boot)
    if shift is not None:
        Refusal.objects.filter(device=written.device, boot=written.entry.boot).update(at=F("began") + shift)


def register_all() -> None:
    """Have refusals be kept."""
    register(entries.Refused, came)
    register(entries.Clock, dated)


def names_of_trainings(wanted: set[str]) -> Whitelist:
    """Return a list that knows what these trainings are called, for sentences."""
    made = Whitelist()
    for each in small.rows(whitelist.Training) if wanted else ():
        made.put(Training(each.pk, each.name))
    return made


def why(found: Refusal, names: Whitelist) -> str:
    """Return why, to somebody who is not the one who was refused."""
    try:
        reason = Reason(found.reason)
    except ValueError:  # of a controller that is newer than this server
        return found.reason
    wants = tuple(map(str, found.wants))
    if reason in _OF_THEM:
        called = (names.trainings[each].name or each if each in names.trainings else each for each in wants)
        return _(_OF_THEM[reason]).format(wants=", ".join(called), day=day_said(found.day) or "?")
    return refusal(Denied(reason, wants=wants, day=found.day, note=found.note), names)


def mended_by(found: Refusal) -> str:
    """Return what would let them in: give, extend, membership, badge; "" where it is none of these."""
    return MENDED_BY.get(Reason(found.reason), "") if found.reason in set(Reason) else ""


def forget(member: str, **_signal: object) -> None:
    """Leave nothing of a member's refusals."""
    Refusal.objects.filter(member=member).delete()
