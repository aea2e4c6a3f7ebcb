"""`loquet machine`: lock, unlock, clear a fault, end a session."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import click
import msgspec

from common.commands import Group
from common.texts import N_, _
from controller.commands import options
from controller.commands.journal import rfc3339
from controller.commands.lists import WhitelistError
from controller.control import client
from controller.settings import Station, load
from controller.store import machine_counters, troubles
from controller.store.database import StorageError
from controller.store.machine_counters import MachineCounter
from controller.store.troubles import Trouble
from controller.store.whitelist import Change
from protocol.entries import Locked, Maintained, Mended, Purpose, Reported, Unlocked
from protocol.rows import checked
from protocol.sentences import duration, fault

MONTH_MS: Final = 30 * 86_400_000


@click.group(
    cls=Group,
    params=[options.of_group()],
    help=_("List the machines and their hours; lock or unlock one, clear its fault, end its session."),
)
def machine() -> None:
    """Group what is done to one machine."""


def _set_lock(config: Path, name: str, note: str, *, cut: bool) -> None:
    settings = load(config)
    settings.station(name)
    with client.open_client(settings, write=True) as memory:
        found = memory.whitelist()
        row = found.machines.get(name)
        if row is None:
            raise WhitelistError(
                N_("nobody has said yet what {machine} requires: loquet whitelist require {machine} TRAINING"),
                machine=name,
            )
        change = Change(put=(checked(msgspec.structs.replace(row, locked=note)),))
        memory.edit(change, lambda _done, _total: None, base=found.version, cut=cut)
        if not memory.running and bool(row.locked) != bool(note):  # else the daemon notes it
            memory.record(Locked(name, note[:200], "") if note else Unlocked(name, ""))


@machine.command(
    help=_(
        "Lock a machine: nobody but a maintainer starts it. A session that runs goes on to its end, unless "
        "--now cuts it."
    )
)
@options.config
@click.argument("name")
@click.option("--reason", required=True, help=_("Shown to whoever is refused."))
@click.option("--now", is_flag=True, help=_("End a running session at once."))
def lock(config: Path, name: str, reason: str, now: bool) -> None:
    """Lock a machine."""
    if not reason.strip():
        raise click.UsageError(_("say why: it is shown to whoever is refused"))
    _set_lock(config, name, reason, cut=now)
    click.echo(_("{machine} is locked: {reason}").format(machine=name, reason=reason))


@machine.command(
    name="list",
    help=_(
        "List every machine: its hours of power and of work since the first day, how often it was used, and when it "
        "is due to be looked after (these counters are never reset); for how long it was locked or out of order in "
        "the last 30 days, and what is wrong with it now."
    ),
)
@options.config
@options.as_json
def list_(config: Path, as_json: bool) -> None:
    """List machines and their counters."""
    settings = load(config)
    with client.open_client(settings) as memory:
        zone = memory.zone()
        try:
            counters, found = machine_counters.counters(memory.database()), troubles.troubles(memory.database())
        except StorageError:
            counters, found = {}, {}  # nothing was ever used
    now = int(time.time() * 1000)
    rows = [
        _counted(station, counters.get(station.machine, MachineCounter(station.machine)))
        | _troubled(found.get(station.machine, Trouble()), now, zone)
        for station in settings.stations
    ]
    if as_json:
        for row in rows:
            options.show_json(row)
        return
    table = [
        [
            row["machine"],
            row["name"],
            duration(row["powered_s"]),
            duration(row["busy_s"]) if row["senses_running"] else "",
            row["sessions"],
            _due(row["maintenance_in_s"]),
            duration(row["down_s"]) if row["down_s"] else "",
            _now(row),
        ]
        for row in rows
    ]
    heads = [_("machine"), _("name"), _("powered"), _("worked"), _("sessions"), _("maintenance")]
    options.show_table(table, [*heads, _("down, 30 days"), _("now")])


def _counted(station: Station, counter: MachineCounter) -> dict[str, Any]:
    left = None
    if station.maintenance is not None:
        left = station.maintenance - (counter.powered - counter.maintained) // 1000
    return {
        "machine": station.machine,
        "name": station.name,
        "powered_s": counter.powered // 1000,
        "busy_s": counter.busy // 1000,
        "senses_running": station.rules.senses_running,
        "sessions": counter.sessions,
        "maintenance_in_s": left,
    }


def _troubled(trouble: Trouble, now: int, zone: ZoneInfo) -> dict[str, Any]:
    """Return since when a machine is locked or out of order, for how long it was in 30 days, and what is reported."""
    return {
        "down_s": trouble.down_ms(now - MONTH_MS, now) // 1000,
        "down_since": None if trouble.since is None else rfc3339(trouble.since, zone),
        "why": fault(trouble.why),
        "defects": [
            {"at": None if each.at is None else rfc3339(each.at, zone), "by": each.by, "note": each.note}
            for each in trouble.defects
        ],
    }


def _now(row: dict[str, Any]) -> str:
    """Return in words what is wrong with a machine now."""
    said = []
    if row["why"]:
        since = f" ({row['down_since'][:16].replace('T', ' ')})" if row["down_since"] else ""
        said.append(row["why"] + since)
    said += [_("defect: {note}").format(note=each["note"] or "?") for each in row["defects"]]
    return "\n".join(said)


def _due(left: int | None) -> str:
    if left is None:
        return ""
    if left <= 0:
        return _("DUE; then: loquet machine maintained")
    return _("in {time}").format(time=duration(left))


@machine.command(
    help=_("Note that a machine was looked after: its hours to the next maintenance are counted from now.")
)
@options.config
@click.argument("name")
@click.option("--note", default="", help=_("What was done."))
def maintained(config: Path, name: str, note: str) -> None:
    """Note maintenance."""
    settings = load(config)
    settings.station(name)
    with client.open_client(settings, write=True) as memory:
        try:
            counter = machine_counters.counters(memory.database()).get(name, MachineCounter(name))
        except StorageError:
            counter = MachineCounter(name)
        memory.record(Maintained(name, "", counter.powered, note[:200]))
    used = duration(counter.powered / 1000)
    click.echo(_("{machine}: looked after at {time} of use").format(machine=name, time=used))


@machine.command(
    help=_(
        "Report a defect: it stands in the journal and, where there is one, on the server, until it is mended. The "
        "machine goes on; to keep people from it: loquet machine lock.\n\n"
        '  loquet machine report laser "the lens is scratched"'
    )
)
@options.config
@click.argument("name")
@click.argument("note")
def report(config: Path, name: str, note: str) -> None:
    """Report a defect."""
    settings = load(config)
    settings.station(name)
    if not note.strip():
        raise click.UsageError(_("say what is wrong"))
    with client.open_client(settings, write=True) as memory:
        memory.record(Reported(name, "", note.strip()[:200]))
    click.echo(_("{machine}: noted").format(machine=name))


@machine.command(help=_("Say that what was reported of a machine is mended: all of it until now."))
@options.config
@click.argument("name")
@click.option("--note", default="", help=_("What was done."))
def mended(config: Path, name: str, note: str) -> None:
    """Note that defects are mended."""
    settings = load(config)
    settings.station(name)
    with client.open_client(settings, write=True) as memory:
        memory.record(Mended(name, "", note.strip()[:200]))
    click.echo(_("{machine}: nothing is reported any more").format(machine=name))


@machine.command(
    help=_(
        "Let a group in: within five minutes a trainer's badge opens the machine for a class or an open evening, until "
        "that trainer, another one or the longest session ends it. No badge has to stay on the reader."
    )
)
@options.config
@click.argument("name")
@click.option("--organisation", default="", help=_("Whose group it is: a school, a company."))
@click.option("--people", type=click.IntRange(0, 10_000), help=_("How many; it can be corrected afterwards."))
@click.option(
    "--purpose",
    type=click.Choice([purpose.value for purpose in Purpose]),
    default=Purpose.TRAINING.value,
    show_default=True,
    help=_("What it is for."),
)
def group(config: Path, name: str, organisation: str, people: int | None, purpose: str) -> None:
    """Let a group in."""
    request = {"do": "group", "machine": name, "organisation": organisation[:80], "people": people, "purpose": purpose}
    found = client.ask_one(load(config), request)
    state = next(each["state"] for each in found["stations"] if each["machine"] == name)
    if state not in {"idle", "locked", "run_on"}:
        raise click.ClickException(_("{machine} is not free; ask again when it is").format(machine=name))
    click.echo(_("{machine}: now the badge of a trainer, within five minutes").format(machine=name))


@machine.command(
    help=_(
        "Let a trainer let others in: after the trainer's badge, each badge that is tapped gets what the machine asks "
        "for, one after the other; an unknown badge becomes a person to be named later (`loquet member list`)."
    )
)
@options.config
@click.argument("name")
def teach(config: Path, name: str) -> None:
    """Have the next trainer's badge let others in."""
    found = client.ask_one(load(config), {"do": "teach", "machine": name})
    state = next(each["state"] for each in found["stations"] if each["machine"] == name)
    if state not in {"idle", "locked", "run_on", "teaching", "awaiting_pin"}:
        raise click.ClickException(_("{machine} is not free; ask again when it is").format(machine=name))
    click.echo(_("{machine}: now the badge of a trainer, within five minutes").format(machine=name))


