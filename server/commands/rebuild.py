"""`loquet server rebuild`."""

from __future__ import annotations

import sys
from datetime import datetime

import click

from common.errors import LoquetError
from common.texts import _, ngettext, translate
from server.commands.begin import set_up


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{done} / {total} …", nl=False, err=True)


@click.command(
    help=_(
        "Make every session again from the journals, and from what was corrected and forgotten here. It changes "
        "nothing where all is well, and puts right what is not. Pages and controllers go on meanwhile.\n\n"
        "Of days whose entries are gone nothing can be made again: the command says from which day on it can."
    )
)
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help=_("Only what began on that day or later."))
@click.option("--dry-run", is_flag=True, help=_("Only say what would come out otherwise; change nothing."))
def rebuild(since: datetime | None, dry_run: bool) -> None:
    """Make the sessions again."""
    set_up()
    from django.utils import timezone  # noqa: PLC0415 - see the package's docstring

    from server.usage import rebuild as again  # noqa: PLC0415

    try:
        found = again.rebuild(None if since is None else timezone.make_aware(since), dry=dry_run, progress=_progress)
    except LoquetError as error:
        raise click.ClickException(translate(error)) from error
    gone_through = ngettext("{count} session gone through", "{count} sessions gone through", found.sessions)
    click.echo(gone_through.format(count=found.sessions))
    would = ngettext("{count} would come out otherwise", "{count} would come out otherwise", found.changed)
    was = ngettext("{count} was put right", "{count} were put right", found.changed)
    click.echo((would if dry_run else was).format(count=found.changed))
