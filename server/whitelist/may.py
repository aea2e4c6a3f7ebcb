"""What a member may use, machine by machine, and why not: asked of the rules by which the latch decides."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import msgspec

from common.texts import _
from protocol.access import Denied, Reason, explain
from protocol.moment import Moment, Quality
from protocol.rows import Badge, Certification, Level
from protocol.sentences import refusal
from protocol.whitelist import Whitelist
from server.core import clock, small
from server.core.links import link_to
from server.core.saying import day_said
from server.edits import rows, sentences
from server.edits.models import Change
from server.people.models import Member
from server.whitelist import drawings, models
from server.whitelist.models import Machine

# What passes by itself, or is of a badge and not of the member: it says nothing of what they may use.
PASSING: Final = frozenset(
    {
        Reason.MACHINE_LOCKED, Reason.CLOSED_NOW, Reason.BADGE_BLOCKED, Reason.BADGE_EXPIRED, Reason.BADGE_NOT_YET,
        Reason.UNKNOWN_BADGE, Reason.SUPERVISION_NEEDED, Reason.BUDDY_NEEDED,
    }
)  # fmt: skip
WITH_SOMEBODY: Final = frozenset({Reason.SUPERVISION_NEEDED, Reason.BUDDY_NEEDED})


class May(msgspec.Struct, frozen=True):
    """One machine, for one member. word: yes, open (to all), beside (with somebody), over, missing, no.

    why: in words; training: which one would help, "" for none; who: who gives it. since, until, by: of what they have.
    """

    machine: Machine
    drawing: str
    word: str
    why: str
    training: str = ""
    training_name: str = ""
    who: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    by: str = ""

    @property
    def called(self) -> str:
        """What the machine is called."""
        return self.machine.name or self.machine.pk

    @property
    def is_fine(self) -> bool:
        """Whether they may use it."""
        return self.word in {"yes", "open", "beside"}

    def cell(self, member: str) -> str:
        """Return where the training is given."""
        return link_to("/whitelist/cell", member, self.training) if self.training else ""


def of(
    member: str,
    machines: Sequence[Machine],
    teachers: dict[str, tuple[str, ...]] | None = None,
    row: Member | None = None,
) -> list[May]:
    """Return what a member may use of some machines, in their order.

    teachers: who gives which training; row: the member, where the page has them already.
    """
    known, now = _known(member, row), moment()
    badge = Badge("0" * 32, member)
    keys = [f"certification/{member}/{each.training}" for each in known.certifications.values()]
    givers: dict[str, str] = {}
    for change in (
        Change.objects.filter(key__in=keys).select_related("edit__account", "edit__device").order_by("version")
    ):
        givers[change.key] = sentences.who(change.edit)
    drawn = drawings.of(machines)
    made = []
    for machine in machines:
        denied = [check.denied for check in explain(known, machine.pk, badge, now) if check.denied is not None]
        made.append(_one(machine, drawn[machine.pk], denied, known, member, givers, teachers or {}))
    return made


def moment() -> Moment:
    """Return this moment, as a controller whose clock is right sees it."""
    now = clock.local()
    minute = (now.weekday() * 24 + now.hour) * 60 + now.minute
    return Moment("", 0, int(now.timestamp() * 1000), Quality.SYNCHRONISED, now.date(), now.date(), minute)


def _known(member: str, row: Member | None) -> Whitelist:
    """Return what it depends on: no badge, and no opening hours."""
    found = Whitelist()
    here = Member.objects.filter(pk=member) if row is None else [row]
    held = models.Certification.objects.filter(member=member)
    for each in (*here, *held, *small.rows(models.Training), *small.rows(Machine)):
        made = rows.of(each)
        if made is not None:
            found.put(made)
    return found


def _one(
    machine: Machine,
    drawing: str,
    denied: list[Denied],
    known: Whitelist,
    member: str,
    givers: dict[str, str],
    teachers: dict[str, tuple[str, ...]],
) -> May:
    real = [each for each in denied if each.reason not in PASSING]
    if not real:
        return _fine(machine, drawing, {each.reason for each in denied}, known, member, givers)
    # What is missing of a training helps most to know; what keeps somebody out everywhere is said on top of the page.
    first = next((each for each in real if each.wants), real[0])
    training = first.wants[0] if first.wants else ""
    word = {Reason.TRAINING_EXPIRED: "over", Reason.TRAINING_MISSING: "missing"}.get(first.reason, "no")
    name = known.trainings[training].name or training if training in known.trainings else training
    return May(machine, drawing, word, _why(first, name, known), training, name, teachers.get(training, ()))


def _why(denied: Denied, training: str, known: Whitelist) -> str:
    if denied.reason is Reason.TRAINING_MISSING:
        return _("The training {training} is missing").format(training=training)
    if denied.reason is Reason.TRAINING_EXPIRED:
        return _("The training {training} ended: {day}").format(training=training, day=day_said(denied.day))
    said = refusal(denied, known)
    return said[:1].upper() + said[1:]


def _fine(
    machine: Machine, drawing: str, passing: set[Reason], known: Whitelist, member: str, givers: dict[str, str]
) -> May:
    wanted = [each for each in machine.requires or () if (member, each) in _held(known)]
    if not wanted:
        return May(machine, drawing, "open", _("No training asked for"))
    held = [_held(known)[member, each] for each in wanted]
    since = max((each.since for each in held if each.since), default=None)
    until = min((each.until for each in held if each.until), default=None)
    first = min(held, key=lambda each: each.level)
    by = next((givers[each.key] for each in held if each.key in givers), "")
    beside = passing & WITH_SOMEBODY or first.level is Level.SUPERVISED
    name = (
        known.trainings[first.training].name or first.training if first.training in known.trainings else first.training
    )
    why = _("A trainer has to be there") if beside else ""
    return May(machine, drawing, "beside" if beside else "yes", why, first.training, name, (), since, until, by)


def _held(known: Whitelist) -> dict[tuple[str, str], Certification]:
    return {(each.member, each.training): each for each in known.certifications.values()}
