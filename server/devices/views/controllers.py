"""The page Controllers: what is wrong first; a code for a new one, or for one that takes another's place."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import msgspec
import segno
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect

from common.errors import LoquetError
from common.texts import N_, NP_, _, ngettext, sentence, translate
from server.accounts import scope
from server.accounts.guards import allowed
from server.accounts.models import AuditRecord, Role
from server.core import clock, configuration, exports, keys, state
from server.core.exports import Column, Kind, Table
from server.core.forms import FormError
from server.core.rendering import page, refused, say
from server.core.sorting import by_name
from server.devices import enrolment, trust
from server.devices.forms import CodeForm
from server.devices.models import Device
from server.devices.reports import SILENT
from server.edits import editing
from server.edits.authors import Author
from server.sites.models import Site
from server.whitelist.models import Machine
from server.whitelist.undelivered import Undelivered, undelivered

CLOCKS: Final = {
    "synchronised": N_("synchronised"),
    "kept": N_("kept by a battery"),
    "restored": N_("restored from the last time that was saved"),
    "unknown": N_("nobody knows whether it is right"),
}
HOT: Final = 75.0  # degrees Celsius
LOW: Final = 100_000_000  # bytes
BACKLOG: Final = 1_000
TAKEN_BACK: Final = NP_(
    "{count} edit that {name} made in the last day is taken back.",
    "{count} edits that {name} made in the last day are taken back.",
)
NOT_BACK: Final = NP_(
    "{count} could not be: somebody has changed the same since.",
    "{count} could not be: somebody has changed the same since.",
)
OLD: Final = timedelta(days=1)


class Shown(msgspec.Struct, frozen=True):
    """A controller as the page shows it; wrong: sentences, the worst first."""

    device: Device
    machines: tuple[str, ...]
    wrong: tuple[str, ...]
    clock: str
    report: dict[str, Any]
    missing: int


def devices(request: HttpRequest) -> list[Shown]:
    """Return every controller that whoever asks may see, those in trouble first."""
    late = {each.device: each for each in undelivered()}
    version = int(state.get(state.VERSION, "0"))
    found = scope.within(request, Device.objects.filter(retired=False)).prefetch_related("machines")
    shown = [_shown(each, late.get(each.pk), version) for each in by_name(found)]
    return sorted(shown, key=lambda each: -len(each.wrong))


def _shown(device: Device, late: Undelivered | None, version: int) -> Shown:
    report = device.report or {}
    wrong = []
    if device.seen is None:
        wrong.append(_("It has never been heard of since it was enrolled."))
    elif clock.now() - device.seen > SILENT:
        wrong.append(_("It is silent; it goes on by what it knows."))
    if late is not None:
        wrong.append(
            ngettext(
                "{count} revocation has not arrived: it still opens for that person.",
                "{count} revocations have not arrived: it still opens for them.",
                late.count,
            ).format(count=late.count)
        )
    if device.is_held:
        wrong.append(_("It excluded or blocked too many people at once: what it says of others waits for you."))
    wrong += _wrong_in(report)
    machines = tuple(machine.name or machine.pk for machine in by_name(device.machines.all()))
    missing = max(0, version - device.holds)
    return Shown(device, machines, tuple(wrong), _(CLOCKS.get(report.get("clock", ""), "?")), report, missing)


def _wrong_in(report: dict[str, Any]) -> list[str]:
    """Say what is wrong of what a controller says of itself."""
    wrong = []
    if report.get("storage", "ok") != "ok":
        wrong.append(_("It cannot write to its disk: {why}").format(why=report["storage"]))
    if report.get("trouble"):
        wrong.append(_("It cannot take up the whitelist that it is sent: {why}").format(why=report["trouble"]))
    free = report.get("free")
    if isinstance(free, int) and free < LOW:
        wrong.append(_("Its disk is almost full: {free} MB are free.").format(free=free // 1_000_000))
    if report.get("under_voltage"):
        wrong.append(_("Its power supply is too weak; the disk may suffer by it."))
    temperature = report.get("temperature")
    if isinstance(temperature, float | int) and temperature > HOT:
        wrong.append(_("It is hot: {degrees} °C.").format(degrees=round(temperature)))
    if report.get("clock") == "unknown":
        wrong.append(_("Its clock was never set: opening hours are not applied there."))
    if report.get("backlog", 0) > BACKLOG:
        wrong.append(_("{count} entries wait there to be sent.").format(count=report["backlog"]))
    wrong += [
        _("The reader of {machine} does not answer.").format(machine=each["machine"])
        for each in report.get("stations", ())
        if each.get("reader") is False
    ]
    wrong += [
        _("The relay or plug of {machine} does not answer.").format(machine=each["machine"])
        for each in report.get("stations", ())
        if each.get("answers") is False
    ]
    return wrong


@allowed(Role.FABMANAGER)
def overview(request: HttpRequest) -> HttpResponseBase:
    """Show every controller, or give them as a sheet; make a code."""
    if (file := exports.asked(request, lambda: _table(devices(request)))) is not None:
        return file
    code, drawn, wrong = None, "", ""
    sites = list(scope.within(request, Site.objects.order_by("id"), "pk"))
    if request.method == "POST":
        try:
            said = CodeForm.read(request)
            seen = scope.within(request, Device.objects.filter(retired=False))
            old = seen.filter(pk=said["device"]).first()
            if said["do"] != "code":
                _decide(request, said["do"], old)
                return HttpResponseRedirect("/devices")
            # As this browser found the server: a controller in the same network finds it so too.
            address = request.get_host()
            here = [each.pk for each in sites if each.pk == said["site"]] or [sites[0].pk]
            mine = keys.load(configuration.in_force().data_dir)
            code = str(enrolment.make_code(mine, address, said["name"], old, here[0]))
            drawn = segno.make(code, error="m").svg_data_uri(scale=5, border=3, light="white")
            AuditRecord.objects.create(
                account=request.user.get_username(), what="made_code", about=old.pk if old else ""
            )
        except LoquetError as error:
            wrong = translate(error)
    part = request.headers.get("HX-Target") == "controllers"
    context: dict[str, Any] = {"devices": devices(request), "sites": sites, "code": code}
    context |= {"drawn": drawn, "wrong": wrong}
    return page(
        request,
        "devices/controllers_list.html" if part else "devices/controllers.html",
        422 if wrong else 200,
        **context,
    )


def _table(found: list[Shown]) -> Table:
    columns = (
        Column(_("Name")), Column(_("Machines")), Column(_("Workshop")), Column(_("Last heard of"), Kind.MOMENT),
        Column(_("Version")), Column(_("Clock")), Column(_("What is wrong")),
    )  # fmt: skip

    def rows() -> Iterator[tuple[Any, ...]]:
        for each in found:
            version = str(each.report.get("version", ""))
            of = each.device
            yield (
                of.name or of.pk,
                ", ".join(each.machines),
                of.site_id,
                of.seen,
                version,
                each.clock,
                " ".join(each.wrong),
            )

    return Table("loquet-controllers", _("Controllers"), columns, rows)


def _decide(request: HttpRequest, what: str, device: Device | None) -> None:
    """Do what was asked of a controller. Raises FormError."""
    if device is None:
        raise FormError(N_("there is no such controller any more"))
    name = device.name or device.pk
    match what:
        case "retire":
            _retire(request, device)
        case "trust":
            trust.trust(device)
            say(request, _("{name} is believed again; what it proposed waits on the page Import").format(name=name))
        case "take_back":
            back, left = trust.take_back(Author.of(request), device)
            said = sentence(TAKEN_BACK, count=back, name=name)
            say(request, f"{said} {sentence(NOT_BACK, count=left)}" if left else said)
    AuditRecord.objects.create(account=request.user.get_username(), what=f"device_{what}", about=device.pk)


def _retire(request: HttpRequest, device: Device) -> None:
    Device.objects.filter(pk=device.pk).update(retired=True)
    Machine.objects.filter(device=device).update(device=None, state=None)
    editing.touch()
    say(request, _("{name} is no longer listened to; what it sent stays").format(name=device.name or device.pk))


@allowed(Role.FABMANAGER)
def settings(request: HttpRequest, device: str) -> HttpResponse:
    """Return a controller's settings file, for a new card."""
    found = scope.within(request, Device.objects.filter(pk=device)).first()
    if found is None:
        return refused(request, _("There is no such controller any more."), 404)
    response = HttpResponse(found.settings, content_type="application/toml; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="controller.toml"'
    return response
