"""What a person should look at: said once, kept until somebody says that it is done."""

from __future__ import annotations

from typing import Final

from django.db.models import F, Model

from common import texts
from common.texts import N_, NP_, _
from server.core import clock
from server.inbox.models import Notice

SENTENCES: Final = {
    "conflict": N_(
        "{device} sent something else under numbers that it had used already: are there two cards with the same"
        " identity? It goes on under a new name for its journal; nothing was overwritten."
    ),
    "gap": NP_(
        "{device}: {missing} entry had been purged there before it could be sent.",
        "{device}: {missing} entries had been purged there before they could be sent.",
    ),
    "edited": N_("{by} changed the whitelist at {device}: {keys}. It is in force."),
    "held": N_(
        "{by} changed the whitelist at {device}: {keys}. It is in force there until you decide: it concerns what a"
        " controller may not change for others."
    ),
    "lost_to": N_("{by} let somebody in at {device} ({keys}), but that was taken away here meanwhile. It stays away."),
    "unnamed": N_("{member} was let in at {device} by {by}, and has no name yet."),
    "storage_replaced": N_("{device}: its database was damaged and set aside ({why}). What could be read is saved."),
    "foreign": N_("{device} tells of the machine {machine}, which is not its own. That is kept, and not counted."),
    "unreadable": N_("{device} sent entries that this server cannot read yet ({kind}); is it older than the device?"),
    "fault": N_("{machine} is out of order: {cause}"),
    "defect": N_("A defect is reported of {machine}: {why}"),
    "proposals": NP_(
        "{device} kept a whitelist of its own before: {count} row waits for you on the page Import.",
        "{device} kept a whitelist of its own before: {count} rows wait for you on the page Import.",
    ),
    "rehashed": N_("{device}: a badge of {member} was read under an older key; it is known under both now."),
    "not_rehashed": N_(
        "{device} says that a badge of {member} was read under an older key, but there is no older one. It was not"
        " believed; was its card stolen?"
    ),
    "restored": N_(
        "A backup of {why} was put back. What was edited since is lost: look at who was revoked, excluded or blocked."
    ),
    "restored_without_usage": N_(
        "That backup was made by a version that left usage out. {count} sessions were read again from the journals in"
        " it. Those before may still be on the controllers: on each, `loquet sessions --csv` shows what it has."
    ),
    "plan_ends": N_("The plan {why} of {member} ends on {kind}: renew it, or let it end."),
    "priced_otherwise": N_(
        "{device}: a session on {machine} was billed there otherwise than this server reckons. What the machine said"
        " stands; look at the session, and correct it where that is wrong."
    ),
    "suspicious": N_(
        "{device} excluded or blocked more people in an hour than its workshop allows. What it says from now on waits"
        " for you, and what it did can be taken back, on the page Controllers."
    ),
    "too_much": N_(
        "{device} sent more in a day than any controller has to say. The rest waits there until tomorrow; look whether"
        " its card was stolen, or its clock or a reader is broken."
    ),
    "too_many_held": N_("{device} proposes more changes than are kept for you ({most}): newer ones are left out."),
    "certificate": N_(
        "The server's certificate ends on {why} and was not renewed: after that no browser and no controller believes"
        " it. Look at what renews it."
    ),
    "sheet": NP_(
        "The list {why}, which is read each night, says something else now: {count} change waits on the page Import.",
        "The list {why}, which is read each night, says something else now: {count} changes wait on the page Import.",
    ),
    "replaced": N_("{device} took the place of {old}."),
    "asked": N_("{member} asks for what {machine} needs: {why}"),
    "lost": N_("{member} has lost a badge; it opens nothing any more."),
    "clock_lowered": N_("{device}: its clock was set back to a day before what was known to have passed, by {by}."),
}
# What each is about, in a word or two.
TITLES: Final = {
    "conflict": N_("Two cards with one identity?"),
    "gap": N_("Entries are missing"),
    "edited": N_("The whitelist was changed at a machine"),
    "held": N_("A change waits for you"),
    "lost_to": N_("Somebody was let in, and stays out"),
    "unnamed": N_("Somebody without a name"),
    "storage_replaced": N_("A controller's database was damaged"),
    "foreign": N_("A machine that is another controller's"),
    "unreadable": N_("Entries that this server cannot read"),
    "fault": N_("A machine is out of order"),
    "defect": N_("A defect"),
    "proposals": N_("A whitelist to take over"),
    "rehashed": N_("A badge is known under the new key"),
    "not_rehashed": N_("A badge that was not believed"),
    "restored": N_("A backup was put back"),
    "restored_without_usage": N_("A backup was put back without usage"),
    "plan_ends": N_("A plan ends"),
    "priced_otherwise": N_("Two sums of one session"),
    "suspicious": N_("A controller does what is suspicious"),
    "too_much": N_("A controller says too much"),
    "too_many_held": N_("A controller proposes too much"),
    "certificate": N_("The certificate ends"),
    "sheet": N_("A sheet says something new"),
    "replaced": N_("A controller was replaced"),
    "clock_lowered": N_("A clock was set back"),
    "asked": N_("Somebody asks for a training"),
    "lost": N_("A badge was lost"),
}
# What stands above all else: somebody may be doing harm, or something was lost.
ALARMS: Final = frozenset(
    {
        "conflict",
        "gap",
        "storage_replaced",
        "restored",
        "restored_without_usage",
        "suspicious",
        "too_much",
        "not_rehashed",
        "certificate",
    }
)
PLACES: Final = ("by", "keys", "member", "machine", "missing", "epoch", "why", "kind", "cause", "count", "old", "most")


def notify(what: str, device: Model | None, *, once: str = "", subject: str = "", **about: object) -> None:
    """Put something into the inbox; what has the same `once` is said once, however often it happens.

    What a controller says again while it waits there is counted, and its latest words are kept; `missing` adds up.
    """
    if once and Notice.objects.filter(once=once).exists():
        return
    key = None if device is None else device.pk
    same = Notice.objects.filter(what=what, device_id=key, subject=subject[:64], done=None)
    known = same.order_by("pk").first()
    if known is None:
        made = {"about": about, "once": once, "subject": subject[:64], "is_alarm": what in ALARMS}
        Notice.objects.create(what=what, device_id=key, **made)
        return
    if "missing" in about:
        about["missing"] = int(str(about["missing"])) + int(known.about.get("missing", 0))
    same.filter(pk=known.pk).update(count=F("count") + 1, last=clock.now(), about=about, once=once or known.once)


def sentence(notice: Notice) -> str:
    """Return a notice as a sentence in the language in use."""
    context = dict.fromkeys(PLACES, "?") | {key: str(value) for key, value in notice.about.items()}
    device = notice.device
    context["device"] = (device.name or device.pk) if device else "?"
    if notice.what == "gap":
        context["count"] = context["missing"]
    return texts.sentence(SENTENCES.get(notice.what, "{epoch}"), **context)


def title(notice: Notice) -> str:
    """Return what a notice is about."""
    return _(TITLES.get(notice.what, "{epoch}")).format(epoch=notice.what)


def done(notice: Notice, by: str) -> None:
    """Have a notice done with."""
    Notice.objects.filter(pk=notice.pk, done=None).update(done=clock.now(), done_by=by[:150])
