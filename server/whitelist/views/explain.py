"""The page Explain: why somebody can, or cannot, use a machine; by the same lines as the latch."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from common.errors import LoquetError
from common.texts import _, translate
from protocol.access import Check, explain
from protocol.rows import Badge, Member
from protocol.sentences import refusal
from protocol.whitelist import Whitelist
from server.accounts import scope
from server.accounts.guards import allowed, audit
from server.accounts.models import Account, Role
from server.core import small
from server.core.rendering import page
from server.core.sorting import by_name
from server.edits import rows
from server.people import members
from server.people import models as people
from server.whitelist import models
from server.whitelist.may import moment
from server.whitelist.undelivered import undelivered


def list_of(member: str) -> Whitelist:
    """Return all of the whitelist that concerns one member."""
    found = Whitelist()
    queries = (
        people.Member.objects.filter(pk=member),
        people.Badge.objects.filter(member=member),
        models.Certification.objects.filter(member=member),
        small.rows(models.Training),
        small.rows(models.Machine),
        small.rows(people.Category),
    )
    for query in queries:
        for each in query:
            row = rows.of(each)
            if row is not None:
                found.put(row)
    return found


@allowed(Role.MEMBER)
def why(request: HttpRequest) -> HttpResponse:
    """Go through every question of a decision."""
    account = request.user
    assert isinstance(account, Account)  # noqa: S101 - pages are guarded
    staff = account.may(Role.TRAINER)
    wrong = ""
    checks: list[tuple[str, str]] = []
    badges: list[Badge] = []
    member: people.Member | None = None
    machine = request.GET.get("machine", "")
    said = request.GET.get("member", "") if staff else account.member
    machines = by_name(scope.within(request, models.Machine.objects.filter(retired=False), "device__site"))
    if said and any(each.pk == machine for each in machines):
        try:
            member = members.named(said) if staff else people.Member.objects.filter(pk=account.member).first()
            if member is not None:
                audit(request, "explained", f"{member.pk} {machine}")
                checks, badges = _explained(member.pk, machine)
        except LoquetError as error:
            wrong = translate(error)
    late = [each for each in undelivered() if member and member.pk in each.members] if staff else []
    found = [each for each in machines if each.pk == machine]
    context: dict[str, Any] = {
        "machines": machines,
        "machine": found[0] if found else None,
        "member": member,
        "said": members.shown(member) if member else said,
        "checks": checks,
        "badges": badges,
        "may": bool(checks) and not any(answer for _question, answer in checks),
        "wrong": wrong,
        "late": late,
        "staff": staff,
    }
    return page(request, "whitelist/explain.html", 422 if wrong else 200, **context)


def _explained(member: str, machine: str) -> tuple[list[tuple[str, str]], list[Badge]]:
    """Ask every rule; of a member's badges, for the one that is best in force."""
    whitelist, now = list_of(member), moment()
    badges = list(whitelist.badges.values()) or [Badge("0" * 32, member)]
    asked = [list(explain(whitelist, machine, badge, now)) for badge in badges]
    best = min(asked, key=lambda checks: sum(check.denied is not None for check in checks))
    said = [(_(check.question), _answer(check, whitelist)) for check in best]
    if not whitelist.badges and isinstance(whitelist.members.get(member), Member):
        said.insert(0, (_("Does the member have a badge?"), _("no badge yet; give one on the page Badges")))
    return said, badges if whitelist.badges else []


def _answer(check: Check, whitelist: Whitelist) -> str:
    return "" if check.denied is None else refusal(check.denied, whitelist)
