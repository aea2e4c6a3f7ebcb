"""Which path is which page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

from common.texts import _
from server.pages import (
    accounts,
    badges,
    devices,
    explain,
    imports,
    inbox,
    people,
    safety,
    setup,
    usage,
    whitelist,
    workshop,
)

urlpatterns = [
    path("", accounts.home),
    path("login", accounts.log_in),
    path("logout", accounts.log_out),
    path("second", accounts.second),
    path("account", accounts.mine),
    path("language", accounts.speak),
    path("first/<str:word>", accounts.begin),
    path("whitelist", whitelist.whitelist),
    path("whitelist/class", whitelist.class_),
    path("whitelist/cell/<str:member>/<str:training>", whitelist.cell),
    path("members/new", people.new),
    path("members/options", people.options),
    path("members/<str:who>", people.member),
    path("me", people.me),
    path("history", people.edits),
    path("history/<int:number>/undo", people.undo),
    path("badges", badges.badges),
    path("workshop", workshop.workshop),
    path("devices", devices.overview),
    path("devices/<str:device>/settings", devices.settings),
    path("explain", explain.why),
    path("import", imports.imports),
    path("import/<str:token>", imports.preview),
    path("usage", usage.usage),
    path("inbox", inbox.notices),
    path("setup", setup.setup),
]


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Return that there is no such page."""
    return safety.refused(request, _("There is no such page."), 404)


def failed(request: HttpRequest) -> HttpResponse:
    """Return that the server failed, and where to look."""
    return safety.refused(
        request, _("Something went wrong on the server, and nothing was changed; its log says what."), 500
    )


handler404 = not_found
handler500 = failed
