"""The page By stick: what controllers without a line have sent and were told; their files read, and written."""

from __future__ import annotations

import tempfile
from typing import Any, BinaryIO, Final, cast

import msgspec
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase

from common.errors import LoquetError
from common.texts import N_, _
from server.accounts import scope
from server.accounts.guards import allowed, audit
from server.accounts.models import Role
from server.core import configuration, keys, room, state
from server.core.forms import FormError
from server.core.rendering import page, refused
from server.core.sorting import by_name
from server.devices.models import Device
from server.sticks import reading, writing
from server.whitelist.undelivered import undelivered

IN_MEMORY: Final = 5_000_000  # bytes of a file that is being written


class Shown(msgspec.Struct, frozen=True):
    """A controller as the page shows it.

    waits, behind: how many revocations, and how many changes at all, it does not know of as far as it was heard; since:
    how many came after what was last written for it.
    """

    device: Device
    waits: int
    behind: int
    since: int


@allowed(Role.FABMANAGER)
def by_stick(request: HttpRequest) -> HttpResponse:
    """Show who was told what when; read the files that were brought."""
    came: list[reading.Came] = []
    wrong: list[str] = []
    if request.method == "POST":
        came, wrong = _read(request)
    late = {each.device: each.count for each in undelivered()}
    version = state.version()
    found = by_name(scope.within(request, Device.objects.filter(retired=False)))
    sites = [
        Shown(each, late.get(each.pk, 0), max(0, version - each.holds), max(0, version - each.stick_version))
        for each in found
    ]
    context: dict[str, Any] = {"came": came, "wrongs": wrong, "sites": sites}
    return page(request, "sticks/sticks.html", 422 if wrong and not came else 200, **context)


def _read(request: HttpRequest) -> tuple[list[reading.Came], list[str]]:
    """Take each file that was chosen; return what came, and what is wrong."""
    came: list[reading.Came] = []
    wrong: list[str] = []
    files = request.FILES.getlist("files")
    if not files:
        return [], [_("choose a file first: it lies on the stick, in the folder loquet")]
    here = configuration.in_force().data_dir
    mine = keys.load(here)
    for file in files:
        name = str(file.name)[:100]
        try:
            if room.is_short(here):
                raise FormError(N_("this server's disk is almost full: nothing was taken"))
            one = reading.read(cast("BinaryIO", file.file), mine, seen=lambda device: _is_theirs(request, device))
            audit(request, "stick_read", one.device.pk)
            came.append(one)
        except (LoquetError, OSError) as error:
            wrong.append(f"{name}: {reading.problem(error)}")
    return came, wrong


def _is_theirs(request: HttpRequest, device: Device) -> bool:
    return scope.within(request, Device.objects.filter(pk=device.pk)).exists()


@allowed(Role.FABMANAGER)
def answer(request: HttpRequest, device: str) -> HttpResponseBase:
    """Write the file for a controller."""
    found = scope.within(request, Device.objects.filter(pk=device, retired=False)).first()
    if found is None:
        return refused(request, _("There is no such controller any more."), 404)
    file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed with the answer
    version = writing.write(found, keys.load(configuration.in_force().data_dir), cast("BinaryIO", file))
    writing.told(found, version)
    audit(request, "stick_written", found.pk)
    file.seek(0)
    return FileResponse(
        file, as_attachment=True, filename=writing.name_of(found), content_type="application/octet-stream"
    )
