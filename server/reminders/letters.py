"""What reminders and digests say, in the language in use."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import msgspec

from common.texts import N_, _, ngettext
from server.core import configuration
from server.core.links import link_to
from server.core.rendering import day
from server.reminders.models import Often

MEMBERSHIP: Final = N_("{name}: your membership ends on {day}")
TRAINING: Final = N_("{name}: {what} ends for you on {day}")
SEVERAL: Final = N_("{name}: what ends soon for you")
RENEW: Final = N_("To stay a member, renew your membership with those who run the workshop.")
REFRESH: Final = N_(
    "A machine that asks for a training, or for an insurance, does not start for you once that has ended: ask a "
    "fabmanager how to extend it."
)
ARRANGED: Final = N_("If you have seen to it already, there is nothing to do.")
WHY: Final = N_("You get this letter because you agreed to letters. To get no more of them, open this address:")
ENDS: Final = N_("Within {days} this ends:")
DIGEST: Final = N_("You get this digest {often}. The first page says when it comes, the second where it goes:")


class Line(msgspec.Struct, frozen=True):
    """One thing that ends. what: a training as it is called, "" for the membership."""

    end: date
    what: str = ""

    @property
    def called(self) -> str:
        """What it is called."""
        return self.what or _("membership")


class Ending(msgspec.Struct, frozen=True):
    """One thing that ends, of whom, and whether they are told of it. why: why they are not, "" where they are."""

    line: Line
    member: str
    name: str
    why: str = ""


class Summary(msgspec.Struct, frozen=True):
    """What a digest tells: the first of what ends within so many days, and how many more there are."""

    within: int
    endings: Sequence[Ending]
    more: int
    writes: bool


def to_member(name: str, lines: Sequence[Line], today: date, unsubscribe: str) -> tuple[str, str]:
    """Return the subject and the text of a reminder."""
    settings = configuration.in_force().server
    has_membership = any(not line.what for line in lines)
    about = SEVERAL if len(lines) > 1 else MEMBERSHIP if has_membership else TRAINING
    subject = _(about).format(name=settings.name, what=lines[0].what, day=day(lines[0].end))
    parts = [
        _("Hello {name},").format(name=name),
        _("This ends soon at {workshop}:").format(workshop=settings.name),
        "\n".join(_said(line, today) for line in lines),
        *([_(RENEW)] if has_membership else []),
        *([_(REFRESH)] if any(line.what for line in lines) else []),
        _(ARRANGED),
        _("Questions? Write to {contact}.").format(contact=settings.contact)
        if settings.contact
        else _("Questions? Ask a fabmanager."),
        f"{_(WHY)}\n{unsubscribe}",
    ]
    return subject, "\n\n".join(parts) + "\n"


def _said(line: Line, today: date) -> str:
    left = (line.end - today).days
    days = ngettext("{count} day left", "{count} days left", left).format(count=left) if left else _("the last day")
    return _("- {what}: until {day} ({left})").format(what=line.called, day=day(line.end), left=days)


def to_account(name: str, summary: Summary, site: str, often: str) -> tuple[str, str]:
    """Return the subject and the text of a digest."""
    settings, link = configuration.in_force().server, configuration.in_force().link.rstrip("/")
    within = ngettext("the next day", "the next {count} days", summary.within).format(count=summary.within)
    told = [each for each in summary.endings if not each.why]
    others = [each for each in summary.endings if each.why]
    parts = [_("Hello {name},").format(name=name)]
    if told:
        head = _("Within {days} this ends; the members are told by letter:") if summary.writes else _(ENDS)
        parts += [head.format(days=within), _listed(told, link)]
    if others:
        head = _("Within {days} this ends too, and nobody is told by letter; tell them yourself:")
        parts += [head.format(days=within), _listed(others, link)]
    if summary.more:
        more = ngettext("And {count} more, on this page:", "And {count} more, on this page:", summary.more)
        parts.append(f"{more.format(count=summary.more)}\n{link}/whitelist")
    rhythm = _("every day") if often == Often.DAILY else _("every week")
    parts.append(f"{_(DIGEST).format(often=rhythm)}\n{link}{link_to('/site', site)}\n{link}/account")
    subject = _("{name}: what ends within {days}").format(name=settings.name, days=within)
    return subject, "\n\n".join(parts) + "\n"


def _listed(endings: Sequence[Ending], link: str) -> str:
    return "\n".join(_entry(each, link) for each in endings)


def _entry(ending: Ending, link: str) -> str:
    why = f" ({_(ending.why)})" if ending.why else ""
    said = _("- {day}: {name}, {what}").format(day=day(ending.line.end), name=ending.name, what=ending.line.called)
    return f"{said}{why}\n  {link}{path(ending.member)}"


def path(member: str) -> str:
    """Return the path of a member's page, which ends a line of each digest that names them: by it they are found."""
    return link_to("/members", member)
