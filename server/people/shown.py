"""How somebody is written where people read a name and the program an id: "Ann Fox (m-0001)"."""

from __future__ import annotations

from typing import Final

MOST: Final = 8  # brackets that are tried


def written(name: str, known: str) -> str:
    """Write a name with its id."""
    return f"{name or known} ({known})"


def in_brackets(said: str) -> list[str]:
    """Return what may be the id of what `written` wrote, the longest first: names and ids hold brackets themselves."""
    said = said.strip()
    places = [place for place, letter in enumerate(said) if letter == "("] if said.endswith(")") else []
    return [said[place + 1 : -1] for place in places[-MOST:]]
