"""The page Whitelist: members by trainings; grant, extend, revoke, a whole class; what has not arrived yet."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

import msgspec
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from common.errors import LoquetError
from common.texts import N_, _, tell
from protocol.sentences import LEVELS
from protocol.whitelist import AnyRow, Certification, Cut, Level, Member
from server import arrivals, editing, models, rows
from server.models import Role
from server.pages import asking
from server.pages.asking import FormError
from server.pages.rendering import day, page, say
from server.pages.safety import allowed, looked

STEP: Final = 40
SOON: Final = 30  # days before its end a certification is marked
SHOWN: Final = {
    "active": N_("Members now"),
    "all": N_("Everybody"),
    "over": N_("Membership over"),
    "excluded": N_("Excluded"),
}


class Column(msgspec.Struct, frozen=True):
    """A training, and the machines that it opens."""

    id: str
    name: str
    machines: tuple[str, ...]


class Cell(msgspec.Struct, frozen=True):
    """One member's certification for one training, as it is shown; state: none, held, soon, over, later."""

    member: str
    name: str
    training: Column
    held: Certification | None
    state: str
    late: bool = False
    may: bool = True

    @property
    def path(self) -> str:
        """The end of its address."""
        return f"{quote(self.member, safe='')}/{quote(self.training.id, safe='')}"

    @property
    def mark(self) -> str:
        """The sign in the cell; words go with it for those who do not see it."""
        if self.held is None:
            return ""
        return {Level.SUPERVISED: "S", Level.USER: "✓", Level.TRAINER: "T", Level.MAINTAINER: "M"}[self.held.level]

    @property
    def label(self) -> str:
        """The whole cell in words."""
        if self.held is None:
            return _("{name}, {training}: not certified").format(name=self.name, training=self.training.name)
        said = {
            "held": N_("{name}, {training}: {level}"),
            "soon": N_("{name}, {training}: {level}, ends soon"),
            "over": N_("{name}, {training}: {level}, is over"),
            "later": N_("{name}, {training}: {level}, begins later"),
        }[self.state]
        words = _(said).format(name=self.name, training=self.training.name, level=_(LEVELS[self.held.level.word]))
        return f"{words}, {_('until {day}').format(day=day(self.held.until))}" if self.held.until else words


def columns(only: str = "") -> list[Column]:
    """Return the trainings that are offered, each with what it opens."""
    opens: dict[str, list[str]] = {}
    machines = models.Machine.objects.filter(retired=False).order_by("name", "id")
    for machine, name, requires in machines.values_list("pk", "name", "requires"):
        for training in requires or ():
            opens.setdefault(training, []).append(name or machine)
    held = models.Certification.objects.values("training")
    found = models.Training.objects.filter(Q(retired=False) | Q(pk__in=held)).order_by("name", "id")
    return [
        Column(each.pk, each.name or each.pk, tuple(opens.get(each.pk, ())))
        for each in found
        if not only or each.pk == only
    ]


def _state(held: Certification | None) -> str:
    today = asking.today()
    if held is None:
        return "none"
    if held.until is not None and held.until < today:
        return "over"
    if held.since is not None and held.since > today:
        return "later"
    return "soon" if held.until is not None and (held.until - today).days < SOON else "held"


def _found(request: HttpRequest) -> QuerySet[models.Member]:
    """Return the members that the filters let through, in order."""
    found = models.Member.objects.order_by("name", "id")
    said = request.GET.get("q", "").strip()[:100]
    for word in said.split()[:5]:
        found = found.filter(Q(name__icontains=word) | Q(id__icontains=word))
    today = asking.today()
    match request.GET.get("show", "active"):
        case "active":
            found = found.filter(Q(until=None) | Q(until__gte=today), excluded=False)
        case "over":
            found = found.filter(until__lt=today)
        case "excluded":
            found = found.filter(excluded=True)
    category = request.GET.get("category", "")
    if category:
        found = found.filter(category=category)
    training = request.GET.get("training", "")
    holds = models.Certification.objects.filter(training=training).values("member")
    if training and request.GET.get("has") == "yes":
        found = found.filter(id__in=holds)
    elif training and request.GET.get("has") == "no":
        found = found.exclude(id__in=holds)
    return found


