"""Which sessions are asked for: by machine, member, payer, category, purpose, training."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import QuerySet, Value
from django.http import HttpRequest

from common.folding import sort_key
from common.texts import N_, _
from server.accounts import scope
from server.core import small
from server.core.forms import FormError
from server.core.links import link_to
from server.core.sorting import by_name
from server.people import members, payers
from server.people.merging import aliases
from server.people.models import Category, Member, Organisation
from server.usage.models import Session
from server.usage.periods import Period
from server.whitelist.models import Machine, Training
from server.whitelist.sameness.machines import known_as, now_called

MOST: Final = 100  # members that a few letters may mean
LONGEST: Final = 200
FIELDS: Final = ("machine", "member", "payer", "category", "purpose", "training")
PURPOSES: Final = {
    "own": N_("own work"),
    "order": N_("order"),
    "training": N_("training"),
    "maintenance": N_("maintenance"),
    "demonstration": N_("demonstration"),
}


def found(request: HttpRequest) -> QuerySet[Session]:
    """Return the sessions that the filters let through, of all time."""
    asked = scope.within(request, Session.objects.all())
    for name in ("category", "purpose"):
        if said := request.GET.get(name, "")[:LONGEST]:
            asked = asked.filter(**{name: said})
    if machine := request.GET.get("machine", "")[:LONGEST]:
        asked = asked.filter(machine__in=known_as(now_called().get(machine, machine)))
    if training := request.GET.get("training", "")[:LONGEST]:
        opened = [pk for pk, requires in Machine.objects.values_list("pk", "requires") if training in (requires or ())]
        asked = asked.filter(machine__in=[each for pk in opened for each in known_as(pk)])
    if payer := request.GET.get("payer", "")[:LONGEST]:
        asked = asked.filter(payer__in={payer, aliases.of(payer)})
    said = request.GET.get("member", "")[: members.LONGEST]
    meant = _meant(said) if said else []
    return asked.filter(member__in=meant) if meant else asked


def _meant(said: str) -> list[str]:
    """Return whose sessions are meant: of an id, whether or not it is somebody's still; else of all who are called so.

    In each form in which somebody may be written, so that a field of this page takes what another one shows. Nobody is
    meant by blanks, where they are no id.
    """
    now = aliases.of(said)
    if Session.objects.filter(member=now).exists():
        return [now]
    if not said.strip():
        return []
    try:
        return [members.named(said).pk]
    except FormError:
        return list(members.searched(said).values_list("pk", flat=True)[:MOST]) or [said]


def asked_by(request: HttpRequest) -> dict[str, str]:
    """Return what a request filters by, as a link has it that keeps it."""
    return {name: said for name in FIELDS if (said := request.GET.get(name, "")[:LONGEST])}


def offered() -> dict[str, Any]:
    """Return what one may filter by, for the page."""
    named = ("pk", "name")
    short = (
        Training.objects.filter(retired=False)
        .values_list(*named, Value("training"))
        .union(
            Organisation.objects.values_list(*named, Value("payer")),
            Category.objects.exclude(name="").values_list("name", "name", Value("category")),
        )
    )
    tables: dict[str, dict[str, str]] = {"training": {}, "payer": {}, "category": {}}
    for pk, name, kind in sorted(short, key=lambda each: sort_key(each[1] or each[0])):
        tables[kind][pk] = name or pk
    machines = by_name(small.rows(Machine))
    return {
        "all_machines": machines,
        "machines": {each.pk: each.name or each.pk for each in machines},
        "payers": tables["payer"],
        "categories": list(tables["category"]),
        "purposes": {key: _(text) for key, text in PURPOSES.items()},
        "trainings": tables["training"],
    }


def said_of(asked: dict[str, str], names: dict[str, Any], members: dict[str, str]) -> list[tuple[str, str]]:
    """Return each filter that is on, with what it is called. members: the names that are known already."""
    paying = payers.called([asked.get("payer", "")])
    member = asked.get("member", "")
    known = {member: members[member] or member} if member in members else _called(member)
    tables = {"machine": names["machines"], "payer": paying, "purpose": names["purposes"],
              "training": names["trainings"], "member": known}  # fmt: skip
    return [(name, tables.get(name, {}).get(said, said)) for name, said in asked.items()]


def _called(said: str) -> dict[str, str]:
    row = Member.objects.filter(pk=said).first() if said else None
    return {} if row is None else {said: row.name or row.pk}


class Links:
    """Links to pages of usage that keep the filters which are on."""

    def __init__(self, kept: dict[str, str]) -> None:
        self._kept = kept

    def __call__(self, page: str, period: Period, **more: str) -> str:
        """Return the address of a page for a period; more: what it asks besides, or instead."""
        return link_to(page, **{**period.asked, **self._kept, **more})
