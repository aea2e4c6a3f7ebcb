"""A month is closed once, and what it froze never changes: numbers without a gap, hashes, plans, a restored server."""

import time
from datetime import date

import pytest
from billed import LASER, Billed, posted


@pytest.fixture
def shop(database):
    from server.core import clock

    yield Billed()
    clock.hand(time.time)


def close(month, **how):
    from server.billing import closing

    return closing.close(month, "test", **how)


def test_a_statement_is_frozen_for_each_payer_and_numbered_without_a_gap(shop):
    from server.billing.models import Statement

    shop.use("s1")
    shop.use("s2", "bob")
    shop.use("s3")
    shop.close_month("2026-11")
    shop.use("s4", "eve")
    shop.close_month("2026-12")
    found = [(each.number, each.name, each.total, len(each.lines)) for each in Statement.objects.order_by("count")]
    assert found == [("2026-A-0001", "Ann", -1880, 2), ("2026-A-0002", "Bob", -940, 1), ("2026-A-0003", "Eve", -940, 1)]


def test_example_25_a_closed_year_closes_twice_to_the_same_hash(shop):
    from server.billing import closing

    shop.use("s1")
    first = shop.close_month("2026-11")
    shop.use("s2", "bob")
    second = shop.close_month("2026-12")
    assert close("2026-11").digest == first.digest == closing.verified("2026-11")
    assert closing.verified("2026-12") == second.digest != first.digest
    assert closing.verified_year(2026) == closing.verified_year(2026)


def test_a_ledger_that_somebody_changed_behind_its_back_is_found(shop):
    from server.billing import closing
    from server.billing.models import Posting

    shop.use("s1")
    made = shop.close_month("2026-11")
    Posting.objects.filter(account="payer/ann").update(amount=-1)
    assert closing.verified("2026-11") != made.digest
    assert not closing.is_balanced()


def test_a_month_names_what_it_waits_for_and_changes_nothing_meanwhile(shop):
    from protocol.entries import Granted
    from protocol.rows import Level
    from server.billing.closing import ClosingError
    from server.billing.models import Closing
    from server.devices.models import Device

    shop.use("s1")
    shop.send(shop.devices[1], (1_000, Granted("open", "laser-b", "bob", "b" * 32, Level.USER)))
    Device.objects.filter(pk="a").update(name="Cabinet")
    shop.on(date(2026, 12, 1), 6)
    with pytest.raises(ClosingError) as error:
        close("2026-11")
    assert "Cabinet" in str(error.value) and "laser-b" in str(error.value)
    assert not Closing.objects.exists()
    assert {each["what"] for each in close("2026-11", anyway=True).left_out} == {"silent", "open"}


def test_a_month_that_is_not_over_or_not_next_is_not_closed(shop):
    from server.billing.closing import ClosingError

    shop.use("s1")
    for month in ("2026-11", "2026-12", "2027-05"):
        with pytest.raises(ClosingError):
            close(month)


def test_a_restored_server_asks_for_the_last_number_and_begins_another_series(shop):
    from server.billing.closing import ClosingError
    from server.billing.models import Statement
    from server.core import state

    shop.use("s1")
    shop.close_month("2026-11")
    state.begin_anew()
    shop.use("s2")
    for said in ("", "7", "2026-A"):
        with pytest.raises(ClosingError):
            shop.close_month("2026-12", last_number=said)
    shop.close_month("2026-12", last_number="2026-B-0007")
    assert [each.number for each in Statement.objects.order_by("pk")] == ["2026-A-0001", "2026-C-0001"]


def test_what_comes_later_is_next_months_and_balances_carry_over(shop):
    from server.billing import ledger

    shop.use("s1")
    shop.close_month("2026-11")
    shop.use("s2")
    assert ledger.balance_of("ann") == -1880 and ledger.every_balance() == {"ann": -1880}
    ledger.pay("ann", 1500, "R-17", date(2026, 12, 2), "owner")
    assert ledger.pay("ann", 1500, "R-17", date(2026, 12, 2), "owner") is None, "a receipt is entered once"
    shop.close_month("2026-12")
    assert ledger.balance_of("ann") == -380
    assert ledger.balances(["outside"]) == {"outside": -1500}


def test_a_statement_says_what_was_owed_at_its_months_end_and_the_day_of_each_session(shop):
    from server.billing.models import Statement

    shop.use("s1", ended=date(2026, 11, 5))
    shop.on(date(2026, 12, 4))
    shop.use("s2")
    shop.close_month("2026-11")
    found = Statement.objects.get()
    assert found.balance == -940, "what December brought is not in it"
    assert [line["day"] for line in found.lines] == ["2026-11-05"]


def test_forgetting_a_member_leaves_the_statement(shop):
    from server.billing.models import Statement
    from server.edits.authors import Author
    from server.people.forgetting import forget

    shop.use("s1")
    shop.close_month("2026-11")
    forget(Author(name="test"), "ann")
    assert Statement.objects.get().name == "Ann"


def test_members_who_are_one_person_have_one_account(shop):
    from server.billing import ledger
    from server.billing.models import Statement
    from server.edits.authors import Author
    from server.people.merging.merge import merge
    from server.people.merging.union import Choice

    shop.use("s1", "bob")
    shop.use("s2")
    merge(Author(name="test"), Choice("ann", "bob"))
    assert ledger.balance_of("ann") == -1880 and ledger.every_balance() == {"ann": -1880}
    shop.close_month("2026-11")
    assert [(each.payer, each.total) for each in Statement.objects.all()] == [("ann", -1880)]
    shop.use("s3", "bob")
    assert ledger.balance_of("ann") == -2820
    assert len(posted()) == 3


