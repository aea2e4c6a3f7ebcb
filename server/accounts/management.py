"""Accounts, as the page Setup makes and changes them."""

from __future__ import annotations

import secrets

from django.http import HttpRequest
from django_otp import devices_for_user

from common.texts import N_, _
from server.accounts import names
from server.accounts.forms import AccountForm
from server.accounts.models import Account, AuditRecord, Role
from server.core.forms import FormError
from server.core.rendering import say


def save_account(request: HttpRequest, member: str | None, site: str | None) -> None:
    """Create or change an account; only an administrator may.

    member: the id of whom it belongs to from now on; "" for nobody, None for whoever it belonged to. site: the one
    that it is for, None for all; whoever is for one makes accounts for that one. Raises FormError.
    """
    me = request.user
    assert isinstance(me, Account)  # noqa: S101 - pages are guarded
    if not me.may(Role.ADMINISTRATOR):
        raise FormError(N_("only an administrator changes accounts"))
    form = AccountForm.read(request)
    username, role = form["username"], form["role"]
    if not username or role not in Role.values:
        raise FormError(N_("an account has a name and a role"))
    if names.taken(username):
        raise FormError(N_("there is an account of this name already, but for its capitals"))
    known = Account.objects.filter(username=username).first()
    if known is not None and me.site_id is not None and known.site_id != me.site_id:
        raise FormError(N_("this name is taken, by an account that is not for your workshop"))
    account, made = known or Account(username=username), known is None
    account.site_id = site if me.site_id is None else me.site_id
    if account.pk == me.pk and role != Role.ADMINISTRATOR:
        raise FormError(N_("you cannot take your own role away; another administrator can"))
    account.role, account.is_active = role, not form["closed"]
    account.member = account.member if member is None else member
    if account.pk == me.pk:
        account.is_active = True
    if made or form["password"]:
        word = secrets.token_urlsafe(9)
        account.set_password(word)
        request.session["secret"] = {"username": username, "word": word}
        for device in devices_for_user(account, confirmed=None) if form["password"] else ():
            device.delete()
    account.save()
    AuditRecord.objects.create(account=me.username, what="account", about=f"{username} {role}"[:300])
    say(request, _("saved"))
