"""`loquet read`: which badge this is."""

from __future__ import annotations

import contextlib
import queue
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from common.texts import N_, _
from controller.commands import options
from controller.control import client
from controller.control.server import reader_lines
from controller.sensing.messages import FromReader
from controller.sensing.readers import ReaderThread
from controller.settings import Settings, Station, load
from drivers import registry
from protocol.badge import badge_text


@click.command(
    help=_(
        "Show the number of each badge that is laid on a reader, until Ctrl-C.\n\n"
        "Touches no output. While the controller runs it is asked, since one process owns the chip; else "
        "the readers are driven from here, and nothing but their own pins is claimed. A number that "
        "changes each time (a phone, a bank card) is marked: it cannot serve as a badge."
    )
)
@options.config
@options.machine
@options.as_json
@click.option("--once", is_flag=True, help=_("End after the first badge."))
def read(config: Path, machine: str | None, as_json: bool, once: bool) -> None:
    """Show what the readers see."""
    settings = load(config)
    stations = (settings.station(machine),) if machine else settings.stations
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for line in _events(settings, stations):
            if machine and line["machine"] != machine:
                continue
            options.show_json(line) if as_json else _say(line)
            sys.stdout.flush()
            if once and line["event"] == "presented":
                return
    except KeyboardInterrupt:
        return


def _events(settings: Settings, stations: tuple[Station, ...]) -> Iterator[dict[str, Any]]:
    link = client.connect(settings)
    if link is None:
        yield from _directly(stations)
        return
    link.close()
    for answer in client.ask(settings, {"do": "read"}):
        if "event" in answer:
            yield answer
        else:
            for machine, chip in answer["readers"].items():
                yield {"event": "reader_found", "machine": machine, "chip": chip}
    raise client.NotRunningError(N_("the controller ended; start `loquet read` again to drive the readers from here"))


def _directly(stations: tuple[Station, ...]) -> Iterator[dict[str, Any]]:
    seen: queue.SimpleQueue[FromReader] = queue.SimpleQueue()
    threads = []
    for station in stations:
        reader = registry.make("readers", station.reader.driver, station.reader.settings)
        thread = ReaderThread(
            station.machine,
            reader,
            lambda events, machine=station.machine: seen.put(FromReader(machine, events)),  # type: ignore[misc]
        )
        threads.append(thread)
    for thread in threads:
        thread.start()
    try:
        while True:
            with contextlib.suppress(queue.Empty):  # it wakes now and then, for a signal that came just before
                yield from reader_lines(seen.get(timeout=client.WAKE_S))
    finally:
        for thread in threads:
            thread.stop()
        for thread in threads:
            thread.join(1.0)


def _say(line: dict[str, Any]) -> None:
    sentences = {
        "presented": _("{machine}: badge {uid} ({technology})"),
        "removed": _("{machine}: badge {uid} taken off"),
        "typed": _("{machine}: {count} keys"),
        "unread": _("{machine}: {detail}"),
        "reader_lost": _("{machine}: reader lost: {detail}"),
        "reader_found": _("{machine}: reader found: {chip}; lay a badge on it"),
    }
    if "uid" in line:  # as `whitelist grant --badge` takes it
        line = {**line, "uid": badge_text(bytes.fromhex(line["uid"]), line["technology"])}
    click.echo(sentences[line["event"]].format(**line))
    if line.get("random"):
        click.echo("  " + _("this number is a new one each time: it cannot serve as a badge"))
