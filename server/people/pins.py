"""PINs as pages set them: hashed at once under the badge key in force, and shown to nobody."""

from __future__ import annotations

import secrets

from django.http import HttpRequest

from common.texts import N_, _
from protocol.pin import SALT_BYTES, made_pin
from server.core import configuration, keys
from server.core.forms import FormError
from server.core.rendering import say
from server.edits import editing
from server.edits.authors import Author
from server.people.forms import PinForm
from server.people.models import Pin


def has_pin(member: str) -> bool:
    """Return whether a member has one that controllers can compare: under a badge key that is still held."""
    found = Pin.objects.filter(pk=member).first()
    ring = keys.load(configuration.in_force().data_dir).badge_keys
    return found is not None and bool(found.hash) and found.under in {key.fingerprint for key in ring}


def change(request: HttpRequest, member: str, name: str) -> None:
    """Set the PIN that was typed, or take it away where none was. Raises FormError, PinError."""
    said = PinForm.read(request)
    about = {"name": name}
    if not said["pin"]:
        edit = editing.carry_out(Author.of(request), "pin_cleared", drop=[f"pin/{member}"], about=about)
        done = _("no PIN any more: machines that ask for one refuse {name}").format(name=name)
        say(request, done, undo=edit.pk if edit else None)
        return
    if said["pin"] != said["again"]:
        raise FormError(N_("the PIN was typed in two ways; type it once more"))
    key = keys.load(configuration.in_force().data_dir).badge_keys[0]
    row = made_pin(member, said["pin"], key, secrets.token_bytes(SALT_BYTES))
    editing.carry_out(Author.of(request), "pin_set", [row], about=about)
    say(request, _("the PIN is set"))
