"""`loquet whitelist import` and `export`: whole lists, in and out."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import click
import msgspec

from common.errors import LoquetError
from common.folding import fold
from common.texts import N_, _, translate
from controller.commands import options
from controller.control.client import Client, open_client
from controller.settings import load
from controller.store.whitelist import Change
from protocol import sheets
from protocol.badge import KEY_BYTES, BadgeKey
from protocol.rows import (
    FIRST,
    Badge,
    BadgeKind,
    Certification,
    Machine,
    Member,
    Row,
    Training,
    encode_row,
    known,
)
from protocol.whitelist import Whitelist

EXPORT_HEAD = "loquet whitelist"


class WhitelistError(LoquetError, ValueError):
    """A change that makes no sense as it is."""


def member_of(found: Whitelist, who: str) -> Member:
    """Return a member. Raises WhitelistError."""
    if who not in found.members:
        raise WhitelistError(N_('there is no member "{member}"; `loquet whitelist list` shows them'), member=who)
    return found.members[who]


def new_badge(
    found: Whitelist, hashed: str, member: str, kind: BadgeKind = BadgeKind.MEMBER, until: date | None = None
) -> Badge:
    """Return a badge to a member. Raises WhitelistError where it is somebody else's; a blocked one may change hands."""
    owner = found.badges.get(hashed)
    if owner is not None and kind is BadgeKind.SPARE and (owner.blocked or owner.kind is not BadgeKind.SPARE):
        raise WhitelistError(
            N_("this badge is {owner}'s, or blocked: lend a spare one, or say loquet member block --unblock"),
            owner=owner.member,
        )
    lent = owner is not None and owner.kind is BadgeKind.SPARE and kind is BadgeKind.SPARE
    if owner is not None and owner.member != member and not owner.blocked and not lent:
        raise WhitelistError(
            N_("this badge is {owner}'s already; take it away first: loquet whitelist revoke {owner} --badge UID"),
            owner=owner.member,
        )
    return Badge(hashed, member, kind, until=until)


def edit(memory: Client, change: Change, base: int) -> int:
    """Change the whitelist, with a progress bar where it takes long; return its new version."""
    with options.ProgressBar(_("writing")) as progress:
        return memory.edit(change, progress, base=base)


@click.command(
    "import",
    help=_(
        "Import a list of members from a CSV file, or a whitelist from `export`. All or nothing: each bad line "
        "is named, and nothing is imported while there is one.\n\n"
        "A plain CSV has a header line; its columns, in any order: badge, technology, member, name, category, "
        "trainings (several with commas), level, membership_until, certified_until. Fab-manager's member "
        "export is known by its header; its trainings are numbers, and --trainings names a file with a line "
        'as 12 = "laser" for each.\n\n'
        "Say --merge to add to what is there, or --replace to have exactly this."
    ),
)
@options.config
@click.argument("file", type=click.File("rb"))
@click.option("--merge", "how", flag_value="merge", help=_("Add and change; what the file lacks stays."))
@click.option(
    "--replace",
    "how",
    flag_value="replace",
    help=_("Members, badges and certifications become exactly the file's."),
)
@click.option("--trainings", type=click.File("rb"), help=_("Names of Fab-manager's trainings (TOML)."))
@click.option("--dry-run", is_flag=True, help=_("Read and check only; change nothing."))
def import_(config: Path, file: Any, how: str | None, trainings: Any, dry_run: bool) -> None:  # noqa: ANN401
    """Import a list."""
    if how is None:
        raise click.UsageError(_("say --merge (add and change) or --replace (have exactly this)"))
    settings = load(config)
    raw = file.read(sheets.MAX_BYTES + 1)
    with open_client(settings, write=not dry_run) as memory:
        before = memory.whitelist()
        rows = _rows_of(raw, memory, trainings, before if how == "merge" else _outliving(before), keep=not dry_run)
        kinds = [type(row) for row in rows]
        said = {
            "members": kinds.count(Member),
            "badges": kinds.count(Badge),
            "certifications": kinds.count(Certification),
        }
        if dry_run:
            click.echo(
                _("the file is good: {members} members, {badges} badges, {certifications} certifications").format(
                    **said
                )
            )
            return
        replace = how == "replace"
        version = edit(memory, Change(tuple(_put(rows, before, replace=replace)), replace=replace), before.version)
    click.echo(
        _(
            "imported {members} members, {badges} badges, {certifications} certifications; whitelist version {version}"
        ).format(version=version, **said)
    )
    _warn_of_machines(rows, before)


def _bans(before: Whitelist) -> Whitelist:
    """Return who is excluded, and which badges are blocked: that outlives a replacement."""
    bans = Whitelist(Member(member.id, excluded=True) for member in before.members.values() if member.excluded)
    for badge in before.badges.values():
        if badge.blocked:
            bans.put(badge)
    return bans


