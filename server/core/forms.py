"""The fields of our forms, read within bounds: what is wrong is a sentence that names the field."""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from datetime import date, timedelta
from typing import Any, Final

from django import forms as django_forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest

from common.errors import LoquetError
from common.texts import N_, _
from server.core import clock

ID: Final = re.compile(r"^[a-z0-9][a-z0-9._-]{0,63}$")
FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2200
MOST_DIGITS: Final = 18  # what a row's number has is less than 2⁶³


class FormError(LoquetError, ValueError):
    """What somebody typed will not do."""


class RefusalError(ValidationError):
    """What a field will not take: a sentence of ours, which names it."""

    def __init__(self, template: str, **parameters: object) -> None:
        self.error = FormError(template, **parameters)
        super().__init__(str(template))


class Form(django_forms.Form):
    """A form of Django's; what is wrong with it is one sentence."""

    @classmethod
    def read(cls, request: HttpRequest) -> dict[str, Any]:
        """Return what was posted, field by field. Raises FormError with the first thing that is wrong."""
        form = cls(request.POST)
        if not form.is_valid():
            wrong = next(each for errors in form.errors.as_data().values() for each in errors)
            raise (wrong.error if isinstance(wrong, RefusalError) else FormError("{why}", why=" ".join(wrong.messages)))
        return form.cleaned_data


class _Ours(django_forms.Field):
    """A field that needs no value, and is called by a text of ours."""

    def __init__(self, label: str = "") -> None:
        super().__init__(required=False, label=label)

    def called(self, otherwise: str) -> str:
        """Return what an error calls it."""
        return _(str(self.label)) if self.label else otherwise


class ActionField(_Ours):
    """Which button was pressed, of those that a page has."""

    def __init__(self, *words: str) -> None:
        super().__init__()
        self._words = words

    def clean(self, value: Any) -> str:  # noqa: ANN401 - Django's
        """Read it. Raises RefusalError."""
        if value not in self._words:
            raise RefusalError(N_("nothing was asked"))
        return str(value)


class LineField(_Ours):
    """A line of text, its spaces put right."""

    def __init__(self, label: str = "", most: int = 200) -> None:
        super().__init__(label)
        self._most = most

    def clean(self, value: Any) -> str:  # noqa: ANN401 - Django's
        """Read it. Raises RefusalError."""
        said = " ".join(str(value or "").replace("\0", "").split())
        if len(said) > self._most:
            raise RefusalError(N_("{field}: {most} characters at the most"), field=self.called("text"), most=self._most)
        return said


class ExactField(_Ours):
    """An id, or whom somebody means by one, as it was sent: spaces at its ends belong to an id."""

    def __init__(self, label: str = "", most: int = 64) -> None:
        super().__init__(label)
        self._most = most

    def clean(self, value: Any) -> str:  # noqa: ANN401 - Django's
        """Read it, up to a bound that none of ours has."""
        return str(value or "")[: self._most]


class AddressField(LineField):
    """An address for letters; empty where none was said."""

    def __init__(self, label: str = "") -> None:
        super().__init__(label, 254)

    def clean(self, value: Any) -> str:  # noqa: ANN401 - Django's
        """Read it. Raises RefusalError."""
        said = super().clean(value)
        try:
            if said:
                validate_email(said)
        except ValidationError as error:
            raise RefusalError(N_('"{said}" is no address; one is name@example.org'), said=said[:80]) from error
        return said


class SecretField(_Ours):
    """A password, as it was typed: its spaces belong to it."""

    most = 1_000

    def clean(self, value: Any) -> str:  # noqa: ANN401 - Django's
        """Read it, up to a bound that no password has."""
        return str(value or "")[: self.most]


class CodeField(_Ours):
    """A code that is shown in groups: whatever spaces were typed, it is meant without."""

    def clean(self, value: Any) -> str:  # noqa: ANN401 - Django's
        """Read it."""
        return "".join(str(value or "").split())[:40]


