"""`loquet stick keep|copy|recover`: a stick that stays in the controller, from which a new card takes over."""

from __future__ import annotations

from pathlib import Path

import click

from common.carried import opened
from common.texts import N_, _
from controller.commands import options
from controller.commands.enrol import as_owner
from controller.commands.stick_files import StickPlaceError, files, place_of
from controller.settings import load


@click.command(
    help=_(
        "Keep a copy of this controller on a stick that stays plugged in: key, whitelist, journal and settings. It is "
        "sealed by a code that is shown once; write it down, and keep it elsewhere. From then on the copy is brought "
        "up to date every few minutes, where anything has changed."
    )
)
@click.argument("folder", required=False)
@options.config
def keep(folder: str | None, config: Path) -> None:
    """Begin to keep copies."""
    from controller.sync import stick_copy  # noqa: PLC0415

    settings = load(config)
    place = place_of(folder)
    before = stick_copy.kept(settings.data_dir)
    said = stick_copy.write(settings.data_dir, settings.path, stick_copy.made(settings.data_dir, place))
    click.echo(_("written: {path}").format(path=stick_copy.path_of(place, said)))
    if not said.is_apart:
        click.echo(_("This folder is on the same disk as the data: it dies with it."), err=True)
    click.echo(_("The code, for a new card: {code}").format(code=stick_copy.shown(said.code)))
    click.echo(_("Write it down now; it is shown this once. Without it nobody opens the copy."))
    stick_copy.save(settings.data_dir, said)  # once the code was shown: no copy is kept under one that nobody knows
    if before is not None:
        stick_copy.path_of(Path(before.folder), before).unlink(missing_ok=True)


@click.command(
    help=_("Bring the copy on the stick up to date, where anything has changed. A timer runs this by itself.")
)
@options.config
def copy(config: Path) -> None:
    """Write the copy anew."""
    from controller.sync import stick_copy  # noqa: PLC0415

    settings = load(config)
    said = stick_copy.kept(settings.data_dir)
    if said is None:
        raise StickPlaceError(N_("no copy is kept: `loquet stick keep` begins one"))
    if not stick_copy.is_there(settings.data_dir, said) or not Path(said.folder).is_dir():
        raise StickPlaceError(N_("the stick that keeps the copy is not there: {folder}"), folder=said.folder)
    if (
        said.mark
        and said.mark == stick_copy.mark_of(settings.data_dir)
        and stick_copy.path_of(Path(said.folder), said).exists()
    ):
        click.echo(_("nothing has changed since the last copy"))
        return
    stick_copy.save(settings.data_dir, stick_copy.write(settings.data_dir, settings.path, said))
    click.echo(_("written: {path}").format(path=stick_copy.path_of(Path(said.folder), said)))


@click.command(
    help=_(
        "Take over from the copy on a stick, on a new card: whoever was let in is, and what was used is known, up to "
        "the last copy. CODE: as `loquet stick keep` showed it. PLACE: the stick's folder, or the file. Stop the "
        "controller first."
    )
)
@click.argument("code")
@click.argument("place", required=False)
@options.config
def recover(code: str, place: str | None, config: Path) -> None:
    """Put the copy in the place of nothing."""
    from controller.sync import stick_copy  # noqa: PLC0415

    said = stick_copy.read_code(code)
    where = place_of(place)
    found = [path for path, header in files(where) if header.loquet == "copy" and header.device == said[:4]]
    if not found:
        raise StickPlaceError(N_("there is no copy under this code on the stick: is the code right, and the stick?"))
    settings = load(config)
    with opened(found[0]) as file, as_owner(settings):  # opened first: the daemon's user may not read every stick
        before = stick_copy.recover(file, said, settings.data_dir)
        kept = settings.data_dir / "controller.toml.from-copy"
        if before and before != _text(settings.path):
            kept.write_bytes(before)
            click.echo(_("the settings of then are in {path}").format(path=kept), err=True)
    click.echo(_("taken over; now `sudo loquet check`, then `sudo systemctl restart loquet`"))
    click.echo(_("No copy is kept from this card yet: `loquet stick keep` begins one, under a new code."))


def _text(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