def _outliving(before: Whitelist) -> Whitelist:
    """Return over what a replacement is laid: bans, and the trainings, by which its words are known."""
    found = _bans(before)
    for training in before.trainings.values():
        found.put(training)
    return found


def _put(rows: list[Row], before: Whitelist, *, replace: bool) -> Iterator[Row]:
    """Return what to write. A list of members says nothing of machines, and of no lock: they stay."""
    locks = {machine.id: machine.locked for machine in before.machines.values()}
    for row in rows:
        if row.head() not in FIRST and before.find(row.key) == row:
            continue  # a server writes those: what stays as it is is no edit of ours
        yield msgspec.structs.replace(row, locked=locks.get(row.id, row.locked)) if isinstance(row, Machine) else row
    if replace:
        listed = {row.key for row in rows}
        said = (Member, Badge, Certification)  # by a list of members: of all else it says nothing
        kept = (*(row for row in before.rows() if not isinstance(row, said)), *_bans(before).rows())
        yield from (row for row in kept if row.key not in listed)


def _rows_of(raw: bytes, memory: Client, trainings: Any, base: Whitelist, *, keep: bool) -> list[Row]:  # noqa: ANN401 - a file
    """Read the file into rows. What is not to be kept is hashed under a key that is thrown away."""
    first = raw[:200].split(b"\n", 1)[0]
    if first.startswith(b"{") and EXPORT_HEAD.encode() in first:
        return _exported(raw, memory.fingerprint())
    mapping = sheets.read_mapping(trainings.read(1_000_000)) if trainings else None
    try:
        words = (word for each in base.trainings.values() for word in (each.id, each.name))
        sheet = sheets.read(raw, mapping, {fold(word) for word in words if word})
        _warn_of_columns(sheet)
        key = BadgeKey(secrets.token_bytes(KEY_BYTES))
        hashed = memory.hash(sheet.cards) if keep else [key.hash(*card) for card in sheet.cards]
        return sheet.rows(dict(zip(sheet.cards, hashed, strict=True)), base)
    except sheets.SheetError as error:
        for bad in error.lines:
            click.echo(_("line {line}: {error}").format(line=bad.line, error=translate(bad.error)), err=True)
        raise


def _warn_of_columns(sheet: sheets.List) -> None:
    """Name the columns that nobody reads, those first that hold what would matter; and the lines that are left out."""
    holding = {"days": N_('the column "{heading}" holds days, and is not read'),
               "trainings": N_('the column "{heading}" holds trainings, and is not read'),
               "badges": N_('the column "{heading}" holds badges, and is not read')}  # fmt: skip
    for each in sheet.unread:
        if each.holds:
            click.echo(_(holding[each.holds]).format(heading=each.heading), err=True)
    others = [each.heading for each in sheet.unread if not each.holds]
    if others:
        click.echo(_("columns that are not read: {columns}").format(columns=", ".join(others)), err=True)
    for line, state in sheet.sheet.ended:
        click.echo(_('line {line} is left out: it says "{state}"').format(line=line, state=state), err=True)


def _exported(raw: bytes, fingerprint: str) -> list[Row]:
    lines = raw.splitlines()
    try:
        head = msgspec.json.decode(lines[0])
        if head["key"] != fingerprint:
            raise WhitelistError(
                N_(
                    "this export was made under another badge key ({theirs}, here {ours}): its badges cannot be "
                    "known here; import the member list instead"
                ),
                theirs=head["key"],
                ours=fingerprint,
            )
        written = [line for line in lines[1:] if line]
        rows = [row for line in written if (row := known(line)) is not None]
    except (msgspec.DecodeError, KeyError, TypeError, RecursionError) as error:
        raise WhitelistError(N_("this is no whole export: {error}"), error=error) from error
    if len(written) != head.get("rows"):
        raise WhitelistError(
            N_("this export is cut short: {count} rows of {of}"), count=len(written), of=head.get("rows")
        )
    return rows


def _warn_of_machines(rows: list[Row], before: Whitelist) -> None:
    required = {training for machine in before.machines.values() for training in machine.trainings}
    loose = sorted({row.id for row in rows if isinstance(row, Training)} - required)
    if loose:
        click.echo(
            _("no machine requires {trainings} yet: loquet whitelist require MACHINE TRAINING").format(
                trainings=", ".join(loose)
            ),
            err=True,
        )


@click.command(
    help=_(
        "Write the whitelist to standard output, one row a line. Badges are keyed hashes: it can be imported "
        "again only where the same badge key is in use."
    )
)
@options.config
def export(config: Path) -> None:
    """Export the whitelist."""
    with open_client(load(config)) as memory:
        rows = list(memory.whitelist().rows())
        fingerprint = memory.fingerprint()
    options.show_json({"kind": EXPORT_HEAD, "key": fingerprint, "rows": len(rows)})
    for row in rows:
        click.echo(encode_row(row).decode())
