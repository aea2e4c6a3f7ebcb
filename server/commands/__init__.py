"""`loquet server`: what whoever keeps the server types, once or twice in its life.

Django is imported by the command that needs it, so that a controller never has to have it.
"""

from __future__ import annotations

import click

from common.commands import Group, settings_option
from common.texts import _
from server.commands.begin import check, init, recover, rekey
from server.commands.billing import close_month, export
from server.commands.keep import backup, restore
from server.commands.rebuild import rebuild
from server.commands.run import run
from server.commands.stick import stick


def _config() -> click.Option:
    """Make the option that every command here has."""
    text = _("The server's settings file; LOQUET_SERVER_CONFIG, or /etc/loquet/server.toml where none is named.")
    return settings_option("LOQUET_SERVER_CONFIG", text)


@click.group(
    cls=Group,
    params=[_config()],
    help=_(
        "The central server: the fabmanager's pages, and the other end of every controller's line.\n\n"
        "\b\n"
        "  loquet server init    once: makes keys and database, prints the link to the first visit\n"
        "  loquet server run     go; then open that link"
    ),
)
def server() -> None:
    """Gather the server's commands."""


for each in (run, init, check, backup, restore, rebuild, rekey, recover, stick, close_month, export):
    each.params.append(_config())
    server.add_command(each)
for each in stick.commands.values():
    each.params.append(_config())
