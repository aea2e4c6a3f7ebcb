"""The page of whoever was sent a link: they choose a password, or come by the provider. Opening it changes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from common.errors import LoquetError
from common.texts import N_, _, translate
from server.accounts import invitations, throttle
from server.accounts.forms import InvitationForm
from server.accounts.invitations import AGREED, COOKIE, COOKIE_S, PATH, State
from server.accounts.models import INVITED_FOR, Invitation
from server.accounts.single_sign_on import provider
from server.core.rendering import page
from server.core.views import locked_out

MOST_WORD: Final = 100
WHY: Final = {
    State.USED: N_("This link was used already: whoever did so chose a password. Log in with it."),
    State.TAKEN_BACK: N_("This link was taken back, most often because a newer one was made."),
    State.OVER: N_("This link is over: it was good for a week."),
    State.CLOSED: N_("The account that this link was for is closed."),
    State.UNKNOWN: N_("This is no link of ours, or not all of it. Open it again from where it was sent to you."),
}


def opened(_request: HttpRequest, word: str) -> HttpResponse:
    """Take the word out of the address, where a log or another page might read it."""
    response = HttpResponseRedirect(PATH)
    response.headers["Referrer-Policy"] = "no-referrer"
    _keep(response, COOKIE, word[:MOST_WORD])
    return response


def invitation(request: HttpRequest) -> HttpResponse:
    """Ask for a password, and log in whoever has the link; say kindly what has become of one that is good no more."""
    if throttle.is_full(request, PATH):
        return locked_out(request)
    word = request.get_signed_cookie(COOKIE, default="", max_age=COOKIE_S) or ""
    found = invitations.of(word)
    state = invitations.state(found)
    if found is None or state is not State.OPEN:
        if state is State.UNKNOWN and word:
            invitations.note_wrong(request, word)
        return page(request, "accounts/no_invitation.html", 410, why=_(WHY[state]))
    wrong = ""
    if request.method == "POST":
        try:
            return _accept(request, found, word)
        except LoquetError as error:
            wrong = translate(error)
    return _shown(request, found, wrong=wrong)


def _accept(request: HttpRequest, found: Invitation, word: str) -> HttpResponse:
    """Do what was chosen. Raises FormError."""
    said = InvitationForm.read(request)
    if said["do"] == "provider" and provider.is_on():
        response = _shown(request, found, goes_on=True)
        _keep(response, AGREED, word)
        return response
    account = invitations.accept(found, said["username"], said["password"])
    login(request, account, backend="django.contrib.auth.backends.ModelBackend")
    response = HttpResponseRedirect("/")
    response.delete_cookie(COOKIE, path=PATH)
    return response


def _shown(request: HttpRequest, found: Invitation, *, wrong: str = "", goes_on: bool = False) -> HttpResponse:
    return page(
        request,
        "accounts/invitation.html",
        422 if wrong else 200,
        wrong=wrong,
        goes_on=goes_on,
        username=request.POST.get("username", found.account.username)[:150],
        is_first=invitations.is_first(found.account),
        until=found.made + INVITED_FOR,
        provider=provider.settings().name if provider.is_on() else "",
    )


def _keep(response: HttpResponse, name: str, word: str) -> None:
    # Lax: a link in a letter is another site's, and a stricter cookie would not come back with what it leads to.
    response.set_signed_cookie(
        name, word, max_age=timedelta(seconds=COOKIE_S), secure=True, httponly=True, samesite="Lax", path=PATH
    )
