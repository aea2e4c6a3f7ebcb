"""Which settings file, and which language: read before anything else is, and by nothing that is slow to import."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from common.texts import language_of_environment

DEFAULT_FILE: Final = Path("/etc/loquet/controller.toml")
DEFAULT_SERVER_FILE: Final = Path("/etc/loquet/server.toml")


def default_path() -> Path:
    """Return LOQUET_CONFIG, or the usual place."""
    return Path(os.environ.get("LOQUET_CONFIG") or DEFAULT_FILE)


def language_of_house(arguments: Sequence[str] = ()) -> str:
    """Return the language to speak: LOQUET_LANGUAGE, else what the settings say, else the environment's.

    The settings come before the locale: a Pi's is English until somebody knows how to change it. arguments: what was
    typed; it may name the settings, and whose they are.
    """
    named = os.environ.get("LOQUET_LANGUAGE")
    if named:
        return named[:2].lower()
    path, table = _settings_of(arguments)
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))[table]["language"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        said = None  # whatever is wrong there is told by the command that needs it
    return said if isinstance(said, str) else language_of_environment()


def _settings_of(arguments: Sequence[str]) -> tuple[Path, str]:
    """Return which settings a command will read, before it is known which it is; and the table in which they speak."""
    is_server = next((each for each in arguments if not each.startswith("-")), "") == "server"
    path, table = default_path(), "controller"
    if is_server:
        path, table = Path(os.environ.get("LOQUET_SERVER_CONFIG") or DEFAULT_SERVER_FILE), "server"
    for place, each in enumerate(arguments):
        if each.startswith("--config="):
            return Path(each.removeprefix("--config=")), table
        if each == "--config" and place + 1 < len(arguments):
            return Path(arguments[place + 1]), table
    return path, table
