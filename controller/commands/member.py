"""`loquet member`: people and their badges: name, lend, block, merge, forget."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click
import msgspec

from common.commands import Group
from common.texts import N_, NP_, _, sentence
from controller.commands import options
from controller.commands.lists import WhitelistError, edit, member_of, new_badge
from controller.control import client
from controller.control.client import Client
from controller.runtime.teaching import UNNAMED
from controller.settings import load
from controller.store.whitelist import Change
from protocol.badge import Technology, parse_badge
from protocol.rows import Badge, BadgeKind, Certification, Row, checked
from protocol.sentences import day
from protocol.whitelist import Whitelist


@click.group(
    cls=Group, params=[options.of_group()], help=_("See to people and their badges: name, lend, block, merge, forget.")
)
def member() -> None:
    """Group what is done to one person."""


@member.command(
    "list", help=_("Show the members; with --unnamed those whom a trainer let in at a machine and nobody named yet.")
)
@options.config
@options.as_json
@click.option("--unnamed", is_flag=True, help=_("Only people without a name."))
def list_(config: Path, as_json: bool, unnamed: bool) -> None:
    """Show the members."""
    with client.open_client(load(config)) as memory:
        found = memory.whitelist()
    people = [each for each in sorted(found.members.values(), key=lambda each: each.id) if not unnamed or not each.name]
    rows = []
    for each in people:
        badges = [badge for badge in found.badges.values() if badge.member == each.id]
        trainings = sorted(row.training for row in found.certifications_of(each.id))
        if as_json:
            kinds = [{"kind": badge.kind, "until": badge.until, "blocked": badge.blocked} for badge in badges]
            options.show_json(msgspec.to_builtins(each) | {"badges": kinds, "trainings": trainings})
        until = _("excluded") if each.excluded else (day(each.until) if each.until else "")
        rows.append([each.id, each.name, until, ", ".join(map(_badge_words, badges)), ", ".join(trainings)])
    if not as_json:
        options.show_table(rows, [_("member"), _("name"), _("until"), _("badges"), _("trainings")])


KINDS = {
    BadgeKind.MEMBER: N_("own"),
    BadgeKind.SPARE: N_("lent"),
    BadgeKind.VISITOR: N_("visitor's"),
    BadgeKind.TEACHING: N_("teaching"),
}


def _badge_words(badge: Badge) -> str:
    words = _(KINDS[badge.kind])
    if badge.until is not None:
        words += _(" until {day}").format(day=day(badge.until))
    return _("{badge} (blocked)").format(badge=words) if badge.blocked else words


@member.command(
    help=_(
        "Give a member a name. WHO is the id: `loquet member list --unnamed` shows whom trainers let in.\n\n"
        '  loquet member name new-3f2a81c0 "Zoé Martin"'
    )
)
@options.config
@click.argument("who")
@click.argument("name")
def name(config: Path, who: str, name: str) -> None:
    """Name somebody."""
    if not name.strip():
        raise click.UsageError(_("say the name"))
    with client.open_client(load(config), write=True) as memory:
        found = memory.whitelist()
        person = checked(msgspec.structs.replace(member_of(found, who), name=name.strip()))
        edit(memory, Change(put=(person,)), found.version)
    click.echo(_("{member} is {name} now").format(member=who, name=name.strip()))


@member.command(
    help=_(
        "Say that two are one: OTHER's badges and trainings become WHO's, and OTHER is no more. For somebody whom a "
        "trainer let in by a new badge, and who was a member already.\n\n"
        "  loquet member merge marie new-3f2a81c0"
    )
)
@options.config
@click.argument("who")
@click.argument("other")
def merge(config: Path, who: str, other: str) -> None:
    """Make one of two."""
    if who == other:
        raise click.UsageError(_("name two different members"))
    with client.open_client(load(config), write=True) as memory:
        found = memory.whitelist()
        person, gone = member_of(found, who), member_of(found, other)
        if gone.excluded and not person.excluded:
            raise WhitelistError(N_('"{member}" is excluded; that does not go away by a merge'), member=other)
        put: list[Row] = [msgspec.structs.replace(badge, member=who) for badge in found.badges_of(other)]
        theirs = found.certifications_of(other)
        put += [
            Certification(who, row.training, row.level, row.since, row.until)
            for row in theirs
            if found.certification(who, row.training) is None
        ]
        pin = [found.pins[other]] if other in found.pins else []
        edit(memory, Change(put=tuple(put), drop=(gone, *theirs, *pin)), found.version)
    click.echo(_("{other} is {member} now").format(other=other, member=who))


@member.command(
    help=_(
        "Lend a member a spare badge: for today, or until another day.\n\n"
        "  loquet member lend marie --badge 04A3C6CAE26180"
    )
)
@options.config
@click.argument("who")
@click.option("--badge", "uid", required=True, metavar="UID", help=_("The badge, as `loquet read` shows it."))
@click.option("--until", callback=options.day, metavar="DAY", help=_("Last day: 31/03/2027 or 2027-03-31; else today."))
def lend(config: Path, who: str, uid: str, until: date | None) -> None:
    """Lend a badge."""
    number = parse_badge(uid)
    with client.open_client(load(config), write=True) as memory:
        found = memory.whitelist()
        person = member_of(found, who)
        moment = memory.moment()
        last = until or max(moment.known, moment.today)
        hashed = memory.hash([number])[0]
        edit(memory, Change(put=(new_badge(found, hashed, person.id, BadgeKind.SPARE, last),)), found.version)
    click.echo(_("{member} has this badge until {day}").format(member=who, day=day(last)))


@member.command(
    help=_(
        "Block lost badges: the one named with --badge, or all of a member's. A session that runs goes on.\n\n"
        "  loquet member block marie"
    )
)
@options.config
@click.argument("who", required=False)
@click.option("--badge", "uid", metavar="UID", help=_("The badge, as `loquet read` shows it."))
@click.option("--unblock", is_flag=True, help=_("It was found again."))
def block(config: Path, who: str | None, uid: str | None, unblock: bool) -> None:
    """Block badges."""
    if (who is None) == (uid is None):
        raise click.UsageError(_("name a member, or a badge with --badge UID"))
    number = parse_badge(uid) if uid is not None else None
    with client.open_client(load(config), write=True) as memory:
        found = memory.whitelist()
        badges = [_known(found, memory, number)] if number is not None else _all_of(found, who or "")
        rows = tuple(msgspec.structs.replace(badge, blocked=not unblock) for badge in badges)
        edit(memory, Change(put=rows), found.version)
    again = NP_("{count} badge let in again", "{count} badges let in again")
    blocked = NP_("{count} badge blocked", "{count} badges blocked")
    click.echo(sentence(again if unblock else blocked, count=len(rows)))


def _known(found: Whitelist, memory: Client, number: tuple[bytes, Technology]) -> Badge:
    hashed = memory.hash([number])[0]
    if hashed not in found.badges:
        raise WhitelistError(N_("this badge is nobody's: it opens nothing as it is"))
    return found.badges[hashed]


def _all_of(found: Whitelist, who: str) -> list[Badge]:
    badges = found.badges_of(member_of(found, who).id)
    if not badges:
        raise WhitelistError(N_('"{member}" has no badge'), member=who)
    return badges


@member.command(
    help=_(
        "Forget a person: name, badges and trainings leave this controller, its free pages and its document. The "
        "journal keeps the id and the minutes for as long as the settings say ([retention]). Of somebody who is "
        "excluded, the id and the blocked badges stay, without the name. There is no way back.\n\n"
        "  loquet member forget marie"
    )
)
@options.config
@click.argument("who")
@click.option("--yes", is_flag=True, help=_("Do not ask."))
def forget(config: Path, who: str, yes: bool) -> None:
    """Forget a person."""
    settings = load(config)
    with client.open_client(settings, write=True) as memory:
        found = memory.whitelist()
        person = member_of(found, who)
        if not yes:
            click.confirm(_("Forget {member} for good?").format(member=person.name or who), abort=True)
        badges, held = found.badges_of(who), found.certifications_of(who)
        pin = [found.pins[who]] if who in found.pins else []
        if person.excluded:
            bare: tuple[Row, ...] = tuple(msgspec.structs.replace(badge, blocked=True) for badge in badges)
            nameless = type(person)(who, excluded=True)
            change = Change(put=(nameless, *bare), drop=(*held, *pin))
        else:
            change = Change(drop=(person, *badges, *held, *pin))
        memory.edit(change, lambda _done, _total: None, base=found.version, forgets=True)
    click.echo(_("{member} is forgotten").format(member=who))
    if who.startswith(UNNAMED) or not person.name:
        return
    click.echo(_("the journal still holds the id {member}; choose ids that are no names").format(member=who), err=True)
