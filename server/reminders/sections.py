"""What a workshop's page shows of reminders: what is wanted, and what would go out now."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from common.texts import N_, _
from server.core import clock, configuration
from server.mail import post
from server.reminders import digests, ending, letters, plans
from server.reminders.letters import Ending, Line, Summary
from server.reminders.models import Often, Plan
from server.sites.models import MAIN, Site
from server.whitelist.models import Training

DAYS: Final = (
    N_("Monday"),
    N_("Tuesday"),
    N_("Wednesday"),
    N_("Thursday"),
    N_("Friday"),
    N_("Saturday"),
    N_("Sunday"),
)


def of_site(which: str, _site: str | None) -> dict[str, Any]:
    """Return a workshop's plan, how many letters would go out now by it, and how they would read."""
    plan, today = plans.of(which), clock.today()
    members = plan if which == MAIN else plans.of_members()
    return {
        "reminders": {
            "plan": plan,
            "stamp": plans.stamp(plan),
            "spans": ", ".join(map(str, plan.spans)),
            "often": [(each.value, _(each.label)) for each in Often],
            "days": [_(each) for each in DAYS],
            "is_main": which == MAIN,
            "main": Site.objects.filter(pk=MAIN).values_list("name", flat=True).first() or MAIN,
            "has_mail": post.is_on(),
            "has_name": bool(configuration.in_force().server.hosts),
            "letters": ending.count_due(plan, today) if which == MAIN and plan.to_members else 0,
            "readers": digests.readers(which).count(),
            "next": plans.next_digest(plan, today),
            "samples": _samples(plan, members),
        }
    }


def _samples(plan: Plan, members: Plan) -> list[tuple[str, str]]:
    """Return a reminder and a digest, of nobody that there is, in the language in use."""
    today, name = clock.today(), _("Camille Example")
    last = today + timedelta(max(plan.spans))
    training = Training.objects.filter(retired=False).order_by("name").values_list("name", flat=True).first()
    lines = [Line(last - timedelta(1), training or _("Laser")), Line(last)]
    link = configuration.in_force().link
    found = []
    if plan.pk == MAIN and plan.to_members:
        found.append(letters.to_member(name, lines, today, f"{link}unsubscribe/…"))
    if plan.digest != Often.NEVER:
        endings = [Ending(lines[0], "m-0000", name, digests.NO_ADDRESS), Ending(lines[1], "m-0000", name)]
        said = Summary(max(plan.spans), endings, 0, writes=members.to_members)
        found.append(letters.to_account(_("fabmanager"), said, plan.pk, plan.digest))
    return found
