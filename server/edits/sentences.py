"""What was done to the whitelist, in sentences; the words that edits carry."""

from __future__ import annotations

from typing import Final

from common import texts
from common.texts import N_, NP_
from server.edits.models import Edit

SENTENCES: Final = {
    "granted": N_("gave {name} the training {training}"),
    "class": NP_("gave {count} person the training {training}", "gave {count} people the training {training}"),
    "extended": N_("extended the training {training} of {name}"),
    "changed_certification": N_("changed the training {training} of {name}"),
    "revoked": N_("took the training {training} from {name}, from the next session on"),
    "revoked_now": N_("took the training {training} from {name}, at once"),
    "member_new": N_("entered {name}"),
    "member_changed": N_("changed {name}"),
    "merged": N_("merged {other} into {name}: they are one person"),
    "excluded": N_("excluded {name}"),
    "welcomed": N_("let {name} in again"),
    "forgotten": N_("had a member forgotten"),
    "badge_given": N_("gave {name} a badge"),
    "badge_lent": N_("lent {name} a spare badge for today"),
    "badge_spare": N_("put a spare badge into the drawer"),
    "badge_blocked": N_("blocked a badge of {name}"),
    "badge_lost": N_("lost a badge; it is blocked ({name})"),
    "badge_unblocked": N_("unblocked a badge of {name}"),
    "badge_removed": N_("took a badge from {name}"),
    "pin_set": N_("gave {name} a PIN"),
    "pin_cleared": N_("took the PIN of {name} away"),
    "locked": N_("locked {machine}: {why}"),
    "unlocked": N_("unlocked {machine}"),
    "ended": N_("ended the session at {machine}"),
    "machine_changed": N_("changed what {machine} asks for"),
    "machine_came": N_("a controller brought its machine"),
    "training_changed": N_("changed the training {training}"),
    "training_same": N_("made the training {other} one with {training}"),
    "machine_same": N_("said that {machine} goes on from {other}"),
    "condition": N_("made a condition that machines may ask for"),
    "condition_gone": N_("took away the condition {training}"),
    "fulfilled": N_("changed what {name} fulfils"),
    "hours": N_("changed the opening hours"),
    "site": N_("changed where and when the workshop {name} is"),
    "imported": NP_("imported a list: {count} change", "imported a list: {count} changes"),
    "took_over": N_("took over what {device} proposed"),
    "at_machine": N_("let somebody in at a machine"),
    "rehashed": N_("a badge was read under the new badge key"),
    "held_back": N_("kept a badge of {name} back, which a controller had read anew: it waits on the page Import"),
    "undone": N_("took back: {before}"),
    "demo": N_("made the workshop of the demonstration"),
}
PLACES: Final = ("name", "training", "count", "machine", "why", "device", "before", "other")


def sentence(edit: Edit) -> str:
    """Return what somebody did."""
    about = {key: str(value) for key, value in edit.about.items()}
    if edit.what == "undone":
        before = SENTENCES.get(about.get("what", ""), "?")
        about["before"] = texts.sentence(before, **dict.fromkeys(PLACES, "?") | about)
    return texts.sentence(SENTENCES.get(edit.what, "{name}"), **dict.fromkeys(PLACES, "?") | about)


def who(edit: Edit) -> str:
    """Return who did it."""
    if edit.account is not None:
        return str(edit.account.username)
    if edit.device is not None:
        place = edit.device.name or edit.device.pk
        return f"{edit.by} ({place})" if edit.by and edit.by != place else place
    return str(edit.by) or "?"