@allowed(Role.TRAINER)
def whitelist(request: HttpRequest) -> HttpResponse:
    """Show the grid, or the next rows of it."""
    try:
        start = max(0, min(int(request.GET.get("from", "0") or 0), 10_000_000))
    except ValueError:
        start = 0
    found = _found(request)
    trainings = columns(request.GET.get("training", ""))
    members = list(found[start : start + STEP + 1])
    more = len(members) > STEP
    members = members[:STEP]
    late = arrivals.late()
    places: dict[str, Any] = {
        "rows": _rows(request, members, trainings, late),
        "columns": trainings,
        "next": _next(request, start + STEP) if more else "",
        "start": start,
    }
    looked(request, "looked_whitelist", request.GET.get("q", ""))
    if request.headers.get("HX-Request") and start:
        return page(request, "whitelist_rows.html", **places)
    places |= {
        "count": found.count(),
        "late": late,
        "all_columns": columns(),
        "categories": _categories(),
        "shown": SHOWN,
        "levels": _levels(request),
        "asked": request.GET,
    }
    part = request.headers.get("HX-Target") == "grid"
    return page(request, "whitelist_grid.html" if part else "whitelist.html", **places)


def _categories() -> list[str]:
    return list(
        models.Member.objects.exclude(category="").values_list("category", flat=True).distinct().order_by("category")
    )


def _next(request: HttpRequest, start: int) -> str:
    query = request.GET.copy()
    query["from"] = str(start)
    return f"/whitelist?{query.urlencode()}"


def _rows(
    request: HttpRequest, members: list[models.Member], trainings: list[Column], late: list[arrivals.Late]
) -> list[tuple[models.Member, list[Cell]]]:
    names = [member.pk for member in members]
    held = {(row.member, row.training): rows.of(row) for row in models.Certification.objects.filter(member__in=names)}
    silent = {key for each in late for _whom, key in each.what}
    teaches = teaches_of(request)
    made = []
    for member in members:
        cells = []
        for training in trainings:
            row = held.get((member.pk, training.id))
            row = row if isinstance(row, Certification) else None
            may = teaches is None or training.id in teaches
            name = member.name or member.pk
            cells.append(
                Cell(
                    member.pk,
                    name,
                    training,
                    row,
                    _state(row),
                    f"certification/{member.pk}/{training.id}" in silent,
                    may,
                )
            )
        made.append((member, cells))
    return made


def teaches_of(request: HttpRequest) -> set[str] | None:
    """Name the trainings that an account may give; None for every one."""
    account = request.user
    assert isinstance(account, models.Account)  # noqa: S101 - pages are guarded
    if account.may(Role.FABMANAGER):
        return None
    me = asking.row(f"member/{account.member}") if account.member else None
    if not isinstance(me, Member) or me.excluded or (me.until is not None and me.until < asking.today()):
        return set()
    mine = models.Certification.objects.filter(member=account.member, level__gte=int(Level.TRAINER))
    return {row.training for row in mine if _state(rows.of(row)) in {"held", "soon"}}  # type: ignore[arg-type]


def _levels(request: HttpRequest) -> list[tuple[str, str]]:
    most = Level.MAINTAINER if teaches_of(request) is None else Level.USER
    return [(each.word, _(LEVELS[each.word])) for each in Level if each <= most]


def _may_give(request: HttpRequest, training: str, given: Level) -> None:
    """Hold a trainer to what trainers may. Raises FormError."""
    teaches = teaches_of(request)
    if teaches is not None and (training not in teaches or given > Level.USER):
        raise FormError(N_("you may give the trainings that you teach, up to the level of a user"))


@allowed(Role.TRAINER)
def cell(request: HttpRequest, member: str, training: str) -> HttpResponse:
    """Show what may be done with one cell; or do it."""
    found = models.Member.objects.filter(pk=member).first()
    column = next((each for each in columns() if each.id == training), None)
    if found is None or column is None:
        return page(request, "refused.html", 404, why=_("There is no such member or training any more."))
    wrong = ""
    edit: models.Edit | None = None
    if request.method == "POST":
        try:
            edit = _do(request, found, column)
        except LoquetError as error:
            wrong = tell(error)
    row = asking.row(f"certification/{member}/{training}")
    held = row if isinstance(row, Certification) else None
    name = found.name or found.pk
    shown = Cell(member, name, column, held, _state(held), may=_may(request, training))
    places: dict[str, Any] = {
        "cell": shown,
        "levels": _levels(request),
        "wrong": wrong,
        "edit": edit,
        "next_year": asking.year_from(held.until if held else None),
    }
    part = bool(request.headers.get("HX-Request"))
    if request.method == "POST" and not wrong:
        return page(request, "whitelist_cell.html", **places) if part else HttpResponseRedirect("/whitelist")
    looked(request, "looked_certification", f"{member}/{training}")
    template = "whitelist_cell_editor.html" if part else "whitelist_cell_page.html"
    return page(request, template, 422 if wrong else 200, **places)


