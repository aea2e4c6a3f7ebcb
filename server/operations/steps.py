"""Setting up: what a workshop needs, what of it is done and what is next."""

from __future__ import annotations

from typing import Any

import msgspec

from common.texts import _, ngettext
from server.core import clock, small, state
from server.devices.models import Device
from server.operations import backup
from server.people.models import Member
from server.whitelist.models import Machine, Training
from server.whitelist.setup import all_ask


class Step(msgspec.Struct, frozen=True):
    """One of them. more: in small, beside or below it."""

    text: str
    is_done: bool
    link: str
    more: str = ""


def all_of_them() -> list[Step]:
    """Return the steps in their order."""
    trainings = sum(not each.retired for each in small.rows(Training))
    controllers = [each.name for each in small.rows(Device) if not each.retired][:3]
    has_members = Member.objects.exists()
    is_closed = any(each.requires is None and not each.retired for each in small.rows(Machine))
    closed = _("Until then it opens for nobody.") if is_closed else ""
    counted = ngettext("{count} training", "{count} trainings", trainings).format(count=trainings) if trainings else ""
    return [
        Step(_("Make your account"), True, "/account"),
        Step(_("Enter the trainings"), bool(trainings), "/setup#trainings", counted),
        Step(
            _("Enrol a controller; it brings its machines"),
            bool(controllers),
            "/devices",
            ", ".join(filter(None, controllers)),
        ),
        Step(_("Say what each machine asks for"), all_ask(), "/setup#machines", closed),
        Step(_("Enter the members, or import them"), has_members, "/import"),
        Step(_("Take a backup away from this machine"), backup.days_since_left() is not None, "/setup#backup"),
    ]


def on_today(_who: str, _site: str | None) -> dict[str, Any]:
    """Return the steps until all were done once; and afterwards, that no backup has left for too long."""
    if state.get(state.SET_UP):
        return {"steps": [], "steps_done": 0, "is_overdue": backup.is_overdue()}
    steps = all_of_them()
    done = sum(each.is_done for each in steps)
    if done == len(steps):
        state.put(state.SET_UP, clock.now().isoformat())
    return {"steps": steps if done < len(steps) else [], "steps_done": done, "is_overdue": False}
