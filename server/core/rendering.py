"""How pages are made: Jinja2 templates in the reader's language, with what every page needs."""

from __future__ import annotations

import secrets
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol

from django.apps import apps
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.template.backends.utils import csrf_input
from django.utils import timezone
from django.utils.html import format_html
from django.utils.module_loading import import_string
from django.utils.safestring import mark_safe
from jinja2 import Environment, FileSystemLoader

from common.texts import _, language, ngettext
from server.core import clock, saying, state, statics
from server.core.avatars import avatar
from server.core.icons import drawing, icon
from server.core.links import link_to

# A state of a machine is a colour, an icon and a word: its icon.
SIGNS: Final = {
    "free": "circle-check",
    "use": "circle-play",
    "locked": "lock",
    "fault": "triangle-alert",
    "offline": "wifi-off",
}


SAYING: Final = ("money", "when", "clock_time", "day_said", "date_said", "on_day", "day_short", "long_day")


class Context(Protocol):
    """What an app gives every page: names and their values."""

    def __call__(self, request: HttpRequest) -> dict[str, Any]:
        """Return them for one request."""


def environment(**options: Any) -> Environment:  # noqa: ANN401 - Django's
    """Make Jinja2 with the house's texts, and the templates of every app."""
    ours = [each for each in apps.get_app_configs() if each.name.startswith("server.")]
    options["loader"] = FileSystemLoader([Path(each.path) / "templates" for each in ours])
    made = Environment(**options, trim_blocks=True, lstrip_blocks=True)  # noqa: S701 - Django asks for autoescape
    made.globals |= {"_": _, "ngettext": ngettext, "colon": colon, "link_to": link_to, "static": statics.address}
    made.globals |= {"icon": icon, "drawing": drawing, "avatar": avatar, "SIGNS": SIGNS}
    made.filters |= {"day": day, "moment": moment, "minutes": saying.duration, "hours": saying.hours, "ago": ago}
    made.filters |= {name: getattr(saying, name) for name in SAYING}
    made.globals["ui"] = made.get_template("core/parts.html").module
    return made


def page(request: HttpRequest, template: str, status: int = 200, **context: Any) -> HttpResponse:  # noqa: ANN401
    """Return a page, or the part of one that HTMX asked for. Raises ShadowedError."""
    shared = {name: value for context in _contexts() for name, value in context(request).items()}
    if shadowed := shared.keys() & context.keys():
        raise ShadowedError(template, sorted(shadowed))
    text = loader.render_to_string(template, {**shared, **context}, request)
    return HttpResponse(text, status=status)


class ShadowedError(TypeError):
    """A page gives one of its own things the name of one that every page has."""


@cache
def _contexts() -> tuple[Context, ...]:
    """Return what gives every page its names, as Django's settings list it."""
    return tuple(import_string(path) for path in settings.PAGE_CONTEXT)


def context(request: HttpRequest) -> dict[str, Any]:
    """Return the language, the path, and what the page before had to say."""
    speaks = request.session.session_key or "said" in request.session
    return {
        "language": language(),
        "other": "fr" if language() == "en" else "en",
        "path": request.path,
        "full_path": request.get_full_path(),
        "form_input": lambda: form_input(request),
        "version": getattr(request, "shown", 0),
        "told": request.session.pop("said", None) if speaks else None,
    }


def show_version(request: HttpRequest) -> None:
    """Have forms carry the version of the whitelist as it is now, before what they show is read."""
    request.shown = state.version()  # type: ignore[attr-defined]


def form_input(request: HttpRequest) -> str:
    """Return what every form carries: that it is ours, the version at which it was shown, and a word of its own."""
    fields = {"version": str(request.shown), "once": secrets.token_urlsafe(12)} if hasattr(request, "shown") else {}
    hidden = (format_html('<input type="hidden" name="{}" value="{}">', *each) for each in fields.items())
    return mark_safe("".join([csrf_input(request), *hidden]))  # noqa: S308 - each of them is


def refused(request: HttpRequest, why: str, status: int = 403) -> HttpResponse:
    """Return a page that says no, kindly, and where to go."""
    return page(request, "core/refused.html", status, why=why)


def say(request: HttpRequest, text: str, *, wrong: bool = False, undo: int | None = None) -> None:
    """Have the next page say something, once; undo: the edit that a button there takes back."""
    request.session["said"] = {"text": text, "wrong": wrong, "undo": undo}


def colon() -> str:
    """Write a colon and a space, as the language in use has it."""
    return "\u00a0: " if language() == "fr" else ": "


def day(value: date | None) -> str:
    """Write a day as people here do."""
    if value is None:
        return ""
    return value.strftime("%d/%m/%Y") if language() == "fr" else value.strftime("%-d %b %Y")


def moment(value: datetime | int | None) -> str:
    """Write a moment, in the workshop's own time."""
    if value is None:
        return "?"
    if isinstance(value, int):
        try:
            value = datetime.fromtimestamp(value / 1000, timezone.get_current_timezone())
        except (OverflowError, ValueError, OSError):
            return "?"
    local = clock.local(value)
    return f"{day(local)} {local:%H:%M}"


def ago(value: datetime | None) -> str:
    """Return how long ago something was."""
    if value is None:
        return _("never")
    seconds = max(0, int((clock.now() - value).total_seconds()))
    if seconds < 90:  # noqa: PLR2004 - people call that now
        return _("now")
    if seconds < 5_400:  # noqa: PLR2004 - an hour and a half
        return ngettext("{count} minute ago", "{count} minutes ago", seconds // 60).format(count=seconds // 60)
    if seconds < 129_600:  # noqa: PLR2004 - a day and a half
        hours = seconds // 3600
        return ngettext("{count} hour ago", "{count} hours ago", hours).format(count=hours)
    days = seconds // 86_400
    return ngettext("{count} day ago", "{count} days ago", days).format(count=days)
