"""Texts for people, in French and English (gettext).

`_("…")` gives a text in the language now in use; `N_("…")` marks one that is translated later, where it
is shown. Rooms that import nothing of ours mark theirs with an `N_` of their own; the catalogue holds both.
"""

from __future__ import annotations

import gettext
import os
from pathlib import Path
from typing import Final

LANGUAGES: Final = ("en", "fr")
LOCALE: Final = Path(__file__).parent / "locale"

_translations: gettext.NullTranslations = gettext.NullTranslations()
_language = "en"


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for it
    """Mark *text* for translation and give it back unchanged."""
    return text


def _(text: str) -> str:
    """Give *text* in the language in use."""
    return _translations.gettext(text) if text else ""


def speak(language: str) -> None:
    """Use *language* ("en", "fr") from now on; another one is English."""
    global _translations, _language  # noqa: PLW0603 - one process speaks one language
    _language = language if language in LANGUAGES else "en"
    _translations = gettext.translation("loquet", LOCALE, [_language], fallback=True)


def language() -> str:
    """Tell the language in use."""
    return _language


def language_of_environment() -> str:
    """Tell the language that LC_ALL, LC_MESSAGES, LANGUAGE or LANG asks for."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANGUAGE", "LANG"):
        value = os.environ.get(name, "")
        if value:
            return "fr" if value.lower().startswith("fr") else "en"
    return "en"


def tell(error: Exception) -> str:
    """Give the sentence of one of our errors in the language in use, any other error as it is."""
    template = getattr(error, "template", None)
    if not isinstance(template, str):
        return str(error) or type(error).__name__
    places = {key: tell(v) if isinstance(v, Exception) else v for key, v in error.places.items()}  # type: ignore[attr-defined]
    return _(template).format(**places)
