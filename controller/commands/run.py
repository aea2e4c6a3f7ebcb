"""`loquet run`: the daemon, in the foreground."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import click

from controller.commands import options
from controller.settings import load
from protocol.texts import _, speak


@click.command(
    help=_(
        "Run the controller in the foreground, until Ctrl-C or SIGTERM; both open every relay.\n\n"
        "No output closes unless a `loquet-guard` looks after the same run directory. On a Raspberry Pi "
        "systemd runs it; at a terminal, --with-guard starts one beside."
    )
)
@options.config
@click.option("--with-guard", is_flag=True, help=_("Start a loquet-guard too, where none is running."))
def run(config: Path, with_guard: bool) -> None:
    """Run the daemon."""
    from controller.daemon import Daemon  # noqa: PLC0415 - what only the daemon needs

    settings = load(config)
    speak(settings.controller.language)
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s", stream=sys.stderr)
    daemon = Daemon(settings)
    if with_guard:
        # In a session of its own: what ends the daemon must not end its guard, which ends after it.
        folder, ours = str(settings.run_dir), str(os.getpid())
        subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "drivers.guard", "--run-dir", folder, "--beside", ours],
            start_new_session=True,
            stdin=subprocess.DEVNULL,
        )
    daemon.run(lambda: click.echo(_("ready: {count} machine(s)").format(count=len(settings.stations))))
