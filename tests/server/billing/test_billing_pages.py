"""The pages of what things cost: what is set there is what machines go by, and each sees what is theirs."""

import json
from datetime import UTC, date, datetime

import pytest
from billed import LASER, Billed
from browsing import client, do

TODAY = datetime.now(tz=UTC).date()


@pytest.fixture
def shop(sqlite):
    import time

    from server.core import clock

    yield Billed(TODAY)  # sessions of browsers live by the machine's own clock
    clock.hand(time.time)


def text(browser, path):
    answer = browser.get(path, secure=True)
    assert answer.status_code == 200, path
    return answer.content.decode()


def test_a_price_is_set_tried_and_taken_away(shop):
    from server.billing.models import Price

    browser = client("fabmanager")
    answer = do(browser, "/prices", do="save", per="powered", machine="laser-a", amount="12,00", least="2")
    assert answer.status_code == 302, answer.content
    do(browser, "/prices", do="save", per="powered", plan="resident", off="25")
    found = Price.objects.get(machine="laser-a")
    assert (found.cents, found.least, found.name) == (1200, 200, "laser-a/powered///")
    page = text(browser, "/prices?machine=laser-a&minutes=47&member=ann")
    assert "9.40\u00a0€" in page
    do(browser, "/prices", do="drop", key=found.name)
    assert not Price.objects.filter(machine="laser-a").exists()


@pytest.mark.parametrize(
    "said",
    [
        {"amount": "twelve"}, {"amount": "-3"}, {"amount": ""}, {"amount": "1", "off": "101"}, {"amount": "9" * 12},
        {"amount": "1", "since": "31/02/2026"}, {"amount": "1", "machine": "nowhere"}, {"amount": "1", "per": "lumen"},
        {"amount": "1", "account": "706-1"}, {"amount": "1", "step": "0"},
    ],
)  # fmt: skip
def test_a_price_that_will_not_do_is_refused_in_a_sentence(shop, said):
    from server.billing.models import Price

    answer = do(client("fabmanager"), "/prices", **{"do": "save", "per": "powered", "machine": "laser-a"} | said)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()
    assert not Price.objects.exists()


def test_a_plan_is_given_and_ended_and_is_a_row_of_the_whitelist(shop):
    from protocol.rows import Subscription
    from server.edits import rows

    browser = client("fabmanager")
    do(browser, "/plans", do="plan", name="Resident", fee="40", pro_rata="1", included="600")
    do(browser, "/plans", do="subscribe", member="ann", plan="resident", since="2026-11-12")
    row = rows.get("subscription/ann/resident")
    assert row == Subscription("ann", "resident", date(2026, 11, 12))
    do(browser, "/plans", do="end", member="ann", plan="resident")
    assert rows.get("subscription/ann/resident").until == TODAY
    assert "Resident" in text(browser, "/balance-of/ann")


def test_a_payment_is_entered_by_an_administrator_once_for_each_receipt(shop):
    from server.billing import ledger

    shop.use("s1")
    assert do(client("fabmanager"), "/balances/ann", do="pay", amount="5", receipt="R-1").status_code == 422
    browser = client()
    do(browser, "/balances/ann", do="pay", amount="5", receipt="R-1")
    again = do(browser, "/balances/ann", do="pay", amount="5", receipt="R-1")
    assert again.status_code == 422 and "R-1" in again.content.decode()
    assert ledger.balance_of("ann") == -440
    assert "Why this price" in text(browser, "/balances/ann")


def test_a_month_is_closed_on_its_page_and_each_statement_is_a_file_in_every_format(shop):
    from server.billing import ledger
    from server.billing.models import Statement
    from server.core import clock

    shop.use("s1")
    month = ledger.month_of(clock.today())
    shop.close_month(month)
    browser = client()
    number = Statement.objects.get().number
    page = text(browser, f"/statements/{number}")
    assert "Ann" in page and "To pay at the end of the month: 9.40\u00a0€" in page and "47:00" in page
    for how, begins in (("pdf", b"%PDF"), ("xlsx", b"PK"), ("ods", b"PK"), ("csv", b"\xef\xbb\xbf")):
        answer = browser.get(f"/statements/{number}?as={how}", secure=True)
        whole = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert whole.startswith(begins), how
    journal = browser.get(f"/months/{month}?as=csv", secure=True)
    rows = b"".join(journal.streaming_content).decode().splitlines()
    assert rows[0].lstrip("\ufeff").split(",")[:4] == ["JournalCode", "JournalLib", "EcritureNum", "EcritureDate"]
    assert len(rows) == 3


def test_a_member_sees_their_own_account_and_nobody_elses_statement(shop):
    from server.billing import ledger
    from server.billing.models import Statement
    from server.core import clock

    shop.use("s1")
    shop.use("s2", "bob")
    shop.close_month(ledger.month_of(clock.today()))
    mine, theirs = (Statement.objects.get(payer=who).number for who in ("ann", "bob"))
    browser = client("member", "ann")
    assert mine in text(browser, "/me/costs") and theirs not in text(browser, "/me/costs")
    assert browser.get(f"/me/statements/{mine}", secure=True).status_code == 200
    assert browser.get(f"/me/statements/{theirs}", secure=True).status_code == 404
    assert browser.get("/balances", secure=True).status_code == 403


def test_a_share_is_held_and_paid_out_once(shop):
    from server.billing.shares import dues

    browser = client()
    month = TODAY.replace(day=1).isoformat()
    do(browser, "/shares", do="share", machine="laser-a", holder="ann", weight="1", since=month)
    do(browser, "/shares", do="share", machine="laser-a", holder="bob", weight="3", since=month, rest="1")
    shop.use("s1", "eve", seconds=3_600)
    assert {each.holder: each.due for each in dues("laser-a")} == {"ann": 300, "bob": 900}
    do(browser, "/shares", do="pay_out", machine="laser-a", holder="ann", once="w1")
    assert do(browser, "/shares", do="pay_out", machine="laser-a", holder="ann", once="w2").status_code == 422
    assert {each.holder: each.due for each in dues("laser-a")} == {"ann": 0, "bob": 900}


def test_what_is_exported_adds_up_for_whoever_reads_it(shop):
    """By another program: postings sum to 0, and each session's lines are what its payer owes."""
    from server.billing.exporting import lines

    for number in range(5):
        shop.use(f"s{number}", "ann" if number % 2 else "bob", seconds=600 * (number + 1))
    found = [json.loads(json.dumps(line)) for line in lines()]
    transfers = [each for each in found if each["type"] == "transfer"]
    assert len(transfers) == 5
    for each in transfers:
        assert sum(leg["amount"] for leg in each["postings"]) == 0
        assert -sum(line["cents"] for line in each["lines"]) == each["postings"][0]["amount"]
    sessions = {each["session"]: each for each in found if each["type"] == "session"}
    assert all(sessions[each["session"]]["applied"]["prices"][0]["cents"] == LASER.cents for each in transfers)
