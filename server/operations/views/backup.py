"""A backup, taken away in the browser."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

from django.http import FileResponse, HttpRequest, HttpResponseBase

from common.texts import N_
from server.accounts.models import Account, AuditRecord, Role
from server.core import configuration, forms
from server.core.forms import FormError
from server.operations import backup

OPENS_TO: Final = Role.ADMINISTRATOR


def download(request: HttpRequest) -> HttpResponseBase:
    """Return a backup: with that, one has left the machine. Raises FormError."""
    me = request.user
    assert isinstance(me, Account)  # noqa: S101 - pages are guarded
    if me.site_id is not None:
        raise FormError(N_("only whoever runs every workshop takes a backup: all of them are in it"))
    if not me.may(OPENS_TO):
        raise FormError(N_("only an administrator takes a backup: the keys are in it"))
    path = Path(configuration.in_force().data_dir) / f"download-{secrets.token_hex(4)}.backup"
    backup.write(configuration.in_force(), path)
    file = path.open("rb")
    path.unlink()
    backup.left()
    AuditRecord.objects.create(account=me.username, what="took_backup")
    return FileResponse(file, as_attachment=True, filename=f"loquet-{forms.today():%Y-%m-%d}.backup")
