"""`loquet status`: what the controller is doing now."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from common.texts import N_, NP_, _, sentence
from controller.commands import options
from controller.control import client
from controller.settings import load
from protocol.sentences import duration, fault

STATES = {
    "recovering": N_("starting up"),
    "idle": N_("free"),
    "awaiting": N_("waits for a second badge"),
    "awaiting_pin": N_("waits for a PIN"),
    "starting": N_("starting"),
    "teaching": N_("a trainer lets others in"),
    "running": N_("in use"),
    "leaving": N_("about to end"),
    "run_on": N_("free, extraction runs on"),
    "locked": N_("locked"),
    "fault": N_("out of order"),
}


OUTPUTS: Final = {
    "on": N_("closed"),
    "off": N_("open"),
    "switching_on": N_("is told to close"),
    "switching_off": N_("is told to open"),
}


@click.command(help=_("Show every machine, and whether storage, guard and clock are well."))
@options.config
@options.as_json
def status(config: Path, as_json: bool) -> None:
    """Show how everything is."""
    settings = load(config)
    found = client.ask_one(settings, {"do": "status"})
    if as_json:
        options.show_json(found)
        return
    with client.open_client(settings) as memory:
        members = memory.whitelist().members
    rows = []
    for station in found["stations"]:
        member = members.get(station.get("member", ""))
        detail = fault(station.get("cause", "")) or station.get("locked") or (member.name if member else "")
        used = duration(station["powered_s"]) if "powered_s" in station else ""
        rows.append(
            [
                station["machine"],
                _(STATES[station["state"]]),
                _(OUTPUTS[station["output"]]) if station["answers"] else _("does not answer"),
                station["reader"] or _("lost"),
                detail,
                used,
            ]
        )
    options.show_table(rows, [_("machine"), _("state"), _("output"), _("reader"), "", _("used")])
    click.echo()
    click.echo(_("whitelist: version {version}, {badges} badges").format(**found))
    if found["list_days"] is not None:
        days = NP_(
            "whitelist: nobody has confirmed it for {count} day", "whitelist: nobody has confirmed it for {count} days"
        )
        click.echo(sentence(days, count=found["list_days"]))
    click.echo(_("storage: {storage}").format(**found))
    click.echo(_("guard: running") if found["guard"] else _("guard: NOT RUNNING, nothing closes without it"))
    click.echo(_("clock: {clock}").format(**found))
