"""What an account may give: a trainer the trainings that they have at that level, whoever runs the workshop all."""

from __future__ import annotations

from django.http import HttpRequest

from common.texts import N_, _
from protocol.rows import Certification, Level, Member
from protocol.sentences import LEVELS
from server.accounts.models import Account, Role
from server.core import forms
from server.core.forms import FormError
from server.edits import rows
from server.whitelist.columns import state_of
from server.whitelist.conditions import hold_to_trainings


def teaches_of(request: HttpRequest) -> set[str] | None:
    """Name the trainings that an account may give; None for every one."""
    account = request.user
    assert isinstance(account, Account)  # noqa: S101 - pages are guarded
    if account.may(Role.FABMANAGER):
        return None
    me = rows.get(f"member/{account.member}") if account.member else None
    if not isinstance(me, Member) or me.excluded or (me.until is not None and me.until < forms.today()):
        return set()
    mine = [row for row in rows.belonging_to("member", me.id) if isinstance(row, Certification)]
    return {row.training for row in mine if row.level >= Level.TRAINER and state_of(row) in {"held", "soon"}}


def hold_to_what_may_be_given(request: HttpRequest, training: str, given: Level) -> None:
    """Hold a trainer to what trainers may. Raises FormError."""
    hold_to_trainings(training)
    teaches = teaches_of(request)
    if teaches is not None and (training not in teaches or given > Level.USER):
        raise FormError(N_("you may give the trainings that you teach, up to the level of a user"))


def levels(request: HttpRequest) -> list[tuple[str, str]]:
    """Return the levels that an account may give, and what they are called."""
    most = Level.MAINTAINER if teaches_of(request) is None else Level.USER
    return [(each.word, _(LEVELS[each.word])) for each in Level if each <= most]
