"""Whose an edit is, and what it was made over: who may change which row is asked of its author."""

from __future__ import annotations

from collections.abc import Collection

import msgspec
from django.db.models import Model
from django.http import HttpRequest

from server.accounts.models import Account, Role


class Standing(msgspec.Struct, frozen=True):
    """What counts of a controller where it says something by itself.

    machines, trainings: its own, and those that they ask for; is_taught: whether a trainer of one of these gave it at
    a reader; entered: the members that the same edit enters; known: those of it that are here.
    """

    machines: Collection[str] = ()
    trainings: Collection[str] = ()
    is_taught: bool = False
    entered: Collection[str] = ()
    known: Collection[str] = ()


class Author(msgspec.Struct, frozen=True):
    """Whose an edit is: a person with an account, a controller (a `Device`), or somebody at the shell.

    since: the version at which whoever edits looked, None where nothing is held to one; knows_own: nobody said at which
    version, and what another account or a controller changed last they do not know; standing: what counts of a
    controller that says something by itself, None where the server acts for it by a rule of its own.
    """

    account: Account | None = None
    device: Model | None = None
    name: str = ""
    since: int | None = None
    knows_own: bool = False
    standing: Standing | None = None

    @property
    def site(self) -> str | None:
        """The site that they are for; None for every one."""
        return None if self.account is None else self.account.site_id

    @classmethod
    def of(cls, request: HttpRequest) -> Author:
        """Return whose an edit is that a page asks for, over the version that its form carries: 0 where it has none."""
        assert isinstance(request.user, Account)  # noqa: S101 - pages are guarded
        said = request.POST.get("version", "")
        fits = said.isascii() and said.isdigit() and len(said) < 17  # noqa: PLR2004 - 2**53
        return cls(account=request.user, name=request.user.username, since=int(said) if fits else 0, knows_own=not fits)

    def as_it_is_now(self) -> Author:
        """Return the author with the account as it is in the transaction that is open: a role may be gone by now."""
        if self.account is None:
            return self
        return msgspec.structs.replace(self, account=Account.objects.get(pk=self.account.pk))

    def may(self, role: Role) -> bool:
        """Return whether the author may do what that role may; whoever sits at the shell may all."""
        return self.account is None or (self.account.is_active and self.account.may(role))
