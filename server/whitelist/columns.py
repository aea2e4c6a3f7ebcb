"""The whitelist as a grid: trainings with what they open, and each member's certification for one."""

from __future__ import annotations

import hashlib
import re
from typing import Final

import msgspec
from django.db.models import Q

from common.texts import N_, _
from protocol.rows import Certification, Level
from protocol.sentences import LEVELS
from server.core import forms, small
from server.core.links import link_to
from server.core.rendering import day
from server.core.sorting import by_name
from server.whitelist import models
from server.whitelist.models import Machine, Training

SOON: Final = 30  # days before its end a certification is marked
_WORD: Final = re.compile(r"[A-Za-z0-9_]+")  # without a hyphen, which stands between two


class Column(msgspec.Struct, frozen=True):
    """A training, and the machines that it opens."""

    id: str
    name: str
    machines: tuple[str, ...]
    is_given: bool = True  # by people; else it follows from what is known of the member


class Cell(msgspec.Struct, frozen=True):
    """One member's certification for one training, as it is shown; state: none, held, soon, over, later."""

    member: str
    name: str
    training: Column
    held: Certification | None
    state: str
    late: bool = False
    may: bool = True

    @property
    def address(self) -> str:
        """Where it is looked at and changed."""
        return link_to("/whitelist/cell", self.member, self.training.id)

    @property
    def element(self) -> str:
        """What its element is called on the page: of no two cells the same, and a word that any selector takes."""
        ids = (self.member, self.training.id)
        if all(map(_WORD.fullmatch, ids)):
            return "-".join(("c", *ids))
        return f"c-{hashlib.blake2b('/'.join(ids).encode(), digest_size=12).hexdigest()}"

    @property
    def mark(self) -> str:
        """The sign in the cell; words go with it for those who do not see it."""
        if self.held is None:
            return ""
        return {Level.SUPERVISED: _("S"), Level.USER: "✓", Level.TRAINER: _("T"), Level.MAINTAINER: "M"}[
            self.held.level
        ]

    @property
    def shape(self) -> str:
        """How the cell looks, by what is held there."""
        if self.held is None:
            return "none"
        if self.state == "over":
            return "late"
        return {Level.SUPERVISED: "sup", Level.USER: "yes"}.get(self.held.level, "teach")

    @property
    def label(self) -> str:
        """The whole cell in words."""
        if self.held is None:
            return _("{name}, {training}: not certified").format(name=self.name, training=self.training.name)
        said = {
            "held": N_("{name}, {training}: {level}"),
            "soon": N_("{name}, {training}: {level}, ends soon"),
            "over": N_("{name}, {training}: {level}, is over"),
            "later": N_("{name}, {training}: {level}, begins later"),
        }[self.state]
        words = _(said).format(name=self.name, training=self.training.name, level=_(LEVELS[self.held.level.word]))
        return f"{words}, {_('until {day}').format(day=day(self.held.until))}" if self.held.until else words


def columns(only: str = "", site: str | None = None) -> list[Column]:
    """Return the trainings that are offered, each with what it opens. site: only there; None: everywhere.

    A training that opens something elsewhere alone is no column of that site's.
    """
    opens: dict[str, list[str]] = {}
    everywhere = [each for each in small.rows(Machine) if not each.retired]
    here = None if site is None else set(Machine.objects.filter(device__site=site).values_list("pk", flat=True))
    machines = [each for each in everywhere if here is None or each.device_id is None or each.pk in here]
    elsewhere = {t for each in everywhere for t in each.requires or ()} if site else set()
    for machine in by_name(machines):
        for training in machine.requires or ():
            opens.setdefault(training, []).append(machine.name or machine.pk)
    held = models.Certification.objects.values("training")
    found = by_name(Training.objects.filter(Q(retired=False) | Q(pk__in=held)))
    follows = {each.pk for each in small.rows(models.Condition)}
    return [
        Column(each.pk, each.name or each.pk, tuple(opens.get(each.pk, ())), each.pk not in follows)
        for each in found
        if (not only or each.pk == only) and (each.pk in opens or each.pk not in elsewhere)
    ]


def state_of(held: Certification | None) -> str:
    """Return none, held, soon, over or later."""
    today = forms.today()
    if held is None:
        return "none"
    if held.until is not None and held.until < today:
        return "over"
    if held.since is not None and held.since > today:
        return "later"
    return "soon" if held.until is not None and (held.until - today).days < SOON else "held"
