"""Letters to whoever wants to hear at once of what is reported of a machine."""

from __future__ import annotations

from common.texts import N_, _, spoken
from server.accounts.models import Account, Role
from server.core import configuration
from server.core.forms import FormError
from server.core.links import link_to
from server.machines.models import Listener
from server.mail import post
from server.whitelist.models import Machine
from server.whitelist.sameness.machines import known_as


def listen(machine: str, account: Account, *, hears: bool) -> None:
    """Have an account hear of a machine, or no more. Raises FormError where no letter could reach it."""
    if not hears:
        Listener.objects.filter(machine__in=known_as(machine), account=account).delete()
        return
    if not account.email:
        raise FormError(N_("say an e-mail address on the page My account first: letters go there"))
    Listener.objects.get_or_create(machine=machine, account=account)


def tell(machine: str, name: str, note: str, **_signal: object) -> None:
    """Write to whoever listens that something is wrong."""
    if not post.is_on():
        return
    place = Machine.objects.filter(pk=machine).values_list("device__site", flat=True).first()
    found = Listener.objects.filter(machine__in=known_as(machine), account__is_active=True).select_related("account")
    for each in {each.account_id: each for each in found}.values():
        # Who may no longer look at it hears no more of it either.
        may = each.account.may(Role.TRAINER) and (place is None or each.account.site_id in {None, place})
        if may and each.account.email:
            with spoken(each.account.language or configuration.in_force().server.language):
                link = configuration.in_force().link.rstrip("/") + link_to("/machines", machine)
                subject = _("{machine}: something is wrong").format(machine=name)
                post.put(each.account.email, subject, f"{note}\n\n{link}\n")