@machine.command(help=_("Unlock a machine."))
@options.config
@click.argument("name")
def unlock(config: Path, name: str) -> None:
    """Unlock a machine."""
    _set_lock(config, name, "", cut=False)
    click.echo(_("{machine} is unlocked").format(machine=name))


@machine.command(help=_("Clear the fault of a machine, once its cause is gone."))
@options.config
@click.argument("name")
def clear(config: Path, name: str) -> None:
    """Clear a fault."""
    settings = load(config)
    before, after = (
        next(each for each in client.ask_one(settings, request)["stations"] if each["machine"] == name)
        for request in ({"do": "status"}, {"do": "clear", "machine": name})
    )
    if after["state"] == "fault":
        raise click.ClickException(
            _(
                "{machine} stays out of order: {cause}. Is it still so? Mend it, or let the button go; then clear it."
            ).format(machine=name, cause=fault(after["cause"]))
        )
    if before["state"] != "fault":
        raise click.ClickException(_("{machine} has no fault").format(machine=name))
    click.echo(_("{machine}: fault cleared").format(machine=name))


@machine.command(help=_("End the session that runs on a machine; its output opens."))
@options.config
@click.argument("name")
@click.argument("session")
def end(config: Path, name: str, session: str) -> None:
    """End one named session."""
    found = client.ask_one(load(config), {"do": "end", "machine": name, "session": session})
    still = any(each.get("session") == session for each in found["stations"])
    if still:
        raise click.ClickException(_("session {session} goes on").format(session=session))
    click.echo(_("session {session} is not running").format(session=session))