class DayField(_Ours):
    """A day; None where nothing was said."""

    def __init__(self, label: str = "", first: int = FIRST_YEAR) -> None:
        super().__init__(label)
        self._first = first

    def clean(self, value: Any) -> date | None:  # noqa: ANN401 - Django's
        """Read it. Raises RefusalError."""
        said = str(value or "").strip()
        if not said:
            return None
        try:
            found = date.fromisoformat(said)
        except ValueError:
            match = re.fullmatch(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})", said)
            try:
                found = date(int(match[3]), int(match[2]), int(match[1])) if match else date.min
            except ValueError:
                found = date.min
        if not self._first <= found.year <= LAST_YEAR:
            wrong = N_("{field}: {said} is not a day; write 2026-11-30 or 30/11/2026")
            raise RefusalError(wrong, field=self.called(_("Until")), said=said[:40])
        return found


class NumberField(_Ours):
    """A whole number within bounds; None where nothing was said."""

    def __init__(self, label: str, least: int, most: int) -> None:
        super().__init__(label)
        self._least, self._most = least, most

    def clean(self, value: Any) -> int | None:  # noqa: ANN401 - Django's
        """Read it. Raises RefusalError."""
        said = str(value or "").strip()
        if not said:
            return None
        fits = said.isascii() and said.isdigit() and len(said) <= 9 and self._least <= int(said) <= self._most  # noqa: PLR2004
        if not fits:
            wrong = N_("{field}: a number from {least} to {most} is expected")
            raise RefusalError(wrong, field=self.called("number"), least=self._least, most=self._most)
        return int(said)


class IdField(LineField):
    """An id that is new; empty where one is to be made."""

    def __init__(self, label: str) -> None:
        super().__init__(label, 64)

    def clean(self, value: Any) -> str:  # noqa: ANN401 - Django's
        """Read it. Raises RefusalError."""
        said = super().clean(value).lower()
        if said and ID.fullmatch(said) is None:
            wrong = N_('{field}: "{said}" will not do; small letters, digits, hyphens and dots, 64 at the most')
            raise RefusalError(wrong, field=self.called("id"), said=said)
        return said


class TickedField(_Ours):
    """What was ticked of many."""

    widget = django_forms.SelectMultiple

    def clean(self, value: Any) -> list[str]:  # noqa: ANN401 - Django's
        """Read it."""
        return [str(each)[:300] for each in value or []][:1_000]


class NumbersField(TickedField):
    """Numbers of rows that were ticked; what is none is passed over."""

    def clean(self, value: Any) -> list[int]:  # type: ignore[override]  # noqa: ANN401 - Django's
        """Read them."""
        said = (each for each in super().clean(value) if each.isascii() and each.isdigit())
        return [int(each) for each in said if len(each) < MOST_DIGITS]


class TickField(_Ours):
    """Whether something was ticked."""

    def clean(self, value: Any) -> bool:  # noqa: ANN401 - Django's
        """Read it."""
        return bool(value)


class PathField(_Ours):
    """Where to go afterwards, as a page says it; `inside` holds it to this server."""

    def clean(self, value: Any) -> str:  # noqa: ANN401 - Django's
        """Read it, up to a bound that no path of ours has."""
        return str(value or "")[:2_000]


class BackForm(Form):
    """Where whoever pressed a button was."""

    back = PathField()


def made_of(name: str, taken: set[str]) -> str:
    """Make an id of a name: "Léa Dupré" is lea-dupre, and the second of that name lea-dupre-2."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:50] or "member"
    found, count = base, 1
    while found in taken:
        count += 1
        found = f"{base}-{count}"
    return found


def today() -> date:
    """Return the day in the workshop."""
    return clock.today()


def year_from(since: date | None) -> date:
    """Return the day a year after, from today on at the earliest."""
    begin = max(since or today(), today())
    try:
        return begin.replace(year=begin.year + 1)
    except ValueError:  # the 29th of February
        return begin + timedelta(days=365)


def nonce() -> str:
    """Make a word that tells one request to end what runs from the next one."""
    return f"now-{secrets.token_hex(4)}"


def stamp(*shown: object) -> str:
    """Return what stands for values as a form shows them: another one where somebody has changed them since."""
    return hashlib.blake2b(repr(shown).encode(), digest_size=8).hexdigest()


def hold_to_stamp(request: HttpRequest, *values: object) -> None:
    """Refuse to write over what whoever sends a form did not see. Raises FormError."""
    said = request.POST.get("stamp")
    if said is not None and said != stamp(*values):
        raise FormError(N_("somebody else has changed this meanwhile; look again"))


def inside(wanted: str, otherwise: str) -> str:
    """Return a path of this server's, and of no other; *otherwise* where it is none."""
    fine = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    return wanted if fine and wanted.isprintable() else otherwise
