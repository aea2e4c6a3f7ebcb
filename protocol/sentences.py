"""What is said to people, kindly: a refusal, and what would help."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final

from common.texts import N_, NP_, _, language, sentence
from protocol import entries
from protocol.access import Denied, Reason
from protocol.entries import Ending
from protocol.moment import Quality
from protocol.rows import Badge, Certification
from protocol.whitelist import Whitelist

_MONTHS: Final = (
    N_("January"), N_("February"), N_("March"), N_("April"), N_("May"), N_("June"), N_("July"),
    N_("August"), N_("September"), N_("October"), N_("November"), N_("December"),
)  # fmt: skip

REFUSALS: Final = {
    Reason.UNKNOWN_BADGE: N_("this badge is not known here; show it to a fabmanager"),
    Reason.SEVERAL_BADGES: N_("several members' badges at once; present one alone"),
    Reason.BADGE_BLOCKED: N_("this badge is blocked; ask a fabmanager"),
    Reason.BADGE_EXPIRED: N_("this badge was valid until {day}; ask a fabmanager"),
    Reason.BADGE_NOT_YET: N_("this badge is valid from {day}"),
    Reason.MEMBER_UNKNOWN: N_("this badge belongs to nobody any more; ask a fabmanager"),
    Reason.MEMBER_EXCLUDED: N_("your access is suspended; speak to a fabmanager"),
    Reason.CLOSED_NOW: N_("it is closed at this hour for this membership; the page of opening hours says when"),
    Reason.MEMBERSHIP_ENDED: N_("your membership ended on {day}; renew it and try again"),
    Reason.MACHINE_UNKNOWN: N_("nobody has yet said who may use this machine; ask a fabmanager"),
    Reason.TRAINING_MISSING: N_("you need the training {wants}; ask for the next date"),
    Reason.TRAINING_EXPIRED: N_("your training {wants} was valid until {day}; ask for a refresher"),
    Reason.TRAINING_NOT_YET: N_("your training {wants} is valid from {day}"),
    Reason.SUPERVISION_NEEDED: N_("you may use this machine with a trainer beside you, who taps within 20 seconds"),
    Reason.BUDDY_NEEDED: N_("nobody works here alone; a second certified member taps within 20 seconds"),
    Reason.MACHINE_LOCKED: N_("the machine is locked: {note}"),
    Reason.PIN_NEEDED: N_("this machine asks for your PIN too; present the badge, type the PIN, then #"),
    Reason.PIN_WRONG: N_("that is not your PIN; type it again, then #"),
    Reason.PIN_LATER: N_("the PIN was wrong too often; try again in {note}"),
    Reason.PIN_MISSING: N_("this machine asks for a PIN, and you have none yet; a fabmanager gives you one"),
    Reason.RANDOM_UID: N_("this card or phone changes its number each time; use a badge with a fixed one"),
    Reason.BADGE_WAS_LYING: N_("take the badge away and present it again"),
    Reason.MACHINE_IN_USE: N_("somebody else is using the machine"),
    Reason.MACHINE_FAULT: N_(
        "the machine is out of order: {note}; once that is gone, a fabmanager clears it: loquet machine clear"
    ),
    Reason.INTERLOCK: N_("not while this says no: {note}"),
    Reason.TOO_SOON: N_("the machine has to rest first; try again in {note}"),
    Reason.LEVEL_NEEDED: N_("that takes the badge of a {note}"),
    Reason.STARTING_UP: N_("the controller is starting; try again in a moment"),
    Reason.NO_STORAGE: N_("the controller cannot write to its disk, so nothing may start; tell a fabmanager"),
    Reason.WHITELIST_STALE: N_("the list of members is too old; tell a fabmanager"),
    Reason.NO_GUARD: N_("the guard process is not running, so nothing may start; tell a fabmanager"),
    Reason.NO_OUTPUT: N_("the machine's relay or plug does not answer, so it cannot start; tell a fabmanager"),
}


_ASK: Final = N_("ask a fabmanager")
# For displays of two rows of 16 characters: what it is, and what would help.
SHORT: Final = {
    Reason.UNKNOWN_BADGE: (N_("unknown badge"), _ASK),
    Reason.SEVERAL_BADGES: (N_("several badges"), N_("present only one")),
    Reason.BADGE_BLOCKED: (N_("badge blocked"), _ASK),
    Reason.BADGE_EXPIRED: (N_("badge valid until {day}"), _ASK),
    Reason.BADGE_NOT_YET: (N_("badge valid from {day}"), N_("come back then")),
    Reason.MEMBER_UNKNOWN: (N_("nobody's badge"), _ASK),
    Reason.MEMBER_EXCLUDED: (N_("access suspended"), _ASK),
    Reason.CLOSED_NOW: (N_("closed just now"), N_("see the hours")),
    Reason.MEMBERSHIP_ENDED: (N_("member until {day}"), N_("renew it")),
    Reason.MACHINE_UNKNOWN: (N_("not set up yet"), _ASK),
    Reason.TRAINING_MISSING: (N_("needs {wants}"), N_("ask for training")),
    Reason.TRAINING_EXPIRED: (N_("{wants} until {day}"), N_("refresh it")),
    Reason.TRAINING_NOT_YET: (N_("{wants} from {day}"), N_("come back then")),
    Reason.SUPERVISION_NEEDED: (N_("with a trainer"), N_("badge: 20 s")),
    Reason.BUDDY_NEEDED: (N_("never alone"), N_("2nd badge: 20 s")),
    Reason.MACHINE_LOCKED: (N_("locked: {note}"), _ASK),
    Reason.PIN_NEEDED: (N_("PIN needed"), N_("badge, PIN, #")),
    Reason.PIN_WRONG: (N_("wrong PIN"), N_("again, then #")),
    Reason.PIN_LATER: (N_("too many PINs"), N_("in {note}")),
    Reason.PIN_MISSING: (N_("you have no PIN"), _ASK),
    Reason.RANDOM_UID: (N_("changing number"), N_("use a real badge")),
    Reason.BADGE_WAS_LYING: (N_("badge lay there"), N_("present it again")),
    Reason.MACHINE_IN_USE: (N_("already in use"), N_("wait your turn")),
    Reason.MACHINE_FAULT: (N_("fault: {note}"), _ASK),
    Reason.INTERLOCK: (N_("{note} says no"), N_("look there first")),
    Reason.TOO_SOON: (N_("it has to rest"), N_("again in {note}")),
    Reason.LEVEL_NEEDED: (N_("not this badge"), N_("ask a {note}")),
    Reason.STARTING_UP: (N_("starting up"), N_("try in a moment")),
    Reason.NO_STORAGE: (N_("disk error"), _ASK),
    Reason.WHITELIST_STALE: (N_("list too old"), _ASK),
    Reason.NO_GUARD: (N_("no guard process"), _ASK),
    Reason.NO_OUTPUT: (N_("relay is silent"), _ASK),
}


ENDINGS: Final = {
    Ending.BADGE_REMOVED: N_("badge taken off"),
    Ending.BADGE_TAPPED: N_("ended by badge"),
    Ending.INPUT: N_("ended by button or contact"),
    Ending.LONGEST: N_("longest session reached"),
    Ending.TIME_UP: N_("its time was up"),
    Ending.IDLE: N_("machine stood idle"),
    Ending.RESTED: N_("job done"),
    Ending.TAKEN_OVER: N_("taken over"),
    Ending.REMOTE: N_("ended from elsewhere"),
    Ending.LOCKED: N_("machine locked"),
    Ending.READER_LOST: N_("reader lost"),
    Ending.FAULT: N_("out of order"),
    Ending.STOPPED: N_("controller stopped"),
    Ending.INTERRUPTED: N_("interrupted"),
}


HAPPENED: Final[dict[type[entries.Entry], str]] = {
    entries.Granted: N_("{member} begins"),
    entries.Withdrawn: N_("the permission came too late and was withdrawn"),
    entries.Extended: N_("more time was tapped for"),
    entries.Nearing: N_("it switches itself off in {left}, and warns"),
    entries.Resumed: N_("the controller came back in time; the session goes on"),
    entries.Ended: N_("session over after {powered}: {why}"),
    entries.Corrected: N_("session {session} corrected by {by}: {note}"),
    entries.Sensed: N_("{name}: {condition}"),
    entries.Maintained: N_("looked after by {by} at {powered} of use: {note}"),
    entries.Reported: N_("a defect is reported by {by}: {note}"),
    entries.Mended: N_("what was reported is mended, says {by}: {note}"),
    entries.Refused: N_("refused: {refusal}"),
    entries.Thinned: NP_(
        "{count} refusal or loss of the reader left out, they came too fast",
        "{count} refusals or losses of the reader left out, they came too fast",
    ),
    entries.ReaderLost: N_("reader lost: {detail}"),
    entries.ReaderFound: N_("reader found again"),
    entries.FaultLatched: N_("out of order: {cause}"),
    entries.FaultCleared: N_("fault cleared by {by}"),
    entries.Locked: N_("locked by {by}: {note}"),
    entries.Unlocked: N_("unlocked by {by}"),
    entries.Warned: N_("{part} failed: {detail}"),
    entries.Clock: N_("clock: {quality}"),
    entries.Started: N_("controller started, version {version}"),
    entries.Stopped: N_("controller stopped"),
    entries.Edited: N_("whitelist changed by {by}, version {version}: {put} rows put, {dropped} dropped"),
    entries.StorageReplaced: N_("database damaged ({why}); set aside, {saved} entries saved of it"),
    entries.ClockLowered: N_("{by} says that it is no later than {known}"),
    entries.Unknown: N_("{what}: written by another version"),
    entries.Rehashed: N_("a badge was read under an older badge key; from now on it is known under the new one"),
    entries.Purged: N_("kept for long enough: {passages} passages and {usage} entries of usage deleted"),
}
FAULTS: Final = {  # what a station finds out by itself; other causes are an input's name, or a driver's words
    "welded": N_("runs on after it was switched off; is a contact welded?"),
    "bypass": N_("runs without power from here; is it bypassed?"),
    "ran_at_start": N_("was running when the controller started"),
}
SHORT_FAULTS: Final = {"welded": N_("welded?"), "bypass": N_("bypassed?"), "ran_at_start": N_("ran at start")}
QUALITIES: Final = {
    Quality.SYNCHRONISED: N_("synchronised"),
    Quality.KEPT: N_("kept by a battery"),
    Quality.RESTORED: N_("restored from the last time that was saved"),
    Quality.UNKNOWN: N_("nobody knows whether it is right"),
}


def happened(entry: entries.AnyEntry, whitelist: Whitelist | None = None) -> str:
    """Return what an entry of the journal means; with names for ids where a whitelist knows them."""
    parameters = _parameters(entry, whitelist)
    match entry:
        case entries.Refused():
            denied = Denied(entry.reason, wants=entry.wants, day=entry.day, note=entry.note)
            parameters["refusal"] = refusal(denied, whitelist)
        case entries.Ended():
            cause = f" ({fault(entry.cause)})" if entry.cause else ""
            parameters["why"] = _(ENDINGS[entry.why]) + cause
        case entries.FaultLatched():
            parameters["cause"] = fault(entry.cause)
        case entries.Sensed():
            parameters["condition"] = _("triggered") if entry.active else _("normal again")
        case entries.Edited(machine=machine) if machine is not None:
            taught = [row.member for row in entry.rows if isinstance(row, Certification | Badge)]
            parameters["member"] = _named(taught[0] if taught else None, whitelist)
        case entries.ClockLowered():
            parameters["known"] = day(datetime.fromtimestamp(entry.known / 1000, UTC).date())
        case entries.Clock():
            parameters["quality"] = _(QUALITIES[entry.quality])
    return sentence(_template(entry), **parameters)


def _parameters(entry: entries.AnyEntry, whitelist: Whitelist | None) -> dict[str, object]:
    """Return what fills most sentences: the entry's own fields, names for ids, durations as people read them."""
    found: dict[str, object] = {name: getattr(entry, name) for name in entry.__struct_fields__}
    for name in ("member", "by"):
        found[name] = _named(found.get(name), whitelist)
    if isinstance(entry, entries.Ended | entries.Maintained | entries.Nearing):
        for name in found.keys() & {"powered", "left"}:
            found[name] = duration(getattr(entry, name) / 1000)
    return found