# --- plans ---


def subscribe(member, plan, since=None, until=None):
    from protocol.rows import Subscription
    from server.edits.authors import Author
    from server.edits.editing import carry_out

    carry_out(Author(name="test"), "plan", [Subscription(member, plan, since, until)])


def test_example_16_a_plan_that_begins_in_the_month_costs_its_days(shop):
    from server.billing.models import Plan

    Plan.objects.create(id="resident", name="Resident", fee=40_000)
    subscribe("ann", "resident", date(2026, 11, 12))
    shop.use("s1", "bob")
    shop.close_month("2026-11")
    assert ("fee", "2026-11", -25_333) in posted()
    shop.close_month("2026-12")
    assert posted()[-1] == ("fee", "2026-12", -40_000), "it renews itself"


def test_a_plan_that_ended_costs_nothing_more(shop):
    from server.billing.models import Plan

    Plan.objects.create(id="resident", fee=30_000)
    subscribe("ann", "resident", date(2026, 1, 1), date(2026, 11, 10))
    shop.use("s1", "bob")
    shop.close_month("2026-11")
    shop.close_month("2026-12")
    assert [each for each in posted() if each[0] == "fee"] == [("fee", "2026-11", -10_000)]


def test_the_end_of_a_plan_is_told_before_and_once(shop):
    from server.billing.models import Plan
    from server.billing.plans import tell_of_ends
    from server.inbox.models import Notice
    from server.inbox.notices import sentence

    Plan.objects.create(id="resident", name="Resident")
    subscribe("ann", "resident", date(2026, 1, 1), date(2026, 11, 20))
    subscribe("bob", "resident", date(2026, 1, 1))
    for day in (5, 6, 7, 21):
        tell_of_ends(date(2026, 11, day))
    found = [sentence(each) for each in Notice.objects.filter(what="plan_ends")]
    assert found == ["The plan Resident of Ann ends on 2026-11-20: renew it, or let it end."]


def test_a_statement_says_what_tax_is_in_it(shop):
    import msgspec

    from server.billing.documents import taxes
    from server.billing.models import Statement

    for number, net in enumerate((False, True)):
        shop.use(f"s{number}", seconds=3_600, prices=(msgspec.structs.replace(LASER, vat=2_000, net=net),))
    shop.close_month("2026-11")
    found = Statement.objects.get()
    assert found.total == -(1_200 + 1_440)
    assert taxes(found) == {2_000: 200 + 240}


def test_included_time_is_credited_against_what_was_billed_in_its_month(shop):
    from server.billing import ledger
    from server.billing.models import Plan

    Plan.objects.create(id="hours", name="Ten hours", included=3_600)
    subscribe("ann", "hours")
    shop.use("s1", seconds=2_400)
    shop.use("s2", seconds=2_400)
    shop.use("s3", "bob", seconds=2_400)
    assert ledger.balance_of("ann") == -1_600
    shop.close_month("2026-11")
    assert ("included", "2026-11", 1_200) in posted()
    assert ledger.balance_of("ann") == -400


@pytest.mark.parametrize(("given", "until"), [(7 * 3600 + 59 * 60, None), (8 * 3600, date(2026, 11, 30))])
def test_example_17_hours_owed_and_given(given, until):
    from server.billing.plans import pass_until

    assert pass_until(given, 8 * 3600, "2026-10") == until


def test_time_is_given_and_passed_on_from_what_is_free(shop):
    from server.billing import ledger

    ledger.give_time("ann", 3_600, "w1", "painted the door")
    assert ledger.give_time("ann", 3_600, "w1", "painted the door") is None
    ledger.pass_time("ann", "bob", 2_700, "w2", "")
    assert (ledger.balance_of("ann", "TIME"), ledger.balance_of("bob", "TIME")) == (900, 2_700)
    for sender, to, seconds in (("ann", "bob", 901), ("ann", "ann", 60), ("bob", "ann", 0), ("bob", "ann", -60)):
        with pytest.raises(ledger.LedgerError):
            ledger.pass_time(sender, to, seconds, f"w{seconds}{to}", "")


def test_what_does_not_sum_to_nothing_is_not_posted(shop):
    from server.billing import ledger
    from server.billing.ledger import Leg
    from server.billing.models import Transfer

    with pytest.raises(ledger.LedgerError):
        ledger.post("x", "x", "2026-11", [Leg("payer/ann", 5), Leg("outside", -4)])
    assert not Transfer.objects.exists()


def test_after_ten_years_nobody_knows_whose_it_was_and_the_sums_stay(shop):
    from server.billing import closing, keeping, ledger
    from server.billing.models import Posting, Statement, Transfer

    shop.use("s1")
    shop.close_month("2026-11")
    keeping.purge(date(2036, 11, 30))
    assert Statement.objects.get().name == "Ann", "nine years and some are no ten"
    keeping.purge(date(2036, 12, 1))
    assert not Statement.objects.exists()
    assert not Transfer.objects.filter(payer="ann").exists()
    assert not Posting.objects.filter(account__contains="ann").exists()
    assert closing.is_balanced() and ledger.balances(["machine/laser-a"]) == {"machine/laser-a": 940}
