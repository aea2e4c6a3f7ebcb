"""`loquet stick`: what would go over the line, carried to the server and back on a USB stick."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import click

from common.carried import opened
from common.commands import Group
from common.errors import LoquetError
from common.texts import N_, _, ngettext, translate
from controller.commands import options
from controller.commands.enrol import EnrolError, as_owner, asked_by, kept_alone, tell_daemon
from controller.commands.options import ProgressBar
from controller.commands.stick_files import StickPlaceError, files, identity_of, place_of
from controller.commands.stick_kept import copy, keep, recover
from controller.control import client
from controller.settings import Settings, load

if TYPE_CHECKING:
    from controller.sync.asking import Asking
    from controller.sync.identity import Identity
    from controller.sync.stick_out import Written
    from protocol.messages import Report

RUN: Final = Path("/run/loquet-stick")  # where a stick is mounted that was plugged in
SYNC_S: Final = 600.0
MOST_BYTES: Final = 104_000_000  # of a file that is taken up: the longest list, and what it is sealed in


@click.group(
    cls=Group,
    params=[options.of_group()],
    help=_(
        "Carry usage to the server and its list back, where there is no line.\n\n"
        "\b\n"
        "  loquet stick export    writes on the stick what the server does not have yet\n"
        "  loquet stick import    takes up the list that the server has written on it\n"
        "  loquet stick enrol     asks a server to take this controller in\n"
        "  loquet stick keep      a copy for a new card, on a stick that stays plugged in\n\n"
        "At the server the page Controllers, *By stick*, reads and writes the same files. They are sealed: whoever "
        "finds the stick reads neither names nor badges."
    ),
)
def stick() -> None:
    """Gather what is done with a stick."""


@stick.command(name="export", help=_("Write on a stick all that the server does not have yet. FOLDER: where it is."))
@click.argument("folder", required=False)
@options.config
@click.option("--json", "as_json", is_flag=True, help=_("For scripts: JSON."))
def export(folder: str | None, config: Path, as_json: bool) -> None:
    """Write what waits."""
    settings = load(config)
    written = _export(settings, place_of(folder))
    if as_json:
        options.show_json({"path": str(written.path), "entries": written.entries, "bytes": written.bytes})
        return
    said = ngettext("{count} entry", "{count} entries", written.entries).format(count=written.entries)
    click.echo(_("written: {path} ({entries}, {size} kB)").format(
        path=written.path, entries=said, size=written.bytes // 1000 + 1))  # fmt: skip
    click.echo(_("Bring the stick to the server: page Controllers, By stick."))


def _export(settings: Settings, place: Path) -> Written:
    from controller.sync import stick_out  # noqa: PLC0415 - signatures are of no use before
    from protocol.stick import FOLDER  # noqa: PLC0415

    with ProgressBar(_("writing")) as progress:
        return stick_out.export(settings.data_dir, identity_of(settings), place / FOLDER, _report(settings), progress)


def _report(settings: Settings) -> Report | None:
    """Return how this controller is, where it runs."""
    from controller.sync.service import report  # noqa: PLC0415

    if (link := client.connect(settings)) is None:
        return None
    link.close()
    return report(settings.data_dir, client.ask_one(settings, {"do": "status"}))


@stick.command(
    name="import",
    help=_("Take up the list that the server has written on a stick. PLACE: the stick's folder, or the file."),
)
@click.argument("place", required=False)
@options.config
@click.option("--json", "as_json", is_flag=True, help=_("For scripts: JSON."))
def import_(place: str | None, config: Path, as_json: bool) -> None:
    """Take up what the server wrote."""
    taken = _import(load(config), place_of(place))
    if as_json:
        options.show_json(taken)
        return
    click.echo(_said(taken))


def _import(settings: Settings, where: Path) -> dict[str, Any]:
    from controller.sync import asking, stick_in  # noqa: PLC0415

    waiting = asking.load(settings.data_dir)
    if waiting is not None:
        _take_welcome(settings, where, waiting)
    identity = identity_of(settings)
    path = _mine(where, identity)
    stick_in.header_of(path, identity)
    with opened(path) as source, as_owner(settings):  # opened first: the daemon's user may not read every stick
        laid = settings.data_dir / stick_in.IN
        laid.unlink(missing_ok=True)
        try:
            _lay(source, laid)
            return _carried_out(settings)
        finally:
            laid.unlink(missing_ok=True)


def _mine(where: Path, identity: Identity) -> Path:
    """Return the file for this controller at a place, the latest one. Raises StickPlaceError."""
    found = list(files(where))
    if where.is_file() and found:
        return found[0][0]
    lists = [(header, path) for path, header in found if header.loquet == "down"]
    mine = [(header.made, path) for header, path in lists if header.device == identity.device]
    if mine:
        return max(mine)[1]
    if others := {header.device for header, _path in lists}:
        raise StickPlaceError(
            N_("on this stick there is a list for another controller ({others}), and none for this one ({device})"),
            others=", ".join(sorted(others)),
            device=identity.device,
        )
    raise StickPlaceError(
        N_("there is no list for this controller on the stick: have the server write one (Controllers, By stick)")
    )


def _lay(source: BinaryIO, place: Path) -> None:
    with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "wb") as file:
        while piece := source.read(1 << 20):  # its header alone is known, and anybody may have written that
            if file.tell() > MOST_BYTES:
                raise StickPlaceError(N_("the list in this file is too long"))
            file.write(piece)


def _carried_out(settings: Settings) -> dict[str, Any]:
    """Have the daemon take it up: the list is its writer's. Raises LoquetError."""
    _hold_to_running(settings)
    found: dict[str, Any] = client.ask_one(settings, {"do": "stick"})
    return found


