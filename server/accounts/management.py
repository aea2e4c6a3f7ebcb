"""Accounts as an administrator makes and changes them: which role, for which site, of which member, open or closed."""

from __future__ import annotations

from typing import Final

import msgspec
from django.db import transaction
from django.db.models import Q
from django_otp import devices_for_user

from common.texts import N_
from server.accounts import invitations, names
from server.accounts.models import Account, AuditRecord, Identity, Role
from server.core.forms import FormError

LAST: Final = N_("nobody else could administer every workshop; give another account that role first")


class Wanted(msgspec.Struct, frozen=True):
    """What an account is to be. site: None for every one; member: "" for nobody."""

    role: Role
    site: str | None
    member: str
    is_active: bool = True


def invite(me: Account, name: str, wanted: Wanted, email: str = "") -> tuple[Account, str]:
    """Make an account that nobody can log in as yet; return it and the word of its link. Raises FormError."""
    with transaction.atomic():
        me = _administrator(me)
        names.hold_to_rules(name)
        account = Account(username=name)
        _put(me, account, wanted)
        account.set_unusable_password()
        account.save()
        _note(me, "account_made", account)
        return account, invitations.make(account, email)


def change(me: Account, account: Account, wanted: Wanted) -> Account:
    """Change an account's role, site or member, or close it; return it as it is now. Raises FormError."""
    with transaction.atomic():
        me, account = _administrator(me), _of(me, account)
        if account.pk == me.pk and not (wanted.is_active and wanted.role == me.role):
            raise FormError(N_("you cannot take your own role away; another administrator can"))
        lowered = wanted.role != Role.ADMINISTRATOR or not wanted.is_active or wanted.site is not None
        if lowered and is_last(account):
            raise FormError(LAST)
        _put(me, account, wanted)
        account.save()
        _note(me, "account", account)
        return account


def invite_again(me: Account, account: Account, email: str = "", *, loses_second_factor: bool = False) -> str:
    """Make a link by which somebody sets a new password; the one that they have is good until then.

    loses_second_factor: their telephone is lost too. Return the link's word. Raises FormError.
    """
    with transaction.atomic():
        me, account = _administrator(me), _of(me, account)
        if not account.is_active:
            raise FormError(N_("this account is closed; open it first"))
        for device in devices_for_user(account, confirmed=None) if loses_second_factor else ():
            device.delete()
        _note(me, "invited_without_second_factor" if loses_second_factor else "invited", account)
        return invitations.make(account, email)


def take_back(me: Account, account: Account) -> None:
    """Have the link that somebody was given let nobody in. Raises FormError."""
    with transaction.atomic():
        me, account = _administrator(me), _of(me, account)
        if not invitations.take_back(account):
            raise FormError(N_("there is no link any more that could be taken back"))
        _note(me, "invitation_taken_back", account)


def remove(me: Account, account: Account) -> None:
    """Delete an account that nobody has ever used; any other is to be closed instead. Raises FormError."""
    with transaction.atomic():
        me, account = _administrator(me), _of(me, account)
        if not invitations.is_first(account):
            raise FormError(N_("somebody has used this account: close it instead"))
        _note(me, "account_removed", account)
        account.delete()


def unlink(me: Account, account: Account) -> None:
    """Have whom the provider means by an account be nobody here any more. Raises FormError."""
    with transaction.atomic():
        me, account = _administrator(me), _of(me, account)
        if not Identity.objects.filter(account=account).delete()[0]:
            raise FormError(N_("this account belongs to nobody of the provider's"))
        _note(me, "unlinked", account)


def is_last(account: Account) -> bool:
    """Return whether nobody else could administer every workshop; in a transaction, it stays so until its end."""
    able = Account.objects.select_for_update().filter(role=Role.ADMINISTRATOR, is_active=True, site=None)
    # Django writes of an account without a password (UNUSABLE_PASSWORD_PREFIX).
    able = able.filter(~Q(password__startswith="!") | Q(pk__in=Identity.objects.values("account")))  # noqa: S106 - a mark
    ids = set(able.order_by("pk").values_list("pk", flat=True))
    return ids == {account.pk}


def _administrator(me: Account) -> Account:
    """Return who asks, as they are in this transaction. Raises FormError where they may not, or no more."""
    # All of them, in one order: two who lower each other wait, and the second finds that it may not any more.
    list(Account.objects.select_for_update().filter(role=Role.ADMINISTRATOR).order_by("pk").values_list("pk"))
    now = Account.objects.get(pk=me.pk)
    if not (now.is_active and now.may(Role.ADMINISTRATOR)):
        raise FormError(N_("only an administrator changes accounts"))
    return now


def _of(me: Account, account: Account) -> Account:
    """Return an account as it is in this transaction, if it is one of theirs. Raises FormError."""
    found = Account.objects.select_for_update().filter(pk=account.pk).first()
    if found is None or (me.site_id is not None and found.site_id != me.site_id):
        raise FormError(N_("there is no such account, or it is not for your workshop"))
    return found


def _put(me: Account, account: Account, wanted: Wanted) -> None:
    """Have an account be what is wanted; where it is for is theirs, unless they may say it."""
    account.role, account.is_active, account.member = wanted.role, wanted.is_active, wanted.member
    account.site_id = wanted.site if me.site_id is None else me.site_id


def _note(me: Account, what: str, account: Account) -> None:
    about = f"{account.username} {account.role}" + ("" if account.is_active else " closed")
    AuditRecord.objects.create(account=me.username, what=what, about=about[:300])
