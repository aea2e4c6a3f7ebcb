"""How pages are made: Jinja2 templates in the reader's language, with what every page needs."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.utils import timezone
from jinja2 import Environment, FileSystemLoader

from common.texts import _, language
from server import backup
from server.models import Account, Notice, Role

TEMPLATES: Final = Path(__file__).parent / "templates"


def environment(**options: Any) -> Environment:  # noqa: ANN401 - Django's
    """Make Jinja2 with the house's texts."""
    options["loader"] = FileSystemLoader(TEMPLATES)
    made = Environment(**options, trim_blocks=True, lstrip_blocks=True)  # noqa: S701 - Django asks for autoescape
    made.globals |= {"_": _, "Role": Role, "colon": colon}
    made.filters |= {"day": day, "moment": moment, "minutes": minutes, "ago": ago}
    return made


def page(request: HttpRequest, template: str, status: int = 200, **places: Any) -> HttpResponse:  # noqa: ANN401
    """Return a page, or the part of one that HTMX asked for. Raises ShadowedError."""
    account = request.user if request.user.is_authenticated else None
    shared = {
        "language": language(),
        "other": "fr" if language() == "en" else "en",
        "account": account,
        "path": request.path,
        "full_path": request.get_full_path(),
        "inbox_count": _inbox_count(account),
        "overdue": _overdue(account),
        "told": request.session.pop("said", None) if request.session.session_key or "said" in request.session else None,
    }
    if shadowed := shared.keys() & places.keys():
        raise ShadowedError(template, sorted(shadowed))
    text = loader.render_to_string(template, {**shared, **places}, request)
    return HttpResponse(text, status=status)


class ShadowedError(TypeError):
    """A page gives one of its own things the name of one that every page has."""


def _inbox_count(account: Any) -> int:  # noqa: ANN401
    if isinstance(account, Account) and account.may(Role.FABMANAGER):
        return Notice.objects.filter(done=None).count()
    return 0


def _overdue(account: Any) -> bool:  # noqa: ANN401
    return isinstance(account, Account) and account.may(Role.FABMANAGER) and backup.is_overdue()


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
    local = timezone.localtime(value)
    return f"{day(local)} {local:%H:%M}"


def minutes(milliseconds: int | None) -> str:
    """Write a duration as hours and minutes."""
    whole = round((milliseconds or 0) / 60_000)
    return f"{whole // 60}:{whole % 60:02d}"


def ago(value: datetime | None) -> str:
    """Return how long ago something was."""
    if value is None:
        return _("never")
    seconds = max(0, int((timezone.now() - value).total_seconds()))
    if seconds < 90:  # noqa: PLR2004 - people call that now
        return _("now")
    if seconds < 5_400:  # noqa: PLR2004 - an hour and a half
        return _("{count} minutes ago").format(count=seconds // 60)
    if seconds < 129_600:  # noqa: PLR2004 - a day and a half
        return _("{count} hours ago").format(count=seconds // 3600)
    return _("{count} days ago").format(count=seconds // 86_400)
