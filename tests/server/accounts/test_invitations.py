"""Whoever is invited chooses a password by a link: once, within a week, and as nobody else."""

import logging
import re
import threading
from datetime import timedelta

import msgspec
import pytest
from browsing import PASSWORD, client, do
from django.test import Client

CHOSEN = "a password of my own"


@pytest.fixture
def mail_is_on(monkeypatch):
    from django.conf import settings

    mail = msgspec.structs.replace(settings.LOQUET.mail, host="mail.example.org", sender="w@example.org")
    monkeypatch.setattr(settings, "LOQUET", msgspec.structs.replace(settings.LOQUET, mail=mail))


def stranger(**more):
    return Client(secure=True, headers={"host": "localhost", "accept-language": "en"}, **more)


def invited(browser=None, name="lea", **said):
    """Invite somebody, and return the path of the link, as the page shows it."""
    said.setdefault("role", "trainer")
    shown = do(browser or client(), "/accounts", username=name, **said)
    assert shown.status_code == 200, shown.content.decode()
    return path_in(shown)


def path_in(answer):
    return re.search(r"https://[^/]+(/invitation/[\w-]+)", answer.content.decode())[1]


def opened(path, **more):
    """Open a link, as somebody does who was sent it."""
    browser = stranger(**more)
    answer = browser.get(path)
    assert (answer.status_code, answer["Location"]) == (302, "/invitation")
    return browser


def chooses(browser, password=CHOSEN, **more):
    return browser.post("/invitation", {"do": "password", "username": "lea", "password": password, **more})


def account(name="lea"):
    from server.accounts.models import Account

    return Account.objects.get(username=name)


def test_whoever_opens_the_link_chooses_a_password_and_is_logged_in(database):
    path = invited(member="", email="")
    assert not account().has_usable_password()
    browser = opened(path)
    page = browser.get("/invitation").content.decode()
    assert 'value="lea"' in page
    answer = chooses(browser, username="léa")
    assert (answer.status_code, answer["Location"]) == (302, "/")
    made = account("léa")
    assert made.role == "trainer"
    assert made.check_password(CHOSEN)
    assert browser.get("/whitelist").status_code == 200
    assert stranger().post("/login", {"username": "Léa", "password": CHOSEN}).status_code == 302


def test_a_link_that_is_looked_at_by_a_mail_scanner_is_still_good(sqlite):
    path = invited()
    for _look in range(5):
        scanner = opened(path)
        assert scanner.get("/invitation").status_code == 200
        scanner.head("/invitation")
    assert chooses(opened(path)).status_code == 302


@pytest.mark.parametrize("password", ["short", "password123", "lealealealea"])
def test_a_password_that_is_easy_to_guess_is_refused_and_the_link_stays_good(sqlite, password):
    path = invited(name="lealealealea")
    browser = opened(path)
    answer = chooses(browser, password, username="lealealealea")
    assert answer.status_code == 422
    assert "wrong" in answer.content.decode()
    assert chooses(browser, username="lealealealea").status_code == 302


def test_a_name_that_somebody_has_is_not_given_twice_whatever_its_capitals(sqlite):
    client("trainer", "x")
    browser = opened(invited())
    assert "perhaps with other capitals" in chooses(browser, username="TRAINER-X").content.decode()
    assert chooses(browser).status_code == 302


def test_a_link_that_is_used_over_taken_back_or_none_says_so_kindly(database):
    from server.accounts.models import INVITED_FOR, Invitation
    from server.core import clock

    boss = client()
    path = invited(boss)
    browser = opened(path)
    chooses(browser)
    again = opened(path)
    for said in (again.get("/invitation"), chooses(again)):
        assert said.status_code == 410
        assert "used already" in said.content.decode()
        assert "Ask an administrator" in said.content.decode()
    old = invited(boss, "old")
    Invitation.objects.filter(account=account("old")).update(made=clock.now() - INVITED_FOR)
    assert "good for a week" in chooses(opened(old)).content.decode()
    gone = invited(boss, "gone")
    do(boss, f"/accounts/{account('gone').pk}", do="take_back")
    assert "taken back" in chooses(opened(gone)).content.decode()
    assert "no link of ours" in chooses(opened("/invitation/abc")).content.decode()
    assert not account("gone").has_usable_password()


def test_a_link_lasts_for_a_week_and_no_longer(sqlite, monkeypatch):
    from server.core import clock

    path = invited()
    begun = clock.seconds()
    monkeypatch.setattr(clock, "_clock", lambda: begun + timedelta(days=7).total_seconds() - 60)
    assert opened(path).get("/invitation").status_code == 200
    monkeypatch.setattr(clock, "_clock", lambda: begun + timedelta(days=7).total_seconds() + 1)
    assert opened(path).get("/invitation").status_code == 410


def test_a_new_link_takes_the_place_of_the_old_one(sqlite):
    boss = client()
    old = invited(boss)
    new = path_in(do(boss, f"/accounts/{account().pk}", do="link"))
    assert new != old
    assert chooses(opened(old)).status_code == 410
    assert chooses(opened(new)).status_code == 302


