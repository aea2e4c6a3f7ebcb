"""`loquet check`: settings and hardware, part by part, with what to do where something is wrong."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import click
import msgspec

from common.errors import LoquetError
from common.texts import N_, _, translate
from controller.commands import options
from controller.commands.status import OUTPUTS
from controller.control import client
from controller.outputs.claims import OPENED_BY_KERNEL
from controller.runtime.clock import quality
from controller.settings import Settings, Station, load
from controller.setup import disks, probing
from controller.setup.probing import Finding
from controller.store import database
from controller.store.key import badge_key
from drivers.contracts import DriverError, plain
from guard import leases as lease
from protocol.moment import Quality
from protocol.sentences import fault

COPY: Final = "copy.json"  # as controller/sync/stick_copy.py names it
PARTS: Final = {
    "reader": N_("reader"),
    "relay": N_("relay"),
    "light": N_("light"),
    "buzzer": N_("buzzer"),
    "display": N_("display"),
}


@click.command(
    help=_(
        "Check settings and hardware, part by part; exit status 1 where something is wrong.\n\n"
        "Switches nothing. While the controller runs it is asked how its parts are, since one process owns each; "
        "stop it (`sudo systemctl stop loquet`) to have every part looked at."
    )
)
@options.config
@options.as_json
def check(config: Path, as_json: bool) -> None:
    """Check everything."""
    findings = list(_findings(config))
    if as_json:
        options.show_json([msgspec.to_builtins(finding) for finding in findings])
    else:
        marks = {True: _("ok"), False: _("WRONG")}
        options.show_table(
            [[each.part, _("note") if each.warning else marks[each.ok], each.found] for each in findings],
            [_("part"), "", _("found")],
        )
    if not all(finding.ok for finding in findings):
        raise click.exceptions.Exit(1)


def _findings(config: Path) -> Iterator[Finding]:
    try:
        settings = load(config)
    except LoquetError as error:
        yield Finding(_("settings"), ok=False, found=translate(error))
        return
    yield Finding(_("settings"), ok=True, found=str(config))
    try:
        link = client.connect(settings)
    except LoquetError as error:
        yield Finding(_("controller"), ok=False, found=translate(error))
        return
    running = link is not None
    if link is not None:
        link.close()
    yield Finding(_("controller"), ok=True, found=_("running") if running else _("not running"))
    yield _try(_("memory"), lambda: _memory(settings))
    yield from _disk(settings)
    if not running:
        yield _try(_("run directory"), lambda: _run_dir(settings))
    guard = lease.guard_alive(settings.run_dir, lease.boottime_ms())
    yield Finding(
        _("guard"),
        ok=guard or not running,
        found=_("running") if guard else _("not running: nothing closes without loquet-guard"),
        warning=not guard and not running,
    )
    yield _clock()
    if running:
        yield from _asked(settings)
    else:
        yield from probing.kernel(settings.stations)
        for station in settings.stations:
            yield from _station(station)
        for name, part in settings.services.items():
            yield from probing.part(f"[services], {name}", "outputs", part)


def _memory(settings: Settings) -> str:
    path = settings.data_dir / database.DATABASE
    if not path.exists():
        nearest = next(parent for parent in (settings.data_dir, *settings.data_dir.parents) if parent.exists())
        if not os.access(nearest, os.W_OK):
            raise database.StorageError(
                N_("{path} cannot be made: {parent} is not writable for this user"),
                path=settings.data_dir,
                parent=nearest,
            )
        return _("{path} will be made").format(path=path)
    badge_key(settings.data_dir, make=False)
    with contextlib.closing(database.open_for_reading(settings.data_dir)) as db:
        verdict = db.execute("pragma quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise database.StorageError(
                N_("{path} is damaged: {verdict}; move it away and keep it"), path=path, verdict=verdict
            )
        return _("{path}, whitelist version {version}").format(path=path, version=database.meta(db, "version"))


def _disk(settings: Settings) -> Iterator[Finding]:
    """Report on what the data lie, and whether the system's own part of the card is read-only."""
    found = disks.here()
    data, root = disks.under(settings.data_dir.absolute(), found), disks.under(Path("/"), found)
    if data is not None:
        where = f"{settings.data_dir} ({data.kind})"
        lost = _(
            "{where}: what is written there is gone after a power cut; give it a partition of its own (install.md)"
        )
        found_there = lost.format(where=where) if data.forgets else where
        yield Finding(_("disk"), ok=True, found=found_there, warning=data.forgets)
    if root is not None and (root.forgets or not root.is_writable):
        yield Finding(_("system"), ok=True, found=_("read-only: a power cut cannot damage it"))
    if (settings.data_dir / COPY).exists():
        yield _copy(settings)


