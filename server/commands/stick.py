"""`loquet server stick`: what controllers without a line wrote onto a stick, read here; and what goes back to them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from common.carried import opened, whole
from common.commands import Group
from common.errors import LoquetError
from common.texts import N_, _
from server.commands.begin import set_up

if TYPE_CHECKING:
    from server.core.keys import Keys
    from server.devices.models import Device


class StickError(LoquetError, OSError):
    """A stick that cannot be read or written."""


@click.group(
    cls=Group,
    help=_(
        "Controllers without a line: read what they wrote onto a stick, and write what goes back to them. The page "
        "Controllers, By stick, does the same in a browser."
    ),
)
def stick() -> None:
    """Gather what is done with a stick."""


@stick.command(
    name="import",
    help=_("Read every file on a stick that is for this server, and write the answers beside them. FOLDER: the stick."),
)
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
def import_(folder: Path) -> None:
    """Read what came."""
    mine = _begin()
    from protocol import stick as documents  # noqa: PLC0415 - see the package's docstring
    from server.sticks import reading  # noqa: PLC0415

    found = failed = 0
    for path in _files(folder):
        try:
            with opened(path) as file:
                header, _line = documents.read_header(file)
                if header.loquet == "down":
                    continue
                file.seek(0)
                came = reading.read(file, mine)
        except (LoquetError, OSError) as error:
            failed += 1
            click.echo(f"{path.name}: {reading.problem(error)}", err=True)
            continue
        found += 1
        click.echo(came.said)
        for text in came.wrong:
            click.echo(f"  {text}")
        if came.is_answered:
            _write(came.device, mine, path.parent)
    if not found and not failed:
        raise StickError(N_("there is no file for this server on the stick; `loquet stick export` writes one"))
    if failed:
        sys.exit(1)


@stick.command(name="export", help=_("Write the file for each controller, or for those that are named, onto a stick."))
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--controller", "names", multiple=True, help=_("Its name or its id; again for several."))
def export(folder: Path, names: tuple[str, ...]) -> None:
    """Write what they are to know."""
    mine = _begin()
    from protocol.stick import FOLDER  # noqa: PLC0415
    from server.devices.models import Device  # noqa: PLC0415

    found = list(Device.objects.filter(retired=False).order_by("name", "pk"))
    if names:
        known = {name for each in found for name in (each.pk, each.name)}
        if missing := [name for name in names if name not in known]:
            raise StickError(
                N_('there is no controller "{name}"; there are: {names}'),
                name=missing[0],
                names=", ".join(each.name or each.pk for each in found),
            )
        found = [each for each in found if each.pk in names or each.name in names]
    if not found:
        raise StickError(N_("no controller is enrolled yet"))
    for each in found:
        _write(each, mine, folder / FOLDER)


def _begin() -> Keys:
    configuration = set_up()
    from server.core import keys  # noqa: PLC0415

    return keys.load(configuration.data_dir)


def _files(folder: Path) -> list[Path]:
    from protocol.stick import FOLDER, SUFFIX  # noqa: PLC0415

    if folder.is_file():
        return [folder]
    return [
        path
        for place in (folder, folder / FOLDER)
        if not place.is_symlink()
        for path in sorted(place.glob(f"*{SUFFIX}"))
    ]


def _write(device: Device, mine: Keys, folder: Path) -> None:
    """Write a controller's file, whole or not at all. Raises StickError."""
    from server.sticks import writing  # noqa: PLC0415

    path = folder / writing.name_of(device)
    try:
        with whole(path) as file:
            version = writing.write(device, mine, file)
    except OSError as error:
        raise StickError(N_("{path} cannot be written ({error}): is there room, and is the stick still there?"),
                         path=path, error=error.strerror or error) from error  # fmt: skip
    writing.told(device, version)
    click.echo(_("written: {path}").format(path=path))
