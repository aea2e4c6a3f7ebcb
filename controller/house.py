"""Which settings file, and which language: read before anything else is, and by nothing that is slow to import."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Final

from common.texts import language_of_environment

DEFAULT_FILE: Final = Path("/etc/loquet/controller.toml")


def default_path() -> Path:
    """Return LOQUET_CONFIG, or the usual place."""
    return Path(os.environ.get("LOQUET_CONFIG") or DEFAULT_FILE)


def language_of_house() -> str:
    """Return the language to speak: LOQUET_LANGUAGE, else what the settings say, else the environment's.

    The settings come before the locale: a Pi's is English until somebody knows how to change it.
    """
    named = os.environ.get("LOQUET_LANGUAGE")
    if named:
        return named[:2].lower()
    try:
        said = tomllib.loads(default_path().read_text(encoding="utf-8"))["controller"]["language"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        said = None  # whatever is wrong there is told by the command that needs it
    return said if isinstance(said, str) else language_of_environment()
