"""`loquet server backup|restore`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from common.texts import _
from server.commands.begin import make_files, migrate, set_up


def _progress(rows: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{rows} …", nl=False, err=True)


@click.command(
    help=_(
        "Write everything into one file, the keys too: keep it where nobody else reads it, and on another machine. "
        "The server makes one each night by itself, in the folder backups beside its database."
    )
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(file: Path) -> None:
    """Write a backup."""
    configuration = set_up()
    from server.operations import backup as backups  # noqa: PLC0415 - see the package's docstring

    backups.write(configuration, file, _progress)
    if file.resolve().parent.stat().st_dev != configuration.data_dir.stat().st_dev:
        backups.left()
    click.echo(_("written: {path} ({size} kB)").format(path=file, size=file.stat().st_size // 1000 + 1))


@click.command(
    help=_(
        "Put a backup in the place of all that is there now, keys too. Stop the server first. Controllers notice by "
        "themselves: they send again what the backup does not know, as far as they still have it."
    )
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--yes", is_flag=True, help=_("Do not ask."))
def restore(file: Path, yes: bool) -> None:
    """Read a backup."""
    configuration = make_files()
    from server.core import running  # noqa: PLC0415
    from server.operations import backup as backups  # noqa: PLC0415

    if not yes:
        click.confirm(_("All that the server holds now is replaced. Go on?"), abort=True)
    with running.alone(configuration.data_dir):
        migrate()
        restored = backups.restore(configuration, file, _progress)
    migrate()
    if restored.sessions is not None:
        click.echo(
            _(
                "That backup was made by a version that left usage out. {count} sessions were read again from the "
                "journals in it. Those before may still be on the controllers: on each, `loquet sessions --csv` shows "
                "what it has."
            ).format(count=restored.sessions)
        )
    click.echo(_("restored; now `loquet server run`"))
