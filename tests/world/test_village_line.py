"""A line that lies, loses and repeats costs time and nothing else; a line of 10 kB/s carries a month."""

import random

import msgspec
import pytest
from central import OnTheLine, until
from misbehaving import WAYS, Misbehaving
from workshop import Workshop

from controller.sync import identity as identities
from controller.sync.up import BatchSize
from protocol.rows import Badge, Certification, Level, Member

BYTES_A_SECOND, THERE_AND_BACK_S = 10_000, 2.0  # a line of 2G
LOST = 0.05


@pytest.fixture
def shop():
    with Workshop() as made:
        yield made


def through(line, proxy):
    """Have a controller speak to its server through a proxy from now on."""
    line.line.close()
    line.identity = msgspec.structs.replace(line.identity, address=proxy.address)
    identities.save(line.workshop.settings.data_dir, line.identity)
    line.join()


def use(shop, who):
    shop.lay(who)
    shop.wait(600)
    shop.take(who)
    shop.wait(60)


def read_out():
    """Wait until the server has read out what came: its own thread does it too."""
    from server.journal import processing

    until(lambda: not processing.step() and not processing.is_behind(), "what was sent is read out")


def settled(line):
    """Go on until all is sent and fetched."""
    for _turn in range(30):
        line.workshop.settle()
        line.up.step()
        line.down.step(0)
        line.workshop.settle()
        if not line.up.trouble and not line.down.trouble and line.up._next() is None and not line.down._brought:
            return
    raise AssertionError((line.up.trouble, line.down.trouble))


@pytest.mark.parametrize("way", WAYS)
def test_whatever_a_line_does_is_told_waited_for_and_over_with_it(shop, central, way):
    line = OnTheLine(shop, central)
    line.sync()
    with Misbehaving(central, lambda _path: way) as proxy:
        through(line, proxy)
        use(shop, "marie")
        central.edit(Certification("jean", "safety", Level.TRAINER))
        for _turn in range(3):
            waits = line.up.step(), line.down.step(0)
            shop.settle()
            assert all(wait <= 600 for wait in waits)
        assert proxy.done[way] >= 2
        if way != "asks_twice":
            assert line.up.trouble and line.down.trouble, "it is told"
        shop.lay("tom")
        assert shop.closed(), "nobody waits for it"
        shop.take("tom")
        proxy.how = lambda _path: "passes"
        settled(line)
    from server.usage.models import Session

    read_out()
    assert Session.objects.filter(member="marie").count() == 1
    assert shop.badges.whitelist.certifications["jean/safety"].level is Level.TRAINER


def test_who_asks_to_be_left_alone_is_left_alone_for_so_long_and_within_reason(shop, central):
    line = OnTheLine(shop, central)
    line.sync()
    with Misbehaving(central, lambda _path: "says_too_many") as proxy:
        through(line, proxy)
        use(shop, "marie")
        assert line.up.step() == 120 and line.down.step(0) == 120


@pytest.mark.parametrize("part", range(3))
def test_a_line_that_does_anything_at_any_time_carries_each_session_once(shop, central, rng, part):
    chance = random.Random(rng.randrange(2**32) + part)
    line = OnTheLine(shop, central)
    line.sync()
    members = {"marie": True, "jean": True}
    with Misbehaving(central, lambda _path: chance.choice([*WAYS, "passes", "passes", "passes"])) as proxy:
        through(line, proxy)
        used = 0
        for _turn in range(40):
            match chance.choice(["use", "edit", "step", "step", "step"]):
                case "use":
                    use(shop, "tom")
                    used += 1
                case "edit":
                    who = chance.choice(sorted(members))
                    members[who] = not members[who]
                    if members[who]:
                        central.edit(Certification(who, "safety"))
                    else:
                        central.edit(drop=[f"certification/{who}/safety"])
                case "step":
                    line.up.step()
                    line.down.step(0)
                    shop.settle()
        proxy.how = lambda _path: "passes"
        settled(line)
        line.fetch()
    from server.usage.models import Session

    read_out()
    assert Session.objects.filter(member="tom", ended=True).count() == used == len(shop.sessions())
    held = {each.member for each in shop.badges.whitelist.certifications.values()}
    assert {who: who in held for who in members} == members


def test_batches_become_small_on_a_slow_line_and_large_on_a_fast_one():
    size, most = BatchSize(), []
    for _turn in range(20):
        size.took(size.most / BYTES_A_SECOND + THERE_AND_BACK_S)
        most.append(size.most)
    assert all(each / BYTES_A_SECOND + THERE_AND_BACK_S < 10 for each in most[3:])
    for _turn in range(20):
        size.took(0.1)
    assert size.most == 1_000_000
    for _turn in range(40):
        size.failed()
    assert size.most == 4_000, "an entry at least"


def test_a_line_of_2g_carries_a_months_journal_and_a_list_of_two_thousand_within_ten_minutes(shop, central):
    """By the bytes and the questions that a proxy counts: nobody waits ten minutes for a test."""
    people = [(Member(f"m{n:04}", f"Membre Numéro {n}"), f"m{n:04}") for n in range(2_000)]
    hashes = [f"{n:032x}" for n in range(2_000)]
    line = OnTheLine(shop, central)
    line.sync()
    with Misbehaving(central) as proxy:
        through(line, proxy)
        central.edit(*[row for row, _id in people])
        central.edit(*[Badge(hash_, member) for hash_, (_row, member) in zip(hashes, people, strict=True)])
        central.edit(*[Certification(member, "safety") for _row, member in people])
        line.fetch()
        fetched, asked = proxy.down, sum(proxy.done.values())
        assert len(shop.badges.whitelist.members) > 2_000
        sessions = 20
        before = proxy.up
        for _time in range(sessions):
            use(shop, "tom")
        line.send()
        each = (proxy.up - before) / sessions
    month = each * 4 * 12 * 26  # four machines, twelve sessions a day each, open days
    size, left, seconds = BatchSize(), month, 0.0
    while left > 0:
        took = size.most * (1 + LOST) / BYTES_A_SECOND + THERE_AND_BACK_S
        left, seconds = left - size.most, seconds + took
        size.took(took)
    seconds += fetched * (1 + LOST) / BYTES_A_SECOND + asked * THERE_AND_BACK_S
    print(f"list {fetched} bytes, journal {round(month)} bytes, {round(seconds)} s")
    assert seconds < 600
