"""The page behind the QR code at a machine: whoever stands there says what is wrong."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from common.errors import LoquetError
from common.texts import _, translate
from server.core.links import ids_of
from server.core.rendering import page, refused
from server.upkeep import records
from server.upkeep.forms import ReportForm
from server.upkeep.reporting import hold_to_note, notify
from server.whitelist.models import Machine


def report(request: HttpRequest, which: str = "") -> HttpResponse:
    """Take a defect from whoever stands at a machine: nobody has to log in to say that something is broken.

    It shows the machine's name, which stands on the machine, and nothing else.
    """
    (which,) = ids_of(request, which)
    found = Machine.objects.filter(pk=which, retired=False).select_related("device").first()
    if found is None:
        return refused(request, _("There is no such machine."), 404)
    wrong, is_noted = "", False
    if request.method == "POST":
        try:
            said = ReportForm.read(request)
            hold_to_note(said["note"])
            notify(found, records.reported_by_a_stranger(found.pk, note=said["note"], name=said["name"]))
            is_noted = True
        except LoquetError as error:
            wrong = translate(error)
    name = found.name or found.pk
    context = {"name": name, "wrong": wrong, "is_noted": is_noted, "said": request.POST}
    return page(request, "upkeep/report.html", 422 if wrong else 200, **context)