def test_of_two_who_use_a_link_at_once_one_is_let_in(database):
    from django.db import connections

    path = invited()
    browsers = [opened(path) for _ in range(4)]
    together, answers = threading.Barrier(4), []

    def use(browser, number):
        together.wait()
        answers.append(chooses(browser, f"{CHOSEN} {number}").status_code)
        connections.close_all()

    threads = [threading.Thread(target=use, args=(each, number)) for number, each in enumerate(browsers)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert answers.count(302) == 1, answers


def test_a_closed_account_is_opened_by_no_link(sqlite):
    boss = client()
    path = invited(boss)
    do(boss, f"/accounts/{account().pk}", do="save", role="trainer", closed="1")
    assert "is closed" in chooses(opened(path)).content.decode()


def test_a_lost_password_is_chosen_anew_by_a_link_and_the_second_factor_stays_unless_it_is_lost_too(sqlite):
    from django_otp.plugins.otp_totp.models import TOTPDevice

    boss = client()
    mine = client("fabmanager", "x")
    who = account("fabmanager-x")
    TOTPDevice.objects.create(user=who, name="app", confirmed=True)
    path = path_in(do(boss, f"/accounts/{who.pk}", do="link"))
    assert stranger().post("/login", {"username": "fabmanager-x", "password": PASSWORD}).status_code == 302
    browser = opened(path)
    assert chooses(browser, username="somebody-else").status_code == 302
    assert account("fabmanager-x").check_password(CHOSEN), "a name is chosen by newcomers alone"
    assert browser.get("/whitelist")["Location"].startswith("/second"), "a link is no second factor"
    assert mine.get("/whitelist", secure=True)["Location"].startswith("/login"), "who was logged in is no more"
    path = path_in(do(boss, f"/accounts/{who.pk}", do="link", phone="1"))
    browser = opened(path)
    chooses(browser)
    assert browser.get("/whitelist").status_code == 200


def test_whoever_was_locked_out_by_wrong_passwords_is_let_in_with_the_new_one(sqlite):
    boss = client()
    client("trainer", "x")
    at_home = stranger(REMOTE_ADDR="192.0.2.9")
    for _try in range(6):
        at_home.post("/login", {"username": "trainer-x", "password": "wrong"})
    assert at_home.post("/login", {"username": "trainer-x", "password": PASSWORD}).status_code == 429
    chooses(opened(path_in(do(boss, f"/accounts/{account('trainer-x').pk}", do="link"))))
    assert at_home.post("/login", {"username": "trainer-x", "password": CHOSEN}).status_code == 302


def test_the_word_of_a_link_is_in_no_table_no_log_and_no_other_page(database, caplog, mail_is_on):
    from everything import every_row

    from server.mail.models import Letter

    with caplog.at_level(logging.DEBUG):
        path = invited(email="lea@example.org")
        word = path.rpartition("/")[2]
        letter = Letter.objects.get()
        assert (letter.to, letter.passing) == ("lea@example.org", True)
        assert path in letter.body
        letter.body = ""  # as it is once it went out: test_post.py
        letter.save()
        browser = opened(path)
        first = stranger().get(path)
        assert first["Referrer-Policy"] == "no-referrer"
        assert word not in browser.get("/invitation").content.decode()
        chooses(browser, "short")
        chooses(browser)
        chooses(opened(path))
    assert word not in str(every_row())
    logged = [each.getMessage() for each in caplog.records]
    assert not any(word in each for each in logged), logged


def test_the_link_is_shown_once_as_text_and_as_a_code(sqlite):
    boss = client()
    form = re.findall(r'name="once" value="([^"]+)"', boss.get("/accounts", secure=True).content.decode())[0]
    shown = do(boss, "/accounts", username="lea", role="member", once=form).content.decode()
    assert "data:image/svg+xml" in shown
    again = do(boss, "/accounts", username="lea", role="member", once=form)
    assert again.status_code == 302, "loaded again, it makes and shows nothing"
    for path in ("/accounts", f"/accounts/{account().pk}"):
        assert "/invitation/" not in boss.get(path, secure=True).content.decode()


def test_words_that_are_guessed_are_held_up_as_passwords_are(sqlite):
    from server.accounts import throttle

    path = invited()
    answers = [opened(f"/invitation/{number}").get("/invitation").status_code for number in range(throttle.MOST + 2)]
    assert answers == [410] * throttle.MOST + [429] * 2
    assert opened(path).get("/invitation").status_code == 429
    assert stranger().post("/login", {"username": "administrator-", "password": PASSWORD}).status_code == 429
    assert opened(path, REMOTE_ADDR="192.0.2.7").get("/invitation").status_code == 200, "from elsewhere"


def test_a_page_elsewhere_cannot_choose_the_password(sqlite):
    browser = opened(invited(), enforce_csrf_checks=True)
    answer = browser.post(
        "/invitation", {"do": "password", "username": "lea", "password": CHOSEN}, headers={"origin": "https://evil"}
    )
    assert answer.status_code == 403
    assert not account().has_usable_password()


def test_a_restored_server_lets_nobody_in_by_a_link_of_before(sqlite, tmp_path):
    from central import configuration

    from server.operations import backup

    path = invited()
    backup.write(configuration, tmp_path / "b")
    chooses(opened(path))
    backup.restore(configuration, tmp_path / "b")
    assert chooses(opened(path)).status_code == 410


def test_of_two_who_choose_one_name_at_once_one_is_told_so(database):
    from django.db import connections

    boss = client()
    browsers = [opened(invited(boss, name)) for name in ("one", "two")]
    together, answers = threading.Barrier(2), []

    def choose(browser):
        together.wait()
        answers.append(chooses(browser, username="lea").status_code)
        connections.close_all()

    threads = [threading.Thread(target=choose, args=(each,)) for each in browsers]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(answers) == [302, 422]
