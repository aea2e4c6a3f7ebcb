"""Letters wait in the database and go out by a real mail server; one that cannot go is tried again, and said so."""

from email import message_from_string

import msgspec
import pytest
from aiosmtpd.controller import Controller
from browsing import client, do
from central import free_port

HOUR = 3600.0


class Post:
    """What a mail server got, and what it answers to whom."""

    def __init__(self):
        self.got = []
        self.answers = {}

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802 - aiosmtpd's
        answer = self.answers.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - likewise
        self.got.append((envelope.mail_from, envelope.rcpt_tos, envelope.content.decode()))
        return "250 OK"


@pytest.fixture
def smtp():
    handler = Post()
    handler.port = free_port()
    server = Controller(handler, hostname="127.0.0.1", port=handler.port)
    server.start()
    yield handler
    server.stop()


@pytest.fixture
def post(database, smtp, settings_of):
    from server.mail import post

    settings_of(host="127.0.0.1", port=smtp.port, sender="Loquet <loquet@example.org>")
    return post


@pytest.fixture
def settings_of(monkeypatch):
    """Have the server's settings name a server for mail."""
    from django.conf import settings

    from server.core.configuration import MailTable, Security

    def say(**mail):
        table = MailTable(security=Security.NONE, **mail)
        monkeypatch.setattr(settings, "LOQUET", msgspec.structs.replace(settings.LOQUET, mail=table))
        monkeypatch.setattr(settings, "EMAIL_HOST", table.host)
        monkeypatch.setattr(settings, "EMAIL_PORT", table.port)
        monkeypatch.setattr(settings, "EMAIL_USE_TLS", False)
        monkeypatch.setattr(settings, "DEFAULT_FROM_EMAIL", table.sender)

    return say


@pytest.fixture
def later():
    """Move the server's clock on, by seconds."""
    from server.core import clock

    at = [1_795_000_000.0]
    clock.hand(lambda: at[0])

    def go(seconds):
        at[0] += seconds

    yield go
    import time

    clock.hand(time.time)


def letter(pk):
    from server.mail.models import Letter

    return Letter.objects.get(pk=pk)


def test_a_letter_goes_out_once_as_it_was_written(post, smtp, later):
    made = post.put("ann@example.org", "Été :\nà bientôt", "Le laser est réparé.\n")
    assert post.deliver() == 1
    assert post.deliver() == 0
    ((sender, to, content),) = smtp.got
    assert (sender, to) == ("loquet@example.org", ["ann@example.org"])
    assert "Bcc" not in content
    found = letter(made.pk)
    assert found.sent is not None and found.due is None and found.subject == "Été : à bientôt"