def _may(request: HttpRequest, training: str) -> bool:
    teaches = teaches_of(request)
    return teaches is None or training in teaches


def _do(request: HttpRequest, member: models.Member, training: Column) -> models.Edit | None:
    """Carry out what was asked of a cell. Raises FormError."""
    row = asking.row(f"certification/{member.pk}/{training.id}")
    held = row if isinstance(row, Certification) else None
    about = {"name": member.name or member.pk, "training": training.name}
    who = asking.author(request)
    match request.POST.get("do"):
        case "grant":
            given = asking.level(request)
            _may_give(request, training.id, max(given, held.level if held else given))
            made = Certification(
                member.pk, training.id, given, asking.day(request, "since"), asking.day(request, "until")
            )
            if made.since and made.until and made.since > made.until:
                raise FormError(N_("it would end before it begins"))
            what = "changed_certification" if held else "granted"
            return editing.carry_out(who, what, [made], _cuts_of(member.pk, training.id), about=about)
        case "extend":
            if held is None or held.until is None:
                raise FormError(N_("there is nothing to extend: it has no end"))
            _may_give(request, training.id, held.level)
            later = msgspec.structs.replace(held, until=asking.year_from(held.until))
            return editing.carry_out(who, "extended", [later], about=about)
        case "revoke" | "revoke_now" as what:
            _may_give(request, training.id, held.level if held else Level.USER)
            put: list[AnyRow] = []
            if what == "revoke_now":
                put = [Cut(machine, member.pk, asking.nonce(), who.name) for machine in _opened_by(training.id)]
            word = "revoked_now" if put else "revoked"
            return editing.carry_out(who, word, put, [f"certification/{member.pk}/{training.id}"], about=about)
    raise FormError(N_("nothing was asked"))


def _opened_by(training: str) -> list[str]:
    machines = models.Machine.objects.values_list("pk", "requires")
    return [machine for machine, requires in machines if training in (requires or ())]


def _cuts_of(member: str, training: str) -> list[str]:
    """Name the cuts that are over once somebody is let in again."""
    found = models.Cut.objects.filter(member=member, machine__in=_opened_by(training))
    return [row.key for each in found if (row := rows.of(each)) is not None]


@allowed(Role.TRAINER)
def class_(request: HttpRequest) -> HttpResponse:
    """Return a training to everybody who was ticked."""
    try:
        training = next((each for each in columns() if each.id == request.POST.get("training")), None)
        members = asking.chosen(request, "member")
        if training is None or not members:
            raise FormError(N_("tick the people, and choose the training"))
        given, until = asking.level(request), asking.day(request, "until")
        _may_give(request, training.id, given)
        known = set(models.Member.objects.filter(pk__in=members).values_list("pk", flat=True))
        keys = {f"certification/{member}/{training.id}" for member in known}
        before = rows.find(keys)
        put: list[AnyRow] = []
        for member in sorted(known):
            held = before.get(f"certification/{member}/{training.id}")
            if not isinstance(held, Certification):
                put.append(Certification(member, training.id, given, None, until))
                continue
            _may_give(request, training.id, max(given, held.level))
            longer = None if until is None or held.until is None else max(until, held.until)
            put.append(Certification(member, training.id, max(given, held.level), held.since, longer))
        drop = [key for member in known for key in _cuts_of(member, training.id)]
        edit = editing.carry_out(
            asking.author(request), "class", put, drop, about={"count": len(put), "training": training.name}
        )
        said = _("{count} people have the training {training} now").format(count=len(put), training=training.name)
        say(request, said, undo=edit.pk if edit else None)
    except LoquetError as error:
        say(request, tell(error), wrong=True)
    response = HttpResponse(status=204)
    response.headers["HX-Redirect"] = asking.inside(str(request.POST.get("back", ""))[:2_000], "/whitelist")
    return response
