"""`loquet machine`: lock, unlock, clear a fault, end a session."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from controller import door
from controller.commands import options
from controller.commands.lists import WhitelistError
from controller.settings import load
from controller.store.whitelist import Change
from protocol.texts import N_, _
from protocol.whitelist import checked


@click.group(help=_("Lock or unlock a machine, clear its fault, end its session."))
def machine() -> None:
    """Group what is done to one machine."""


def _set_lock(config: Path, name: str, note: str, *, cut: bool) -> None:
    settings = load(config)
    settings.station(name)
    with door.open_door(settings, write=True) as memory:
        found = memory.whitelist()
        row = found.machines.get(name)
        if row is None:
            raise WhitelistError(
                N_("nobody has said yet what {machine} requires: loquet whitelist require {machine} TRAINING"),
                machine=name,
            )
        change = Change(put=(checked(msgspec.structs.replace(row, locked=note)),))
        memory.edit(change, lambda _done, _total: None, base=found.version, cut=cut)


@machine.command(
    help=_(
        "Lock a machine: nobody but a maintainer starts it. A session that runs goes on to its end, unless "
        "--now cuts it."
    )
)
@options.config
@click.argument("name")
@click.option("--reason", required=True, help=_("Shown to whoever is refused."))
@click.option("--now", is_flag=True, help=_("End a running session at once."))
def lock(config: Path, name: str, reason: str, now: bool) -> None:
    """Lock a machine."""
    if not reason.strip():
        raise click.UsageError(_("say why: it is shown to whoever is refused"))
    _set_lock(config, name, reason, cut=now)
    click.echo(_("{machine} is locked: {reason}").format(machine=name, reason=reason))


@machine.command(help=_("Unlock a machine."))
@options.config
@click.argument("name")
def unlock(config: Path, name: str) -> None:
    """Unlock a machine."""
    _set_lock(config, name, "", cut=False)
    click.echo(_("{machine} is unlocked").format(machine=name))


@machine.command(help=_("Clear the fault of a machine, once its cause is gone."))
@options.config
@click.argument("name")
def clear(config: Path, name: str) -> None:
    """Clear a fault."""
    settings = load(config)
    before, after = (
        next(each for each in door.ask_one(settings, request)["stations"] if each["machine"] == name)
        for request in ({"do": "status"}, {"do": "clear", "machine": name})
    )
    if after["state"] == "fault":
        raise click.ClickException(after["cause"])
    if before["state"] != "fault":
        raise click.ClickException(_("{machine} has no fault").format(machine=name))
    click.echo(_("{machine}: fault cleared").format(machine=name))


@machine.command(help=_("End the session that runs on a machine; its output opens."))
@options.config
@click.argument("name")
@click.argument("session")
def end(config: Path, name: str, session: str) -> None:
    """End one named session."""
    found = door.ask_one(load(config), {"do": "end", "machine": name, "session": session})
    still = any(each.get("session") == session for each in found["stations"])
    if still:
        raise click.ClickException(_("session {session} goes on").format(session=session))
    click.echo(_("session {session} is not running").format(session=session))
