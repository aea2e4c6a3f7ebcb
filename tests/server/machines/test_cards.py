"""A machine's card says what it does, since when and who; what is done to it there is what its controller hears."""

import re
from datetime import timedelta

import pytest
from browsing import client, do, row
from lived_in import live

HOUR = 3_600_000


@pytest.fixture
def lived(sqlite):
    return live(sessions=60, days=20)


def text(browser, path="/machines", **headers):
    answer = browser.get(path, secure=True, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def card(page, name):
    return next(each for each in page.split("<article")[1:] if f">{name}</a>" in each)


def test_each_state_is_a_colour_an_icon_and_a_word(lived):
    page = text(client())
    wanted = {
        "Découpeuse laser": ("use", "circle-play", "In use"), "Fraiseuse numérique": ("free", "circle-check", "Free"),
        "Four céramique": ("locked", "lock", "Locked"), "Scie sur table": ("fault", "triangle-alert", "Out of order"),
        "Brodeuse": ("offline", "wifi-off", "Offline"),
    }  # fmt: skip
    for name, (colour, sign, word) in wanted.items():
        state = re.search(r'<span class="state (\w+)">(.*?)</span>', card(page, name))
        assert state[1] == colour and f"#{sign}" in state[2] and state[2].endswith(word), name


def test_cards_stay_where_they_are_whatever_their_state(lived):
    from server.whitelist.models import Machine

    names = r'stretched-link" href="[^"]+">([^<]+)<'
    before = re.findall(names, text(client()))
    Machine.objects.filter(pk="drill").update(state={"machine": "drill", "state": "fault", "cause": "x"})
    assert re.findall(names, text(client("trainer", "0001"))) == before


def test_a_free_machine_is_locked_at_once_and_one_in_use_once_it_is_idle(lived):
    browser = client()
    do(browser, "/machines", do="lock", machine="mill", reason="upkeep", why="")
    assert row("machine/mill").locked == "maintenance", "a reason that is ticked is enough"
    assert "Fraiseuse numérique is being locked" in text(browser)
    do(browser, "/machines", do="lock", machine="laser", reason="upkeep", why="New mirror")
    assert row("machine/laser").locked == "New mirror"
    assert "locks once it is idle" in text(browser)


def test_a_lock_without_a_reason_is_none(lived):
    answer = do(client(), "/machines", do="lock", machine="mill", why="", reason="whim")
    assert answer.status_code == 422 and b"say why" in answer.content and row("machine/mill").locked == ""


def test_hours_are_counted_since_the_first_day_whatever_a_machine_was_called(lived):
    from django.db.models import Sum

    from server.machines import hours
    from server.usage.models import Session
    from server.whitelist.models import Machine

    Machine.objects.create(id="old", became="mill", powered_before=5 * HOUR)
    Machine.objects.filter(pk="mill").update(powered_before=HOUR)
    Session.objects.filter(machine="saw").update(machine="old")
    used = Session.objects.filter(machine__in=["mill", "old"]).aggregate(sum=Sum("powered"))["sum"]
    assert hours.counted(["mill"]) == {"mill": used + 6 * HOUR}
    assert hours.counted([]) == {}


def test_what_has_to_be_done_is_due_by_hours_or_by_the_calendar_whichever_is_first(lived, monkeypatch):
    from server.core import clock
    from server.machines import hours, tasks

    browser = client()
    do(browser, "/machines/mill", do="task", what="Grease it", hours="10", days="30")
    (due,) = tasks.due(["mill"])["mill"]
    assert due.hours == 10 and due.day == clock.today() + timedelta(days=30) and not due.is_soon
    counted = hours.counted(["mill"])
    (due,) = tasks.due(["mill"], {"mill": counted["mill"] + 7 * HOUR})["mill"]
    assert due.hours == 3 and due.is_soon and not due.is_late
    later = clock._clock() + 31 * 86_400
    monkeypatch.setattr(clock, "_clock", lambda: later)
    (due,) = tasks.due(["mill"])["mill"]
    assert due.is_late and "since" in due.said
    assert "Grease it" in client("fabmanager").get("/today", secure=True).content.decode(), "it waits for somebody"
    do(client("trainer", "0002"), "/machines/mill", do="done", task=due.task.pk, note="with oil")
    (due,) = tasks.due(["mill"])["mill"]
    assert not due.is_soon, "it is counted anew"
    assert "with oil" in text(client("trainer", "0003"), "/machines/mill")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"what": "", "hours": "5"}, b"say what has to be done"),
        ({"what": "x"}, b"after how many hours"),
        ({"what": "x", "hours": "0"}, b"Hours of use"),
        ({"what": "x", "days": "-1"}, b"Days"),
        ({"what": "x", "hours": "1e9"}, b"Hours of use"),
    ],
)
def test_a_plan_that_says_too_little_is_refused_and_says_what(lived, said, why):
    answer = do(client(), "/machines/mill", do="task", **said)
    assert answer.status_code == 422 and why in answer.content


def test_a_trainer_notes_what_was_done_and_plans_nothing(lived):
    answer = do(client("trainer", "0001"), "/machines/mill", do="task", what="x", hours="5")
    assert answer.status_code == 422 and b"a fabmanager plans" in answer.content


def test_a_drawing_is_guessed_by_the_name_and_chosen_by_hand(lived):
    from server.whitelist import drawings
    from server.whitelist.models import Machine

    known = drawings.of(Machine.objects.all())
    wanted = {
        "laser": "laser",
        "prusa": "printer",
        "saw": "saw",
        "kiln": "kiln",
        "mill": "router",
        "sewing": "embroidery",
    }
    assert {pk: known[pk] for pk in wanted} == wanted
    do(client(), "/machines/saw", do="drawing", drawing="bench")
    assert drawings.of(Machine.objects.filter(pk="saw")) == {"saw": "bench"}
    do(client("administrator", "0009"), "/machines/saw", do="drawing", drawing="../../etc")
    assert drawings.of(Machine.objects.filter(pk="saw")) == {"saw": "saw"}


def test_whoever_listens_gets_a_letter_and_nobody_else(lived):
    from reminding import reminding

    from server.accounts.models import Account
    from server.mail.models import Letter

    with reminding():
        browser, other = client(), client("fabmanager")
        answer = do(browser, "/machines/mill", do="listen")
        assert answer.status_code == 422 and b"e-mail address" in answer.content, "there is no address yet"
        Account.objects.update(email="boss@example.org")
        do(browser, "/machines/mill", do="listen")
        do(other, "/machines/saw", do="report", note="squeaks")
        assert not Letter.objects.exists(), "that is another machine"
        do(other, "/machines/mill", do="report", note="It smokes")
        (letter,) = Letter.objects.all()
        assert letter.to == "boss@example.org" and "It smokes" in letter.body and "/machines/mill" in letter.body
        do(browser, "/machines/mill", do="leave")
        do(other, "/machines/mill", do="report", note="It smokes again")
        assert Letter.objects.count() == 1


def test_each_machine_has_a_card_to_hang_up_and_it_is_linked(lived):
    assert 'href="/machines-cards"' in text(client())
    page = text(client("trainer", "0001"), "/machines-cards")
    assert page.count('class="qr"') == 9 and "https://localhost/report/saw" in page
