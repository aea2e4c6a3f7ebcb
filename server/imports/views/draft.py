"""The page of a sheet on its way in: asked about, looked at, taken over, and how far that has come."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from common.errors import LoquetError
from common.folding import sort_key
from common.texts import N_, _, ngettext, translate
from protocol.sheets.columns import named
from server.accounts import scope
from server.accounts.guards import allowed
from server.accounts.models import Role
from server.core.forms import FormError
from server.core.rendering import page, say
from server.edits.authors import Author
from server.imports import answers, drafts, plans, preview
from server.imports.meanings import LABELS
from server.imports.models import Draft
from server.people.models import Member
from server.whitelist import models

MISSING: Final = 300  # of whoever would lose access, by name


@allowed(Role.FABMANAGER)
def draft(request: HttpRequest, token: str) -> HttpResponse:
    """Show what a sheet would change; hear answers; take it over; show how far that has come."""
    found = drafts.get(token, request.user.pk or 0, scope.site_of(request))
    if found is None:
        say(request, _("This preview is over; read the sheet again."), wrong=True)
        return HttpResponseRedirect("/import")
    if found.state == "failed":
        return _once_more(request, found)
    if found.state == "done":
        return _over(request, found)
    if request.method == "POST" and found.state != "running":
        return _answered(request, found)
    return show(request, found)


def _answered(request: HttpRequest, found: Draft) -> HttpResponse:
    """Hear what was said of a sheet, and take it over where that was asked, nothing is open, and it was shown so."""
    do = request.POST.get("do", "take")
    if do == "drop":
        drafts.done(found.token)
        return HttpResponseRedirect("/import")
    try:
        if request.POST.get("shown", drafts.shown(found)) != drafts.shown(found):
            raise FormError(N_("this was answered in another window meanwhile; look again"))
        plan, before = drafts.plan_of(found), answers.of(found.answers)
        said = answers.said(request.POST, before, [each[0] for each in plan.doubts], [t.word for t in plan.trainings])
        said.without_bad = do == "without_bad" or (before.without_bad and do != "with_bad")
        columns = answers.columns_said(request.POST, drafts.columns_of(found))
        changed = drafts.answer(found, columns, said, _worksheet(request, found))
        if do == "take" and found.state == "read":
            if changed:
                say(request, _("This is what would change with what you said; take it over if it is right."))
                return HttpResponseRedirect(f"/import/{found.token}")
            _hold_to_bounds(found)
            drafts.begin(found, Author.of(request), request.POST.getlist("back"))
    except LoquetError as error:
        return show(request, found, 422, translate(error))
    return show(request, found, 422) if found.state == "asking" else HttpResponseRedirect(f"/import/{found.token}")


def _worksheet(request: HttpRequest, found: Draft) -> int:
    """Return which worksheet is meant."""
    said = request.POST.get("worksheet", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 4 else found.worksheet  # noqa: PLR2004


def _hold_to_bounds(found: Draft) -> None:
    """Refuse to take access from many whom nobody meant. Raises FormError."""
    plan = drafts.plan_of(found)
    if plan.is_bold and not answers.of(found.answers).sure:
        raise FormError(
            N_("{count} of {of} members would lose access; tick that you mean it, and take it over again"),
            count=len(plan.missing) + len(plan.lapsing),
            of=plan.of_members,
        )


def _once_more(request: HttpRequest, found: Draft) -> HttpResponse:
    """Report why nothing came of it, and show what it would change now: no answer is lost."""
    if found.error:
        say(request, translate(plans.kept(found.error)), wrong=True)
    drafts.again(found)
    return _go(request, f"/import/{found.token}")


def _over(request: HttpRequest, found: Draft) -> HttpResponse:
    """Report how it went, once."""
    drafts.done(found.token)
    count = int(found.edit.about.get("count", 0)) if found.edit else 0
    said = ngettext("imported: {count} change", "imported: {count} changes", count).format(count=count)
    say(request, said, undo=found.edit_id)
    return _go(request, "/import")


def _go(request: HttpRequest, to: str) -> HttpResponse:
    """Send to another page, from a part of one too."""
    if request.headers.get("HX-Request"):
        response = HttpResponse(status=204)
        response.headers["HX-Redirect"] = to
        return response
    return HttpResponseRedirect(to)


def show(request: HttpRequest, found: Draft, status: int = 200, wrong: str = "") -> HttpResponse:
    """Show a sheet as it is by now."""
    context: dict[str, Any] = {"draft": found, "token": found.token, "done": drafts.done_of(found)}
    if request.headers.get("HX-Target") == "progress":
        return page(request, "imports/progress.html", **context)
    if found.state != "running":
        context |= _context(request, found)
    if not wrong and context.get("plan") and context["plan"].wrong:
        wrong = translate(plans.kept(context["plan"].wrong))
    return page(request, "imports/draft.html", status, wrong=wrong, **context)


def _context(request: HttpRequest, found: Draft) -> dict[str, Any]:
    """Return what the page of a draft is filled with."""
    plan, put = drafts.plan_of(found), drafts.rows_of(found)
    said = request.GET.get("from", "")
    start = int(said) if said.isascii() and said.isdigit() and len(said) < 8 else 0  # noqa: PLR2004 - so many lines
    shown, counts = preview.persons(put, plan, start)
    answered = answers.of(found.answers)
    return {
        "plan": plan,
        "shown": drafts.shown(found),
        "worksheets": [each.name for each in drafts.tables_of_draft(found)],
        "columns": _columns(found),
        "labels": LABELS,
        "lines": [(line, translate(plans.kept(error))) for line, error in plan.bad],
        "doubts": [(line, text, translate(plans.kept(error)), is_one)
                   for _name, line, text, error, is_one in plan.doubts],
        "left": [(line, translate(plans.kept(error))) for line, error in plan.left],
        "unread": plan.unread,
        "offered": _offered(),
        "new_trainings": preview.new_trainings(put),
        "persons": shown,
        "counts": counts,
        "of": counts.new + counts.changed + counts.ended,
        "start": start,
        "step": preview.STEP,
        "answered": answered,
        "missing": _named(plan.missing, answered),
        "lapsing": _named(plan.lapsing, answered),
        "forgotten": drafts.forgotten_in(put),
    }  # fmt: skip


def _offered() -> list[models.Training]:
    """Return the trainings that a word of a sheet may mean."""
    return sorted(models.Training.objects.filter(retired=False), key=lambda each: sort_key(each.name or each.pk))


def _named(ids: list[str], answered: answers.Answers) -> list[tuple[str, str, bool]]:
    """Return members by name, and whether they are kept."""
    some = ids[:MISSING]
    names = dict(Member.objects.filter(pk__in=some).values_list("pk", "name"))
    return [(each, names.get(each) or each, each in answered.kept) for each in some]


def _columns(found: Draft) -> list[tuple[int, str, str, list[str]]]:
    """Return every column: its number, what it is called, what it means, and some of what stands there."""
    table, columns = drafts.tables_of_draft(found)[found.worksheet], drafts.columns_of(found)
    shown = []
    for index in range(len(table.headings)):
        some = list(dict.fromkeys(value[:40] for _at, value in zip(range(60), table.column(index), strict=False)))[:3]
        if some or table.headings[index]:
            shown.append((index, named(table.headings, index), columns.get(index, ""), some))
    return shown
