"""What stands in the record of who looked at what, in words."""

from __future__ import annotations

from typing import Final

from common.texts import N_, _, sentence
from server.edits.sentences import PLACES, SENTENCES

WORDS: Final = {
    "account": N_("changed an account"),
    "account_made": N_("made an account"),
    "account_removed": N_("removed an account"),
    "corrected": N_("corrected a session"),
    "explained": N_("asked why somebody may use a machine"),
    "exported_members": N_("took the list of members as a file"),
    "first_account": N_("made the first account"),
    "invitation_taken_back": N_("took an invitation back"),
    "invitation_used": N_("took up an invitation"),
    "invited": N_("made a link for an account"),
    "invited_without_second_factor": N_("made a link, and ended a second factor"),
    "letters_ended": N_("ended letters"),
    "linked": N_("linked an account with the provider"),
    "unlinked": N_("unlinked an account from the provider"),
    "logged_in": N_("logged in"),
    "logged_in_by_link": N_("came in by a link"),
    "signed_in_by_provider": N_("came in by the provider"),
    "role_by_provider": N_("got another role by the provider"),
    "member_invited": N_("invited a member to pages of their own"),
    "made_code": N_("made a code for a controller"),
    "second_factor": N_("set up a second factor"),
    "second_factor_ended": N_("ended a second factor"),
    "recovered": N_("was given a new password at the shell"),
    "took_backup": N_("took a backup"),
    "own_data": N_("took their own data as a file"),
    "own_badge_lost": N_("said that their badge is lost"),
    "own_badge_take": N_("took another badge for their own"),
    "own_badge_begin": N_("began to take another badge"),
    "own_badge_leave": N_("left it at that"),
    "own_badge_pin": N_("changed their own PIN"),
    "looked_account": N_("looked at an account"),
    "looked_accounts": N_("looked at the accounts"),
    "looked_badges": N_("looked at badges"),
    "looked_certification": N_("looked at a certification"),
    "looked_duplicates": N_("looked at likely duplicates"),
    "looked_history": N_("looked at who changed what"),
    "looked_inbox": N_("looked at the inbox"),
    "looked_machine": N_("looked at a machine"),
    "looked_mail": N_("looked at the letters"),
    "looked_member": N_("looked at a member"),
    "looked_members": N_("looked at the list of members"),
    "looked_names": N_("looked for somebody"),
    "looked_refusals": N_("looked at refusals"),
    "looked_session": N_("looked at a session"),
    "looked_today": N_("looked at the day"),
    "looked_usage": N_("looked at usage"),
    "looked_whitelist": N_("looked at certifications"),
    "looked_workshop": N_("looked at the machines"),
    "not_the_same": N_("said that two members are not one person"),
    "organisation": N_("changed an organisation"),
    "particulars": N_("changed a member's particulars"),
    "reminders": N_("changed the reminders"),
    "restored": N_("put a backup back"),
    "source": N_("had a sheet be read each night"),
    "source_gone": N_("had a sheet be read no more"),
}


def said(what: str) -> str:
    """Return it in words; of an edit, its sentence without whom it is about; of what is newer, the word itself."""
    if what in WORDS:
        return _(WORDS[what])
    if what in SENTENCES:
        return sentence(SENTENCES[what], **dict.fromkeys([*PLACES, "before"], "…") | {"count": "…"})
    return what
