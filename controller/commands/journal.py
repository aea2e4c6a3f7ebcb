"""`loquet journal`: what happened, in order."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import msgspec

from common.texts import _
from controller.commands import options
from controller.control import client
from controller.settings import load
from controller.store import clock_readings
from controller.store import journal as entries
from protocol.entries import kind
from protocol.sentences import happened


def local_time(ms: int | None, zone: ZoneInfo) -> str:
    """Write a moment as people read it there; `?` where no clock was ever set."""
    if ms is None:
        return "?"
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return "?"


def rfc3339(ms: int | None, zone: ZoneInfo) -> str | None:
    """Write a moment for scripts; None where no clock was ever set."""
    if ms is None:
        return None
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError, OSError):
        return None


@click.command(
    help=_(
        "Show the journal: every session, refusal, fault and change, in the order in which they happened. It "
        "holds members' ids, not their names. The last column says how sure the time is."
    )
)
@options.config
@options.machine
@options.as_json
@click.option("--after", type=click.IntRange(0, 2**62), default=0, help=_("Only entries after this number."))
def journal(config: Path, machine: str | None, as_json: bool, after: int) -> None:
    """Show the journal."""
    settings = load(config)
    with client.open_client(settings) as memory:
        zone = memory.zone()
        db = memory.database()
        clocks = clock_readings.Clocks(db)
        for line in entries.lines(db, after, machine):
            wall, quality = clocks.wall(line.boot, line.at)
            body = {k: v for k, v in msgspec.to_builtins(line.entry).items() if k != "type"}
            if as_json:
                options.show_json(
                    {
                        "seq": line.seq,
                        "kind": kind(line.entry),
                        "time": rfc3339(wall, zone),
                        "quality": quality,
                    }
                    | {"boot": line.boot, "at_ms": line.at}
                    | ({"epoch": line.epoch} if line.epoch else {})
                    | body
                )
            else:
                where = getattr(line.entry, "machine", None) or ""
                click.echo(f"{line.seq:>7}  {local_time(wall, zone)}  {where:<12}  {happened(line.entry)}  [{quality}]")
