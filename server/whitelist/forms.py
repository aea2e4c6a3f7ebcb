"""What the whitelist's forms say."""

from __future__ import annotations

from django.http import HttpRequest

from common.texts import N_
from protocol.whitelist import Level
from server.core.forms import FormError


def level(request: HttpRequest, name: str = "level") -> Level:
    """Read a level. Raises FormError."""
    said = str(request.POST.get(name, "user"))
    try:
        return Level[said.upper()]
    except KeyError as error:
        raise FormError(N_("{said} is no level"), said=said) from error
