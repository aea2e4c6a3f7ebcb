"""The page of letters: what waits, what went out, what could not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect

from common.errors import LoquetError
from common.texts import N_, _, translate
from server.accounts import scope
from server.accounts.guards import allowed, audit
from server.accounts.models import Role
from server.core import configuration, exports
from server.core.exports import Column, Kind, Table
from server.core.forms import FormError
from server.core.paging import page_of
from server.core.rendering import page, refused, say
from server.mail import post
from server.mail.forms import LetterForm
from server.mail.models import Letter

STEP: Final = 100


@allowed(Role.ADMINISTRATOR)
def letters(request: HttpRequest) -> HttpResponseBase:
    """Show the latest letters, or give all of them as a sheet; try one again; send one to see whether they arrive."""
    if scope.site_of(request) is not None:
        return refused(request, _("Letters are of every workshop; ask whoever runs them all."))
    wrong = ""
    if request.method == "POST":
        try:
            _do(request)
            return HttpResponseRedirect("/mail")
        except LoquetError as error:
            wrong = translate(error)
    audit(request, "looked_mail")
    if (file := exports.asked(request, _table)) is not None:
        return file
    found = page_of(request, Letter.objects.all(), "-pk", step=STEP)
    context: dict[str, Any] = {
        "letters": found.rows,
        "pages": found,
        "on": post.is_on(),
        "mail": configuration.in_force().mail,
        "tries": post.TRIES,
        "wrong": wrong,
    }
    return page(request, "mail/letters.html", 422 if wrong else 200, **context)


def _table() -> Table:
    moment = Kind.MOMENT
    columns = (
        Column(_("When"), moment), Column(_("To")), Column(_("About")), Column(_("sent"), moment),
        Column(_("next try"), moment), Column(_("Tries"), Kind.NUMBER), Column(_("How it went")),
    )  # fmt: skip

    def rows() -> Iterator[tuple[Any, ...]]:
        for each in Letter.objects.order_by("-pk").iterator(chunk_size=500):
            yield each.made, each.to, each.subject, each.sent, each.due, each.tries, each.error

    return Table("loquet-letters", _("Letters"), columns, rows)


def _do(request: HttpRequest) -> None:
    """Do what was asked. Raises FormError, MailError."""
    said = LetterForm.read(request)
    if said["do"] == "again":
        found = Letter.objects.filter(pk=said["letter"] or 0, sent=None).first()
        if found is None:
            raise FormError(N_("there is no such letter any more, or it went out"))
        post.again(found)
        say(request, _("it is tried again within half a minute"))
        return
    if not said["to"]:
        raise FormError(N_("say to which address"))
    name = configuration.in_force().server.name
    post.put(said["to"], _("{name}: does mail arrive?").format(name=name), _("It does.") + "\n")
    say(request, _("it goes out within half a minute; this page says how that went"))
