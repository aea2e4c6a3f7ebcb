"""`loquet clock`: what is known of the time, and a person's word where a clock was wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from common.texts import _
from controller.commands import options
from controller.commands.journal import local_time
from controller.control import client
from controller.settings import load
from protocol.moment import Quality
from protocol.sentences import QUALITIES


@click.command(
    help=_(
        "Show what the controller knows of the time. Certifications and memberships end by the latest time that is "
        "known to have passed, so that a clock which falls back opens nothing.\n\n"
        "Where a clock once said 2036 and everybody is refused since, set the clock right and say --believe: "
        "the controller takes your word that it is no later than that clock says now."
    )
)
@options.config
@options.as_json
@click.option("--believe", is_flag=True, help=_("It is no later than the clock says now."))
def clock(config: Path, as_json: bool, believe: bool) -> None:
    """Show what is known of the time."""
    settings = load(config)
    with client.open_client(settings) as memory:
        zone = memory.zone()
    said = int(datetime.now(UTC).timestamp() * 1000) if believe else None
    found = client.ask_one(settings, {"do": "clock", "ms": said})
    if as_json:
        options.show_json(found)
        return
    click.echo(
        _("clock: {time} ({quality})").format(
            time=local_time(found["wall"], zone), quality=_(QUALITIES[Quality(found["quality"])])
        )
    )
    click.echo(_("known to have passed: {time}").format(time=local_time(found["known"], zone)))
    click.echo(_("expiries are judged by the day {day}").format(day=found["day"]))
