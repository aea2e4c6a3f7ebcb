"""The page Setup: the first visit's path; trainings, machines, opening hours, accounts, backups."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
from django.http import FileResponse, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django_otp import devices_for_user

from common.errors import LoquetError
from common.texts import N_, _, tell
from protocol.whitelist import Hours, Machine, Training
from server import backup, editing, models, tls
from server.configuration import Certificate
from server.django_settings import LOQUET
from server.models import Account, Role, Trace
from server.pages import asking
from server.pages.asking import FormError
from server.pages.rendering import page, say
from server.pages.safety import allowed

DAYS: Final = (
    N_("Monday"), N_("Tuesday"), N_("Wednesday"), N_("Thursday"), N_("Friday"), N_("Saturday"), N_("Sunday"),
)  # fmt: skip
DAY: Final = 1_440  # minutes
_SPAN: Final = re.compile(r"(\d{1,2})[:hH](\d{2})?\s*[-–]\s*(\d{1,2})[:hH](\d{2})?")


@allowed(Role.FABMANAGER)
def setup(request: HttpRequest) -> HttpResponseBase:
    """Lead through what a workshop needs, and tell what is done."""
    if request.method == "POST":
        return _answer(request, _do, "/setup")
    steps = [
        (_("Know the server by its certificate"), True, "#certificate"),
        (_("Enter the trainings"), models.Training.objects.filter(retired=False).exists(), "#trainings"),
        (
            _("Enrol a controller; it brings its machines"),
            models.Device.objects.filter(retired=False).exists(),
            "/devices",
        ),
        (_("Say what each machine asks for"), _all_ask(), "#machines"),
        (_("Enter the members, or import them"), models.Member.objects.exists(), "/import"),
        (_("Take a backup away from this machine"), not backup.is_overdue(), "#backup"),
    ]
    own = LOQUET.server.certificate is Certificate.OWN
    fingerprint = tls.fingerprint(LOQUET.data_dir / tls.FILE) if own else ""
    places: dict[str, Any] = {
        "steps": steps,
        "fingerprint": ":".join(fingerprint[i : i + 2] for i in range(0, len(fingerprint), 2)).upper(),
        "trainings": models.Training.objects.order_by("retired", "name", "id"),
        "machines": models.Machine.objects.select_related("device").order_by("retired", "name", "id"),
        "categories": _categories(),
        "days": [_(day) for day in DAYS],
        "accounts": models.Account.objects.order_by("username"),
        "roles": [(role.value, _(role.label)) for role in Role],
        "left": backup.days_since_left(),
        "made": backup.last_made(),
        "traces": Trace.objects.order_by("-pk")[:50],
        "secret": request.session.pop("secret", None),
    }
    return page(request, "setup.html", **places)


def _all_ask() -> bool:
    found = list(models.Machine.objects.filter(retired=False).values_list("requires", flat=True))
    return bool(found) and all(requires is not None for requires in found)


def _categories() -> list[tuple[str, list[str], bool]]:
    """Return each category's hours as text, a day a line; "" is everybody else."""
    known = dict(models.Category.objects.values_list("name", "open"))
    names = set(models.Member.objects.exclude(category="").values_list("category", flat=True).distinct()) | set(known)
    return [(name, _days(known.get(name)), known.get(name) is not None) for name in sorted(names | {""})]


def _days(spans: list[list[int]] | None) -> list[str]:
    found: list[list[str]] = [[] for _day in DAYS]
    for begin, end in spans or []:
        day = begin // DAY
        first, last = begin - day * DAY, end - day * DAY
        found[day].append(f"{first // 60:02d}:{first % 60:02d}-{last // 60:02d}:{last % 60:02d}")
    return [", ".join(each) for each in found]


def _answer(
    request: HttpRequest, work: Callable[[HttpRequest], HttpResponseBase | None], back: str
) -> HttpResponseBase:
    try:
        response = work(request)
    except LoquetError as error:
        say(request, tell(error), wrong=True)
        response = None
    anchor = request.POST.get("at", "")
    return response or HttpResponseRedirect(f"{back}#{anchor}" if anchor.isalpha() else back)


def _do(request: HttpRequest) -> HttpResponseBase | None:
    """Do what was asked. Raises FormError."""
    match request.POST.get("do"):
        case "training":
            _training(request)
        case "machine":
            _machine(request)
        case "hours":
            _hours(request)
        case "account":
            _account(request)
        case "backup":
            return _download(request)
        case _:
            raise FormError(N_("nothing was asked"))
    return None


def _training(request: HttpRequest) -> None:
    """Create, rename or retire a training."""
    who, name = asking.author(request), asking.text(request, "name", label=_("Name"))
    known = request.POST.get("id", "")
    if not known:
        if not name:
            raise FormError(N_("a training has a name"))
        known = asking.made_of(name, set(models.Training.objects.values_list("pk", flat=True)))
    elif not models.Training.objects.filter(pk=known).exists():
        raise FormError(N_("there is no such training any more"))
    retired = bool(request.POST.get("retired"))
    if retired and any(
        known in (requires or ()) for requires in models.Machine.objects.values_list("requires", flat=True)
    ):
        raise FormError(N_("machines ask for this training; take it off them first"))
    edit = editing.carry_out(who, "training_changed", [Training(known, name)], about={"training": name or known})
    models.Training.objects.filter(pk=known).update(retired=retired)
    say(request, _("saved"), undo=edit.pk if edit else None)


