"""What an account may give: a trainer the trainings that they have at that level, whoever runs the workshop all."""

from __future__ import annotations

from django.db.models import OuterRef, Q, Subquery
from django.http import HttpRequest

from common.texts import _
from protocol.rows import Certification, Level, Member
from protocol.sentences import LEVELS
from server.accounts.models import Role
from server.core import forms
from server.core.sorting import sorted_texts
from server.edits import rows
from server.edits.authors import Author
from server.people.models import Member as People
from server.whitelist.columns import state_of
from server.whitelist.models import Certification as Certified


def teaches_of(author: Author) -> set[str] | None:
    """Name the trainings that somebody may give; None for every one."""
    if author.may(Role.FABMANAGER) or author.account is None:
        return None
    me = rows.get(f"member/{author.account.member}") if author.account.member else None
    is_out = not isinstance(me, Member) or me.excluded or (me.until is not None and me.until < forms.today())
    if is_out or me is None or not author.may(Role.TRAINER):
        return set()
    mine = [row for row in rows.belonging_to("member", author.account.member) if isinstance(row, Certification)]
    return {row.training for row in mine if row.level >= Level.TRAINER and state_of(row) in {"held", "soon"}}


def levels(request: HttpRequest) -> list[tuple[str, str]]:
    """Return the levels that an account may give, and what they are called."""
    most = Level.MAINTAINER if teaches_of(Author.of(request)) is None else Level.USER
    return [(each.word, _(LEVELS[each.word])) for each in Level if each <= most]


def teachers() -> dict[str, tuple[str, ...]]:
    """Return who gives which training: members who hold it at a trainer's level, in force; their names, in order."""
    today = forms.today()
    held = Certified.objects.filter(level__gte=Level.TRAINER).filter(Q(until=None) | Q(until__gte=today))
    found: dict[str, list[str]] = {}
    here = People.objects.filter(Q(until=None) | Q(until__gte=today), excluded=False)
    named = held.annotate(name=Subquery(here.filter(pk=OuterRef("member")).values("name")[:1]))
    for training, name in named.values_list("training", "name"):
        if name:
            found.setdefault(training, []).append(name)
    return {training: tuple(sorted_texts(several)) for training, several in found.items()}
