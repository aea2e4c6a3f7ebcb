"""A form that is sent twice does its work once: a double click, a page loaded again, a telephone that lost its line."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect

from common.texts import _
from server.core.forms import inside
from server.core.models import LONGEST, SentForm
from server.core.rendering import say

FIELD: Final = "once"
WAIT_S: Final = 3.0  # for what the first of two is still doing
STEP_S: Final = 0.05
_WORD: Final = re.compile(r"[A-Za-z0-9_-]{16}")


def sent_before(request: HttpRequest) -> HttpResponse | None:
    """Return where a form led that was sent already; None for one that was not, which counts as sent from now on."""
    said = request.POST.get(FIELD, "")
    if not _WORD.fullmatch(said):
        return None
    _form, made = SentForm.objects.get_or_create(word=said)
    if made:
        return None
    say(request, _("This form had been sent already; this is what became of it."))
    before = urlsplit(request.headers.get("Referer", ""))
    to = _led_to(said) or inside(f"{before.path}?{before.query}" if before.query else before.path, "/")
    if request.headers.get("HX-Request"):
        response = HttpResponse(status=204)
        response.headers["HX-Redirect"] = to
        return response
    return HttpResponseRedirect(to)


def answered(request: HttpRequest, response: HttpResponseBase) -> None:
    """Keep where a form led; one that was refused may be sent again."""
    said = request.POST.get(FIELD, "")
    if not _WORD.fullmatch(said):
        return
    mine = SentForm.objects.filter(word=said)
    if response.status_code >= 400:  # noqa: PLR2004 - refused
        mine.delete()
    elif to := response.headers.get("Location") or response.headers.get("HX-Redirect"):
        mine.update(location=to[:LONGEST])


@contextlib.contextmanager
def forgotten_if_it_fails(request: HttpRequest) -> Iterator[None]:
    """Have a form whose work failed be one that was not sent."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(DatabaseError):
            SentForm.objects.filter(word=request.POST.get(FIELD, "")).delete()
        raise


def _led_to(said: str) -> str:
    """Wait for what the first of two is doing, and return where it led; "" where that is not known."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        found = SentForm.objects.filter(word=said).values_list("location", flat=True).first()
        if found or found is None:
            return found or ""
        time.sleep(STEP_S)
    return ""
