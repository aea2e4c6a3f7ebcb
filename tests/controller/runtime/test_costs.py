"""The latch says what was applied and what came of it, by the list that it holds, whatever befalls it meanwhile."""

from datetime import date

from machines import JOB, RESUME, TAP, machine
from workshop import Workshop

from controller.store.database import DATABASE
from protocol import price
from protocol.price import Applied
from protocol.rows import Meter, Price, Subscription

HOUR = Price(Meter.POWERED, machine="laser", cents=1200)


def bill(w):
    """The cents of each session that ended."""
    return [None if each.lines is None else price.total(each.lines) for each in w.entries("ended")]


def test_a_session_carries_what_was_applied_and_what_came_of_it():
    with Workshop(machine(TAP)) as w:
        w.edit([HOUR, Price(Meter.POWERED, plan="resident", off=25), Subscription("marie", "resident")])
        for who in ("marie", "jean"):
            w.tap(who)
            w.wait(47 * 60)
            w.tap(who)
            w.wait(10)
        assert bill(w) == [705, 940]
        first, second = (price.read(each.applied) for each in w.entries("granted"))
        assert first.plans == ("resident",) and second.plans == ()
        assert second.prices == (HOUR,)


def test_example_9_an_offline_controller_bills_by_the_list_that_it_holds():
    with Workshop(machine(TAP)) as w:
        w.edit([HOUR])
        w.tap("marie")
        w.wait(50 * 60)
        w.edit([Price(Meter.POWERED, machine="laser", cents=1500)])  # what arrives meanwhile changes no session
        w.tap("marie")
        assert bill(w) == [1000]


def test_where_nothing_has_a_price_a_session_says_that_it_costs_nothing():
    with Workshop(machine(TAP)) as w:
        w.tap("marie")
        w.wait(600)
        w.tap("marie")
        assert bill(w) == [0] and w.entries("granted")[0].applied == ""


def test_running_and_waiting_are_billed_apart_where_running_is_sensed():
    with Workshop(JOB) as w:
        w.edit([Price(Meter.BUSY, cents=1800), Price(Meter.IDLE, cents=300)])
        w.tap("marie")
        w.wait(9 * 60)
        w.input("running")
        w.wait(30 * 60)
        w.input("running", active=False)
        w.wait(60)
        assert [line.cents for line in w.entries("ended")[0].lines] == [900, 50]


def test_a_session_that_was_cut_short_is_billed_up_to_its_last_heartbeat():
    with Workshop(machine(TAP)) as w:
        w.edit([HOUR])
        w.tap("marie")
        w.wait(600)
        w.power_cut()
        w.start()
        (ended,) = w.entries("ended")
        assert ended.why == "interrupted"
        assert bill(w) == [round(ended.powered / 1000 / 3)] and 180 <= bill(w)[0] <= 200


def test_a_session_that_goes_on_after_a_kill_goes_on_at_its_price():
    with Workshop(RESUME) as w:
        w.edit([HOUR])
        w.tap("marie")
        w.wait(100)
        w.kill()
        w.start()
        w.edit([Price(Meter.POWERED, machine="laser", cents=9999)])
        w.wait(500)
        w.tap("marie")
        assert bill(w) == [200]


def test_a_session_whose_journal_was_lost_keeps_its_price():
    with Workshop(RESUME) as w:
        w.edit([HOUR])
        w.tap("marie")
        w.wait(300)
        (w.settings.data_dir / DATABASE).unlink()
        w.wait(300)
        assert w.entries("resumed")[0].applied == price.written(Applied((HOUR,)))
        w.tap("marie")
        assert bill(w) == [200]


def test_a_price_begins_on_its_day():
    with Workshop(machine(TAP)) as w:
        w.edit([HOUR, Price(Meter.POWERED, machine="laser", cents=600, since=date(2026, 11, 21))])
        for _day in range(2):
            w.tap("marie")
            w.wait(3_600)
            w.tap("marie")
            w.wait(23 * 3_600)
        assert bill(w) == [1200, 600]


def test_the_display_says_the_price_before_and_the_cost_while_it_runs():
    with Workshop(machine(TAP)) as w:
        w.edit([HOUR])
        assert "12.00 EUR/h" in " ".join(w.display)
        w.tap("marie")
        w.wait(1_500)
        assert "25 min, 5.00 EUR" in " ".join(w.display)
