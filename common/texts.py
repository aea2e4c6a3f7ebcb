"""Texts for people, in French and English (gettext).

`_("…")` gives a text in the language now in use; `N_("…")` marks one that is translated later, where it
is shown. Rooms that import nothing of ours mark theirs with an `N_` of their own; the catalogue holds both.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import gettext
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

LANGUAGES: Final = ("en", "fr")
LOCALE: Final = Path(__file__).parent / "locale"

_translations: gettext.NullTranslations = gettext.NullTranslations()
_language = "en"
_spoken: contextvars.ContextVar[tuple[str, gettext.NullTranslations] | None]
_spoken = contextvars.ContextVar("spoken", default=None)


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for it
    """Mark *text* for translation and give it back unchanged."""
    return text


def _(text: str) -> str:
    """Return *text* in the language in use."""
    spoken = _spoken.get()
    return (_translations if spoken is None else spoken[1]).gettext(text) if text else ""


def ngettext(one: str, many: str, count: int) -> str:
    """Return the text for one or for many, as the language in use counts (French: none is one)."""
    spoken = _spoken.get()
    return (_translations if spoken is None else spoken[1]).ngettext(one, many, count)


class Plural(str):
    """A text for many, and the one for one: which of them is chosen when it is shown."""

    __slots__ = ("one",)
    one: str


def NP_(one: str, many: str) -> Plural:  # noqa: N802 - as N_
    """Mark a text that counts for translation: `sentence` chooses by `count`."""
    made = Plural(many)
    made.one = one
    return made


def sentence(template: str, **parameters: object) -> str:
    """Return a marked text in the language in use, with what fills it; one that counts by its `count`."""
    if isinstance(template, Plural):
        count = parameters.get("count")
        # Where the count is unknown ("?"), many reads better than one.
        said = ngettext(template.one, str(template), int(count) if str(count).isdigit() else 2)  # type: ignore[call-overload]
        return said.format(**parameters)
    return _(template).format(**parameters)


def speak(language: str) -> None:
    """Use *language* ("en", "fr") from now on, in the whole process; another one is English."""
    global _translations, _language
    _language, _translations = _find(language)


@contextlib.contextmanager
def spoken(language: str) -> Iterator[None]:
    """Use *language* for what is done within, whatever the process speaks: for one reader of a page."""
    token = _spoken.set(_find(language))
    try:
        yield
    finally:
        _spoken.reset(token)


@functools.cache
def _find(language: str) -> tuple[str, gettext.NullTranslations]:
    known = language if language in LANGUAGES else "en"
    return known, gettext.translation("loquet", LOCALE, [known], fallback=True)


def language() -> str:
    """Return the language in use."""
    spoken = _spoken.get()
    return _language if spoken is None else spoken[0]


def language_of_environment() -> str:
    """Return the language that LC_ALL, LC_MESSAGES, LANGUAGE or LANG asks for."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANGUAGE", "LANG"):
        value = os.environ.get(name, "")
        if value:
            return "fr" if value.lower().startswith("fr") else "en"
    return "en"


def translate(error: Exception) -> str:
    """Return the sentence of one of our errors in the language in use, any other error as it is."""
    template = getattr(error, "template", None)
    if not isinstance(template, str):
        return str(error) or type(error).__name__
    parameters = {key: translate(v) if isinstance(v, Exception) else v for key, v in error.parameters.items()}  # type: ignore[attr-defined]
    return sentence(template, **parameters)
