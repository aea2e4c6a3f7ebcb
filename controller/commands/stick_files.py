"""Where a stick is, and what of ours is on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from common.carried import opened
from common.errors import LoquetError
from common.texts import N_, translate
from controller.settings import Settings
from controller.setup import disks

if TYPE_CHECKING:
    from controller.sync.identity import Identity
    from protocol.stick import Header

PLACES: Final = ("/media/", "/run/media/", "/mnt", "/run/loquet-stick")
MOST_FILES: Final = 1_000


class StickPlaceError(LoquetError, OSError):
    """There is no stick, or nothing on it."""


def place_of(text: str | None) -> Path:
    """Return the folder that was named, or the one stick that is plugged in. Raises StickPlaceError."""
    if text is not None:
        found = Path(text)
        if not found.exists():
            raise StickPlaceError(N_("{path} is not there: is the stick plugged in?"), path=found)
        return found
    plugged = sticks()
    if len(plugged) == 1:
        return plugged[0]
    if plugged:
        raise StickPlaceError(
            N_("there are several sticks: name one of {sticks}"), sticks=", ".join(map(str, sorted(plugged)))
        )
    raise StickPlaceError(N_("no stick is plugged in and mounted; name its folder, for example /media/stick"))


def sticks() -> list[Path]:
    """Return the sticks that are plugged in and mounted."""
    return [
        Path(each.where) for each in disks.here() if each.device.startswith("/dev/") and each.where.startswith(PLACES)
    ]


def files(place: Path, unread: list[Path] | None = None) -> Iterator[tuple[Path, Header]]:
    """Return the files of ours at a place, with what they say of themselves. unread: takes those that say nothing."""
    from protocol import stick as documents  # noqa: PLC0415

    folders = [place] if place.is_file() else [place, place / documents.FOLDER]
    for folder in folders:
        if folder.is_symlink():
            continue
        named = [folder] if folder.is_file() else sorted(folder.glob(f"*{documents.SUFFIX}"))
        for path in named[:MOST_FILES]:
            try:
                with opened(path) as file:
                    yield path, documents.read_header(file)[0]
            except (documents.StickError, OSError) as error:
                if unread is not None:
                    unread.append(path)
                click.echo(f"{path.name}: {translate(error) if isinstance(error, LoquetError) else error}", err=True)


def identity_of(settings: Settings) -> Identity:
    """Return who this controller is to its server. Raises StickPlaceError."""
    from controller.sync import identity as identities  # noqa: PLC0415

    found = identities.load(settings.data_dir)
    if found is None or not found.device:
        raise StickPlaceError(
            N_("this controller belongs to no server yet: `loquet enrol CODE` on a line, or `loquet stick enrol CODE`")
        )
    return found
