"""`loquet run`: the daemon, in the foreground."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import click

from common.texts import _, ngettext, speak, translate
from controller.commands import options
from controller.control.server import user_name
from controller.settings import SettingsError, load

SETTINGS_WRONG: Final = 78  # EX_CONFIG; no restart helps until somebody has mended them
STOPPED_AT_REST: Final = 10  # somebody asked for it (`loquet stop`): no restart is wanted


@click.command(
    help=_(
        "Run the controller in the foreground, until Ctrl-C or SIGTERM; both open every relay.\n\n"
        "No output closes unless a `loquet-guard` looks after the same run directory. On a Raspberry Pi "
        "systemd runs it; at a terminal, --with-guard starts one beside.\n\n"
        "Exit status: 0 after Ctrl-C or SIGTERM, 10 after `loquet stop`, 78 where the settings are wrong."
    )
)
@options.config
@click.option("--with-guard", is_flag=True, help=_("Start a loquet-guard too, where none is running."))
def run(config: Path, with_guard: bool) -> None:
    """Run the daemon."""
    from controller.daemon import Daemon  # noqa: PLC0415 - what only the daemon needs

    try:
        settings = load(config)
    except SettingsError as error:
        if isinstance(error.__cause__, OSError) and not isinstance(error.__cause__, FileNotFoundError):
            raise  # a disk may come back, and the next start may read it
        click.echo(_("Error: {error}").format(error=translate(error)), err=True)
        raise click.exceptions.Exit(SETTINGS_WRONG) from error
    faulthandler.enable()  # a watchdog's SIGABRT leaves word of what every thread was at
    speak(settings.controller.language)
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s", stream=sys.stderr)
    _become_owner(settings.data_dir)
    daemon = Daemon(settings)
    if with_guard:
        # In a session of its own: what ends the daemon must not end its guard, which ends after it.
        folder, ours = str(settings.run_dir), str(os.getpid())
        subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "guard.process", "--run-dir", folder, "--beside", ours],
            start_new_session=True,
            stdin=subprocess.DEVNULL,
        )
    at_rest = daemon.run(lambda: click.echo(_ready(len(settings.stations))))
    # All is open and written. A thread that hangs in a driver is left as it is: taken down under it, the interpreter
    # may abort, and systemd would call a stop a failure.
    with contextlib.suppress(OSError):  # nobody may be listening any more
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(STOPPED_AT_REST if at_rest else 0)


def _become_owner(data_dir: Path) -> None:
    """As root, become the owner of the data for good: what root leases or writes, guard and unit could not read."""
    owner = data_dir.stat() if os.geteuid() == 0 and data_dir.exists() else None
    if owner is None or owner.st_uid == 0:
        return
    name = user_name(owner.st_uid)
    click.echo(_("running as {user}, who owns {path}").format(user=name, path=data_dir), err=True)
    os.setgroups(os.getgrouplist(name, owner.st_gid))
    os.setgid(owner.st_gid)
    os.setuid(owner.st_uid)
    # Begun anew: who changes its user stays hidden from the guard, which would take it for dead.
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - ourselves


def _ready(count: int) -> str:
    return ngettext("ready: {count} machine", "ready: {count} machines", count).format(count=count)
