"""The pages of accounts: all of them at a glance, one of them, and the link that somebody is given."""

from __future__ import annotations

from typing import Any

import segno
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from common.errors import LoquetError
from common.texts import N_, _, translate
from server.accounts import invitations, management, scope
from server.accounts.guards import allowed, audit
from server.accounts.management import Wanted
from server.accounts.models import INVITED_FOR, Account, Role
from server.core import clock, configuration
from server.core.forms import FormError
from server.core.rendering import moment, page, refused, say
from server.core.sorting import by_name
from server.mail import post
from server.operations import abilities
from server.operations import accounts as glance
from server.operations.forms import AccountActionForm, AccountForm, InviteForm
from server.people import members, particulars
from server.people.models import Member
from server.sites.models import Site


@allowed(Role.ADMINISTRATOR)
def accounts(request: HttpRequest) -> HttpResponse:
    """Show who logs in with which role, and what each role may do; invite somebody."""
    wrong = ""
    if request.method == "POST":
        try:
            return _invite(request)
        except LoquetError as error:
            wrong = translate(error)
    audit(request, "looked_accounts", hourly=True)
    said = request.GET.get("q", "")[:100]
    mine = scope.within_strictly(request, Account.objects.all())
    found = glance.found(mine, said, request.GET.get("page", ""))
    context: dict[str, Any] = {
        **_choices(request),
        "wrong": wrong,
        "q": said,
        "pages": found,
        "lines": glance.lines(found.object_list),
        "is_alone": scope.site_of(request) is None and glance.administrators(mine) == 1,
        "abilities": abilities.table(),
        "said": request.POST if wrong else _invited(request),
        "mail": post.is_on(),
    }
    return page(request, "operations/accounts.html", 422 if wrong else 200, **context)


@allowed(Role.ADMINISTRATOR)
def account(request: HttpRequest, key: int) -> HttpResponse:
    """Show one account, change it, or make a link for whoever has lost their password."""
    mine = scope.within_strictly(request, Account.objects.all()).filter(pk=key).first()
    if mine is None:
        return refused(request, _("There is no such account, or it is not for your workshop."), 404)
    wrong = ""
    if request.method == "POST":
        try:
            return _do(request, mine)
        except LoquetError as error:
            wrong = translate(error)
    audit(request, "looked_account", mine.username)
    context: dict[str, Any] = {
        **_choices(request),
        "wrong": wrong,
        "line": glance.lines([mine.pk])[0],
        "member": members.shown(Member.objects.filter(pk=mine.member).first()) or mine.member,
        "is_unused": invitations.is_first(mine),
        "is_linked": hasattr(mine, "identity"),
        "email": particulars.of(mine.member).email if mine.member else "",
        "mail": post.is_on(),
    }
    return page(request, "operations/account.html", 422 if wrong else 200, **context)


def _choices(request: HttpRequest) -> dict[str, Any]:
    """Return what an account can be."""
    return {
        "roles": [(role.value, _(role.label)) for role in Role],
        "sites": by_name(scope.within(request, Site.objects.all(), "pk")),
    }


def _invited(request: HttpRequest) -> dict[str, str]:
    """Return what the form says at first: of the member from whose page somebody comes."""
    found = Member.objects.filter(pk=request.GET.get("member", "")).first()
    if found is None:
        return {"role": Role.MEMBER.value}
    name = found.name or found.id
    return {
        "role": Role.MEMBER.value,
        "username": name,
        "member": members.shown(found),
        "email": particulars.of(found.id).email,
    }


def _invite(request: HttpRequest) -> HttpResponse:
    """Make an account, and show its link once. Raises FormError, MailError."""
    said = InviteForm.read(request)
    with transaction.atomic():
        made, word = management.invite(_me(request), said["username"], _wanted(request, said), said["email"])
        return _given(request, made, word, said["email"])


def _do(request: HttpRequest, mine: Account) -> HttpResponse:
    """Do what was asked. Raises FormError, MailError."""
    said, me = AccountActionForm.read(request), _me(request)
    match said["do"]:
        case "link":
            with transaction.atomic():
                word = management.invite_again(me, mine, said["email"], loses_second_factor=said["phone"])
                return _given(request, mine, word, said["email"])
        case "save":
            management.change(me, mine, _wanted(request, AccountForm.read(request)))
        case "take_back":
            management.take_back(me, mine)
        case "unlink":
            management.unlink(me, mine)
        case "remove":
            management.remove(me, mine)
            say(request, _("{username} is no account any more").format(username=mine.username))
            return HttpResponseRedirect("/accounts")
    say(request, _("saved"))
    return HttpResponseRedirect(f"/accounts/{mine.pk}")


def _given(request: HttpRequest, mine: Account, word: str, email: str) -> HttpResponse:
    """Show a link, this once: as text, as a code, and sent by mail where that is on."""
    link = f"{configuration.in_force().link.rstrip('/')}{invitations.PATH}/{word}"
    until = moment(clock.now() + INVITED_FOR)
    context: dict[str, Any] = {
        "username": mine.username,
        "key": mine.pk,
        "link": link,
        "until": until,
        "qr": segno.make(link, error="m").svg_data_uri(scale=5, border=3, light="white"),
        "email": email,
        "is_sent": glance.send(mine, email, link, until),
    }
    return page(request, "operations/invited.html", **context)


def _wanted(request: HttpRequest, said: dict[str, Any]) -> Wanted:
    """Return what an account is to be. Raises FormError."""
    if said["role"] not in Role.values:
        raise FormError(N_("an account has a name and a role"))
    if said["site"] and not scope.within(request, Site.objects.filter(pk=said["site"]), "pk").exists():
        raise FormError(N_("there is no such workshop any more"))
    member = members.named(said["member"]).pk if said["member"] else ""
    return Wanted(Role(said["role"]), said["site"] or None, member, not said["closed"])


def _me(request: HttpRequest) -> Account:
    assert isinstance(request.user, Account)  # noqa: S101 - pages are guarded
    return request.user
