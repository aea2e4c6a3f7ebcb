"""What waits for somebody: notices, badges that nobody knows, maintenance that is due; with what to do beside each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from django.http import HttpRequest

from common.texts import _
from server.core import clock
from server.core.links import link_to
from server.core.saying import when
from server.inbox import notices
from server.inbox import views as inbox
from server.machines import tasks
from server.machines.now import Shown
from server.people.badges import LATELY, unknown_since

MOST: Final = 8
MANY: Final = 100  # notices that are counted
RED: Final = frozenset({"fault", "defect"})


class Item(msgspec.Struct, frozen=True):
    """Something to do. link, act: where, and in a word what."""

    sign: str
    colour: str
    title: str
    why: str
    link: str
    act: str


def found(request: HttpRequest, machines: Sequence[Shown]) -> tuple[list[Item], int]:
    """Return the first of what waits, and how much waits in all."""
    seen = inbox.seen(request).filter(done=None).select_related("device").order_by("-is_alarm", "-last", "-pk")
    first = list(seen[:MANY])
    items = [
        Item(_sign(each.what), "fault" if each.is_alarm or each.what in RED else "locked", notices.title(each),
             notices.sentence(each), inbox.link(each) or "/inbox", _("Look"))
        for each in first[:MOST]
    ]  # fmt: skip
    more = [*_badges({each.machine.pk: each.called for each in machines}), *_tasks(machines), *_closed(machines)]
    return [*items, *more][:MOST], len(first) + len(more)


def _sign(what: str) -> str:
    signs = {"fault": "triangle-alert", "defect": "triangle-alert", "unnamed": "user", "asked": "graduation-cap",
             "lost": "nfc", "sheet": "file-up", "proposals": "file-up", "held": "file-up"}  # fmt: skip
    return signs.get(what, "circle-alert")


def _badges(machines: dict[str, str]) -> list[Item]:
    return [
        Item(
            "nfc",
            "locked",
            _("An unknown badge"),
            f"{machines[each.machine]}, {when(each.at)}",
            "/badges",
            _("Give it"),
        )
        for each in unknown_since(clock.now() - LATELY)[:MOST]
        if each.machine in machines
    ]


def _tasks(machines: Sequence[Shown]) -> list[Item]:
    due = tasks.due([each.machine.pk for each in machines])
    return [
        Item("wrench", "locked", each.task.what, f"{one.called}, {each.said}",
             f"{link_to('/machines', one.machine.pk)}#tasks", _("Note it"))
        for one in machines
        for each in due.get(one.machine.pk, [])
        if each.is_soon
    ]  # fmt: skip


def _closed(machines: Sequence[Shown]) -> list[Item]:
    """Return the machines that open for nobody, because nobody has said what they ask for."""
    return [
        Item(
            "lock",
            "locked",
            each.called,
            _("closed: nobody has said yet what it asks for"),
            "/setup#machines",
            _("Say it"),
        )
        for each in machines
        if each.word == "closed"
    ]