def _machine(request: HttpRequest) -> None:
    """Report what a machine asks for; retire it."""
    row = asking.row(f"machine/{request.POST.get('id', '')}")
    if not isinstance(row, Machine):
        raise FormError(N_("there is no such machine any more"))
    requires, nothing = asking.chosen(request, "requires"), bool(request.POST.get("nothing"))
    if bool(requires) is nothing:
        raise FormError(N_("tick the trainings that the machine asks for, or that it asks for none"))
    if set(requires) - set(models.Training.objects.values_list("pk", flat=True)):
        raise FormError(N_("there is no such training any more"))
    minutes = asking.number(request, "longest", 1, 10_080, _("Longest session, in minutes"))
    changed = msgspec.structs.replace(
        row,
        name=asking.text(request, "name", label=_("Name")),
        requires=tuple(sorted(requires)),
        longest=None if minutes is None else minutes * 60,
        supervised=bool(request.POST.get("supervised")),
        buddy=bool(request.POST.get("buddy")),
    )
    who = asking.author(request)
    edit = editing.carry_out(who, "machine_changed", [changed], about={"machine": changed.name or row.id}, seen=[row])
    models.Machine.objects.filter(pk=row.id).update(retired=bool(request.POST.get("retired")))
    editing.give_anew(row.id)
    editing.touch()
    say(request, _("saved"), undo=edit.pk if edit else None)


def _hours(request: HttpRequest) -> None:
    """Report when a category may start."""
    category = asking.text(request, "category")
    who = asking.author(request)
    models.Category.objects.get_or_create(name=category)
    if request.POST.get("always"):
        edit = editing.carry_out(who, "hours", drop=[f"hours/{category}"])
    else:
        spans = tuple(span for day in range(7) for span in read_spans(str(request.POST.get(f"day{day}", "")), day))
        edit = editing.carry_out(who, "hours", [Hours(category, spans)])
    say(request, _("saved"), undo=edit.pk if edit else None)


def read_spans(said: str, day: int) -> list[tuple[int, int]]:
    """Read the hours of a day, as "9:00-12:00, 14h-18h30". Raises FormError."""
    found = []
    for part in re.split(r"[,;]", said[:200]):
        if not part.strip():
            continue
        match = _SPAN.fullmatch(part.strip())
        begin = int(match[1]) * 60 + int(match[2] or 0) if match else -1
        end = int(match[3]) * 60 + int(match[4] or 0) if match else -1
        if not 0 <= begin < end <= DAY or (match and (int(match[2] or 0) > 59 or int(match[4] or 0) > 59)):  # noqa: PLR2004
            raise FormError(
                N_('{day}: "{said}" are no hours; write 9:00-12:00, 14:00-18:30'), day=_(DAYS[day]), said=part.strip()
            )
        found.append((day * DAY + begin, day * DAY + end))
    return found


def _account(request: HttpRequest) -> None:
    """Create or change an account; only an administrator may."""
    me = request.user
    assert isinstance(me, Account)  # noqa: S101 - pages are guarded
    if not me.may(Role.ADMINISTRATOR):
        raise FormError(N_("only an administrator changes accounts"))
    username = asking.text(request, "username", 150, label=_("Name"))
    role = request.POST.get("role", "")
    if not username or role not in Role.values:
        raise FormError(N_("an account has a name and a role"))
    said = request.POST.get("member", "").strip()
    member = asking.member(request).pk if said not in {"", "-"} else ""
    account, made = Account.objects.get_or_create(username=username)
    if account.pk == me.pk and role != Role.ADMINISTRATOR:
        raise FormError(N_("you cannot take your own role away; another administrator can"))
    account.role, account.is_active = role, not request.POST.get("closed")
    account.member = "" if said == "-" else member or account.member
    if account.pk == me.pk:
        account.is_active = True
    if made or request.POST.get("password"):
        word = secrets.token_urlsafe(9)
        account.set_password(word)
        request.session["secret"] = {"username": username, "word": word}
        for device in devices_for_user(account, confirmed=None) if request.POST.get("password") else ():
            device.delete()
    account.save()
    Trace.objects.create(account=me.username, what="account", about=f"{username} {role}"[:300])
    say(request, _("saved"))


def _download(request: HttpRequest) -> HttpResponseBase:
    """Return a backup: with that, one has left the machine. Raises FormError."""
    me = request.user
    assert isinstance(me, Account)  # noqa: S101 - pages are guarded
    if not me.may(Role.ADMINISTRATOR):
        raise FormError(N_("only an administrator takes a backup: the keys are in it"))
    path = Path(LOQUET.data_dir) / f"download-{secrets.token_hex(4)}.backup"
    backup.write(LOQUET, path)
    file = path.open("rb")
    path.unlink()
    backup.left()
    Trace.objects.create(account=me.username, what="took_backup")
    return FileResponse(file, as_attachment=True, filename=f"loquet-{asking.today():%Y-%m-%d}.backup")
