"""Each session is billed once, by what its latch applied, whatever is read again or said better later."""

import random
import time
from datetime import date

import pytest
from billed import LASER, Billed, posted

from protocol.entries import Corrected, Purpose
from protocol.price import Line
from protocol.rows import Meter, Price


@pytest.fixture
def shop(database):
    from server.core import clock

    yield Billed()
    clock.hand(time.time)


def correct(name, minutes):
    from server.usage import corrections
    from server.usage.models import Session

    said = {"seen": None, "minutes": minutes, "purpose": "", "organisation": "", "people": None, "note": "left lying"}
    corrections.correct(Session.objects.get(session=name), "owner", said)


def read_again():
    from server.usage import rebuild

    rebuild.rebuild()


def test_a_session_is_posted_as_its_latch_reckoned(shop):
    from server.billing import closing, ledger

    shop.use("s1")
    shop.use("s2", "bob", payer="ann")
    assert posted() == [("session", "2026-11", -940)] * 2
    assert ledger.balance_of("ann") == -1880 and ledger.balance_of("bob") == 0
    assert ledger.balances(["machine/laser-a"]) == {"machine/laser-a": 1880}
    assert closing.is_balanced()


def test_example_25_the_journal_read_again_posts_nothing(shop):
    shop.use("s1")
    before = posted()
    read_again()
    assert posted() == before


def test_example_9_the_latchs_own_lines_stand_though_the_list_here_says_more(shop):
    from server.edits.authors import Author
    from server.edits.editing import carry_out

    carry_out(Author(name="test"), "price", [Price(Meter.POWERED, machine="laser-a", cents=1500)])
    shop.use("s1", seconds=3_000)
    assert posted() == [("session", "2026-11", -1000)]


def test_example_10_a_correction_after_the_close_is_a_difference_in_the_open_month(shop):
    from server.billing.models import Statement

    shop.use("s1")
    shop.close_month("2026-11")
    statement = Statement.objects.get()
    correct("s1", 41)
    assert posted()[1:] == [("correction", "2026-12", 120)]
    again = Statement.objects.get()
    assert (again.digest, again.total) == (statement.digest, -940)


def test_a_correction_of_a_correction_comes_to_the_last_word(shop):
    shop.use("s1")
    for minutes in (41, 60, 47):
        correct("s1", minutes)
    assert sum(cents for _what, _month, cents in posted()) == -940
    read_again()
    assert len(posted()) == 4


def test_what_a_machine_says_better_itself_is_billed_so(shop):
    shop.use("s1")
    shop.send(shop.devices[0], (9_000, Corrected("s1", "laser-a", "root", "forgot", 60 * 30 * 1000)))
    assert [cents for _what, _month, cents in posted()] == [-940, 340]


def test_a_session_that_says_no_price_is_billed_by_the_list_here_and_marked(shop):
    from server.billing.models import Transfer
    from server.edits.authors import Author
    from server.edits.editing import carry_out

    carry_out(Author(name="test"), "price", [LASER])
    shop.use("s1", applied=None, lines=None)
    assert posted() == [("session", "2026-11", -940)]
    assert Transfer.objects.get().marks == ["by_server"]


def test_where_the_server_reckons_otherwise_the_latchs_word_stands_and_a_person_is_told(shop):
    from server.inbox.models import Notice

    shop.use("s1", lines=(Line(Meter.POWERED, 2820, 2820, 900),))
    assert posted() == [("session", "2026-11", -900)]
    assert Notice.objects.get(what="priced_otherwise").subject is not None


@pytest.mark.parametrize("cents", [-5, 10**12])
def test_what_no_price_comes_to_is_not_believed(shop, cents):
    shop.use("s1", lines=(Line(Meter.POWERED, 2820, 2820, cents),))
    assert posted() == [("session", "2026-11", -940)]


def test_a_session_belongs_to_the_month_of_its_end_at_the_site(shop):
    shop.on(date(2026, 11, 30), 23)  # an hour later at the site: December
    shop.use("s1")
    shop.on(date(2026, 12, 2))
    shop.use("s2")
    assert [month for _what, month, _cents in posted()] == [_month_at_site(), "2026-12"]


def _month_at_site():
    from datetime import UTC, datetime

    from server.core import clock

    return f"{clock.local(datetime(2026, 11, 30, 23, tzinfo=UTC)):%Y-%m}"


def test_a_late_journal_goes_on_the_month_that_is_open(shop):
    shop.use("s0")
    shop.close_month("2026-11")
    shop.use("s1", ended=date(2026, 11, 20))
    assert posted()[-1] == ("session", "2026-12", -940)


def test_a_session_without_a_clock_goes_on_the_month_of_its_arrival_and_is_marked(shop):
    from server.billing.models import Transfer

    machine = shop.devices[0]
    from protocol import price
    from protocol.entries import Ended, Ending, Granted
    from protocol.price import Applied, used
    from protocol.rows import Level

    lines = price.price((LASER,), used(3_600_000, None, None))
    grant = Granted("s1", "laser-a", "ann", "b" * 32, Level.USER, applied=price.written(Applied((LASER,))))
    shop.send(
        machine, (5, grant), (3_600_005, Ended("s1", "laser-a", Ending.IDLE, 3_600_000, lines=lines)), boot="dark"
    )
    assert posted() == [("session", "2026-11", -1200)]
    assert Transfer.objects.get().marks == ["undated"]


def test_maintenance_by_a_trainer_costs_nothing_and_a_users_word_on_it_is_not_taken(shop):
    from protocol import price
    from protocol.entries import Ended, Ending, Granted
    from protocol.price import Applied
    from protocol.rows import Level

    written = price.written(Applied((LASER,)))
    for name, level in (("s1", Level.TRAINER), ("s2", Level.USER)):
        grant = Granted(name, "laser-a", "ann", "b" * 32, level, Purpose.MAINTENANCE, applied=written)
        shop.send(shop.devices[0], (5, grant), (3_600_005, Ended(name, "laser-a", Ending.IDLE, 3_600_000)))
    assert [cents for _what, _month, cents in posted()] == [-1200]


def test_each_session_is_billed_once_whatever_is_repeated(shop):
    """One journal under two epochs, in any order, read again in between."""
    from server.billing import closing

    rng = random.Random(7)
    for number in range(12):
        shop.use(f"s{number}", rng.choice(["ann", "bob"]), rng.randrange(60, 7_000), device=rng.randrange(2))
        if rng.random() < 0.3:
            read_again()
    first = sum(cents for _what, _month, cents in posted())
    from server.billing.charges import charge
    from server.billing.models import Transfer
    from server.journal import book

    for device in shop.devices:
        names = list(Transfer.objects.filter(device=device).values_list("session", flat=True))
        said = book.said_of_many(names)
        charge(device, {name: said[device.pk, name] for name in names})
    assert sum(cents for _what, _month, cents in posted()) == first and len(posted()) == 12
    assert closing.is_balanced()
