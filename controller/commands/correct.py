"""`loquet correct`: say better what a session was, by a second entry in the journal."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from common.strict import seconds
from common.texts import _
from controller.commands import options
from controller.control import client
from controller.settings import load
from controller.store import usage
from protocol.entries import Corrected, Purpose
from protocol.sentences import duration

LONGEST: Final = 31 * 86_400  # seconds


@click.command(
    help=_(
        "Correct a session: a tap-out that was forgotten, a purpose, a group's head count.\n\n"
        "The journal keeps what was recorded; the correction stands beside it, with who made it and why. "
        "`loquet sessions` shows the corrected figures, and names the session. To undo, correct once more."
    )
)
@options.config
@click.argument("session")
@click.option("--powered", help=_('For how long it really was used: "45 min", "1 h".'))
@click.option("--purpose", type=click.Choice([purpose.value for purpose in Purpose]), help=_("What it was for."))
@click.option("--organisation", help=_("Whose group it was."))
@click.option("--people", type=click.IntRange(0, 10_000), help=_("How many they were."))
@click.option("--reason", required=True, help=_("Why; it is kept with the correction."))
def correct(
    config: Path,
    session: str,
    powered: str | None,
    purpose: str | None,
    organisation: str | None,
    people: int | None,
    reason: str,
) -> None:
    """Correct a session."""
    if not reason.strip():
        raise click.UsageError(_("say why: it is kept with the correction"))
    if (powered, purpose, organisation, people) == (None, None, None, None):
        raise click.UsageError(_("say what to correct: --powered, --purpose, --organisation or --people"))
    how_long = None if powered is None else seconds(powered, "--powered", 0, LONGEST)
    settings = load(config)
    with client.open_client(settings, write=True) as memory:
        found = usage.named(memory.database(), session)
        if len(found) != 1:
            raise click.ClickException(
                _("there is no session {session}; `loquet sessions` names them").format(session=session)
                if not found
                else _("several sessions begin with {session}; give more of its letters").format(session=session)
            )
        (corrected,) = found
        if corrected.why is None:
            raise click.ClickException(_("session {session} is not over yet").format(session=corrected.session))
        memory.record(
            Corrected(
                corrected.session,
                corrected.machine,
                "",
                reason[:200],
                None if how_long is None else how_long * 1000,
                None if purpose is None else Purpose(purpose),
                None if organisation is None else organisation[:80],
                people,
            )
        )
    said = {
        _("powered"): (None if how_long is None else duration(how_long), duration(corrected.powered_s or 0)),
        _("purpose"): (purpose, corrected.purpose),
        _("organisation"): (organisation, corrected.organisation),
        _("people"): (people, corrected.people),
    }
    for what, (now, was) in said.items():
        if now is not None:
            click.echo(_("{what}: {now} (so far: {was})").format(what=what, now=now, was=was))
