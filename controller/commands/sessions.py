"""`loquet sessions`: who used what, for how long."""

from __future__ import annotations

import csv
import io
import sys
from datetime import date, datetime
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

GROUPS: Final = {"member": N_("member"), "machine": N_("machine"), "day": N_("day"), "month": N_("month")}
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
        "--csv writes the same with semicolons, as spreadsheets here read them. --sum adds them up instead:\n\n"
        "\b\n"
        "  loquet sessions --sum member --since 2026-11-01 --until 2026-11-30\n"
        "  loquet sessions --sum month --machine laser"
    )
)
@options.config
@options.machine
@options.as_json
@click.option("--csv", "as_csv", is_flag=True, help=_("For spreadsheets: CSV with semicolons, UTF-8 with a mark."))
@click.option("--member", metavar="WHO", help=_("Only this member: an id, or a name."))
@click.option("--since", callback=options.day, metavar="DAY", help=_("Only what began on that day or later."))
@click.option("--until", callback=options.day, metavar="DAY", help=_("Only what began on that day or before."))
@click.option("--sum", "by", type=click.Choice(list(GROUPS)), help=_("Add up: by member, machine, day or month."))
def sessions(
    config: Path,
    machine: str | None,
    as_json: bool,
    as_csv: bool,
    member: str | None,
    since: date | None,
    until: date | None,
    by: str | None,
) -> None:
    """Show usage."""
    settings = load(config)
    if machine:
        settings.station(machine)
    with client.open_client(settings) as memory:
        zone = memory.zone()
        names = {member.id: member.name for member in memory.whitelist().members.values()}
        found = usage.sessions(memory.database(), machine)
        asked = _Asked(None if member is None else _ids(member, names), since, until)
        rows = [row for row in found if asked.wants(row, zone)]
    if by is not None:
        _show_sums(_sums(rows, by, names, zone), by, as_json=as_json, as_csv=as_csv)
    elif as_json:
        for row in rows:
            options.show_json(_plain(row, zone))
    elif as_csv:
        sys.stdout.buffer.write(_sheet([_cells(row, names, zone) for row in rows]))
    else:
        table = [_cells(row, names, zone) for row in rows]
        for line in table:
            line[5:7] = ["" if cell is None else duration(float(str(cell))) for cell in line[5:7]]
        options.show_table(table, _headers())


class _Asked(msgspec.Struct, frozen=True):
    """Which sessions are wanted; None for all."""

    members: frozenset[str] | None
    since: date | None
    until: date | None

    def wants(self, row: usage.Usage, zone: ZoneInfo) -> bool:
        """Return whether a session is; one whose day nobody knows is, where no day is asked for."""
        if self.members is not None and row.member not in self.members:
            return False
        if self.since is None and self.until is None:
            return True
        day = _day(row, zone)
        return day is not None and (self.since or day) <= day <= (self.until or day)


def _day(row: usage.Usage, zone: ZoneInfo) -> date | None:
    """Return on which day a session began, at the workshop; None where no clock says."""
    return None if row.started is None else datetime.fromtimestamp(row.started / 1000, zone).date()


def _ids(who: str, names: dict[str, str]) -> frozenset[str]:
    """Return whom somebody means. Raises ClickException."""
    if who in names:
        return frozenset({who})
    found = frozenset(id_ for id_, name in names.items() if name.casefold() == who.casefold())
    if not found:  # of whoever is forgotten the sessions are still there
        return frozenset({who})
    if len(found) > 1:
        ids = ", ".join(sorted(found))
        raise click.ClickException(_("several are called {who}: {ids}; say which id").format(who=who, ids=ids))
    return found


class _Sum(msgspec.Struct):
    """What sessions come to. busy_s, energy_wh: of those that have it."""

    name: str = ""
    sessions: int = 0
    powered_s: int = 0
    busy_s: int | None = None
    energy_wh: int | None = None

    def add(self, row: usage.Usage) -> None:
        """Count one more."""
        self.sessions += 1
        self.powered_s += row.powered_s or 0
        if row.busy_s is not None:
            self.busy_s = (self.busy_s or 0) + row.busy_s
        if row.energy_wh is not None:
            self.energy_wh = (self.energy_wh or 0) + row.energy_wh


def _sums(rows: list[usage.Usage], by: str, names: dict[str, str], zone: ZoneInfo) -> dict[str, _Sum]:
    """Add sessions up, in order of what they are added up by."""
    found: dict[str, _Sum] = {}
    for row in rows:
        if by in {"day", "month"}:
            day = _day(row, zone)
            key = "?" if day is None else day.isoformat()[: len("2026-11") if by == "month" else None]
        else:
            key = str(getattr(row, by))
        found.setdefault(key, _Sum(names.get(key, "") if by == "member" else "")).add(row)
    return dict(sorted(found.items()))


def _show_sums(sums: dict[str, _Sum], by: str, *, as_json: bool, as_csv: bool) -> None:
    if as_json:
        for key, each in sums.items():
            options.show_json({by: key, **msgspec.to_builtins(each)})
        return
    headers = [_(GROUPS[by]), _("name"), _("sessions"), _("powered"), _("worked"), _("energy (Wh)")]
    lines: list[list[object]] = [
        [key, each.name, each.sessions, each.powered_s, each.busy_s, "" if each.energy_wh is None else each.energy_wh]
        for key, each in sums.items()
    ]
    if as_csv:
        sys.stdout.buffer.write(_as_csv([*headers[:3], _("powered (s)"), _("worked (s)"), headers[5]], lines))
        return
    for line in lines:
        line[3:5] = ["" if cell is None else duration(float(str(cell))) for cell in line[3:5]]
    options.show_table(lines, headers)


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
    """Write sessions as spreadsheets here read them, in seconds."""
    headers = _headers()
    return _as_csv([*headers[:5], _("powered (s)"), _("worked (s)"), *headers[7:]], table)


def _as_csv(headers: list[str], table: list[list[object]]) -> bytes:
    sheet = io.StringIO(newline="")
    writer = csv.writer(sheet, delimiter=";")
    writer.writerow(headers)
    writer.writerows(map(_safe, line) for line in table)
    return sheet.getvalue().encode("utf-8-sig")


def _safe(cell: object) -> object:
    """Keep a spreadsheet from running a name as a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in {"=", "+", "-", "@", "\t"} else cell