def _template(entry: entries.AnyEntry) -> str:
    """Return an entry's sentence: who it was is said where it is known."""
    match entry:
        case entries.Refused(member=str()) if entry.member:
            return N_("{member} refused: {refusal}")
        case entries.Ended(by=str()) if entry.by:
            return N_("session over after {powered}: {why} ({by})")
        case entries.Reported(by=""):
            return N_("a defect is reported at the machine ({input})")
        case entries.Edited(machine=str()):
            return N_("{by} let {member} in; whitelist version {version}")
    return HAPPENED[type(entry)]


def fault(causes: str) -> str:
    """Return what put a machine out of order; causes as the journal holds them."""
    return ", ".join(_(FAULTS[cause]) if cause in FAULTS else cause for cause in causes.split(", "))


def _named(who: object, whitelist: Whitelist | None) -> object:
    member = whitelist.members.get(who) if whitelist is not None and isinstance(who, str) else None
    return member.name or who if member else who


def day(when: date | None) -> str:
    """Write a day as people say it: "3 March 2026", "3 mars 2026"."""
    if when is None:
        return "?"
    number = "1er" if language() == "fr" and when.day == 1 else str(when.day)
    return f"{number} {_(_MONTHS[when.month - 1])} {when.year}"


def refusal(denied: Denied, whitelist: Whitelist | None = None) -> str:
    """Return why a tap was refused and what would help, with the trainings' names where known."""
    return _(REFUSALS[denied.reason]).format(day=day(denied.day), **_said_of(denied, whitelist))


