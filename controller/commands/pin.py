"""`loquet pin`: what a member types beside the badge, where a machine asks for it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from common.commands import Group
from common.texts import N_, _
from controller.commands import options
from controller.commands.lists import WhitelistError, edit, member_of
from controller.control import client
from controller.settings import Settings, load
from controller.store.whitelist import Change
from controller.sync.identity import FILE as IDENTITY
from protocol.pin import checked_pin


@click.group(
    cls=Group,
    params=[options.of_group()],
    help=_("Give members a PIN: what they type beside the badge, where a machine's settings say pin = true."),
)
def pin() -> None:
    """Group what is done to a PIN."""


@pin.command(
    "set",
    help=_(
        "Give a member a PIN, or another one. It is asked for without being shown, best typed by the member; from a "
        "script it is a line of standard input. 4 to 8 digits.\n\n"
        "  loquet pin set marie"
    ),
)
@options.config
@click.argument("who")
def set_(config: Path, who: str) -> None:
    """Give a PIN."""
    settings = load(config)
    _hold_to_server(settings)
    with client.open_client(settings) as memory:
        member_of(memory.whitelist(), who)
    digits = checked_pin(_typed())
    with client.open_client(settings, write=True) as memory:
        found = memory.whitelist()
        member_of(found, who)
        edit(memory, Change(put=(memory.pin(who, digits),)), found.version)
    click.echo(_("{member} has a PIN now").format(member=who))


def _hold_to_server(settings: Settings) -> None:
    """Refuse where a server keeps the list: no journal takes a PIN's hash there. Raises WhitelistError."""
    if (settings.data_dir / IDENTITY).exists():
        raise WhitelistError(
            N_("a server keeps the list: set PINs there, on the member's page or on their page My badge")
        )


def _typed() -> str:
    """Ask for a PIN, twice and unseen; from a script it is the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline()
    asked: str = click.prompt(_("PIN (4 to 8 digits)"), hide_input=True, confirmation_prompt=_("once more"), err=True)
    return asked


@pin.command(
    "clear", help=_("Take a member's PIN away: machines that ask for one refuse them.\n\n  loquet pin clear marie")
)
@options.config
@click.argument("who")
def clear(config: Path, who: str) -> None:
    """Take a PIN away."""
    settings = load(config)
    _hold_to_server(settings)
    with client.open_client(settings, write=True) as memory:
        found = memory.whitelist()
        row = found.pins.get(member_of(found, who).id)
        if row is None:
            raise WhitelistError(N_('"{member}" has no PIN'), member=who)
        edit(memory, Change(drop=(row,)), found.version)
    click.echo(_("{member} has no PIN any more").format(member=who))
