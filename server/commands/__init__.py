"""`loquet server`: what whoever keeps the server types, once or twice in its life.

Django is imported by the command that needs it, so that a controller never has to have it.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from common.texts import _
from server.commands.begin import check, init, recover, rekey, run
from server.commands.keep import backup, restore
from server.commands.rebuild import rebuild


@click.group(
    help=_(
        "The central server: the fabmanager's pages, and the other end of every controller's line.\n\n"
        "\b\n"
        "  loquet server init    once: makes keys and database, prints the link to the first visit\n"
        "  loquet server run     go; then open that link"
    )
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help=_("The server's settings file; LOQUET_SERVER_CONFIG, or /etc/loquet/server.toml where none is named."),
)
def server(config: Path | None) -> None:
    """Gather the server's commands."""
    if config is not None:
        os.environ["LOQUET_SERVER_CONFIG"] = str(config.absolute())


for each in (run, init, check, backup, restore, rebuild, rekey, recover):
    server.add_command(each)
