"""`loquet card`: the page to print and hang at a machine; lights and sounds as the daemon shows them."""

from __future__ import annotations

from html import escape
from pathlib import Path
from string import Template
from typing import Final

import click

from common.texts import LANGUAGES, N_, _, language, ngettext, spoken
from controller.commands import options
from controller.indication.signals import LOOKS, SOUNDS
from controller.settings import Settings, Station, load
from controller.station.events import Signal
from controller.station.rules import Does, Mode
from controller.store.database import StorageError
from controller.sync import identity
from protocol.sentences import duration

MEANINGS: Final = (
    (Signal.STARTING_UP, N_("Starting"), N_("Wait a minute.")),
    (Signal.IDLE, N_("Free"), N_("Present your badge.")),
    (Signal.AWAITING, N_("One more badge"), N_("A second person taps now: within 20 seconds.")),
    (Signal.TEACHING, N_("A class"), N_("A trainer lets others in: each badge now gets the training.")),
    (Signal.RUNNING, N_("Yours"), N_("You may use the machine. Your time is counted.")),
    (Signal.LEAVING, N_("About to end"), N_("Your badge is gone, or the machine runs on: it goes off in a moment.")),
    (Signal.WARNING, N_("Nearly over"), N_("Your session ends soon; or the reader does not see the badge.")),
    (Signal.REPORTED, N_("Noted"), N_("Your report of a defect is written down. Thank you.")),
    (Signal.STICK_DONE, N_("Stick read"), N_("The stick may be pulled.")),
    (Signal.STICK_FAILED, N_("Stick"), N_("Something was wrong with the stick; `loquet stick import` says what.")),
    (Signal.REFUSED, N_("Refused"), N_("See below.")),
    (Signal.LOCKED, N_("Locked"), N_("A fabmanager locked the machine. Ask them why.")),
    (Signal.FAULT, N_("Out of order"), N_("Tell a fabmanager. Do not try to repair it.")),
    (Signal.READER_LOST, N_("Reader lost"), N_("The reader does not answer. Tell a fabmanager.")),
)  # fmt: skip
COLOURS: Final = {
    (1, 0, 0): ("#dc2626", N_("red")),
    (0, 1, 0): ("#16a34a", N_("green")),
    (0, 0, 1): ("#2563eb", N_("blue")),
    (1, 1, 0): ("#eab308", N_("yellow")),
    (1, 0, 1): ("#9333ea", N_("purple")),
    (0, 1, 1): ("#0891b2", N_("turquoise")),
    (1, 1, 1): ("#e5e7eb", N_("white")),
}
HOW: Final = {
    Mode.PRESENCE: (
        N_("Lay your badge on the reader and leave it there."),
        N_("To stop, take the badge away. Take it along."),
    ),
    Mode.TAP: (
        N_("Present your badge once: the machine is yours. Put the badge back into your pocket."),
        N_("To stop, present the badge again. Do not forget: the time runs on."),
    ),
    Mode.TIMED: (
        N_(
            "Present your badge once: the machine is yours for {period}. Each further tap gives you {period} from then."
        ),
        N_("It switches itself off when the time is over."),
    ),
    Mode.JOB: (
        N_("Present your badge once, start your job, and go."),
        N_("It switches itself off when the job is done."),
    ),
}
PIN: Final = N_("Then type your PIN, and #.")
REFUSED: Final = (
    (N_("No training, or it is too old"), N_("Ask for the date of the next one.")),
    (N_("Membership over"), N_("Renew it, then try again.")),
    (N_("Two badges at once"), N_("Present yours alone, out of the wallet.")),
    (N_("A phone, or a card that changes its number"), N_("Use a badge.")),
    (N_("Somebody else is using it"), N_("Wait until they have finished.")),
    (N_("Access suspended"), N_("Speak to a fabmanager.")),
    (N_("Badge unknown"), N_("Show it to a fabmanager: it takes a minute.")),
    (N_("The badge lay there already"), N_("Take it away and present it again.")),
)
BROKEN: Final = N_("Something broken, or worn out? Report it here; it takes a minute, and nobody has to log in.")
KEPT: Final = N_("What is kept of you, for how long, and whom to ask.")
PAGE: Final = Template("""<!doctype html>
<html lang="$language"><meta charset="utf-8"><title>$title</title>
<style>
@page { size: A4; margin: 12mm }
body { font: 10.3pt/1.22 "DejaVu Sans", Verdana, sans-serif; color: #111; max-width: 182mm; margin: 0 auto; padding: 0 }
h1 { font-size: 28pt; margin: 0 } h2 { font-size: 14pt; margin: 4mm 0 1mm; border-bottom: 2px solid #111 }
p { margin: 1mm 0 } .how { font-size: 13.5pt; font-weight: 600 }
table { border-collapse: collapse; width: 100% } td { padding: .6mm 3mm .6mm 0; vertical-align: top }
td:nth-child(2) { width: 62mm }
td:first-child { width: 11mm } .lamp { display: inline-block; width: 8mm; height: 8mm; border-radius: 50%;
  border: 1.5px solid #111; -webkit-print-color-adjust: exact; print-color-adjust: exact }
.blink { border-style: dashed; border-width: 2.5px } small { color: #444 } footer { margin-top: 4mm; font-size: 10pt }
.foot { display: flex; gap: 6mm; align-items: end } .foot > div { flex: 1 1 0 }
.report { display: flex; align-items: center; gap: 3mm } .report p { margin: 0; font-size: 9pt }
.report svg { flex: none }
.ask { border: 2px solid #111; height: 13mm; padding: 2mm 3mm }
</style>
<h1>$title</h1>
<p class="how">$begin</p><p class="how">$stop</p>
<h2>$heading_light</h2><table>$lights</table>
<h2>$heading_refused</h2><table>$refused</table>
<div class="foot"><div><h2>$heading_ask</h2><p class="ask"></p></div>$report$notice</div>
<footer><p><strong>$safety</strong></p><p>$privacy</p></footer>
</html>
""")


