"""How members come in: invited by whoever runs the workshop, and again by a link that goes to their address."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import segno
from django.contrib.auth import login
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST
from sesame.backends import ModelBackend
from sesame.utils import get_token

from common.errors import LoquetError
from common.texts import N_, _, spoken, translate
from server.accounts import invitations, names
from server.accounts.guards import allowed
from server.accounts.models import INVITED_FOR, Account, AuditRecord, Role
from server.core import clock, configuration
from server.core.forms import FormError, made_of
from server.core.links import link_to
from server.core.rendering import moment, page, refused, say
from server.mail import post
from server.mail.models import Letter
from server.own.forms import InviteForm, LetterForm
from server.people import particulars
from server.people.models import Member, Particulars

AN_HOUR: Final = timedelta(hours=1)
MOST: Final = 5  # letters to one address in an hour
LINK: Final = N_(
    "By this link you come in, once, within a quarter of an hour:\n\n{link}\n\nDid you not ask for it? Then do nothing."
)
PAGES: Final = N_(
    "Your own pages at {workshop}: what you may use, your minutes, your badge.\n\n{link}\n\n"
    "The link is good once, until {until}."
)
BACKEND: Final = "sesame.backends.ModelBackend"


def ask(request: HttpRequest) -> HttpResponse:
    """Send a link to whoever has that address, and say nothing of whether there is somebody."""
    is_sent, wrong = False, ""
    if request.method == "POST":
        try:
            email = LetterForm.read(request)["email"]
            if not email:
                raise FormError(N_("say the address that the workshop has of you"))
            _send(email)
            is_sent = True
        except LoquetError as error:
            wrong = translate(error)
    return page(request, "own/ask.html", 422 if wrong else 200, wrong=wrong, is_sent=is_sent, is_on=post.is_on())


def _send(email: str) -> None:
    """Write to each account of a member with that address. Whoever may do more comes in by a password.

    What is typed goes nowhere: a letter goes to the address that the workshop has, for a database takes other letters
    for the same ("ı" for "i"), and another mailbox for theirs.
    """
    if not post.is_on():
        return
    theirs = dict(Particulars.objects.filter(email__iexact=email).values_list("member", "email"))
    for account in Account.objects.filter(member__in=theirs, role=Role.MEMBER, is_active=True):
        to = theirs[account.member]
        if Letter.objects.filter(to__iexact=to, made__gte=clock.now() - AN_HOUR).count() >= MOST:
            continue
        here = configuration.in_force()
        with spoken(account.language or here.server.language):
            link = f"{here.link.rstrip('/')}/login/link/{get_token(account)}"
            body = _(LINK)
            post.put(
                to,
                _("Your link to {workshop}").format(workshop=here.server.name),
                body.format(link=link),
                passing=True,
            )


def enter(request: HttpRequest, token: str) -> HttpResponse:
    """Let in whoever has a link: opening it alone changes nothing, for mail programs look at links too."""
    account = ModelBackend().authenticate(request, sesame=token)
    if not isinstance(account, Account) or not account.is_active or account.role != Role.MEMBER:
        return refused(request, _("This link is over, or was used: it is good once, for a quarter of an hour."), 410)
    if request.method == "POST":
        login(request, account, backend=BACKEND)
        AuditRecord.objects.create(account=account.username, what="logged_in_by_link")
        return HttpResponseRedirect("/me")
    return page(request, "own/enter.html", username=account.username)


@require_POST
@allowed(Role.FABMANAGER)
def invite(request: HttpRequest) -> HttpResponse:
    """Make a member's account, where there is none, and show the link by which they choose a password."""
    said = InviteForm.read(request)
    member = Member.objects.filter(pk=said["member"]).first()
    if member is None:
        return refused(request, _("There is no such member any more."), 404)
    email = said["email"] or particulars.of(member.pk).email
    try:
        with transaction.atomic():
            account = _account_of(member)
            word = invitations.make(account, email)
            AuditRecord.objects.create(
                account=request.user.get_username(), what="member_invited", about=account.username
            )
            return _given(request, member, account, word, email)
    except LoquetError as error:
        say(request, translate(error), wrong=True)
    except IntegrityError:
        say(request, _("somebody else has just made an account of that name: try once more"), wrong=True)
    return HttpResponseRedirect(link_to("/members", member.pk))


def _account_of(member: Member) -> Account:
    """Return a member's account; make one called as they are, where there is none. Raises FormError."""
    found = Account.objects.filter(member=member.pk).order_by("pk").first()
    if found is not None:
        if found.role != Role.MEMBER:
            raise FormError(N_("this member has an account that may do more: an administrator makes its link"))
        if not found.is_active:
            raise FormError(N_("this account is closed; open it first"))
        return found
    taken = {name.lower() for name in Account.objects.values_list("username", flat=True)}
    name = made_of((member.name or member.pk).replace(" ", "."), taken)
    names.hold_to_rules(name)
    account = Account(username=name, role=Role.MEMBER, member=member.pk)
    account.set_unusable_password()
    account.save()
    return account


def _given(request: HttpRequest, member: Member, account: Account, word: str, email: str) -> HttpResponse:
    link = f"{configuration.in_force().link.rstrip('/')}{invitations.PATH}/{word}"
    until = moment(clock.now() + INVITED_FOR)
    is_sent = bool(email) and post.is_on()
    if is_sent:
        with spoken(account.language or configuration.in_force().server.language):
            body = _(PAGES)
            workshop = configuration.in_force().server.name
            text = body.format(workshop=workshop, link=link, until=until)
            post.put(email, _("Your pages at {workshop}").format(workshop=workshop), text, passing=True)
    context: dict[str, Any] = {
        "member": member,
        "username": account.username,
        "link": link,
        "qr": segno.make(link, error="m").svg_data_uri(scale=5, border=3, light="white"),
        "until": until,
        "email": email,
        "is_sent": is_sent,
    }
    return page(request, "own/invited.html", **context)
