"""`loquet sessions`: who used what, for how long."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import click
import msgspec

from common.texts import N_, _
from controller.commands import options
from controller.commands.journal import local_time, rfc3339
from controller.control import client
from controller.settings import load
from controller.store import usage
from protocol.entries import Ending
from protocol.sentences import ENDINGS, duration

PURPOSES: Final = {
    "own": N_("own"),
    "order": N_("order"),
    "training": N_("training"),
    "maintenance": N_("maintenance"),
    "demonstration": N_("demonstration"),
}


@click.command(
    help=_(
        "Show the sessions: machine, member, when, for how long the output was closed, and for how long the machine "
        "worked, where that is sensed. What was corrected (`loquet correct`) is shown as corrected.\n\n"
        "--csv writes the same with semicolons, as spreadsheets here read them."
    )
)
@options.config
@options.machine
@options.as_json
@click.option("--csv", "as_csv", is_flag=True, help=_("For spreadsheets: CSV with semicolons, UTF-8 with a mark."))
def sessions(config: Path, machine: str | None, as_json: bool, as_csv: bool) -> None:
    """Show usage."""
    settings = load(config)
    if machine:
        settings.station(machine)
    with client.open_client(settings) as memory:
        zone = memory.zone()
        names = {member.id: member.name for member in memory.whitelist().members.values()}
        rows = list(usage.sessions(memory.database(), machine))
    if as_json:
        for row in rows:
            options.show_json(_plain(row, zone))
    elif as_csv:
        sys.stdout.buffer.write(_sheet([_cells(row, names, zone) for row in rows]))
    else:
        table = [_cells(row, names, zone) for row in rows]
        for line in table:
            line[5:7] = ["" if cell is None else duration(float(str(cell))) for cell in line[5:7]]
        options.show_table(table, _headers())


def _plain(row: usage.Usage, zone: ZoneInfo) -> dict[str, Any]:
    """Return a session for scripts."""
    said: dict[str, Any] = msgspec.to_builtins(row)
    del said["meter"]  # of the plug, which nobody asked for
    return said | {"started": rfc3339(row.started, zone), "ended": rfc3339(row.ended, zone) if row.why else None}


def _headers() -> list[str]:
    return [
        _("machine"), _("member"), _("name"), _("start"), _("end"), _("powered"), _("worked"), _("energy (Wh)"),
        _("ended because"), _("by"), _("purpose"), _("with"), _("corrected"), _("clock"), _("session"),
    ]  # fmt: skip


def _cells(row: usage.Usage, names: dict[str, str], zone: ZoneInfo) -> list[object]:
    return [
        row.machine,
        row.member,
        names.get(row.member, ""),
        local_time(row.started, zone),
        local_time(row.ended, zone) if row.why else _("running"),
        row.powered_s,
        row.busy_s,
        "" if row.energy_wh is None else row.energy_wh,
        _(ENDINGS[Ending(row.why)]) if row.why else "",
        row.ended_by or "",
        _(PURPOSES[row.purpose]),
        " ".join(str(part) for part in (row.organisation, row.people, row.beside) if part),
        row.note if row.corrected_by else "",
        row.quality.value,
        row.session,
    ]


def _sheet(table: list[list[object]]) -> bytes:
    """Write a table as spreadsheets here read it, in seconds."""
    headers = _headers()
    sheet = io.StringIO(newline="")
    writer = csv.writer(sheet, delimiter=";")
    writer.writerow([*headers[:5], _("powered (s)"), _("worked (s)"), *headers[7:]])
    writer.writerows(map(_safe, line) for line in table)
    return sheet.getvalue().encode("utf-8-sig")


def _safe(cell: object) -> object:
    """Keep a spreadsheet from running a name as a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in {"=", "+", "-", "@", "\t"} else cell
