"""`loquet stop`: stop the daemon once every machine is at rest; what an update does first."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import click

from common.strict import seconds
from common.texts import _
from controller.commands import options
from controller.control import client
from controller.settings import load
from guard.leases import started

ASK_EVERY: Final = 0.5  # seconds
LONGEST_WAIT: Final = 14 * 86_400


class InUseError(click.ClickException):
    """A machine is in use, and the controller goes on."""

    exit_code = 75  # EX_TEMPFAIL: worth trying again; an update tells it from a controller that does not answer


@click.command(
    help=_(
        "Stop the controller once no session is open, as an update does; systemd does not start it again.\n\n"
        "Machines stay usable while this waits, and Ctrl-C leaves all as it was. To stop at once, whoever works: "
        "`systemctl stop loquet`, or Ctrl-C where `loquet run` runs.\n\n"
        "Exit status: 75 where a machine is still in use."
    )
)
@options.config
@click.option("--wait", metavar="TIME", help=_('How long to wait, as "90 s" or "8 h"; for ever where it is left out.'))
@click.option("--beside", type=int, metavar="PID", help=_("Give up once this process is gone: whoever asked."))
def stop(config: Path, wait: str | None, beside: int | None) -> None:
    """Wait for rest, then stop."""
    settings = load(config)
    patience = None if wait is None else seconds(wait, "--wait", 0, LONGEST_WAIT)
    began = time.monotonic()
    said: list[str] = []
    try:
        while busy := client.ask_one(settings, {"do": "stop"}):
            if beside is not None and started(beside) is None:
                raise InUseError(_("the controller goes on"))
            if patience is not None and time.monotonic() - began >= patience:
                raise InUseError(_("still in use: {machines}").format(machines=", ".join(busy)))
            if busy != said:
                click.echo(_("waiting until nobody uses: {machines}").format(machines=", ".join(busy)), err=True)
                said = busy
            time.sleep(ASK_EVERY)
    except KeyboardInterrupt:
        raise InUseError(_("the controller goes on")) from None
    click.echo(_("the controller stops"))