@click.command(
    help=_(
        "Print the card of a machine, a web page to hang beside it: how to begin and to stop, what light and sounds "
        "mean, what to do when refused.\n\n"
        "loquet card laser > laser.html, then open it in a browser and print it.\n\n"
        "Where a server keeps the list, the card has a QR code behind which anybody reports a defect, and one behind "
        "which stands what is kept of whoever uses the machine (as root, who alone may read which server that is)."
    )
)
@options.config
@click.argument("machine")
@click.option("--language", "spoken_there", type=click.Choice(LANGUAGES), help=_("Of the card; else the settings'."))
@click.option("--report", metavar="URL", help=_("Where defects are reported; else the server's page."))
def card(config: Path, machine: str, spoken_there: str | None, report: str | None) -> None:
    """Print a card."""
    settings = load(config)
    station = settings.station(machine)
    with spoken(spoken_there or settings.controller.language):
        server = _server(settings)
        at = report or (f"{server}/report/{machine}" if server else "")
        click.echo(page(station, at, f"{server}/privacy" if server else ""), nl=False)


def _server(settings: Settings) -> str:
    """Return where the server's pages are; empty where this controller has none, or may not tell."""
    try:
        known = identity.load(settings.data_dir)
    except StorageError:
        return ""
    return "" if known is None else f"https://{known.address}"


def page(station: Station, report: str = "", notice: str = "") -> str:
    """Write the card of one machine, in the language in use.

    report, notice: the addresses behind its QR codes: where a defect is reported, and what is kept of people.
    """
    begin, stop = HOW[station.mode]
    period = duration(station.rules.period / 1000)
    return PAGE.substitute(
        language=language(),
        title=escape(station.name),
        begin=escape(" ".join([_(begin).format(period=period), *([_(PIN)] if station.rules.pin else [])])),
        stop=escape(_(stop)),
        heading_light=escape(_("The light") if station.buzzer is None else _("The light and the sounds")),
        lights="".join(_light(station, *row) for row in MEANINGS if _happens(station, row[0])),
        heading_refused=escape(_("Refused?")),
        refused="".join(f"<tr><td>✗</td><td><b>{_(why)}</b></td><td>{_(cure)}</td></tr>" for why, cure in REFUSED),
        heading_ask=escape(_("Ask (name, telephone)")),
        report=_qr(report, _(BROKEN)) if report else "",
        notice=_qr(notice, _(KEPT)) if notice else "",
        safety=escape(_("Danger? Emergency stop! It cuts the power without this box, and without a badge.")),
        privacy=escape(
            _("Who used the machine, when and for how long is recorded. The fabmanager says for how long and what for.")
        ),
    )


def _qr(address: str, what: str) -> str:
    """Draw the way to a page of the server's, and say what it is."""
    import segno  # noqa: PLC0415 - of a card alone

    drawn = segno.make(address, error="m").svg_inline(scale=2.4, border=1)
    return f'<div class="report">{drawn}<p><b>{escape(what)}</b><br><small>{escape(address)}</small></p></div>'


def _happens(station: Station, signal: Signal) -> bool:
    rules = station.rules
    senses = rules.mode is Mode.PRESENCE
    ends = rules.longest is not None or rules.idle is not None or rules.mode is Mode.TIMED
    return {
        Signal.AWAITING: rules.supervised or rules.buddy,
        Signal.TEACHING: bool(rules.named(Does.TEACH)),
        Signal.REPORTED: bool(rules.named(Does.REPORT)),
        Signal.STICK_DONE: False,  # of no member's business
        Signal.STICK_FAILED: False,
        Signal.LEAVING: (senses and rules.grace > 0) or rules.wait_for_rest > 0,
        Signal.WARNING: senses or ends,
    }.get(signal, True)


def _light(station: Station, signal: Signal, word: str, sentence: str) -> str:
    look = LOOKS[signal]
    colour, name = COLOURS[look.colour]
    said = f"{_(name)}, {_(look.said)}"
    if station.buzzer is not None and signal in SOUNDS:
        said += ", " + ngettext("{count} beep", "{count} beeps", SOUNDS[signal][0]).format(count=SOUNDS[signal][0])
    blink = " blink" if look.rhythm else ""
    return (
        f'<tr><td><span class="lamp{blink}" style="background:{colour}"></span></td>'
        f"<td><b>{_(word)}</b><br><small>{said}</small></td><td>{_(sentence)}</td></tr>"
    )