def test_a_letter_that_can_be_ended_says_so_to_mail_programs_and_others_do_not(post, smtp, later):
    post.put("ann@example.org", "x", "y", unsubscribe="https://loquet.example.org/unsubscribe/" + "a" * 150)
    post.put("bob@example.org", "x", "y")
    assert post.deliver() == 2
    first, second = (message_from_string(content) for _sender, _to, content in smtp.got)
    link = "".join(first["List-Unsubscribe"].split())
    assert link == f"<https://loquet.example.org/unsubscribe/{'a' * 150}>"
    assert first["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert second["List-Unsubscribe"] is None and second["List-Unsubscribe-Post"] is None


def test_the_text_of_a_letter_that_lets_somebody_in_is_kept_until_it_went_out(post, smtp, later):
    smtp.answers = {"ann@example.org": "450 try later"}
    made = post.put("ann@example.org", "your account", "https://localhost/invitation/word", passing=True)
    assert post.deliver() == 0
    assert "word" in letter(made.pk).body
    smtp.answers = {}
    later(61)
    assert post.deliver() == 1
    assert "invitation/word" in smtp.got[0][2]
    assert letter(made.pk).body == ""


def test_what_is_undone_sends_nothing(post, smtp, later):
    from django.db import transaction

    with transaction.atomic():
        post.put("ann@example.org", "x", "y")
        transaction.set_rollback(True)
    assert post.deliver() == 0 and smtp.got == []


def test_a_server_that_is_away_is_tried_again_less_and_less_often_and_given_up_after_days(post, settings_of, later):
    settings_of(host="127.0.0.1", port=9, sender="loquet@example.org")
    made = post.put("ann@example.org", "x", "y")
    waits, passed = [], 0.0
    while letter(made.pk).due is not None:
        post.deliver()
        found = letter(made.pk)
        if found.due is not None:
            wait = (found.due - post.clock.now()).total_seconds()
            waits.append(wait)
            post.deliver()
            assert letter(made.pk).tries == found.tries, "not before its time"
            later(wait)
            passed += wait
    assert waits == sorted(waits) and waits[0] == 60 and waits[-1] == 12 * HOUR
    assert 48 * HOUR < passed < 96 * HOUR
    assert letter(made.pk).tries == post.TRIES and letter(made.pk).error


def test_a_letter_that_is_refused_for_good_keeps_no_other_back(post, smtp, later):
    smtp.answers = {"gone@example.org": "550 no such user", "busy@example.org": "450 try later"}
    gone, busy, fine = (post.put(f"{name}@example.org", "x", "y").pk for name in ("gone", "busy", "fine"))
    assert post.deliver() == 1
    assert (letter(gone).due, letter(gone).error) == (None, "550 no such user")
    assert letter(busy).due is not None and "450" in letter(busy).error
    assert letter(fine).sent is not None
    smtp.answers = {}
    later(61)
    assert post.deliver() == 1
    assert letter(busy).sent is not None and letter(busy).error == ""
    post.again(letter(gone))
    assert post.deliver() == 1


def test_what_another_process_is_sending_is_left_to_it(post, smtp, later):
    made = post.put("ann@example.org", "x", "y")
    assert post._is_ours(made)
    assert not post._is_ours(made), "whoever comes second"
    assert post.deliver() == 0
    later(31 * 60)
    assert post.deliver() == 1, "it died over it"


def test_without_a_server_nothing_is_queued_and_the_page_says_what_to_do(database):
    from server.mail import post
    from server.mail.models import Letter

    browser = client("administrator")
    answer = do(browser, "/mail", do="test", to="ann@example.org")
    assert answer.status_code == 422 and "name a server under [mail]" in answer.content.decode()
    assert not Letter.objects.exists() and post.deliver() == 0


def test_the_page_sends_a_letter_says_how_it_went_and_tries_again(post, smtp, later):
    from server.mail.models import Letter

    browser = client("administrator")
    smtp.answers = {"ann@example.org": "550 <b>no</b>"}
    assert do(browser, "/mail", do="test", to="ann@example.org").status_code == 302
    post.deliver()
    shown = browser.get("/mail", secure=True).content.decode()
    assert "given up" in shown and "550 &lt;b&gt;no" in shown
    smtp.answers = {}
    do(browser, "/mail", do="again", letter=str(Letter.objects.get().pk))
    post.deliver()
    assert "sent" in browser.get("/mail", secure=True).content.decode()
    assert do(browser, "/mail", do="again", letter=str(Letter.objects.get().pk)).status_code == 422
    assert do(browser, "/mail", do="test", to="ann@example.org\nBcc: all@example.org").status_code == 422
    assert do(browser, "/mail", do="test", to="").status_code == 422
    assert len(smtp.got) == 1


def test_letters_are_an_administrators_and_go_with_the_passages(post, later):
    from server.core import configuration
    from server.mail.models import Letter
    from server.operations import retention

    assert client("fabmanager").get("/mail", secure=True).status_code == 403
    post.put("ann@example.org", "x", "y")
    later(91 * 24 * HOUR)
    retention.purge(configuration.in_force())
    assert not Letter.objects.exists()


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({"host": "mail.example.org"}, "needs a sender"),
        ({"host": "a b", "sender": "a@b"}, "mail"),
        ({"host": "m.org", "sender": "a@b", "user": "u", "password": "p", "security": "none"}, "in clear"),
        ({"host": "m.org", "sender": "a@b", "security": "rot13"}, "security"),
        ({"port": 0}, "port"),
        ({"smtp": "m.org"}, "smtp"),
    ],
)
def test_settings_of_mail_that_cannot_work_are_refused(said, wrong, tmp_path):
    from common.strict import SettingsError
    from server.core.configuration import read

    with pytest.raises(SettingsError, match=wrong):
        read({"mail": said}, tmp_path / "server.toml")
