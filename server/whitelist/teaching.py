"""What an account may give: a trainer the trainings that they have at that level, whoever runs the workshop all."""

from __future__ import annotations

from django.http import HttpRequest

from common.texts import _
from protocol.rows import Certification, Level, Member
from protocol.sentences import LEVELS
from server.accounts.models import Role
from server.core import forms
from server.edits import rows
from server.edits.authors import Author
from server.whitelist.columns import state_of


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
