"""Keeping what is told of machines: when one went down and came back, what is wrong with it, and that it is mended."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from django.db.models import F, Q

from common.errors import LoquetError
from common.texts import N_
from server.core import clock
from server.upkeep.models import Defect, Downtime, Place, What

STRANGERS_AN_HOUR: Final = 10  # defects of one machine by people who did not log in, whatever becomes of them
STRANGERS_WAITING: Final = 30
AGAIN: Final = timedelta(hours=1)  # the same word from the same button is one defect for so long


class TooManyError(LoquetError, ValueError):
    """So much is reported of a machine already that one more helps nobody."""


class When(msgspec.Struct, frozen=True):
    """When a controller wrote something: its boot, that boot's clock, and what to add for milliseconds since 1970.

    came: when the server heard of it.
    """

    device: str
    boot: str
    at: int
    shift: int | None
    came: datetime

    @property
    def wall(self) -> int | None:
        """Milliseconds since 1970; None where no clock was set."""
        return None if self.shift is None else self.at + self.shift


def down(when: When, machine: str, *, what: What, why: str) -> None:
    """Begin a downtime, where none of its kind goes on; a further cause is added to its reason."""
    going_on = Downtime.objects.filter(machine=machine, what=what.value, over=False).first()
    if going_on is None:
        begun = {"boot": when.boot, "at": when.at, "began": when.wall}
        Downtime.objects.create(machine=machine, device=when.device, what=what.value, why=why[:300], **begun)
    elif why not in going_on.why:
        going_on.why = why[:300] if what is What.LOCK else f"{going_on.why}, {why}"[:300]
        going_on.save(update_fields=["why"])


def up(when: When, machine: str, *, what: What, by: str) -> None:
    """End what goes on of that kind."""
    mine = Downtime.objects.filter(machine=machine, what=what.value, over=False)
    if when.wall is not None:  # of two journals that are read in whatever order, an older word ends nothing newer
        mine = mine.filter(Q(began__lte=when.wall) | Q(began=None))
    ended = {"over": True, "end_boot": when.boot, "end_at": when.at, "ended": when.wall, "by": by[:200]}
    mine.update(**ended)


def reported(when: When, machine: str, *, note: str, by: str, member: str | None) -> bool:
    """Keep a defect that a controller tells of; return whether it is a new one."""
    waiting = Defect.objects.filter(machine=machine, done=None)
    if waiting.filter(note=note[:300], place=Place.MACHINE.value, came__gt=when.came - AGAIN).exists():
        return False
    place: dict[str, Any] = {
        "device": when.device,
        "came": when.came,
        "place": Place.MACHINE.value,
        "boot": when.boot,
        "at": when.at,
    }
    who = {"by": by[:200], "member": (member or "")[:64]}
    Defect.objects.create(machine=machine, reported=when.wall, note=note[:300], **place, **who)
    return True


def reported_here(machine: str, *, note: str, by: str, member: str = "") -> Defect:
    """Keep a defect that somebody with an account tells of."""
    told = {"note": note, "by": by, "member": member}
    return Defect.objects.create(machine=machine, place=Place.PAGE.value, reported=clock.ms(), **told)


def reported_by_a_stranger(machine: str, *, note: str, name: str) -> Defect:
    """Keep a defect that somebody tells of who did not log in. Raises TooManyError, which keeps back nobody else."""
    theirs = Defect.objects.filter(machine=machine, place=Place.STRANGER.value)
    lately = theirs.filter(came__gte=clock.now() - timedelta(hours=1)).count()
    if lately >= STRANGERS_AN_HOUR or theirs.filter(done=None).count() >= STRANGERS_WAITING:
        raise TooManyError(N_("much is reported of this machine already; tell a fabmanager"))
    told = {"note": note, "by": name}
    return Defect.objects.create(machine=machine, place=Place.STRANGER.value, reported=clock.ms(), **told)


def mended(
    machine: str, *, by: str, note: str, only: int | None = None, when: int | None = None, came: datetime | None = None
) -> int:
    """Have one defect, or all of a machine, be dealt with; return how many.

    when, came: when somebody said so, milliseconds since 1970, and when it was heard: what is younger is not meant.
    """
    waiting = Defect.objects.filter(machine=machine, done=None)
    if only is not None:
        waiting = waiting.filter(pk=only)
    if when is not None:
        waiting = waiting.filter(Q(reported__lte=when) | Q(reported=None))
    if came is not None:
        waiting = waiting.filter(came__lte=came)
    return waiting.update(done=clock.now(), done_by=by[:200], done_note=note[:200])


def dated(device: str, boot: str, shift: int | None) -> None:
    """Date what was told of in a boot, by what its clock says by now."""
    if shift is None:
        return
    Downtime.objects.filter(device=device, boot=boot).update(began=F("at") + shift)
    Downtime.objects.filter(device=device, end_boot=boot).update(ended=F("end_at") + shift)
    Defect.objects.filter(device=device, boot=boot).update(reported=F("at") + shift)


def forget(sender: object, member: str, **_more: object) -> None:  # noqa: ARG001 - Django's signature
    """Have no defect name a member any more."""
    Defect.objects.filter(member=member).update(member="", by="")
    Downtime.objects.filter(by=member).update(by="")
