"""Letters go into the database with what they tell of, and out of it by SMTP: one that cannot go is tried again."""

from __future__ import annotations

import logging
import smtplib
import threading
from datetime import timedelta
from typing import Final

from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import close_old_connections, connection

from common.errors import LoquetError
from common.texts import N_
from server.core import clock, configuration
from server.mail.models import Letter

TRIES: Final = 10
FIRST_WAIT: Final = timedelta(minutes=1)
MOST_WAIT: Final = timedelta(hours=12)  # ten tries take three days, as a mail server's own do
BATCH: Final = 20
TAKEN: Final = timedelta(minutes=30)  # more than a batch takes whose every letter runs into the time-out
IDLE_S: Final = 30.0
log = logging.getLogger("loquet.server")


class MailError(LoquetError, ValueError):
    """A letter that cannot be written or sent."""


def is_on() -> bool:
    """Return whether the settings name a server for mail."""
    return bool(configuration.in_force().mail.host)


def put(to: str, subject: str, body: str, unsubscribe: str = "", *, passing: bool = False) -> Letter:
    """Have a letter go out, in the transaction that is open: with what it tells of, or not at all. Raises MailError.

    unsubscribe: an https address by which mail programs offer to end such letters. passing: its text is a secret, and
    is emptied once it went out.
    """
    if not is_on():
        raise MailError(N_("no mail goes out: name a server under [mail] in server.toml"))
    one_line = " ".join(subject.split())[:200]
    return Letter.objects.create(to=to, subject=one_line, body=body, unsubscribe=unsubscribe, passing=passing)


def again(letter: Letter) -> None:
    """Try a letter again that was given up, or waits."""
    Letter.objects.filter(pk=letter.pk, sent=None).update(due=clock.now(), tries=0)


def deliver() -> int:
    """Send what is due, over one connection; return how many letters went out. Never raises for what a server says."""
    if not is_on():
        return 0
    due = [each for each in Letter.objects.filter(due__lte=clock.now()).order_by("due", "pk")[:BATCH] if _is_ours(each)]
    if not due:
        return 0
    post = get_connection()
    went = 0
    try:
        post.open()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this server's, today's, and no letter's fault
        for letter in due:
            _put_off(letter, error)
        return 0
    try:
        for letter in due:
            went += _send(letter, post)
    finally:
        _hang_up(post)
    return went


def _is_ours(letter: Letter) -> bool:
    """Take a letter for this process: another one, or the next start, tries it only once ours must have ended."""
    return Letter.objects.filter(pk=letter.pk, due=letter.due).update(due=clock.now() + TAKEN) == 1


def _send(letter: Letter, post: BaseEmailBackend) -> bool:
    try:
        EmailMessage(letter.subject, letter.body, to=[letter.to], connection=post, headers=_headers(letter)).send()
    except Exception as error:  # noqa: BLE001 - one letter that cannot go keeps no other back
        _put_off(letter, error)
        return False
    letter.sent, letter.due, letter.error = clock.now(), None, ""
    letter.tries += 1
    if letter.passing:
        letter.body = ""
    letter.save(update_fields=["sent", "due", "error", "tries", "body"])
    return True


def _headers(letter: Letter) -> dict[str, str]:
    """Return what lets a mail program end letters of this kind with one button (RFC 2369, RFC 8058)."""
    if not letter.unsubscribe:
        return {}
    return {"List-Unsubscribe": f"<{letter.unsubscribe}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def _hang_up(post: BaseEmailBackend) -> None:
    try:
        post.close()
    except Exception:  # noqa: BLE001 - what was sent is sent
        log.debug("the mail server did not say goodbye")


def _put_off(letter: Letter, error: Exception) -> None:
    letter.tries += 1
    wait = min(MOST_WAIT, FIRST_WAIT * 4 ** (letter.tries - 1))
    over = letter.tries >= TRIES or _is_for_good(error)
    letter.due = None if over else clock.now() + wait
    letter.error = _said(error)
    letter.save(update_fields=["tries", "due", "error"])


def _is_for_good(error: Exception) -> bool:
    """Return whether trying again is no use: the address itself was refused (RFC 5321, 4.2.1: 5yz), or is none."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(500 <= code < 600 for code, _text in error.recipients.values())  # noqa: PLR2004 - 5yz
    return isinstance(error, ValueError) and not isinstance(error, OSError)


def _said(error: Exception) -> str:
    """Return what a server said, without what was told to it."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "; ".join(f"{code} {_text(text)}" for code, text in error.recipients.values())[:300]
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"[:300]
    return (str(error) or type(error).__name__)[:300]


def _text(said: object) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)


def forget(email: str, **_signal: object) -> None:
    """Have nothing of the letters to whoever is forgotten."""
    if email:
        Letter.objects.filter(to__iexact=email).delete()


class Postman:
    """A thread of its own: a mail server that hangs keeps nobody waiting."""

    def __init__(self) -> None:
        self._end = threading.Event()

    def run(self) -> None:
        """Deliver until stopped."""
        while not self._end.wait(IDLE_S):
            self.step()
        connection.close()

    def step(self) -> None:
        """Deliver what is due now."""
        try:
            deliver()
        except Exception:
            log.exception("no letter could be sent; it is tried again")
            close_old_connections()
            connection.close()

    def stop(self) -> None:
        """End, after what is being sent."""
        self._end.set()
