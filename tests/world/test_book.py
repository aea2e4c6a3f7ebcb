"""The journal of a month in which everything failed now and then is the book: at the server usage is what it says."""

from itertools import groupby

import pytest
from world import World

from controller.store import journal, usage
from protocol.entries import encode_entry
from protocol.messages import BATCH, Batch, Line, encode


def upload(device, lines):
    """Send a journal as its controller would, epoch by epoch, and have it processed."""
    import msgspec

    from server.journal import ingest, processing

    for epoch, some in groupby(lines, key=lambda line: line.epoch or "f" * 16):
        entries = list(some)
        for start in range(0, len(entries), BATCH):
            part = entries[start : start + BATCH]
            sent = [encode(Line(e.seq, e.boot, e.at, msgspec.Raw(encode_entry(e.entry)))) for e in part]
            after = entries[start - 1].seq if start else part[0].seq - 1
            head = encode(Batch(epoch.rjust(16, "0")[-16:], after, part[-1].seq, after + 1))
            ingest.take(device, ingest.read(b"\n".join([head, *sent])))
    while processing.step():
        pass


@pytest.mark.parametrize("part", range(2))
def test_a_month_of_disasters_is_the_same_usage_at_both_ends_and_whenever_it_is_made_again(part, rng, sqlite):
    from server.devices.models import Device
    from server.usage import rebuild
    from server.usage.models import Session
    from server.whitelist.models import Machine

    with World(rng.randrange(2**32) + part) as world:
        world.live(15)
        while not any(each.ended for each in usage.sessions(world.w.db)):
            world.live_a_day()  # the card was lost in the last hours, and everything on it
        lines = list(journal.lines(world.w.db))
        here = {each.session: each for each in usage.sessions(world.w.db)}
        machines = [station.machine for station in world.w.settings.stations]
    device = Device.objects.create(
        id="d", key="k" * 43, sealing="s", sent=2**53
    )  # of whatever it edits, it had seen it all
    for machine in machines:
        Machine.objects.create(id=machine, device=device)
    upload(device, lines)
    there = {each.session: each for each in Session.objects.all()}
    assert there.keys() == here.keys() != set()
    for name, each in there.items():
        mine = here[name]
        assert (each.machine, each.why) == (mine.machine, mine.why or "")
        if each.ended:
            assert abs(each.powered - 1000 * (mine.powered_s or 0)) <= 500
    assert rebuild.rebuild(dry=True).changed == 0
    Session.objects.all().delete()
    assert rebuild.rebuild().changed == len(there)
