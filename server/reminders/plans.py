"""Which workshop's plan counts for what.

Members belong to no one workshop: whether they get letters, and when, is the main workshop's to say, so nobody gets two
of the same. A digest is each workshop's own; who sees all workshops gets the main one's.
"""

from __future__ import annotations

from datetime import date, timedelta

from django.http import HttpRequest

from server.accounts.models import AuditRecord
from server.core import clock, forms
from server.reminders.forms import PlanForm
from server.reminders.models import Often, Plan
from server.sites.models import MAIN


def of(site: str) -> Plan:
    """Return a workshop's plan, not saved where it never said one."""
    return Plan.objects.filter(pk=site).first() or Plan(pk=site)


def of_members() -> Plan:
    """Return the plan by which members are written to."""
    return of(MAIN)


def writes_to_members(plan: Plan) -> bool:
    """Return whether members get letters by the plan that counts for them."""
    return plan.is_on and plan.to_members


def windows(plan: Plan, today: date) -> list[tuple[int, date, date]]:
    """Return each span with the first and last day whose end it is the nearest to, the shortest span first."""
    found, first = [], 0
    for span in sorted(plan.spans):
        found.append((span, today + timedelta(first), today + timedelta(span)))
        first = span + 1
    return found


def span_of(plan: Plan, today: date, end: date) -> int | None:
    """Return the span that an end lies within, the nearest; None where it is too far away, or over."""
    left = (end - today).days
    return min((span for span in plan.spans if span >= left), default=None) if left >= 0 else None


def digest_day(plan: Plan, today: date) -> date | None:
    """Return the latest day on which a digest was to be made, as long as it is to be; None where there is none."""
    if not plan.is_on or plan.digest == Often.NEVER:
        return None
    found = today if plan.digest == Often.DAILY else today - timedelta((today.weekday() - plan.weekday) % 7)
    # What a clock said that was ahead stops nothing.
    is_before = plan.since is not None and found < plan.since <= today
    return None if is_before else found


def next_digest(plan: Plan, today: date) -> date | None:
    """Return the day, from today on, on which the next digest is made; None for never."""
    if plan.digest == Often.NEVER:
        return None
    return today if plan.digest == Often.DAILY else today + timedelta((plan.weekday - today.weekday()) % 7)


def stamp(plan: Plan) -> str:
    """Return what stands for a plan as its form shows it."""
    return forms.stamp(*_values(plan))


def _values(plan: Plan) -> tuple[object, ...]:
    return plan.is_on, plan.spans, plan.to_members, plan.digest, plan.weekday


def save(request: HttpRequest, site: str) -> Plan:
    """Keep what was said. Raises FormError."""
    said = PlanForm.read(request)
    plan = of(site)
    forms.hold_to_stamp(request, *_values(plan))
    before = (plan.is_on, plan.digest, plan.weekday)
    plan.is_on, plan.spans = said["is_on"], said["spans"]
    if site == MAIN:
        plan.to_members = said["to_members"]
    plan.digest, plan.weekday = said["digest"], said["weekday"] or 0
    if before != (plan.is_on, plan.digest, plan.weekday):
        plan.since = clock.today()
    plan.save()
    AuditRecord.objects.create(account=request.user.get_username(), what="reminders", about=site)
    return plan
