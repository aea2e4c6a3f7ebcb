"""The file for a controller: its list, its keys, up to where its journals are here; where it asked, its welcome."""

from __future__ import annotations

from typing import BinaryIO, Final

from protocol import delivery, messages, stick
from protocol.digest import written
from protocol.messages import Manifest, Ring
from protocol.rows import FIRST, KINDS
from protocol.signing import decoded, seal_for
from protocol.stick import Header, Receipts, Welcome, Writer
from server.core import clock, configuration, tls
from server.core.configuration import Certificate
from server.core.keys import Keys
from server.devices import enrolment
from server.devices.feed import Viewer
from server.devices.live_feed import read_all
from server.devices.models import Device
from server.journal import processing
from server.journal.models import Stream
from server.usage.counters import counters_of

ENOUGH: Final = 1_000_000  # bytes of lines in one piece


def name_of(device: Device) -> str:
    """Return what its file is called."""
    return f"{device.pk}-down{stick.SUFFIX}"


def write(device: Device, keys: Keys, file: BinaryIO) -> int:
    """Write all that a controller is to know; return the version of its list. Raises SignatureError, OSError."""
    feed, news = read_all(processing.processed)
    mine = news.devices[device.pk]
    # One that has never said which kinds of row it knows is of this server's own age.
    kinds = FIRST | (KINDS.keys() & set(device.knows.split(","))) if device.knows else frozenset(KINDS)
    viewer = Viewer(mine.machines, kinds, mine.site)
    lines = list(feed.lines(viewer))
    manifest = Manifest(
        device=device.pk,
        generation=news.generation,
        version=feed.version,
        time=clock.ms(),
        digest=written(feed.digest(viewer)),
        rows=len(lines),
        includes=mine.includes,
        ring=keys.ring_name,
    )
    once, key = stick.for_reader(decoded(device.sealing))
    signer = keys.signer
    is_asking = device.asked_by_stick and not device.holds
    header = Header(
        "down", device.pk, signer.public.fingerprint, once, manifest.time, signer.public.text if is_asking else ""
    )
    writer = Writer(file, header, key, signer)
    if is_asking:
        writer.add("welcome", messages.encode(_welcome(device, keys)))
    writer.add("ring", messages.encode(Ring(seal_for(decoded(device.sealing), keys.ring_bytes))))
    writer.add("receipts", messages.encode(_receipts(device, news.generation)))
    _add_lines(writer, [*delivery.head(manifest, signer), *lines])
    writer.end()
    return feed.version


def told(device: Device, version: int) -> None:
    """Note that a file with that list was made for a controller: an edit that it makes from now on may have seen it."""
    Device.objects.filter(pk=device.pk).update(stick_told=clock.now(), stick_version=version)
    Device.objects.filter(pk=device.pk, sent__lt=version).update(sent=version)


def _add_lines(writer: Writer, lines: list[bytes]) -> None:
    some: list[bytes] = []
    size = 0
    for line in lines:
        some.append(line)
        size += len(line)
        if size >= ENOUGH:
            writer.add("whitelist", b"".join(some))
            some, size = [], 0
    writer.add("whitelist", b"".join(some))


def _receipts(device: Device, generation: int) -> Receipts:
    found = Stream.objects.filter(device=device).order_by("-pk").values_list("epoch", "acknowledged_seq", "closed")
    streams = list(found[:1_000])
    closed = tuple(epoch for epoch, _seq, is_closed in streams if is_closed)
    return Receipts(generation, {epoch: seq for epoch, seq, _closed in streams}, closed)


def _welcome(device: Device, keys: Keys) -> Welcome:
    here = configuration.in_force()
    is_own = here.server.certificate is Certificate.OWN
    return Welcome(
        enrolment.welcome(device, keys, counters_of), tls.fingerprint(here.data_dir / tls.FILE) if is_own else ""
    )
