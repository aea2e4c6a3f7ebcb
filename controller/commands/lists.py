"""`loquet whitelist import` and `export`: whole lists, in and out."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from controller import sheets
from controller.commands import options
from controller.door import Door, open_door
from controller.settings import load
from controller.store.whitelist import Change
from protocol.badge import KEY_BYTES, BadgeKey
from protocol.errors import LoquetError
from protocol.texts import N_, _, tell
from protocol.whitelist import AnyRow, Badge, Certification, Member, Training, Whitelist, decode_row, encode_row

EXPORT_HEAD = "loquet whitelist"


class WhitelistError(LoquetError, ValueError):
    """A change that makes no sense as it is."""


def edit(memory: Door, change: Change) -> int:
    """Change the whitelist, with a progress bar where it takes long; give its new version."""
    with options.ProgressBar(_("writing")) as progress:
        return memory.edit(change, progress)


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
    with open_door(settings, write=not dry_run) as memory:
        rows = _rows_of(raw, memory, trainings, keep=not dry_run)
        before = memory.whitelist()
        change = Change(put=tuple(_kept_and_new(rows, before, how)), replace=how == "replace")
        counts = {kind: sum(isinstance(row, kind) for row in rows) for kind in (Member, Badge, Certification)}
        said = {"members": counts[Member], "badges": counts[Badge], "certifications": counts[Certification]}
        if dry_run:
            click.echo(
                _("the file is good: {members} members, {badges} badges, {certifications} certifications").format(
                    **said
                )
            )
            return
        version = edit(memory, change)
    click.echo(
        _(
            "imported {members} members, {badges} badges, {certifications} certifications; whitelist version {version}"
        ).format(version=version, **said)
    )
    _warn_of_machines(rows, before)


def _rows_of(raw: bytes, memory: Door, trainings: Any, *, keep: bool) -> list[AnyRow]:  # noqa: ANN401 - a file
    """Read the file into rows. What is not to be kept is hashed under a key that is thrown away."""
    first = raw[:200].split(b"\n", 1)[0]
    if first.startswith(b"{") and EXPORT_HEAD.encode() in first:
        return _exported(raw, memory.fingerprint())
    hasher = _Hashes(memory).hash if keep else BadgeKey(secrets.token_bytes(KEY_BYTES)).hash
    mapping = sheets.read_mapping(trainings.read(1_000_000)) if trainings else None
    try:
        return sheets.read(raw, hasher, mapping)
    except sheets.SheetError as error:
        for bad in error.lines:
            click.echo(_("line {line}: {error}").format(line=bad.line, error=tell(bad.error)), err=True)
        raise


class _Hashes:
    """Hashes under the controller's key, each asked for once."""

    def __init__(self, memory: Door) -> None:
        self._memory = memory
        self._known: dict[tuple[bytes, str], str] = {}

    def hash(self, uid: bytes, technology: str) -> str:
        key = uid, technology
        if key not in self._known:
            self._known[key] = self._memory.hash(uid, technology)
        return self._known[key]


def _exported(raw: bytes, fingerprint: str) -> list[AnyRow]:
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
        rows = [decode_row(line) for line in lines[1:] if line]
    except (msgspec.DecodeError, msgspec.ValidationError, KeyError, TypeError) as error:
        raise WhitelistError(N_("this is no whole export: {error}"), error=error) from error
    if len(rows) != head.get("rows"):
        raise WhitelistError(N_("this export is cut short: {count} rows of {of}"), count=len(rows), of=head.get("rows"))
    return rows


def _kept_and_new(rows: list[AnyRow], before: Whitelist, how: str) -> Iterator[AnyRow]:
    """Give what to write. A list of members says nothing of machines and of trainings' names: they stay.

    A member who is excluded, and a badge that is blocked, stay so, whatever a list says.
    """
    if how == "replace":
        listed = {row.key for row in rows}
        yield from (kept for kept in before.machines.values() if kept.key not in listed)
        yield from (kept for kept in before.trainings.values() if kept.key not in listed)
    for row in rows:
        if isinstance(row, Training) and row.id in before.trainings and not row.name:
            yield before.trainings[row.id]
        elif isinstance(row, Member) and row.id in before.members and before.members[row.id].excluded:
            yield msgspec.structs.replace(row, excluded=True)
        elif isinstance(row, Badge) and row.hash in before.badges and before.badges[row.hash].blocked:
            yield msgspec.structs.replace(row, blocked=True)
        else:
            yield row


def _warn_of_machines(rows: list[AnyRow], before: Whitelist) -> None:
    required = {training for machine in before.machines.values() for training in machine.requires}
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
    with open_door(load(config)) as memory:
        rows = list(memory.whitelist().rows())
        fingerprint = memory.fingerprint()
    options.show_json({"kind": EXPORT_HEAD, "key": fingerprint, "rows": len(rows)})
    for row in rows:
        click.echo(encode_row(row).decode())