def _hold_to_running(settings: Settings) -> None:
    """Raise StickPlaceError where the daemon is away."""
    if (link := client.connect(settings)) is None:
        raise StickPlaceError(
            N_("the controller does not run: start it (sudo systemctl start loquet), then import once more")
        )
    link.close()


def _said(taken: dict[str, Any]) -> str:
    when = datetime.fromtimestamp(taken["time"] / 1000).astimezone().strftime("%d/%m/%Y %H:%M")
    match taken["word"]:
        case "new":
            said = _("The list of {when} is in force: {rows} rows.").format(when=when, rows=taken["rows"])
        case "same":
            said = _("The list of {when} is in force already; nothing changes.").format(when=when)
        case _:
            said = _("The list on the stick, of {when}, is older than the one in force; it was not taken.").format(
                when=when
            )
    if taken["received"]:
        count = taken["received"]
        more = ngettext("The server has {count} entry more.", "The server has {count} entries more.", count)
        said += " " + more.format(count=count)
    return said


@stick.command(
    name="enrol",
    help=_(
        "Ask a server, by stick, to take this controller in. CODE: from its page Controllers. Then bring the stick to "
        "the server, have it answer there, and `loquet stick import` here."
    ),
)
@click.argument("code")
@click.argument("folder", required=False)
@options.config
@click.option("--again", is_flag=True, help=_("With a new identity, where this controller is enrolled already."))
def enrol(code: str, folder: str | None, config: Path, again: bool) -> None:
    """Ask to be taken in."""
    from controller.sync import asking, stick_out  # noqa: PLC0415
    from controller.sync import identity as identities  # noqa: PLC0415
    from protocol.messages import proof, read_code  # noqa: PLC0415
    from protocol.signing import SealingKey, SigningKey, decoded, encoded  # noqa: PLC0415
    from protocol.stick import FOLDER  # noqa: PLC0415

    settings, read = load(config), read_code(code)
    place = place_of(folder)
    found = identities.load(settings.data_dir)
    if found is not None and found.device and not again:
        raise EnrolError(
            N_("this controller is enrolled with {address} already; say --again to leave it"), address=found.address
        )
    waiting = asking.load(settings.data_dir)
    if waiting is None or waiting.code != str(read):
        waiting = asking.Asking(str(read), encoded(SigningKey().raw), encoded(SealingKey().raw))
        with as_owner(settings):
            asking.save(settings.data_dir, waiting)  # before it is written: trying again uses the same keys
    key = SigningKey(decoded(waiting.signing)).public.text
    seal = encoded(SealingKey(decoded(waiting.sealing)).public)
    asked = asked_by(settings, read, proof(read.secret, read.fingerprint, key, seal), key, seal)
    written = stick_out.ask(read, asked, kept_alone(settings, again=again), place / FOLDER)
    click.echo(_("written: {path}").format(path=written.path))
    click.echo(_("Bring the stick to the server (Controllers, By stick), then here again: loquet stick import"))