def short_refusal(denied: Denied, whitelist: Whitelist | None = None) -> tuple[str, str]:
    """Return why a tap was refused, and what would help, for a display with little room."""
    said = _said_of(denied, whitelist) | {"day": short_day(denied.day)}
    if denied.reason is Reason.MACHINE_FAULT:
        said["note"] = ", ".join(_(SHORT_FAULTS.get(each, each)) for each in denied.note.split(", "))
    why, helps = SHORT[denied.reason]
    return _(why).format(**said), _(helps).format(**said)


def _said_of(denied: Denied, whitelist: Whitelist | None) -> dict[str, str]:
    """Return what fills a refusal's sentence, but for the day."""
    names = whitelist.trainings if whitelist is not None else {}
    wants = ", ".join((names[t].name or t) if t in names else t for t in denied.wants)
    note = {Reason.MACHINE_FAULT: fault, Reason.LEVEL_NEEDED: _level}.get(denied.reason, str)(denied.note)
    return {"wants": wants, "note": note}


def short_day(when: date | None) -> str:
    """Write a day in ten characters."""
    if when is None:
        return "?"
    return when.strftime("%d/%m/%Y") if language() == "fr" else when.isoformat()


LEVELS: Final = {
    "supervised": N_("supervised member"),
    "user": N_("certified member"),
    "trainer": N_("trainer"),
    "maintainer": N_("maintainer"),
}


def _level(word: str) -> str:
    return _(LEVELS[word]) if word in LEVELS else word


def duration(seconds: float) -> str:
    """Write a duration as people read it: "8 s", "3 min", "2 h 05"."""
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004 - a minute
        return f"{whole} s"
    minutes = whole // 60
    if minutes < 60:  # noqa: PLR2004 - an hour
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d}"
