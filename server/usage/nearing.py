"""A letter to the member whose job's machine is about to switch itself off: whoever walked away sees no light."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from common.texts import N_, _, spoken
from protocol import entries
from protocol.sentences import duration
from server.core import clock
from server.journal import clocks
from server.journal.processing import Written, register
from server.mail import post
from server.people import particulars
from server.people.models import Member, Particulars
from server.usage.models import Session
from server.whitelist.models import Machine

FRESH: Final = timedelta(minutes=10)  # what is older came over a line that was away: the machine is off by now
BODY: Final = N_(
    "Hello {name},\n\n"
    "{machine} has stood still for a while, and switches itself off in {left}. Does the job go on? Then tap your badge "
    "there once more, or press its button, and it waits as long again.\n\n"
    "Nothing to do if it is finished."
)


def tell(written: Written, entry: entries.Nearing) -> None:
    """Write to the member whose session it is, where they agreed to letters and the word is fresh."""
    shift, _quality = clocks.offset(written.device, written.entry.boot)
    told = None if shift is None else written.entry.at + shift
    if told is None or not 0 <= clock.ms() - told < FRESH.total_seconds() * 1000 or not post.is_on():
        return
    session = Session.objects.filter(device=written.device, session=entry.session[:64], ended=False).first()
    known = None if session is None else Particulars.objects.filter(pk=session.member).first()
    if known is None or not known.email or known.letters is None or known.letters > clock.today():
        return
    names = dict(Member.objects.filter(pk=known.pk).values_list("pk", "name"))
    machines = dict(Machine.objects.filter(pk=entry.machine).values_list("pk", "name"))
    said = {
        "name": names.get(known.pk) or known.pk,
        "machine": machines.get(entry.machine) or entry.machine,
        "left": duration(max(0, told + entry.left - clock.ms()) / 1000),
    }
    with spoken(particulars.languages([known])[known.pk]):
        post.put(known.email, _("{machine} switches itself off soon").format(**said), _(BODY).format(**said))


def register_all() -> None:
    """Have it be done with the journals."""
    register(entries.Nearing, tell)