def _take_welcome(settings: Settings, where: Path, waiting: Asking) -> None:
    """Become who the server says that we are, where it has answered. Raises LoquetError."""
    from controller.store.key import join_ring  # noqa: PLC0415
    from controller.sync import asking, stick_in  # noqa: PLC0415
    from controller.sync import identity as identities  # noqa: PLC0415

    for path, header in files(where):
        found = stick_in.welcomed(path, waiting) if header.key else None
        if found is None:
            continue
        identity, ring = found
        with as_owner(settings):
            join_ring(settings.data_dir, ring)
            identities.save(settings.data_dir, identity)
            asking.clear(settings.data_dir)
        tell_daemon(settings)
        click.echo(_('enrolled as "{name}" ({device})').format(name=identity.name, device=identity.device))
        return


@stick.command(
    name="plugged",
    help=_(
        "Do both with a stick that was plugged in, if there is a file from or for this controller on it: take up the "
        "list, write what waits. systemd runs this by itself; then the lights say that the stick may be pulled. "
        "DEVICE: its partition, for example /dev/sda1."
    ),
)
@click.argument("device", type=click.Path(path_type=Path, exists=True))
@options.config
def plugged(device: Path, config: Path) -> None:
    """Take up and write by itself."""
    settings = load(config)
    # Whoever opens a database whose daemon is away makes its log, which the daemon's user then could not open.
    _hold_to_running(settings)
    where = RUN / device.name
    where.mkdir(parents=True, exist_ok=True)
    how = ["--bind"] if device.is_dir() else ["-o", "nosuid,nodev,noexec,nosymfollow"]
    _run("mount", *how, str(device), str(where))
    is_well: bool | None = None
    try:
        is_well = _both(settings, where)
    finally:
        os.sync()
        _run("umount", str(where))
        where.rmdir()
        if is_well is not None:
            _tell_lights(settings, is_well=is_well)
    if is_well is False:
        sys.exit(1)


def _both(settings: Settings, where: Path) -> bool | None:
    """Import and export; return whether all went well, None where the stick is none of ours."""
    from controller.sync import asking, stick_copy  # noqa: PLC0415
    from controller.sync import identity as identities  # noqa: PLC0415

    found = identities.load(settings.data_dir)
    device = found.device if found is not None else ""
    unread: list[Path] = []
    headers = [header for _path, header in files(where, unread)]
    is_asking = asking.load(settings.data_dir) is not None and any(header.key for header in headers)
    copies = stick_copy.kept(settings.data_dir)
    keeps = copies is not None and any((each.loquet, each.device) == ("copy", copies.code[:4]) for each in headers)
    if not is_asking and not keeps and not (device and any(header.device == device for header in headers)):
        return None
    is_well = not any(path.name.startswith(f"{device}-") for path in unread)  # a list that was destroyed on its way
    steps: list[Callable[[], object]] = []
    if is_asking or any(header.loquet == "down" for header in headers):
        steps.append(lambda: click.echo(_said(_import(settings, where))))
    if device or is_asking:
        steps.append(lambda: click.echo(_export(settings, where).path.name))
    for step in steps:
        try:
            step()
        except (LoquetError, OSError) as error:  # the one is done whatever becomes of the other
            is_well = False
            click.echo(translate(error) if isinstance(error, LoquetError) else str(error), err=True)
    return is_well


def _run(*command: str) -> None:
    """Run a command of the system's. Raises StickPlaceError."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SYNC_S)  # noqa: S603 - ours
    if done.returncode:
        raise StickPlaceError(
            N_("{command}: {error}"), command=" ".join(command), error=done.stderr.strip() or done.returncode
        )


def _tell_lights(settings: Settings, *, is_well: bool) -> None:
    with contextlib.suppress(LoquetError):
        if (link := client.connect(settings)) is not None:
            link.close()
            client.ask_one(settings, {"do": "stick_told", "well": is_well})


for _each in (keep, copy, recover):
    stick.add_command(_each)
