"""`loquet demo`: the shipped daemon on simulated hardware, played from a terminal."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

import config as examples
from controller.commands.status import STATES
from protocol.sentences import duration
from protocol.texts import N_, _, language
from simulator.stage import Stage, StageError, until

EXAMPLES: Final = Path(examples.__file__).parent
CARDS: Final = {
    "marie": ("04A3C6CAE26180", N_("trained for laser and printer")),
    "jean": ("04A3C6112233FF", N_("trained for the printer alone")),
    "laure": ("C0FFEE42", N_("maintainer")),
    "paul": ("0102030405060708090A", N_("membership over")),
    "stranger": ("DEADBEEF", N_("a card that nobody knows")),
    "phone": ("08112233", N_("a phone: its number changes each time")),
}
COLOURS: Final = {
    (0, 0, 0): N_("dark"),
    (1, 0, 0): N_("red"),
    (0, 1, 0): N_("green"),
    (0, 0, 1): N_("blue"),
    (1, 1, 0): N_("yellow"),
    (1, 0, 1): N_("purple"),
    (1, 1, 1): N_("white"),
}
TOUR: Final = (
    ("lay marie laser", N_("Marie lays her badge on the laser's reader:")),
    ("take marie laser", N_("She takes it off; the relay opens at once:")),
    ("wait 4", N_("After the grace the session is over. Jean has no laser training:")),
    ("lay jean laser", ""),
    ("take jean laser", N_("He taps in at the printer instead, and takes his badge along:")),
    ("lay jean printer", ""),
    ("take jean printer", N_("The daemon is killed in mid-session. Its guard opens the relay:")),
    ("kill", ""),
    ("start", N_("It comes back, and closes the session at its last heartbeat. The minutes:")),
    ("minutes", ""),
)


@click.command(
    help=_(
        "Play with Loquet on a machine without any hardware: chips, cards and pins are simulated, the daemon is "
        "the one that ships.\n\n"
        "At a terminal it asks what to do; --tour, or no terminal, plays a short scene and ends."
    )
)
@click.option("--tour", is_flag=True, help=_("Play a short scene and end."))
def demo(tour: bool) -> None:
    """Play."""
    folder = Path(tempfile.mkdtemp(prefix="loquet-demo-"))
    try:
        for name in ("demo.toml", "members.csv"):
            shutil.copy(EXAMPLES / name, folder / name)
        settings = folder / "demo.toml"
        settings.write_text(settings.read_text().replace('language = "en"', f'language = "{language()}"'))
        with Stage(settings) as stage:
            click.echo(_("Starting a simulated board, loquet-guard and the controller ..."))
            stage.start_board()
            _prepare(stage)
            stage.start_guard()
            stage.start_daemon()
            play = _scene() if tour or not sys.stdin.isatty() else _asked()
            for line in play:
                _do(stage, line)
    except StageError as error:
        raise click.ClickException(str(error)) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _prepare(stage: Stage) -> None:
    for arguments in (
        ("whitelist", "require", "laser", "laser"),
        ("whitelist", "require", "printer", "printer"),
        ("whitelist", "import", "--replace", str(stage.config.parent / "members.csv")),
    ):
        done = stage.loquet(*arguments)
        if done.returncode:
            raise StageError(done.stderr)


def _scene() -> Iterator[str]:
    for line, sentence in TOUR:
        if sentence:
            click.secho(f"\n{_(sentence)}", bold=True)
        if line not in {"kill", "minutes"}:
            click.echo(f"> {line}")
        yield line


def _asked() -> Iterator[str]:
    _help()
    while True:
        try:
            line = click.prompt("", prompt_suffix="> ", default="", show_default=False)
        except (EOFError, click.Abort):
            return
        if line.strip() in {"quit", "q", "exit"}:
            return
        yield line


def _help() -> None:
    click.echo(_("Machines: laser (the badge stays), printer (tap in, tap out). In the drawer:"))
    for name, (_uid, what) in CARDS.items():
        click.echo(f"  {name:<10}{_(what)}")
    click.echo(
        _(
            "Say: lay NAME MACHINE, take NAME MACHINE, look, minutes, journal, pull MACHINE (the reader's cable), plug "
            "MACHINE, kill (the daemon), start, quit."
        )
    )


def _do(stage: Stage, line: str) -> None:
    match line.split():
        case []:
            pass
        case ["lay" | "take" as act, name, machine] if name in CARDS and machine in {"laser", "printer"}:
            _move(stage, act, CARDS[name][0], machine)
        case ["wait", seconds] if seconds.isdigit():
            time.sleep(min(60, int(seconds)))
        case ["look"]:
            _look(stage)
        case ["minutes"]:
            click.echo(stage.loquet("sessions").stdout)
        case ["journal"]:
            click.echo(stage.loquet("journal").stdout)
        case ["pull" | "plug" as act, machine] if machine in {"laser", "printer"}:
            _cable(stage, act, machine)
        case ["kill"]:
            _kill(stage)
        case ["start"]:
            _start(stage)
        case _:
            click.echo(_("That was not understood."))
            _help()


def _move(stage: Stage, act: str, uid: str, machine: str) -> None:
    before = _snapshot(stage)
    for each in ("laser", "printer"):  # a card lies in one place
        if each != machine or act == "take":
            stage.take(each, uid)
    if act == "lay":
        stage.lay(machine, uid)
    _settle(stage, before)
    _look(stage)


def _cable(stage: Stage, act: str, machine: str) -> None:
    before = _snapshot(stage)
    stage.hand.do("chip", silent=255 if act == "pull" else None, **stage.address(machine))
    _settle(stage, before)
    _look(stage)


def _kill(stage: Stage) -> None:
    try:
        stage.kill("daemon")
    except KeyError:
        click.echo(_("It does not run."))
        return
    click.echo(_("killed (SIGKILL)"))
    began = time.monotonic()
    until(lambda: not (stage.closed("laser") or stage.closed("printer")), "the guard opens")
    click.echo(_("all relays open after {time}").format(time=f"{time.monotonic() - began:.1f} s"))


def _start(stage: Stage) -> None:
    try:
        stage.status()
    except Exception:  # noqa: BLE001 - whatever it is, nobody answers
        stage.start_daemon()
    _look(stage)


def _snapshot(stage: Stage) -> Any:  # noqa: ANN401 - compared only
    try:
        states = [{**each, "powered_s": None} for each in stage.status()["stations"]]
        return states, stage.hand.do("pins")
    except Exception:  # noqa: BLE001 - the daemon may have been killed
        return None


def _settle(stage: Stage, before: Any) -> None:  # noqa: ANN401 - compared only
    """Wait a moment for something to change, and for the light to follow."""
    end = time.monotonic() + 1.5
    while time.monotonic() < end and _snapshot(stage) == before:
        time.sleep(0.02)
    time.sleep(0.15)


def _look(stage: Stage) -> None:
    try:
        states = {each["machine"]: each for each in stage.status()["stations"]}
    except Exception:  # noqa: BLE001 - the daemon may have been killed
        states = {}
    samples = []
    for _each in range(14):
        samples.append(stage.hand.do("pins"))
        time.sleep(0.05)
    for station in stage.settings.stations:
        lamp = station.light.settings.pins().values() if station.light else ()
        seen = {tuple(pins[pin] for pin in lamp) for pins in samples}
        lit = sorted(_(COLOURS.get(colour, "?")) for colour in seen if any(colour)) or [_(COLOURS[0, 0, 0])]
        shown = ", ".join(lit) + (" " + _("(blinking)") if len(seen) > 1 else "")
        state = states.get(station.machine)
        said = _(STATES[state["state"]]) if state else _("no controller")
        if state and "powered_s" in state:
            said += ", " + duration(state["powered_s"])
        contact = _("CLOSED") if stage.closed(station.machine) else _("open")
        click.echo(
            _("  {machine:<9} relay {contact:<8} light {shown:<18} {said}").format(
                machine=station.machine, contact=contact, shown=shown, said=said
            )
        )
