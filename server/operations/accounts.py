"""The accounts at a glance: who, with which role, how they log in, and when they last did."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec
from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet
from django_otp.plugins.otp_totp.models import TOTPDevice

from common import folding
from common.texts import N_, _
from server.accounts import invitations
from server.accounts.models import INVITED_FOR, Account, Identity, Role
from server.core import configuration
from server.mail import post
from server.people.models import Member

PAGE: Final = 100
WAYS: Final = {
    (True, True): N_("password, and {name}"),
    (True, False): N_("password"),
    (False, True): "{name}",
    (False, False): N_("not yet"),
}


class Line(msgspec.Struct, frozen=True):
    """One account, as the table shows it. invited_until: until when its link is good, None where none waits."""

    account: Account
    role: str
    member: str
    way: str
    has_second_factor: bool
    invited_until: datetime | None


def found(accounts: QuerySet[Account], said: str, number: str) -> Page[int]:
    """Return a page of the accounts that are looked for, by name as people sort; which one, by its number."""
    names = accounts.values_list("pk", "username", "member")
    words = folding.fold(said).split()
    of_members = dict(
        Member.objects.filter(pk__in=accounts.exclude(member="").values("member")).values_list("pk", "name")
    )
    mine = [
        (folding.sort_key(name), pk)
        for pk, name, member in names
        if all(word in folding.fold(f"{name} {member} {of_members.get(member, '')}") for word in words)
    ]
    return Paginator([pk for _key, pk in sorted(mine)], PAGE).get_page(number)


def lines(keys: Iterable[int]) -> list[Line]:
    """Return accounts, in the order of their keys, with all that the table says of them."""
    keys = list(keys)
    accounts = Account.objects.select_related("site").in_bulk(keys)
    members = dict(Member.objects.filter(pk__in=[each.member for each in accounts.values()]).values_list("pk", "name"))
    second = set(TOTPDevice.objects.filter(user__in=keys, confirmed=True).values_list("user_id", flat=True))
    linked = set(Identity.objects.filter(account__in=keys).values_list("account_id", flat=True))
    waiting = dict(invitations.waiting().filter(account__in=keys).values_list("account_id", "made"))
    provider = configuration.in_force().oidc.name
    return [
        Line(
            account=each,
            role=_(Role(each.role).label),
            member=members.get(each.member, "") or each.member,
            way=_(WAYS[each.has_usable_password(), each.pk in linked]).format(name=provider),
            has_second_factor=each.pk in second,
            invited_until=waiting[each.pk] + INVITED_FOR if each.pk in waiting else None,
        )
        for each in (accounts[key] for key in keys if key in accounts)
    ]


def administrators(accounts: QuerySet[Account]) -> int:
    """Return how many of them administer every workshop, and can log in."""
    able = accounts.filter(role=Role.ADMINISTRATOR, is_active=True, site=None)
    return able.filter(~Q(password__startswith="!") | Q(pk__in=Identity.objects.values("account"))).count()  # noqa: S106 - Django's mark


def send(account: Account, email: str, link: str, until: str) -> bool:
    """Have a link go out by mail; return whether it does: without mail it is given by hand."""
    if not (email and post.is_on()):
        return False
    workshop = configuration.in_force().server.name
    body = _(
        "Hello {username},\n\nopen this link to choose your password for {workshop}. It is yours alone and good once, "
        "until {until}:\n\n{link}\n\nYou asked for nothing? Then leave it; nothing happens."
    )
    subject = _("{workshop}: your account").format(workshop=workshop)
    filled = body.format(username=account.username, workshop=workshop, until=until, link=link)
    post.put(email, subject, f"{filled}\n", passing=True)
    return True
