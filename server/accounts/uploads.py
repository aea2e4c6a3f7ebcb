"""Who may send what is large: asked before a byte of it is read, by the session that comes with it."""

from __future__ import annotations

from importlib import import_module

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.db import connection
from django_otp import DEVICE_ID_SESSION_KEY, user_has_device

from server.accounts.models import Account, Role


async def may_upload(session: str) -> bool:
    """Return whether a session is of somebody who may import a sheet, second factor and all."""
    return await sync_to_async(_may_upload, thread_sensitive=False)(session)


def _may_upload(session: str) -> bool:
    try:
        kept = import_module(settings.SESSION_ENGINE).SessionStore(session)
        account = Account.objects.filter(pk=kept.get(SESSION_KEY) or 0, is_active=True).first()
        if account is None or not account.may(Role.FABMANAGER):
            return False
        return not user_has_device(account) or DEVICE_ID_SESSION_KEY in kept
    finally:
        connection.close()