def _copy(settings: Settings) -> Finding:
    """Report whether the stick is there on which a copy of this controller is kept."""
    from controller.sync import stick_copy  # noqa: PLC0415 - signatures cost memory

    copies = stick_copy.kept(settings.data_dir)
    if copies is None:
        return Finding(
            _("copy on a stick"), ok=True, found=_("unreadable: `loquet stick keep` once more"), warning=True
        )
    is_there = stick_copy.is_there(settings.data_dir, copies)
    is_there = is_there and stick_copy.path_of(Path(copies.folder), copies).exists()
    said = copies.folder if is_there else _("{folder}: the stick is not there").format(folder=copies.folder)
    return Finding(_("copy on a stick"), ok=True, found=said, warning=not is_there)


def _run_dir(settings: Settings) -> str:
    nearest = next(parent for parent in (settings.run_dir, *settings.run_dir.parents) if parent.exists())
    if not os.access(nearest, os.W_OK):
        raise database.StorageError(
            N_("{path} cannot be made: {parent} is not writable for this user"), path=settings.run_dir, parent=nearest
        )
    return str(settings.run_dir)


def _clock() -> Finding:
    found = quality()
    sure = found in {Quality.SYNCHRONISED, Quality.KEPT}
    hint = {
        Quality.SYNCHRONISED: _("set by the network"),
        Quality.KEPT: _("kept by a battery"),
        Quality.RESTORED: _("restored from the last time that was saved: wrong after a power cut"),
        Quality.UNKNOWN: _("nothing says that it is right; without a network, fit a DS3231"),
    }
    return Finding(_("clock"), ok=True, found=f"{found.value}: {hint[found]}", warning=not sure)


def _asked(settings: Settings) -> Iterator[Finding]:
    for station in client.ask_one(settings, {"do": "status"})["stations"]:
        names = {name: "{}, {}".format(station["machine"], _(word)) for name, word in PARTS.items()}
        reader = station["reader"]
        found = reader or _("lost; see `loquet journal`")
        yield Finding(names["reader"], ok=reader is not None, found=found)
        broken = station["state"] == "fault"
        unreached = [] if station["answers"] else [_("does not answer; see `loquet journal`")]
        found = ", ".join([fault(station["cause"]) if broken else _(OUTPUTS[station["output"]]), *unreached])
        yield Finding(names["relay"], ok=not broken and not unreached, found=found)
        if station.get("resumes") is False:
            yield Finding(names["relay"], ok=False, found=_(OPENED_BY_KERNEL))


def _station(station: Station) -> Iterator[Finding]:
    for name, part in station.parts():
        place = "{}, {}".format(station.machine, _(PARTS.get(name, name)))  # noqa: UP032 - Babel reads no f-strings
        yield from probing.part(place, probing.kind_of(station, name), part)


def _try(part: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(part, ok=True, found=look())
    except (LoquetError, DriverError) as error:
        return Finding(part, ok=False, found=translate(error))
    except ImportError as error:
        return Finding(
            part, ok=False, found=_('the Python module "{module}" is not installed').format(module=error.name)
        )
    except Exception as error:  # noqa: BLE001 - gpiozero's and lgpio's errors share no root
        return Finding(part, ok=False, found=plain(error))
