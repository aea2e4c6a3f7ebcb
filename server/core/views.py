"""What a page says when there is none, or when it will not do."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from common.texts import _, translate
from server.core import proxies
from server.core.forms import inside
from server.core.rendering import refused


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Return that there is no such page."""
    return refused(request, _("There is no such page."), 404)


def failed(request: HttpRequest) -> HttpResponse:
    """Return that the server failed, and where to look."""
    return refused(request, _("Something went wrong on the server, and nothing was changed; its log says what."), 500)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Return that a form came from elsewhere or was too old, or what the proxy does not pass of it.

    Whoever logs in in a second tab is logged in already: they are led on.
    """
    if request.path == settings.LOGIN_URL and request.user.is_authenticated:
        return HttpResponseRedirect(inside(request.POST.get("next", ""), "/"))
    if (trouble := proxies.form_trouble(request)) is not None:
        return refused(request, translate(trouble))
    return refused(request, _("This form was open for too long, or came from another page. Go back and try again."))


def locked_out(request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:  # noqa: ANN401 - axes's signature
    """Return that somebody tried too often."""
    return refused(request, _("Too many wrong passwords. Wait for a quarter of an hour, or ask an administrator."), 429)
