"""Trying one machine's parts by hand: a badge on its reader, its relay for a second, its light."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from common.texts import _, translate
from controller.settings import Part, Station
from controller.setup.asking import yes
from drivers import registry
from drivers.bus.plug_http import PlugSettings
from drivers.contracts import OutputError, OwnOpening, RemoteOutput
from guard import leases as lease
from protocol.badge import badge_text

SHORTEST_TIMER: Final = 15  # s
TRY_MS: Final = 30_000
OFF_TRIES: Final = 5
BADGE_S: Final = 20.0  # for somebody to lay a badge


def reader_shows_a_badge(station: Station) -> None:
    """Show the number of the badge that is laid on the reader."""
    if not yes(_("Lay a badge on the reader, to see its number?"), default=True):
        return
    with _made("readers", station.reader) as reader:
        reader.open()
        click.echo(_("Lay a badge on it within {seconds} s ...").format(seconds=int(BADGE_S)))
        end = time.monotonic() + BADGE_S
        while time.monotonic() < end:
            seen = reader.look()
            if seen.why is not None:
                click.echo("  " + translate(seen.why))
            for card in seen.cards:
                click.echo(_("Badge {uid}").format(uid=badge_text(card.uid, card.technology)))
                return
            time.sleep(reader.interval)
        click.echo(_("No badge was seen. Another kind of badge? Try `loquet read`."))


def relay_closes_for_a_second(station: Station, run_dir: Path) -> None:
    """Close it for a second, so that it opens whatever becomes of us: by its own timer, or a guard where one runs."""
    question = _("{machine} will have power: see that nobody's hand is in it. Switch it ON for one second?")
    if not yes(question.format(machine=station.machine), default=False):
        return
    part = station.relay
    if isinstance(part.settings, PlugSettings):
        part = Part(part.driver, msgspec.structs.replace(part.settings, timer=SHORTEST_TIMER))
    with _made("outputs", part) as output:
        is_remote = hasattr(output, "switch")
        if is_remote:
            output.open()
        on: Callable[[], Any] = (lambda: output.switch(closed=True)) if is_remote else output.on
        off: Callable[[], Any] = (lambda: _remote_off(output)) if is_remote else output.off
        lent = lease.Lease(run_dir, station.machine, "setup", msgspec.to_builtins(output.opening))
        lent.duration = TRY_MS
        guarded = not isinstance(output.opening, OwnOpening) and lease.guard_alive(run_dir, lease.boottime_ms())
        if guarded:
            lent.renew(lease.boottime_ms())
        with whatever_ends_us():
            try:
                on()
                time.sleep(1.0)
            finally:
                _surely(off)
                if guarded:
                    lent.drop()
    click.echo(_("It was on for a second, and is off again."))


def _remote_off(output: RemoteOutput) -> None:
    """Open it; where it cannot be reached, find it anew first. Raises OutputError."""
    try:
        output.switch(closed=False)
    except OutputError:
        with contextlib.suppress(OutputError):
            output.open()
        output.switch(closed=False)


@contextlib.contextmanager
def whatever_ends_us() -> Iterator[None]:
    """Have a terminal that goes away, and a request to end, leave by the way on which everything is opened."""

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGHUP, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _surely(off: Callable[[], Any]) -> None:
    """Open it, tried several times. Raises OutputError, once everybody has been told."""
    for left in reversed(range(OFF_TRIES)):
        try:
            off()
        except OutputError:
            if not left:
                click.echo(_("IT MAY STILL BE ON: it does not say that it is off. Cut its power by hand."), err=True)
                raise
            time.sleep(0.5)
        else:
            return


def light_shows_colours(station: Station) -> None:
    """Show red, green and blue."""
    if station.light is None or not yes(_("Show red, green and blue on the light?"), default=True):
        return
    with _made("lights", station.light) as light:
        for colour in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
            light.show(colour)
            time.sleep(0.7)


@contextlib.contextmanager
def _made(kind: str, part: Any) -> Iterator[Any]:  # noqa: ANN401 - by its kind's contract
    made = registry.make(kind, part.driver, part.settings)
    try:
        yield made
    finally:
        made.close()
