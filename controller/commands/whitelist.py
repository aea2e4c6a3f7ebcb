"""`loquet whitelist`: who may use what, on this controller."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from common.commands import Group
from common.texts import N_, _
from controller.commands import lists, options
from controller.commands.lists import WhitelistError, edit, member_of, new_badge
from controller.control import client
from controller.control.client import Client
from controller.settings import load
from controller.store.whitelist import Change
from protocol.access import explain as ask_every_rule
from protocol.badge import parse_badge
from protocol.rows import (
    Badge,
    BadgeKind,
    Certification,
    Level,
    Machine,
    Member,
    Row,
    Training,
    checked,
    encode_row,
)
from protocol.sentences import day, refusal
from protocol.whitelist import Whitelist

ID = click.STRING


@click.group(
    cls=Group,
    params=[options.of_group()],
    help=_(
        "Say who may use which machine: import a list, grant, revoke, require, explain.\n\n"
        "A machine opens to members who have every training that it requires. A first machine:\n\n"
        "\b\n"
        "  loquet whitelist require laser laser-training\n"
        '  loquet whitelist grant marie laser-training --badge 04A3C6CAE26180 --name "Marie Curie"'
    ),
)
def whitelist() -> None:
    """Group what is done to the whitelist."""


whitelist.add_command(lists.import_)
whitelist.add_command(lists.export)


def _level(_ctx: click.Context, _param: click.Parameter, value: str) -> Level:
    return Level[value.upper()]


# --- look ---


@whitelist.command(
    "list", help=_("Show members, their badges' number and their trainings; machines and what they require.")
)
@options.config
@options.as_json
def list_(config: Path, as_json: bool) -> None:
    """Show the whitelist."""
    with client.open_client(load(config)) as memory:
        found = memory.whitelist()
    if as_json:
        for row in found.rows():
            click.echo(encode_row(row).decode())
        return
    badges: dict[str, int] = {}
    for badge in found.badges.values():
        badges[badge.member] = badges.get(badge.member, 0) + (not badge.blocked)
    trainings: dict[str, list[str]] = {}
    for held in found.certifications.values():
        level = "" if held.level is Level.USER else f" ({held.level.word})"
        until = _(" until {day}").format(day=day(held.until)) if held.until else ""
        trainings.setdefault(held.member, []).append(held.training + level + until)
    members = [
        [
            member.id,
            member.name,
            _("excluded") if member.excluded else (day(member.until) if member.until else ""),
            badges.get(member.id, 0),
            ", ".join(sorted(trainings.get(member.id, []))),
        ]
        for member in sorted(found.members.values(), key=lambda each: each.id)
    ]
    options.show_table(members, [_("member"), _("name"), _("until"), _("badges"), _("trainings")])
    click.echo()
    machines = [
        [machine.id, _required(machine), machine.locked]
        for machine in sorted(found.machines.values(), key=lambda each: each.id)
    ]
    options.show_table(machines, [_("machine"), _("requires"), _("locked")])


def _required(machine: Machine) -> str:
    if not machine.is_set_up:
        return _("nobody has said yet: closed")
    return ", ".join(machine.trainings) or _("nothing: open to every member")


@whitelist.command(
    help=_(
        "Say, rule by rule, why a member may or may not use a machine. The same lines decide at the reader.\n\n"
        "WHO is a member's id, or a badge's number with --badge."
    )
)
@options.config
@options.as_json
@click.argument("names", nargs=-1, required=True, metavar="[WHO] MACHINE")
@click.option("--badge", metavar="UID", help=_("Ask for this badge, as `loquet read` shows it."))
def explain(config: Path, as_json: bool, names: tuple[str, ...], badge: str | None) -> None:
    """Explain a decision."""
    settings = load(config)
    *people, machine = names
    if len(people) + (badge is not None) != 1:
        raise click.UsageError(_("name one member and a machine, or a machine and --badge UID"))
    who = people[0] if people else None
    settings.station(machine)
    with client.open_client(settings) as memory:
        found = memory.whitelist()
        row = _badge_of(found, memory, who, badge)
        checks = list(ask_every_rule(found, machine, row, memory.moment()))
    if as_json:
        options.show_json(
            {
                "granted": all(check.denied is None for check in checks),
                "rules": [
                    {"question": check.question, "denied": check.denied and msgspec.to_builtins(check.denied)}
                    for check in checks
                ],
            }
        )
        return
    for check in checks:
        answer = _("yes") if check.denied is None else _("no: {why}").format(why=refusal(check.denied, found))
        click.echo(f"{'✓' if check.denied is None else '✗'} {_(check.question)} {answer}")
    granted = all(check.denied is None for check in checks)
    click.echo(_("granted") if granted else _("refused"))


def _badge_of(found: Whitelist, memory: Client, who: str | None, uid: str | None) -> Badge:
    if uid is not None:
        hashed = memory.hash([parse_badge(uid)])[0]
        if hashed not in found.badges:
            raise WhitelistError(
                N_("this badge is not in the whitelist; whose is it? `loquet whitelist grant MEMBER --badge UID`")
            )
        return found.badges[hashed]
    member = member_of(found, who or "")
    badges = found.badges_of(member.id)
    if not badges:
        raise WhitelistError(
            N_('"{member}" has no badge; add one: loquet whitelist grant {member} --badge UID'),
            member=member.id,
        )
    return min(badges, key=lambda each: each.blocked)


# --- change ---


@whitelist.command(
    help=_(
        "Give a member trainings, a badge, or both; makes the member where there is none.\n\n"
        "\b\n"
        '  loquet whitelist grant marie laser-training --badge 04A3C6CAE26180 --name "Marie Curie"'
    )
)
@options.config
@click.argument("member", type=ID)
@click.argument("trainings", nargs=-1, type=ID)
@click.option(
    "--badge",
    "uids",
    multiple=True,
    metavar="UID",
    help=_("A badge, as `loquet read` shows it; may be repeated."),
)
@click.option("--name", help=_("The member's name."))
@click.option(
    "--level",
    type=click.Choice([level.word for level in Level]),
    default=Level.USER.word,
    show_default=True,
    callback=_level,
    help=_("What the trainings allow."),
)
@click.option(
    "--until", callback=options.day, metavar="DAY", help=_("Last day of the trainings: 31/03/2027 or 2027-03-31.")
)
@click.option("--membership-until", callback=options.day, metavar="DAY", help=_("Last day of the membership."))
@click.option(
    "--teaching",
    is_flag=True,
    help=_("The badges start nothing: at a machine whose trainer the member is, each badge tapped after it is let in."),
)
@click.option("--readmit", is_flag=True, help=_("Let a member who was excluded in again."))
def grant(
    config: Path,
    member: str,
    trainings: tuple[str, ...],
    uids: tuple[str, ...],
    name: str | None,
    level: Level,
    until: Any,  # noqa: ANN401 - a date or None
    membership_until: Any,  # noqa: ANN401 - a date or None
    teaching: bool,
    readmit: bool,
) -> None:
    """Grant trainings and badges."""
    settings = load(config)
    numbers = [parse_badge(uid) for uid in uids]
    with client.open_client(settings, write=True) as memory:
        found = memory.whitelist()
        person = found.members.get(member) or Member(member)
        if person.excluded and not readmit:
            raise WhitelistError(N_('"{member}" is excluded; if that is over, say --readmit as well'), member=member)
        person = msgspec.structs.replace(person, excluded=False)
        if name is not None:
            person = msgspec.structs.replace(person, name=name)
        if membership_until is not None:
            person = msgspec.structs.replace(person, until=membership_until)
        put: list[Row] = [person]
        put += [found.trainings.get(training) or Training(training) for training in trainings]
        put += [Certification(member, training, level, until=until) for training in trainings]
        kind = BadgeKind.TEACHING if teaching else BadgeKind.MEMBER
        put += [new_badge(found, memory.hash([number])[0], member, kind) for number in numbers]
        version = edit(memory, Change(put=tuple(map(checked, put))), found.version)
    _say_which_are_new(found, trainings)
    click.echo(
        _("{member}: {trainings} trainings, {badges} badges granted; whitelist version {version}").format(
            member=member, trainings=len(trainings), badges=len(numbers), version=version
        )
    )


def _say_which_are_new(found: Whitelist, trainings: tuple[str, ...]) -> None:
    """A training that is spelled wrong is a new one: say so, or everybody is locked out and nobody knows why."""
    for training in trainings:
        if training not in found.trainings:
            click.echo(_('new training "{training}": it was not known before').format(training=training), err=True)


@whitelist.command(
    help=_(
        "Take trainings or badges from a member; with neither, exclude the member everywhere.\n\n"
        "A session that runs goes on to its end: the next start is refused."
    )
)
@options.config
@click.argument("member", type=ID)
@click.argument("trainings", nargs=-1, type=ID)
@click.option("--badge", "uids", multiple=True, metavar="UID", help=_("Block this badge."))
def revoke(config: Path, member: str, trainings: tuple[str, ...], uids: tuple[str, ...]) -> None:
    """Revoke trainings and badges."""
    settings = load(config)
    numbers = [parse_badge(uid) for uid in uids]
    with client.open_client(settings, write=True) as memory:
        found = memory.whitelist()
        person = member_of(found, member)
        drop: list[Row] = []
        for training in trainings:
            held = found.certification(member, training)
            if held is None:
                raise WhitelistError(
                    N_('"{member}" does not have the training {training}'), member=member, training=training
                )
            drop.append(held)
        put: list[Row] = []
        for number in numbers:
            badge = found.badges.get(memory.hash([number])[0])
            if badge is None or badge.member != member:
                raise WhitelistError(N_('this badge is not "{member}"\'s'), member=member)
            put.append(msgspec.structs.replace(badge, blocked=True))
        if not (drop or put):
            put.append(msgspec.structs.replace(person, excluded=True))
        version = edit(memory, Change(put=tuple(put), drop=tuple(drop)), found.version)
    if drop or numbers:
        click.echo(_("{member}: revoked; whitelist version {version}").format(member=member, version=version))
    else:
        click.echo(
            _("{member} is excluded everywhere; whitelist version {version}").format(member=member, version=version)
        )


@whitelist.command(
    help=_(
        "Say which trainings a machine requires: exactly these, all of them. With --nothing it is open to every member."
    )
)
@options.config
@click.argument("machine")
@click.argument("trainings", nargs=-1)
@click.option("--nothing", is_flag=True, help=_("Open to every member."))
@click.option(
    "--supervised/--unsupervised", default=None, help=_("Whether a member needs a trainer's badge beside their own.")
)
@click.option("--buddy/--alone", default=None, help=_("Whether two certified members have to tap."))
def require(
    config: Path,
    machine: str,
    trainings: tuple[str, ...],
    nothing: bool,
    supervised: bool | None,
    buddy: bool | None,
) -> None:
    """Report what a machine requires."""
    if bool(trainings) == nothing:
        raise click.UsageError(_("name the trainings, or say --nothing"))
    settings = load(config)
    settings.station(machine)
    with client.open_client(settings, write=True) as memory:
        found = memory.whitelist()
        row = found.machines.get(machine) or Machine(machine)
        put: list[Row] = [found.trainings.get(training) or Training(training) for training in trainings]
        put.append(
            msgspec.structs.replace(
                row,
                requires=tuple(dict.fromkeys(trainings)),
                supervised=row.supervised if supervised is None else supervised,
                buddy=row.buddy if buddy is None else buddy,
            )
        )
        version = edit(memory, Change(put=tuple(map(checked, put))), found.version)
    _say_which_are_new(found, trainings)
    click.echo(_("{machine}: requirements set; whitelist version {version}").format(machine=machine, version=version))


@whitelist.command(
    help=_(
        "Say that the list is still right, where the settings ask for that every so often (stale_after). Each other "
        "change at the shell says it as well."
    )
)
@options.config
def confirm(config: Path) -> None:
    """Confirm the list."""
    with client.open_client(load(config), write=True) as memory:
        version = edit(memory, Change(), memory.whitelist().version)
    click.echo(_("the list is confirmed; whitelist version {version}").format(version=version))
